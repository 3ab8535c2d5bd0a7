/** What matmul copies into scratch space: parts of its operands, in the order in which panels read them. */
import { FunctionBuilder } from "./assembler.js";
import { I32, i32, i64, V128, v128 } from "./opcodes.js";
import { shuffle32 } from "./operations.js";
import { advance, type Element, whileAtLeast } from "./panel.js";

/** How the source of a copy lies: neighbours of a row side by side, neighbours of a column side by side, or neither. */
export type Lie = "rows" | "columns" | "apart";

/**
 * `copy(to, from, fromRow, fromColumn, rows)`: copies `columns` columns of a matrix; the rows of the copy are contiguous and
 * `toRow` bytes apart, the source's strides are `fromRow` and `fromColumn` bytes.
 */
export function emitCopy(element: Element, lie: Lie, columns: number, toRow: number): FunctionBuilder {
  const [to, from, fromRow, fromColumn, rows] = [0, 1, 2, 3, 4] as const;
  const f = new FunctionBuilder(Array.from({ length: 5 }, () => I32));
  const { bytes, lanes } = element;
  const full = columns - (columns % lanes);
  const column = f.local(I32);

  /** Copies `count` rows as they lie, or element by element. */
  const straight = (count: number) => {
    for (let r = 0; r < count; r++) {
      if (lie !== "rows") {
        f.get(from);
        f.set(column);
      }
      for (let j = 0; j < columns; ) {
        const vector = lie === "rows" && j < full;
        f.get(to);
        f.get(lie === "rows" ? from : column);
        f.memory(vector ? v128.load : element.load, lie === "rows" ? j * bytes : 0);
        f.memory(vector ? v128.store : element.store, r * toRow + j * bytes);
        if (lie !== "rows") advance(f, column, fromColumn);
        j += vector ? lanes : 1;
      }
      advance(f, from, fromRow);
    }
    f.increment(to, count * toRow);
  };
  /** Copies as many rows as a vector has lanes, whose elements lie side by side in a column. */
  const turned = () => {
    f.get(from);
    f.set(column);
    for (let j = 0; j < full; j += lanes) {
      transpose(f, element, column, fromColumn, (r) => [to, r * toRow + j * bytes]);
    }
    for (let j = full; j < columns; j++) {
      f.get(column);
      f.memory(v128.load);
      f.set(rest);
      for (let r = 0; r < lanes; r++) {
        f.get(to);
        f.get(rest);
        f.memoryLane(element.storeLane, r * toRow + j * bytes, r);
      }
      advance(f, column, fromColumn);
    }
    f.increment(from, lanes * bytes);
    f.increment(to, lanes * toRow);
  };
  const rest = f.local(V128);
  if (lie === "rows") whileAtLeast(f, rows, 4, () => straight(4));
  else if (lie === "columns") whileAtLeast(f, rows, lanes, turned);
  whileAtLeast(f, rows, 1, () => straight(1));
  return f;
}

/** Transposes a square: its columns are read at `column`, which moves on, its rows are stored where `place` says. */
function transpose(
  f: FunctionBuilder,
  { lanes }: Element,
  column: number,
  fromColumn: number,
  place: (row: number) => [local: number, offset: number],
): void {
  const square = Array.from({ length: lanes }, () => f.local(V128));
  const half = Array.from({ length: lanes }, () => f.local(V128));
  for (const local of square) {
    f.get(column);
    f.memory(v128.load);
    f.set(local);
    advance(f, column, fromColumn);
  }
  const push = (x: number, y: number, pick: readonly number[]) => {
    f.get(x);
    f.get(y);
    f.shuffle(shuffle32(...pick));
  };
  const mix = (x: number, y: number, pick: readonly number[], out: number) => {
    push(x, y, pick);
    f.set(out);
  };
  const put = (row: number, x: number, y: number, pick: readonly number[]) => {
    const [local, offset] = place(row);
    f.get(local);
    push(x, y, pick);
    f.memory(v128.store, offset);
  };
  const [s0, s1, s2, s3] = square as [number, number, number, number];
  const [h0, h1, h2, h3] = half as [number, number, number, number];
  if (lanes === 4) {
    mix(s0, s1, [0, 4, 1, 5], h0);
    mix(s0, s1, [2, 6, 3, 7], h1);
    mix(s2, s3, [0, 4, 1, 5], h2);
    mix(s2, s3, [2, 6, 3, 7], h3);
    put(0, h0, h2, [0, 1, 4, 5]);
    put(1, h0, h2, [2, 3, 6, 7]);
    put(2, h1, h3, [0, 1, 4, 5]);
    put(3, h1, h3, [2, 3, 6, 7]);
  } else {
    put(0, s0, s1, [0, 1, 4, 5]);
    put(1, s0, s1, [2, 3, 6, 7]);
  }
  for (const local of [...square, ...half]) f.release(local);
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
