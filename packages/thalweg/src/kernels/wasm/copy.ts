/** What matmul copies into scratch space: parts of its operands, in the order in which panels read them. */
import { FunctionBuilder } from "./assembler.js";
import { I32, i32, i64, V128, v128 } from "./opcodes.js";
import { shuffle32 } from "./operations.js";
import { advance, type Element, whileAtLeast } from "./panel.js";

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

/**
 * `gather(to, toRow, from, rowOffsets, columnOffsets, rows)`: copies `columns` columns of a matrix whose element (i, j) lies at
 * `from + rowOffsets[i] + columnOffsets[j]`, the offsets being tables of int32; the rows of the copy are `toRow` bytes apart.
 */
export function emitGather(element: Element, columns: number): FunctionBuilder {
  const [to, toRow, from, rowOffsets, columnOffsets, rows] = [0, 1, 2, 3, 4, 5] as const;
  const f = new FunctionBuilder(Array.from({ length: 6 }, () => I32));
  const { bytes, lanes } = element;
  const [load, store] = bytes === 4 ? [i32.load, i32.store] : [i64.load, i64.store];
  const places = Array.from({ length: columns }, () => f.local(I32));
  const row = f.local(I32);
  places.forEach((place, j) => {
    f.get(columnOffsets);
    f.memory(i32.load, 4 * j);
    f.get(from);
    f.op(i32.add);
    f.set(place);
  });
  const copyRows = (step: number, move: (j: number) => void) =>
    whileAtLeast(f, rows, 1, () => {
      f.get(rowOffsets);
      f.memory(i32.load);
      f.set(row);
      for (let j = 0; j < columns; j += step) move(j);
      f.increment(rowOffsets, 4);
      advance(f, to, toRow);
    });
  const move = (j: number, fetch: number, put: number) => {
    f.get(to);
    f.get(places[j]!);
    f.get(row);
    f.op(i32.add);
    f.memory(fetch);
    f.memory(put, bytes * j);
  };
  const oneByOne = () => copyRows(1, (j) => move(j, load, store));
  if (columns % lanes !== 0) {
    oneByOne();
    return f;
  }
  // Columns that lie side by side are copied as vectors.
  f.i32(1);
  for (let j = 1; j < columns; j++) {
    f.get(places[j]!);
    f.get(places[j - 1]!);
    f.op(i32.sub);
    f.i32(bytes);
    f.op(i32.eq, i32.and);
  }
  f.if(undefined, () => copyRows(lanes, (j) => move(j, v128.load, v128.store)), oneByOne);
  return f;
}

/** What a matrix's rows, or its columns, are walked along by: loops with strides in elements, outermost first. */
export interface Side {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Writes the byte offsets of `count` rows (or columns) from number `start` on as int32 from the address `at` on. */
export function emitTable(
  f: FunctionBuilder,
  { sizes, strides }: Side,
  bytes: number,
  at: number,
  start: number,
  count: number,
): void {
  const last = sizes.length - 1;
  const [offset, rest, left, to] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)] as const;
  const indices = sizes.map(() => f.local(I32));
  f.get(start);
  f.set(rest);
  f.get(count);
  f.set(left);
  f.get(at);
  f.set(to);
  f.i32(0);
  f.set(offset);
  for (let l = last; l >= 0; l--) {
    f.get(rest);
    if (l > 0) {
      f.i32(sizes[l]!);
      f.op(i32.remU);
    }
    f.set(indices[l]!);
    if (l > 0) {
      f.get(rest);
      f.i32(sizes[l]!);
      f.op(i32.divU);
      f.set(rest);
    }
    f.get(offset);
    f.get(indices[l]!);
    f.i32(strides[l]! * bytes);
    f.op(i32.mul, i32.add);
    f.set(offset);
  }
  /** Goes on along loop l; where that is at its end, along the loop around it. */
  const step = (l: number): void => {
    f.increment(offset, strides[l]! * bytes);
    if (l === 0) return;
    f.increment(indices[l]!, 1);
    f.get(indices[l]!);
    f.i32(sizes[l]!);
    f.op(i32.eq);
    f.if(undefined, () => {
      f.i32(0);
      f.set(indices[l]!);
      f.increment(offset, -sizes[l]! * strides[l]! * bytes);
      step(l - 1);
    });
  };
  whileAtLeast(f, left, 1, () => {
    f.get(to);
    f.get(offset);
    f.memory(i32.store);
    f.increment(to, 4);
    step(last);
  });
  for (const local of [offset, rest, left, to, ...indices]) f.release(local);
}
