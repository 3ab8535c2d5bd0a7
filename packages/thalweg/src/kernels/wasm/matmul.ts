/** Matmul: the loops around panels, and what they copy into scratch space. */
import { MATMUL_BLOCK, type MatmulKernel } from "../kernel.js";
import { FunctionBuilder, type ModuleBuilder } from "./assembler.js";
import { control, I32, i32 } from "./opcodes.js";
import { ELEMENTS, emitCopy, emitPanel, type Lie, PANEL_VECTORS, whileAtLeast } from "./panel.js";

/** Bytes of packed panels of b: what a third-level cache easily holds. */
const PANELS_BYTES = 2 ** 19;
/** Bytes of packed rows of a: a quarter of a small second-level cache, so that they stay there. */
const ROWS_BYTES = 2 ** 17;
/** Scratch space that matmul needs. */
export const SCRATCH_BYTES = PANELS_BYTES + ROWS_BYTES;

/** With fewer rows than this, copying a panel of b costs more than it saves. */
const FEW_ROWS = 8;
/** From this many columns on, rows of a are read so often that it pays to copy them. */
const MANY_COLUMNS = 256;
/** Rows this many bytes apart, or a multiple of it, get into each other's way in caches. */
const CROWDED = 1024;

/** A matrix per batch: element strides of the batch dimensions, of rows and of columns. */
interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly row: number;
  readonly column: number;
}

/** A matmul of `batch` matrices `[m, k] · [k, n]`. */
interface Problem {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Operand;
  readonly b: Operand;
  readonly c: Operand;
}

function problem({ loops, a, b, c }: MatmulKernel): Problem {
  const batch = loops.slice(0, -3);
  const [m, n, k] = loops.slice(-3) as [number, number, number];
  const operand = (access: typeof a, rowLoop: number, columnLoop: number): Operand => ({
    buffer: access.buffer,
    offset: access.offset,
    batch: access.strides.slice(0, -3),
    row: access.strides.at(rowLoop)!,
    column: access.strides.at(columnLoop)!,
  });
  const whole = { batch, m, n, k, a: operand(a, -3, -1), b: operand(b, -1, -2), c: operand(c, -3, -2) };
  // One b for all batches, and rows of a that go on from batch to batch: then the batches are rows too.
  let rows = m;
  for (let l = batch.length - 1; l >= 0; l--) {
    const follows = (of: Operand) => batch[l] === 1 || of.batch[l] === of.row * rows;
    if ((b.strides[l] !== 0 && batch[l] !== 1) || !follows(whole.a) || !follows(whole.c)) return whole;
    rows *= batch[l]!;
  }
  const flat = (of: Operand): Operand => ({ ...of, batch: [] });
  return { batch: [], m: rows, n, k, a: flat(whole.a), b: flat(whole.b), c: flat(whole.c) };
}

/** Functions of a module that its matmuls share. */
export class MatmulFunctions {
  private readonly indices = new Map<string, number>();

  constructor(private readonly module: ModuleBuilder) {}

  panel(dtype: MatmulKernel["dtype"], columns: number): number {
    return this.shared(`panel ${dtype} ${columns}`, () => emitPanel(ELEMENTS[dtype], columns));
  }

  copy(dtype: MatmulKernel["dtype"], lie: Lie): number {
    return this.shared(`copy ${dtype} ${lie}`, () => emitCopy(ELEMENTS[dtype], lie));
  }

  private shared(key: string, emit: () => FunctionBuilder): number {
    let index = this.indices.get(key);
    if (index === undefined) {
      index = this.module.add(emit());
      this.indices.set(key, index);
    }
    return index;
  }
}

const lieOf = ({ row, column }: Matrix): Lie => (column === 1 ? "rows" : row === 1 ? "columns" : "apart");

export function emitMatmul(kernel: MatmulKernel, functions: MatmulFunctions): FunctionBuilder {
  const { dtype } = kernel;
  const element = ELEMENTS[dtype];
  const { bytes } = element;
  const { batch, m, n, k, a, b, c } = problem(kernel);
  const f = new FunctionBuilder([I32, I32, I32]);
  const [args, begin, end] = [0, 1, 2] as const;
  const local = () => f.local(I32);

  /** `at += index · stride`, the stride in elements. */
  const step = (at: number, index: number, stride: number) => {
    if (stride === 0) return;
    f.get(at);
    f.get(index);
    f.i32(stride * bytes);
    f.op(i32.mul, i32.add);
    f.set(at);
  };
  const [aBase, bBase, cBase] = [a, b, c].map(({ buffer, offset }) => {
    const base = local();
    f.get(args);
    f.memory(i32.load, 4 * buffer);
    f.i32(offset * bytes);
    f.op(i32.add);
    f.set(base);
    return base;
  }) as [number, number, number];

  const [from, rows, number, index] = [local(), local(), local(), local()] as const;
  const [aAt, bAt, cAt] = [local(), local(), local()] as const;
  // Rows of one batch at a time.
  const piece = () => {
    const operands = [
      [a, aBase, aAt],
      [b, bBase, bAt],
      [c, cBase, cAt],
    ] as const;
    for (const [, base, at] of operands) {
      f.get(base);
      f.set(at);
    }
    f.get(end);
    f.get(begin);
    f.op(i32.sub);
    f.set(rows);
    f.get(begin);
    f.set(from);
    if (batch.length > 0) {
      f.get(begin);
      f.i32(m);
      f.op(i32.divU);
      f.set(number);
      f.get(begin);
      f.i32(m);
      f.op(i32.remU);
      f.set(from);
      f.i32(m);
      f.get(from);
      f.op(i32.sub);
      f.tee(index);
      f.get(rows);
      f.get(index);
      f.get(rows);
      f.op(i32.ltS, control.select);
      f.set(rows);
    }
    for (let l = batch.length - 1; l >= 0; l--) {
      f.get(number);
      f.i32(batch[l]!);
      f.op(i32.remU);
      f.set(index);
      for (const [operand, , at] of operands) step(at, index, operand.batch[l]!);
      f.get(number);
      f.i32(batch[l]!);
      f.op(i32.divU);
      f.set(number);
    }
    step(cAt, from, c.row);
    step(aAt, from, a.row);
    // A single column of c is a single row of its transpose, and products commute.
    const some: Size = { local: rows, atMost: m };
    if (n === 1 && c.row === 1) {
      emitProduct(f, dtype, functions, {
        m: { known: 1 },
        n: some,
        k,
        a: { at: bAt, row: 0, column: b.row },
        b: { at: aAt, row: a.column, column: a.row },
        c: { at: cAt, row: 0, column: 1 },
      });
    } else {
      emitProduct(f, dtype, functions, {
        m: some,
        n: { known: n },
        k,
        a: { at: aAt, row: a.row, column: a.column },
        b: { at: bAt, row: b.row, column: b.column },
        c: { at: cAt, row: c.row, column: c.column },
      });
    }
    f.get(begin);
    f.get(rows);
    f.op(i32.add);
    f.set(begin);
  };
  whileLess(f, begin, () => f.get(end), piece);
  return f;
}

/** A size that is known, or is in a local and bounded. */
type Size = { readonly known: number } | { readonly local: number; readonly atMost: number };
const most = (size: Size): number => ("known" in size ? size.known : size.atMost);

/** A matrix: a local with its address, and strides in elements. */
interface Matrix {
  readonly at: number;
  readonly row: number;
  readonly column: number;
}

/** Emits `c = a · b` for one matrix each. */
function emitProduct(
  f: FunctionBuilder,
  dtype: MatmulKernel["dtype"],
  functions: MatmulFunctions,
  product: { m: Size; n: Size; k: number; a: Matrix; b: Matrix; c: Matrix },
): void {
  const { m, n, k, a, b, c } = product;
  const { bytes, lanes } = ELEMENTS[dtype];
  const width = PANEL_VECTORS * lanes;
  const blockRows = ROWS_BYTES / (MATMUL_BLOCK * bytes);
  // Narrow panels at the end are padded to full vectors, for which a panel's width is left over.
  const blockColumns = PANELS_BYTES / (MATMUL_BLOCK * bytes) - width;
  const costlyRows = a.column !== 1 || (a.row * bytes) % CROWDED === 0 || most(n) >= MANY_COLUMNS;
  const packA = costlyRows && most(m) >= 4 && most(n) > width;
  const packB = (columns: number) => b.column !== 1 || columns % lanes !== 0 || most(m) >= FEW_ROWS;
  const local = () => f.local(I32);
  const push = (size: Size) => ("known" in size ? f.i32(size.known) : f.get(size.local));
  /** Pushes `at + index · stride`, the stride in elements. */
  const pushAt = (at: number, index: number, stride: number) => {
    f.get(at);
    f.get(index);
    f.i32(stride * bytes);
    f.op(i32.mul, i32.add);
  };
  /** Pushes `count · bytes`. */
  const pushBytes = (count: number) => {
    f.get(count);
    f.i32(bytes);
    f.op(i32.mul);
  };
  /** Cuts `size` into blocks: the body sees where a block begins and how long it is. */
  const blocks = (size: Size, step: number, body: (from: number, length: number) => void) => {
    const [from, length] = [local(), local()];
    f.i32(0);
    f.set(from);
    whileLess(
      f,
      from,
      () => push(size),
      () => {
        push(size);
        f.get(from);
        f.op(i32.sub);
        f.set(length);
        least(f, length, step);
        body(from, length);
        f.increment(from, step);
      },
    );
    f.release(from);
    f.release(length);
  };
  /**
   * Goes through `length` columns in panels: how many columns, which is the first, and how many there are before it with
   * the padding to full vectors counted.
   */
  const panels = (length: number, body: (columns: number, from: number, padded: number) => void) => {
    const [from, padded, left] = [local(), local(), local()];
    f.i32(0);
    f.tee(from);
    f.set(padded);
    f.get(length);
    f.set(left);
    for (const columns of "known" in n ? [width, n.known % width] : [width, lanes, 1]) {
      if (columns === 0 || columns > most(n)) continue;
      whileAtLeast(f, left, columns, () => {
        body(columns, from, padded);
        f.increment(from, columns);
        f.increment(padded, Math.ceil(columns / lanes) * lanes);
      });
    }
    for (const each of [from, padded, left]) f.release(each);
  };
  const [aAt, bAt, cAt, packed] = [local(), local(), local(), local()] as const;

  blocks(n, blockColumns, (j, columnsNow) => {
    blocks({ known: k }, MATMUL_BLOCK, (p, kNow) => {
      pushAt(b.at, p, b.row);
      f.set(bAt);
      pushAt(bAt, j, b.column);
      f.set(bAt);
      /** Pushes the address of a packed panel. Each column takes kNow elements, so they lie one behind the other. */
      const pushPanel = (padded: number) => {
        f.globalGet(0);
        f.get(padded);
        pushBytes(kNow);
        f.op(i32.mul, i32.add);
      };
      panels(columnsNow, (columns, from, padded) => {
        if (!packB(columns)) return;
        pushPanel(padded);
        f.i32(Math.ceil(columns / lanes) * 16);
        pushAt(bAt, from, b.column);
        f.i32(b.row * bytes);
        f.i32(b.column * bytes);
        f.get(kNow);
        f.i32(columns);
        f.call(functions.copy(dtype, lieOf(b)));
      });
      blocks(m, blockRows, (i, rowsNow) => {
        pushAt(a.at, p, a.column);
        f.set(aAt);
        pushAt(aAt, i, a.row);
        f.set(aAt);
        pushAt(c.at, i, c.row);
        f.set(cAt);
        pushAt(cAt, j, 1);
        f.set(cAt);
        if (packA) {
          f.globalGet(0);
          f.i32(PANELS_BYTES);
          f.op(i32.add);
          f.tee(packed);
          pushBytes(kNow);
          f.get(aAt);
          f.i32(a.row * bytes);
          f.i32(a.column * bytes);
          f.get(rowsNow);
          f.get(kNow);
          f.call(functions.copy(dtype, lieOf(a)));
        }
        panels(columnsNow, (columns, from, padded) => {
          if (packA) {
            f.get(packed);
            pushBytes(kNow);
            f.i32(bytes);
          } else {
            f.get(aAt);
            f.i32(a.row * bytes);
            f.i32(a.column * bytes);
          }
          if (packB(columns)) {
            pushPanel(padded);
            f.i32(Math.ceil(columns / lanes) * 16);
          } else {
            pushAt(bAt, from, b.column);
            f.i32(b.row * bytes);
          }
          f.get(kNow);
          pushAt(cAt, from, 1);
          f.i32(c.row * bytes);
          f.get(p);
          f.op(i32.eqz);
          f.get(rowsNow);
          f.call(functions.panel(dtype, columns));
        });
      });
    });
  });
}

/** Runs the body as long as a local is less than what `limit` pushes. */
function whileLess(f: FunctionBuilder, index: number, limit: () => void, body: () => void): void {
  const more = () => {
    f.get(index);
    limit();
    f.op(i32.ltS);
  };
  more();
  f.if(undefined, () =>
    f.loop(() => {
      body();
      more();
      f.brIf(0);
    }),
  );
}

/** `local = min(local, limit)`. */
function least(f: FunctionBuilder, target: number, limit: number): void {
  f.i32(limit);
  f.get(target);
  f.i32(limit);
  f.get(target);
  f.op(i32.ltS, control.select);
  f.set(target);
}
