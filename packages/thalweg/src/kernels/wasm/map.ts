/** Map and scatter kernels as functions. */
import { BYTES } from "../../dtype.js";
import { ERROR_CELL, type MapKernel, type ScatterKernel } from "../kernel.js";
import type { FunctionBuilder } from "./assembler.js";
import { Evaluator, type PushFold } from "./evaluator.js";
import { Lowering, level, type Node } from "./lower.js";
import { type Count, Nest, type Segment } from "./nest.js";
import { I32, i32, v128 } from "./opcodes.js";
import { INSTRUCTIONS, TYPES } from "./operations.js";
import { aroundRows, rowsAhead, touchRow } from "./rows.js";

/** Bodies of up to this many nodes are unrolled once more: beyond it the loop itself costs next to nothing. */
const SMALL = 24;

const noFold: PushFold = () => {
  throw new Error("a fold's value outside of a reduce kernel");
};

/** A loop nest always has an outermost loop, though it may run just once. */
export const nested = (loops: readonly number[]): readonly number[] => (loops.length === 0 ? [1] : loops);

/** How many different nodes vary in loop `l` or within it. */
export function size(roots: readonly Node[], l: number, seen = new Set<Node>()): number {
  let count = 0;
  for (const node of roots) {
    if (seen.has(node) || level(node) < l) continue;
    seen.add(node);
    count += 1 + size(node.args, l, seen);
  }
  return count;
}

/**
 * Cuts a loop into runs of 4 times each of `unrolls` (largest first, ending with 1) points, and the rest: at once if the
 * loop's size is known, else one by one.
 */
export function segments(
  count: Count,
  unrolls: readonly number[],
  vectors: (unroll: number, active: number) => void,
  single: () => void,
): Segment[] {
  const out = unrolls.map((unroll): Segment => ({ points: 4 * unroll, body: () => vectors(unroll, 4) }));
  const rest = "known" in count ? count.known % 4 : 1;
  if (rest === 1) out.push({ points: 1, body: single });
  else if (rest > 1) out.push({ points: rest, body: () => vectors(1, rest) });
  return out;
}

/** The evaluators that {@link segments} needs, for hoisting. */
export const evaluatorsFor = (count: Count, single: Evaluator, vector: Evaluator): Evaluator[] =>
  "known" in count
    ? count.known < 2
      ? [single]
      : count.known % 4 === 1
        ? [single, vector]
        : [vector]
    : [single, vector];

/** @param ranges - of how many outermost loops the caller says from where to where they go */
export function emitMap(kernel: MapKernel, ranges = 1): FunctionBuilder {
  const loops = nested(kernel.loops);
  const lowering = new Lowering(loops.length);
  const stores = kernel.body.map((store) => lowering.store(store));
  const roots = stores.flatMap(({ value, row }) => (row === null ? [value] : [value, row.index]));
  const nest = new Nest(kernel, lowering, loops, ranges);
  const ahead = rowsAhead(roots, loops);
  const inner = loops.length - 1;
  const single = new Evaluator(nest, noFold);
  const vector = new Evaluator(nest, noFold, 4, inner);
  const users = inner >= ranges ? evaluatorsFor({ known: loops[inner]! }, single, vector) : [single, vector];
  const unrolls = size(roots, inner) <= SMALL ? [2, 1] : [1];

  const from = (l: number): void => {
    for (const user of users) user.hoist(roots, l);
    const count = nest.count(l);
    if (l < inner) {
      const one: Segment = { points: 1, body: () => from(l + 1) };
      if (l === inner - 1 && ahead !== null) {
        const many = () => {
          nest.loop(l, { known: ahead.rows }, [{ points: 1, body: () => touchRow(single, ahead) }], true);
          nest.loop(l, { known: ahead.rows }, [one], true);
        };
        nest.loop(l, count, [{ points: ahead.rows, body: many }, one]);
      } else nest.loop(l, count, [one]);
      return;
    }
    const vectors = (times: number, active: number) => {
      for (let u = 0; u < times; u++) new Evaluator(nest, noFold, 4, inner, 4 * u, active).store(stores);
    };
    const all = segments(count, unrolls, vectors, () => single.store(stores));
    aroundRows(single, stores, l, () => nest.loop(l, count, all));
  };
  return nest.function(() => {
    if (!loops.includes(0)) from(0);
  });
}

export function emitScatter(kernel: ScatterKernel): FunctionBuilder {
  const loops = nested(kernel.loops);
  const lowering = new Lowering(loops.length);
  const { dtype } = kernel.access;
  const target = lowering.place(kernel.access, true);
  const index = lowering.use(kernel.index, "int32");
  const value = lowering.use(kernel.value, dtype);
  const nest = new Nest(kernel, lowering, loops);
  const { f } = nest;
  const single = new Evaluator(nest, noFold);
  const type = TYPES[dtype];

  const report = () => {
    f.i32(ERROR_CELL);
    f.i32(1);
    f.memory(i32.store);
  };
  const point = () => {
    // Computed in any case, since it may set the error cell.
    const at = single.local(index);
    const what = single.local(value);
    f.get(at);
    f.i32(kernel.size);
    f.op(i32.ltU);
    f.if(
      undefined,
      () => {
        const address = f.local(I32);
        f.get(nest.induction(target.induction));
        f.i32(target.offset - target.induction.offset);
        f.op(i32.add);
        f.get(at);
        f.i32(kernel.stride * BYTES[dtype]);
        f.op(i32.mul, i32.add);
        f.tee(address);
        f.get(address);
        f.memory(type.load);
        f.get(what);
        f.op(INSTRUCTIONS[dtype === "bool" ? "or" : "add"]![dtype]![0]!);
        f.memory(type.store);
        f.release(address);
      },
      report,
    );
  };
  // Whole rows at a time, where one index holds for all of the innermost loop and its targets are neighbours.
  const inner = loops.length - 1;
  const rows =
    dtype !== "bool" &&
    ((index.varies >> inner) & 1) === 0 &&
    target.induction.strides[inner] === BYTES[dtype] &&
    inner > 0;
  const row = () => {
    const vector = new Evaluator(nest, noFold, 4, inner);
    vector.hoist([value], inner);
    const start = nest.local(I32);
    f.get(single.local(index));
    f.i32(kernel.stride * BYTES[dtype]);
    f.op(i32.mul);
    f.set(start);
    const four = () => {
      const e = new Evaluator(nest, noFold, 4, inner);
      for (let part = 0; part < e.parts(dtype); part++) {
        const offset = target.offset - target.induction.offset + 16 * part;
        const address = () => {
          f.get(nest.induction(target.induction));
          f.get(start);
          f.op(i32.add);
        };
        address();
        address();
        f.memory(v128.load, offset);
        e.push(value, part);
        f.op(INSTRUCTIONS.add![dtype]![1]!);
        f.memory(v128.store, offset);
      }
    };
    nest.loop(inner, nest.count(inner), [
      { points: 4, body: four },
      { points: 1, body: point },
    ]);
  };
  const from = (l: number): void => {
    single.hoist([index, value], l);
    if (l === inner && rows) {
      f.get(single.local(index));
      f.i32(kernel.size);
      f.op(i32.ltU);
      f.if(undefined, () => nest.scoped(row), report);
      return;
    }
    const body = l < inner ? () => from(l + 1) : point;
    nest.loop(l, nest.count(l), [{ points: 1, body }]);
  };
  return nest.function(() => {
    if (!loops.includes(0)) from(0);
  });
}
