/** The product of two matrices: blocks, what is copied into scratch space for them, and panels. */
import { MATMUL_BLOCK, type MatmulKernel } from "../kernel.js";
import type { FunctionBuilder, ModuleBuilder } from "./assembler.js";
import { emitCopy, emitGather, emitTable, type Lie, type Side } from "./copy.js";
import { emitEpilogue } from "./epilogue.js";
import { control, I32, i32 } from "./opcodes.js";
import { ELEMENTS, emitPanel, FLAT_TILING, TILING, type Tiling, tiles, WIDE_TILING, whileAtLeast } from "./panel.js";

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

  copy(dtype: MatmulKernel["dtype"], lie: Lie, columns: number, row: number): number {
    return this.shared(`copy ${dtype} ${lie} ${columns} ${row}`, () => emitCopy(ELEMENTS[dtype], lie, columns, row));
  }

  /** A function that puts values in the sums' places, for some rows of all batches and some columns. */
  epilogue(kernel: MatmulKernel): number {
    return this.module.add(emitEpilogue(kernel));
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

/** The address of a matrix, in a local, and how it is walked through. */
export interface Matrix {
  readonly at: number;
  readonly rows: Side;
  readonly columns: Side;
}

export interface Product {
  /** The first row and how many there are, in locals. */
  readonly m: { readonly from: number; readonly count: number; readonly atMost: number };
  /** From which column to which, in locals, or else all `atMost`. The last panel has what is over when `rest` is cut into panels. */
  readonly n: {
    readonly from: number | undefined;
    readonly end: number | undefined;
    readonly atMost: number;
    readonly rest: number;
  };
  readonly k: number;
  readonly a: Matrix;
  readonly b: Matrix;
  /** `row` is the stride of rows, in elements. */
  readonly c: { readonly at: number; readonly row: number };
  /** Emits what is to be done when the sums of some rows and columns are complete: from which on and how many, in locals. */
  readonly finish?: ((row: number, rows: number, column: number, columns: number) => void) | undefined;
}

const isPlain = ({ rows, columns }: Matrix): boolean => rows.sizes.length === 1 && columns.sizes.length === 1;

/** Emits `c = a · b` for some rows of one matrix each. */
export function emitProduct(
  f: FunctionBuilder,
  dtype: MatmulKernel["dtype"],
  functions: MatmulFunctions,
  { m, n, k, a, b, c, finish }: Product,
): void {
  const { bytes, lanes } = ELEMENTS[dtype];
  const tiling = functions.tiling(dtype, m.atMost, n.atMost);
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
  const costlyRows = aColumn !== 1 || (aRow * bytes) % CROWDED === 0 || n.atMost >= MANY_COLUMNS;
  const packA = !isPlain(a) || (costlyRows && m.atMost >= tiling.heights[0]! && n.atMost > width);
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
  const blocks = (pushSize: () => void, step: number, body: (from: number, length: number) => void, start?: number) => {
    const [from, length] = [local(), local()];
    if (start === undefined) f.i32(0);
    else f.get(start);
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
    for (const columns of [width, n.rest % width]) {
      if (columns === 0 || columns > n.atMost) continue;
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
    const heights = tiling.heights.filter((height) => height <= m.atMost);
    tiles(f, left, heights, (height) => {
      f.get(packed);
      f.get(i);
      pushBytes(kNow);
      f.op(i32.mul, i32.add);
      if (isPlain(a)) {
        pushAt(aAt, i, aRow);
        f.i32(aColumn * bytes);
        f.i32(aRow * bytes);
        f.get(kNow);
        f.call(functions.copy(dtype, lieOf(aColumn, aRow), height, height * bytes));
      } else {
        f.i32(height * bytes);
        f.get(a.at);
        pushTable(STEPS_OF_A);
        pushTable(ROWS_OF_A, i);
        f.get(kNow);
        f.call(functions.gather(dtype, height));
      }
      f.increment(i, height);
    });
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
    const row = Math.ceil(columns / lanes) * 16;
    pushPanel(padded, kNow);
    if (isPlain(b)) {
      pushAt(bAt, from, bColumn);
      f.i32(bRow * bytes);
      f.i32(bColumn * bytes);
      f.get(kNow);
      f.call(functions.copy(dtype, lieOf(bRow, bColumn), columns, row));
    } else {
      f.i32(row);
      f.get(b.at);
      pushTable(STEPS_OF_B);
      pushTable(COLUMNS_OF_B, from);
      f.get(kNow);
      f.call(functions.gather(dtype, columns));
    }
  };

  blocks(
    () => (n.end === undefined ? f.i32(n.atMost) : f.get(n.end)),
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
              if (finish !== undefined) {
                f.get(p);
                f.get(kNow);
                f.op(i32.add);
                f.i32(k);
                f.op(i32.geS);
                f.if(undefined, () => finish(first, rowsNow, j, columnsNow));
              }
            },
          );
        },
      );
    },
    n.from,
  );
  for (const each of [aAt, bAt, cAt, packed, first]) f.release(each);
}

/** Runs the body as long as a local is less than what `limit` pushes. */
export function whileLess(f: FunctionBuilder, index: number, limit: () => void, body: () => void): void {
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
export function least(f: FunctionBuilder, target: number, limit: number): void {
  f.i32(limit);
  f.get(target);
  f.i32(limit);
  f.get(target);
  f.op(i32.ltS, control.select);
  f.set(target);
}
