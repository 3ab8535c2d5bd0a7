/** The inner functions of matmul: rows times one panel of columns, and copies into scratch space. */
import { FunctionBuilder } from "./assembler.js";
import { f32, f32x4, f64, f64x2, I32, i32, V128, v128 } from "./opcodes.js";
import { shuffle32 } from "./operations.js";

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

/** A panel is this many vectors wide, or less at the right edge. */
export const PANEL_VECTORS = 4;

/**
 * `panel(a, aRow, aStep, b, bStep, k, c, cRow, first, rows)`: for each of `rows` rows, the sum over k ≥ 1 steps of
 * a · b, for `columns` columns; stored to c if `first`, else added to it. `aRow` and `cRow` are the bytes from row to
 * row, `aStep` and `bStep` from one k to the next; a row of b is contiguous, and full vectors are read of it.
 *
 * Two rows of four vectors (or four rows of two) take eight accumulators: with more of them engines run out of
 * registers, and with fewer the loads do not keep up.
 */
export function emitPanel(element: Element, columns: number): FunctionBuilder {
  const [a, aRow, aStep, b, bStep, k, c, cRow, first, rows] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const f = new FunctionBuilder(Array.from({ length: 10 }, () => I32));
  const { bytes, lanes } = element;
  const vectors = Math.ceil(columns / lanes);
  const left = f.local(I32);
  const at = f.local(I32);
  const splat = f.local(V128);
  const row = Array.from({ length: vectors > 2 ? 2 : 4 }, () => f.local(I32));
  const sums = row.map(() => Array.from({ length: vectors }, () => f.local(V128)));
  const line = Array.from({ length: vectors }, () => f.local(V128));

  const tile = (height: number): void => {
    for (let r = 0; r < height; r++) {
      f.get(r === 0 ? a! : row[r - 1]!);
      if (r > 0) {
        f.get(aRow!);
        f.op(i32.add);
      }
      f.set(row[r]!);
      for (const sum of sums[r]!) {
        f.v128(new Uint8Array(16));
        f.set(sum);
      }
    }
    f.get(b!);
    f.set(at);
    f.get(k!);
    f.set(left);
    f.loop(() => {
      line.forEach((local, v) => {
        f.get(at);
        f.memory(v128.load, 16 * v);
        f.set(local);
      });
      for (let r = 0; r < height; r++) {
        f.get(row[r]!);
        f.memory(element.splat);
        f.set(splat);
        line.forEach((local, v) => {
          f.get(sums[r]![v]!);
          f.get(splat);
          f.get(local);
          f.op(element.vectorMul, element.vectorAdd);
          f.set(sums[r]![v]!);
        });
        advance(f, row[r]!, aStep!);
      }
      advance(f, at, bStep!);
      f.get(left);
      f.i32(1);
      f.op(i32.sub);
      f.tee(left);
      f.brIf(0);
    });
    const store = (fresh: boolean) => {
      f.get(c!);
      f.set(at);
      for (let r = 0; r < height; r++) {
        if (r > 0) advance(f, at, cRow!);
        sums[r]!.forEach((sum, v) => {
          for (let lane = 0; lane < Math.min(lanes, columns - v * lanes); lane++) {
            const whole = columns - v * lanes >= lanes;
            const offset = 16 * v + bytes * lane;
            f.get(at);
            if (!fresh) {
              f.get(at);
              f.memory(whole ? v128.load : element.load, offset);
            }
            f.get(sum);
            if (fresh && !whole) f.memoryLane(element.storeLane, offset, lane);
            else {
              if (!whole) f.lane(element.extract, lane);
              if (!fresh) f.op(whole ? element.vectorAdd : element.add);
              f.memory(whole ? v128.store : element.store, offset);
            }
            if (whole) break;
          }
        });
      }
    };
    f.get(first!);
    f.if(
      undefined,
      () => store(true),
      () => store(false),
    );
    // `at` stands on the tile's last row of c, and a's next tile begins one row after the last pointer's begin.
    f.get(at);
    f.get(cRow!);
    f.op(i32.add);
    f.set(c!);
    f.get(a!);
    f.get(aRow!);
    f.i32(height);
    f.op(i32.mul, i32.add);
    f.set(a!);
  };
  for (const height of [row.length, 1]) whileAtLeast(f, rows!, height, () => tile(height));
  return f;
}

/** `local += step`. */
function advance(f: FunctionBuilder, local: number, step: number): void {
  f.get(local);
  f.get(step);
  f.op(i32.add);
  f.set(local);
}

/** Runs the body while `left >= step`, taking `step` from it each time. */
export function whileAtLeast(f: FunctionBuilder, left: number, step: number, body: () => void): void {
  const more = () => {
    f.get(left);
    f.i32(step);
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

/** How the source of a copy lies: neighbours of a row side by side, neighbours of a column side by side, or neither. */
export type Lie = "rows" | "columns" | "apart";

/**
 * `copy(to, toRow, from, fromRow, fromColumn, rows, columns)`: copies a matrix; the rows of the copy are contiguous and
 * `toRow` bytes apart, the source's strides are `fromRow` and `fromColumn` bytes.
 */
export function emitCopy(element: Element, lie: Lie): FunctionBuilder {
  const [to, toRow, from, fromRow, fromColumn, rows, columns] = [0, 1, 2, 3, 4, 5, 6] as const;
  const f = new FunctionBuilder(Array.from({ length: 7 }, () => I32));
  const { bytes, lanes } = element;
  const [target, source, left] = [f.local(I32), f.local(I32), f.local(I32)] as const;
  const square = Array.from({ length: lanes }, () => f.local(V128));
  const half = Array.from({ length: lanes }, () => f.local(V128));
  const pointer = f.local(I32);

  /** Transposes a square of vectors, from `source` on, to `target` on. */
  const transpose = () => {
    f.get(source);
    f.set(pointer);
    for (const local of square) {
      f.get(pointer);
      f.memory(v128.load);
      f.set(local);
      advance(f, pointer, fromColumn);
    }
    const mix = (x: number, y: number, pick: readonly number[], out: number) => {
      f.get(x);
      f.get(y);
      f.shuffle(shuffle32(...pick));
      f.set(out);
    };
    const [s0, s1, s2, s3] = square as [number, number, number, number];
    const [h0, h1, h2, h3] = half as [number, number, number, number];
    if (lanes === 4) {
      mix(s0, s1, [0, 4, 1, 5], h0);
      mix(s0, s1, [2, 6, 3, 7], h1);
      mix(s2, s3, [0, 4, 1, 5], h2);
      mix(s2, s3, [2, 6, 3, 7], h3);
      mix(h0, h2, [0, 1, 4, 5], s0);
      mix(h0, h2, [2, 3, 6, 7], s1);
      mix(h1, h3, [0, 1, 4, 5], s2);
      mix(h1, h3, [2, 3, 6, 7], s3);
    } else {
      mix(s0, s1, [0, 1, 4, 5], h0);
      mix(s0, s1, [2, 3, 6, 7], s1);
      f.get(h0);
      f.set(s0);
    }
    f.get(target);
    f.set(pointer);
    for (const local of square) {
      f.get(pointer);
      f.get(local);
      f.memory(v128.store);
      advance(f, pointer, toRow);
    }
  };
  /** Copies one vector of a row (`lie` is "rows") or one element. */
  const move = (vector: boolean) => {
    f.get(target);
    f.get(source);
    f.memory(vector ? v128.load : element.load);
    f.memory(vector ? v128.store : element.store);
  };
  const stretch = (height: number) => {
    f.get(to);
    f.set(target);
    f.get(from);
    f.set(source);
    f.get(columns);
    f.set(left);
    const wide = height > 1 ? transpose : () => move(true);
    if (height > 1 || lie === "rows") {
      whileAtLeast(f, left, lanes, () => {
        wide();
        f.increment(target, 16);
        for (let i = 0; i < lanes; i++) advance(f, source, fromColumn);
      });
    }
    whileAtLeast(f, left, 1, () => {
      if (height > 1) {
        // A column's few elements that make no square.
        for (let i = 0; i < height; i++) {
          f.get(target);
          f.get(toRow);
          f.i32(i);
          f.op(i32.mul, i32.add);
          f.get(source);
          f.memory(element.load, bytes * i);
          f.memory(element.store);
        }
      } else move(false);
      f.increment(target, bytes);
      advance(f, source, fromColumn);
    });
    for (let i = 0; i < height; i++) {
      advance(f, to, toRow);
      advance(f, from, fromRow);
    }
  };
  if (lie === "columns") whileAtLeast(f, rows, lanes, () => stretch(lanes));
  whileAtLeast(f, rows, 1, () => stretch(1));
  return f;
}
