/** The inner function of matmul: rows times one panel of columns. */
import { FunctionBuilder } from "./assembler.js";
import { f32, f32x4, f64, f64x2, I32, i32, V128, v128 } from "./opcodes.js";

/** What differs between the two types of matmul. `lanes` elements make one vector. */
export interface Element {
  readonly bytes: 4 | 8;
  readonly lanes: 4 | 2;
  readonly load: number;
  readonly store: number;
  readonly add: number;
  readonly extract: number;
  readonly splat: number;
  readonly storeLane: number;
  readonly vectorAdd: number;
  readonly vectorMul: number;
}
export const ELEMENTS: Readonly<Record<"float32" | "float64", Element>> = {
  float32: {
    bytes: 4,
    lanes: 4,
    load: f32.load,
    store: f32.store,
    add: f32.add,
    extract: f32x4.extract,
    splat: v128.load32Splat,
    storeLane: v128.store32Lane,
    vectorAdd: f32x4.add,
    vectorMul: f32x4.mul,
  },
  float64: {
    bytes: 8,
    lanes: 2,
    load: f64.load,
    store: f64.store,
    add: f64.add,
    extract: f64x2.extract,
    splat: v128.load64Splat,
    storeLane: v128.store64Lane,
    vectorAdd: f64x2.add,
    vectorMul: f64x2.mul,
  },
};

/** How a matmul is cut into tiles, whose sums stay in registers. */
export interface Tiling {
  /** A panel is this many vectors wide, or less at the right edge. */
  readonly vectors: number;
  /** Rows of the tiles, high ones first; the lower ones are for what is left over. */
  readonly heights: readonly number[];
}

/**
 * Four rows of two vectors take eight registers for sums, and engines that load all of a step's operands first need six
 * more and one for the product: with larger tiles they run out of the 15 that there are, with lower ones the loads do not
 * keep up.
 */
export const TILING: Tiling = { vectors: 2, heights: [4, 2, 1] };
/** For a few rows, or for three vectors of columns. */
export const FLAT_TILING: Tiling = { vectors: 4, heights: [2, 1] };
/** Where two neighbouring vectors become one register, and engines load what they need when they need it. */
export const WIDE_TILING: Tiling = { vectors: 4, heights: [5, 4, 2, 1] };

/**
 * `panel(a, aRow, aStep, b, bStep, k, c, cRow, first, rows)`: for each of `rows` rows, the sum over k ≥ 1 steps of
 * a · b, for `columns` columns; stored to c if `first`, else added to it. `aRow` and `cRow` are the bytes from row to
 * row, `aStep` and `bStep` from one k to the next; a row of b is contiguous, and full vectors are read of it. In a packed
 * a the rows of a tile stand side by side, step by step, and `aRow` and `aStep` mean nothing.
 */
export function emitPanel(
  element: Element,
  columns: number,
  packed: boolean,
  heights: readonly number[],
): FunctionBuilder {
  const [a, aRow, aStep, b, bStep, k, c, cRow, first, rows] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
  const f = new FunctionBuilder(Array.from({ length: 10 }, () => I32));
  const { bytes, lanes } = element;
  const vectors = Math.ceil(columns / lanes);
  const left = f.local(I32);
  const at = f.local(I32);
  const splat = f.local(V128);
  const row = packed ? [] : Array.from({ length: heights[0]! }, () => f.local(I32));
  const sums = Array.from({ length: heights[0]! }, () => Array.from({ length: vectors }, () => f.local(V128)));
  const line = Array.from({ length: vectors }, () => f.local(V128));

  const tile = (height: number): void => {
    for (let r = 0; r < height; r++) {
      for (const sum of sums[r]!) {
        f.v128(new Uint8Array(16));
        f.set(sum);
      }
      if (packed) continue;
      f.get(r === 0 ? a : row[r - 1]!);
      if (r > 0) {
        f.get(aRow);
        f.op(i32.add);
      }
      f.set(row[r]!);
    }
    f.get(b);
    f.set(at);
    f.get(k);
    f.set(left);
    f.loop(() => {
      line.forEach((local, v) => {
        f.get(at);
        f.memory(v128.load, 16 * v);
        f.set(local);
      });
      for (let r = 0; r < height; r++) {
        f.get(packed ? a : row[r]!);
        f.memory(element.splat, packed ? r * bytes : 0);
        f.set(splat);
        line.forEach((local, v) => {
          f.get(sums[r]![v]!);
          f.get(splat);
          f.get(local);
          f.op(element.vectorMul, element.vectorAdd);
          f.set(sums[r]![v]!);
        });
        if (!packed) advance(f, row[r]!, aStep);
      }
      if (packed) f.increment(a, height * bytes);
      advance(f, at, bStep);
      f.get(left);
      f.i32(1);
      f.op(i32.sub);
      f.tee(left);
      f.brIf(0);
    });
    const store = (fresh: boolean) => {
      f.get(c);
      f.set(at);
      for (let r = 0; r < height; r++) {
        if (r > 0) advance(f, at, cRow);
        // All loads of a row come before its first store: engines that join neighbours want nothing between these.
        if (!fresh) for (let v = 0; (v + 1) * lanes <= columns; v++) addThere(sums[r]![v]!, 16 * v);
        sums[r]!.forEach((sum, v) => {
          storeSum(sum, 16 * v, columns - v * lanes, fresh);
        });
      }
    };
    f.get(first);
    f.if(
      undefined,
      () => store(true),
      () => store(false),
    );
    // `at` stands on the tile's last row of c, and a's next tile begins one row after the last pointer's begin.
    f.get(at);
    f.get(cRow);
    f.op(i32.add);
    f.set(c);
    if (packed) return;
    f.get(a);
    f.get(aRow);
    f.i32(height);
    f.op(i32.mul, i32.add);
    f.set(a);
  };
  const addThere = (sum: number, offset: number): void => {
    f.get(at);
    f.memory(v128.load, offset);
    f.get(sum);
    f.op(element.vectorAdd);
    f.set(sum);
  };
  /** Stores a vector of sums at `at`; of the last one only some lanes may count, and are added there if not `fresh`. */
  const storeSum = (sum: number, offset: number, count: number, fresh: boolean): void => {
    if (count >= lanes) {
      f.get(at);
      f.get(sum);
      f.memory(v128.store, offset);
      return;
    }
    for (let lane = 0; lane < count; lane++) {
      const place = offset + bytes * lane;
      f.get(at);
      if (!fresh) {
        f.get(at);
        f.memory(element.load, place);
      }
      f.get(sum);
      if (fresh) f.memoryLane(element.storeLane, place, lane);
      else {
        f.lane(element.extract, lane);
        f.op(element.add);
        f.memory(element.store, place);
      }
    }
  };
  tiles(f, rows, heights, tile);
  return f;
}

/** Cuts `left` rows into tiles. With heights 5, 4, … fives end where fours do better. */
export function tiles(
  f: FunctionBuilder,
  left: number,
  heights: readonly number[],
  body: (height: number) => void,
): void {
  heights.forEach((height, h) => {
    if (height !== heights[h + 1]! + 1 || height < 4) {
      whileAtLeast(f, left, height, () => body(height));
      return;
    }
    whileAtLeast(f, left, 2 * height - 1, () => body(height), height);
    f.get(left);
    f.i32(height);
    f.op(i32.eq);
    f.if(undefined, () => {
      body(height);
      f.increment(left, -height);
    });
  });
}

/** `local += step`. */
export function advance(f: FunctionBuilder, local: number, step: number): void {
  f.get(local);
  f.get(step);
  f.op(i32.add);
  f.set(local);
}

/** Runs the body while `left >= least`, taking `step` from it each time. */
export function whileAtLeast(f: FunctionBuilder, left: number, least: number, body: () => void, step = least): void {
  const more = () => {
    f.get(left);
    f.i32(least);
    f.op(i32.geS);
  };
  more();
  f.if(undefined, () =>
    f.loop(() => {
      body();
      f.increment(left, -step);
      more();
      f.brIf(0);
    }),
  );
}
