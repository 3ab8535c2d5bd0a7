/** Matmul: the loops around panels, and what they copy into scratch space. */
import { type Access, MATMUL_BLOCK, type MatmulKernel, matmulLoops } from "../kernel.js";
import { FunctionBuilder, type ModuleBuilder } from "./assembler.js";
import { emitCopy, emitGather, emitTable, type Lie, type Side } from "./copy.js";
import { control, I32, i32 } from "./opcodes.js";
import { ELEMENTS, emitPanel, FLAT_TILING, TILING, type Tiling, WIDE_TILING, whileAtLeast } from "./panel.js";

/** Bytes of packed panels of b: what a third-level cache easily holds. */
const PANELS_BYTES = 2 ** 19;
/** Bytes of packed rows of a: a quarter of a small second-level cache, so that they stay there. */
const ROWS_BYTES = 2 ** 17;
/** Bytes of tables of offsets: of the rows and steps of a, and of the steps and columns of b. */
const TABLE_BYTES = 2 ** 11;
/** Scratch space that matmul needs. */
export const SCRATCH_BYTES = PANELS_BYTES + ROWS_BYTES + 4 * TABLE_BYTES;
const ROWS_AT = PANELS_BYTES;
const TABLES_AT = PANELS_BYTES + ROWS_BYTES;

/** With fewer rows than this, copying a panel of b costs more than it saves. */
const FEW_ROWS = 8;
/** From this many columns on, rows of a are read so often that it pays to copy them. */
const MANY_COLUMNS = 24;
/** Rows this many bytes apart, or a multiple of it, get into each other's way in caches. */
const CROWDED = 1024;

/** A matrix per batch: which loops walk along its rows and its columns, and the element strides of the batches. */
interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly rows: Side;
  readonly columns: Side;
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

const product = (sizes: readonly number[]): number => sizes.reduce((x, y) => x * y, 1);

function problem(kernel: MatmulKernel): Problem {
  const { loops, a, b, c } = kernel;
  const { rows, columns, steps } = matmulLoops(kernel);
  // One b for all batches: then the batches are rows too.
  const tall = loops.slice(0, rows).every((size, l) => size === 1 || b.strides[l] === 0);
  const batches = tall ? 0 : rows;
  const parts = { rows: [batches, columns], columns: [columns, steps], steps: [steps, loops.length] } as const;
  const operand = (access: Access, along: keyof typeof parts, across: keyof typeof parts): Operand => ({
    buffer: access.buffer,
    offset: access.offset,
    batch: access.strides.slice(0, batches),
    rows: joined(loops.slice(...parts[along]), access.strides.slice(...parts[along])),
    columns: joined(loops.slice(...parts[across]), access.strides.slice(...parts[across])),
  });
  return {
    batch: loops.slice(0, batches),
    m: product(loops.slice(...parts.rows)),
    n: product(loops.slice(...parts.columns)),
    k: product(loops.slice(...parts.steps)),
    a: operand(a, "rows", "steps"),
    b: operand(b, "steps", "columns"),
    c: operand(c, "rows", "columns"),
  };
}

/** Neighbouring loops that go on in one stride are one; there is at least one. */
function joined(sizes: readonly number[], strides: readonly number[]): Side {
  const made = { sizes: [] as number[], strides: [] as number[] };
  sizes.forEach((size, l) => {
    if (size === 1) return;
    const end = made.sizes.length - 1;
    if (end >= 0 && made.strides[end] === strides[l]! * size) {
      made.sizes[end]! *= size;
      made.strides[end] = strides[l]!;
    } else {
      made.sizes.push(size);
      made.strides.push(strides[l]!);
    }
  });
  return made.sizes.length > 0 ? made : { sizes: [1], strides: [0] };
}

/** Functions of a module that its matmuls share. */
export class MatmulFunctions {
  private readonly indices = new Map<string, number>();

  /** @param wide - tiles are cut so that the engine can join neighbouring vectors */
  constructor(
    private readonly module: ModuleBuilder,
    private readonly wide = false,
  ) {}

  tiling(dtype: MatmulKernel["dtype"], m: number, n: number): Tiling {
    // Three vectors would make a panel of two and one of one, which has too few sums on the way at a time.
    if (m < TILING.heights[0]! || Math.ceil(n / ELEMENTS[dtype].lanes) === 3) return FLAT_TILING;
    return this.wide ? WIDE_TILING : TILING;
  }

  panel(dtype: MatmulKernel["dtype"], columns: number, packed: boolean, { heights }: Tiling): number {
    return this.shared(`panel ${dtype} ${columns} ${packed} ${heights}`, () =>
      emitPanel(ELEMENTS[dtype], columns, packed, heights),
    );
  }

  gather(dtype: MatmulKernel["dtype"], columns: number): number {
    return this.shared(`gather ${dtype} ${columns}`, () => emitGather(ELEMENTS[dtype], columns));
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

const lieOf = (row: number, column: number): Lie => (column === 1 ? "rows" : row === 1 ? "columns" : "apart");

export function emitMatmul(kernel: MatmulKernel, functions: MatmulFunctions): FunctionBuilder {
  const { dtype } = kernel;
  const { bytes } = ELEMENTS[dtype];
  const { batch, m, n, k, a, b, c } = problem(kernel);
  const f = new FunctionBuilder([I32, I32, I32]);
  const [args, begin, end] = [0, 1, 2] as const;
  const local = () => f.local(I32);
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
      for (const [operand, , at] of operands) {
        if (operand.batch[l] === 0) continue;
        f.get(at);
        f.get(index);
        f.i32(operand.batch[l]! * bytes);
        f.op(i32.mul, i32.add);
        f.set(at);
      }
      f.get(number);
      f.i32(batch[l]!);
      f.op(i32.divU);
      f.set(number);
    }
    emitProduct(f, dtype, functions, {
      m: { from, count: rows, atMost: m },
      n,
      k,
      a: { at: aAt, ...a },
      b: { at: bAt, ...b },
      c: { at: cAt, row: n },
    });
    f.get(begin);
    f.get(rows);
    f.op(i32.add);
    f.set(begin);
  };
  whileLess(f, begin, () => f.get(end), piece);
  return f;
}

/** The address of a matrix, in a local, and how it is walked through. */
interface Matrix {
  readonly at: number;
  readonly rows: Side;
  readonly columns: Side;
}

interface Product {
  /** The first row and how many there are, in locals. */
  readonly m: { readonly from: number; readonly count: number; readonly atMost: number };
  readonly n: number;
  readonly k: number;
  readonly a: Matrix;
  readonly b: Matrix;
  /** `row` is the stride of rows, in elements. */
  readonly c: { readonly at: number; readonly row: number };
}

const isPlain = ({ rows, columns }: Matrix): boolean => rows.sizes.length === 1 && columns.sizes.length === 1;

/** Emits `c = a · b` for some rows of one matrix each. */
function emitProduct(
  f: FunctionBuilder,
  dtype: MatmulKernel["dtype"],
  functions: MatmulFunctions,
  { m, n, k, a, b, c }: Product,
): void {
  const { bytes, lanes } = ELEMENTS[dtype];
  const tiling = functions.tiling(dtype, m.atMost, n);
  const width = tiling.vectors * lanes;
  const blockRows = ROWS_BYTES / (MATMUL_BLOCK * bytes);
  // Narrow panels at the end are padded to full vectors, for which a panel's width is left over.
  const blockColumns = PANELS_BYTES / (MATMUL_BLOCK * bytes) - width;
  const [aRow, aColumn, bRow, bColumn] = [a.rows, a.columns, b.rows, b.columns].map((side) => side.strides[0]!) as [
    number,
    number,
    number,
    number,
  ];
  const costlyRows = aColumn !== 1 || (aRow * bytes) % CROWDED === 0 || n >= MANY_COLUMNS;
  const packA = !isPlain(a) || (costlyRows && m.atMost >= tiling.heights[0]! && n > width);
  const packB = (columns: number) => !isPlain(b) || bColumn !== 1 || columns % lanes !== 0 || m.atMost >= FEW_ROWS;
  const local = () => f.local(I32);
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
  /** Pushes the address of table number `table`, from entry number `index` on. */
  const pushTable = (table: number, index?: number) => {
    f.globalGet(0);
    f.i32(TABLES_AT + table * TABLE_BYTES);
    f.op(i32.add);
    if (index === undefined) return;
    f.get(index);
    f.i32(4);
    f.op(i32.mul, i32.add);
  };
  /** Fills a table with the offsets of a side that no single stride describes. */
  const fillTable = (table: number, matrix: Matrix, side: Side, start: number, count: number) => {
    if (isPlain(matrix)) return;
    const at = local();
    pushTable(table);
    f.set(at);
    emitTable(f, side, bytes, at, start, count);
    f.release(at);
  };
  const [ROWS_OF_A, STEPS_OF_A, STEPS_OF_B, COLUMNS_OF_B] = [0, 1, 2, 3] as const;
  /** Cuts `size` into blocks: the body sees where a block begins and how long it is. */
  const blocks = (pushSize: () => void, step: number, body: (from: number, length: number) => void) => {
    const [from, length] = [local(), local()];
    f.i32(0);
    f.set(from);
    whileLess(f, from, pushSize, () => {
      pushSize();
      f.get(from);
      f.op(i32.sub);
      f.set(length);
      least(f, length, step);
      body(from, length);
      f.increment(from, step);
    });
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
    for (const columns of [width, n % width]) {
      if (columns === 0 || columns > n) continue;
      whileAtLeast(f, left, columns, () => {
        body(columns, from, padded);
        f.increment(from, columns);
        f.increment(padded, Math.ceil(columns / lanes) * lanes);
      });
    }
    for (const each of [from, padded, left]) f.release(each);
  };
  const [aAt, bAt, cAt, packed, first] = [local(), local(), local(), local(), local()] as const;

  /** Copies tiles of rows of a, the rows of a tile side by side. */
  const packRows = (rowsNow: number, kNow: number) => {
    const [i, left] = [local(), local()];
    f.i32(0);
    f.set(i);
    f.get(rowsNow);
    f.set(left);
    for (const height of tiling.heights) {
      if (height > m.atMost) continue;
      whileAtLeast(f, left, height, () => {
        f.get(packed);
        f.get(i);
        pushBytes(kNow);
        f.op(i32.mul, i32.add);
        f.i32(height * bytes);
        if (isPlain(a)) {
          pushAt(aAt, i, aRow);
          f.i32(aColumn * bytes);
          f.i32(aRow * bytes);
          f.get(kNow);
          f.i32(height);
          f.call(functions.copy(dtype, lieOf(aColumn, aRow)));
        } else {
          f.get(a.at);
          pushTable(STEPS_OF_A);
          pushTable(ROWS_OF_A, i);
          f.get(kNow);
          f.call(functions.gather(dtype, height));
        }
        f.increment(i, height);
      });
    }
    f.release(i);
    f.release(left);
  };
  /** Pushes the address of a packed panel. Each column takes kNow elements, so they lie one behind the other. */
  const pushPanel = (padded: number, kNow: number) => {
    f.globalGet(0);
    f.get(padded);
    pushBytes(kNow);
    f.op(i32.mul, i32.add);
  };
  const packPanel = (columns: number, from: number, padded: number, kNow: number) => {
    pushPanel(padded, kNow);
    f.i32(Math.ceil(columns / lanes) * 16);
    if (isPlain(b)) {
      pushAt(bAt, from, bColumn);
      f.i32(bRow * bytes);
      f.i32(bColumn * bytes);
      f.get(kNow);
      f.i32(columns);
      f.call(functions.copy(dtype, lieOf(bRow, bColumn)));
    } else {
      f.get(b.at);
      pushTable(STEPS_OF_B);
      pushTable(COLUMNS_OF_B, from);
      f.get(kNow);
      f.call(functions.gather(dtype, columns));
    }
  };

  blocks(
    () => f.i32(n),
    blockColumns,
    (j, columnsNow) => {
      fillTable(COLUMNS_OF_B, b, b.columns, j, columnsNow);
      blocks(
        () => f.i32(k),
        MATMUL_BLOCK,
        (p, kNow) => {
          fillTable(STEPS_OF_A, a, a.columns, p, kNow);
          fillTable(STEPS_OF_B, b, b.rows, p, kNow);
          pushAt(b.at, p, bRow);
          f.set(bAt);
          pushAt(bAt, j, bColumn);
          f.set(bAt);
          panels(columnsNow, (columns, from, padded) => {
            if (packB(columns)) packPanel(columns, from, padded, kNow);
          });
          blocks(
            () => f.get(m.count),
            blockRows,
            (i, rowsNow) => {
              f.get(m.from);
              f.get(i);
              f.op(i32.add);
              f.set(first);
              fillTable(ROWS_OF_A, a, a.rows, first, rowsNow);
              pushAt(a.at, p, aColumn);
              f.set(aAt);
              pushAt(aAt, first, aRow);
              f.set(aAt);
              pushAt(c.at, first, c.row);
              f.set(cAt);
              pushAt(cAt, j, 1);
              f.set(cAt);
              if (packA) {
                f.globalGet(0);
                f.i32(ROWS_AT);
                f.op(i32.add);
                f.set(packed);
                packRows(rowsNow, kNow);
              }
              panels(columnsNow, (columns, from, padded) => {
                f.get(packA ? packed : aAt);
                f.i32(aRow * bytes);
                f.i32(aColumn * bytes);
                if (packB(columns)) {
                  pushPanel(padded, kNow);
                  f.i32(Math.ceil(columns / lanes) * 16);
                } else {
                  pushAt(bAt, from, bColumn);
                  f.i32(bRow * bytes);
                }
                f.get(kNow);
                pushAt(cAt, from, 1);
                f.i32(c.row * bytes);
                f.get(p);
                f.op(i32.eqz);
                f.get(rowsNow);
                f.call(functions.panel(dtype, columns, packA, tiling));
              });
            },
          );
        },
      );
    },
  );
  for (const each of [aAt, bAt, cAt, packed, first]) f.release(each);
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
