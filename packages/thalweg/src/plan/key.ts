import { RANK } from "../dtype.js";
import { type Node, stale } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import type { Wanted } from "./plan.js";

/** A walk's result: nodes in topological order, those that exist or are numbers among them, and their structure. */
export interface Graph {
  readonly nodes: Node[];
  readonly inputs: Node[];
  readonly scalars: Node[];
}

let walks = 0;

/** A number for marking the nodes of one walk. */
export const nextMark = (): number => ++walks;

const stack: Node[] = [];
const progress: number[] = [];

/** All that the given values are computed from, in topological order; values that exist are not looked behind. */
export function collect(roots: readonly Node[]): Graph {
  const mark = nextMark();
  const nodes: Node[] = [];
  const inputs: Node[] = [];
  const scalars: Node[] = [];
  for (let r = 0; r < roots.length; r++) {
    const root = roots[r]!;
    if (root.mark === mark) continue;
    let depth = 0;
    stack[0] = root;
    progress[0] = 0;
    root.mark = mark;
    while (depth >= 0) {
      const node = stack[depth]!;
      if (node.buffer === null) {
        const { srcs } = node;
        let next = progress[depth]!;
        while (next < srcs.length && srcs[next]!.mark === mark) next++;
        if (next < srcs.length) {
          const src = srcs[next]!;
          progress[depth] = next + 1;
          src.mark = mark;
          depth++;
          stack[depth] = src;
          progress[depth] = 0;
          continue;
        }
        if (node.stale) throw stale(node.primitive.name);
        if (node.primitive === P.scalar) scalars.push(node);
      } else inputs.push(node);
      node.index = nodes.length;
      nodes.push(node);
      depth--;
    }
  }
  stack.length = 0;
  return { nodes, inputs, scalars };
}

let key = new Int32Array(4096);

function makeRoom(needed: number): void {
  const longer = new Int32Array(Math.max(2 * key.length, needed));
  longer.set(key);
  key = longer;
}

const FATES = { value: 0, kept: 1, saved: 1, assign: 2 } as const;

/**
 * The structure of a graph as numbers: primitives, dtypes, shapes, attributes, who reads whom, and what becomes of the
 * results. Not the numbers that scalars stand for, nor addresses or offsets: graphs with one key run the same plan.
 * The array is reused by the next call.
 */
export function keyOf(nodes: readonly Node[], wanted: readonly Wanted[]): Int32Array {
  // Written out, since it takes a good part of the time of a small step.
  let k = 0;
  for (let i = 0; i < nodes.length; i++) {
    const { shape, attr, srcs, buffer, strides, dtype, primitive } = nodes[i]!;
    const rank = shape.length;
    const most = k + 2 * rank + srcs.length + 8 + (attr === null ? 0 : attr.length);
    if (most > key.length) makeRoom(most);
    key[k++] = (buffer === null ? primitive.code : 0) | (RANK[dtype] << 8) | (rank << 10);
    for (let d = 0; d < rank; d++) key[k++] = shape[d]!;
    if (buffer !== null) {
      key[k++] = strides === null ? 0 : 1;
      if (strides !== null) for (let d = 0; d < rank; d++) key[k++] = strides[d]!;
      continue;
    }
    if (attr !== null) for (let a = 0; a < attr.length; a++) key[k++] = attr[a]!;
    key[k++] = srcs.length;
    for (let s = 0; s < srcs.length; s++) key[k++] = srcs[s]!.index;
  }
  if (k + wanted.length > key.length) makeRoom(k + wanted.length);
  for (let w = 0; w < wanted.length; w++) key[k++] = (wanted[w]!.node.index << 2) | FATES[wanted[w]!.fate];
  return key.subarray(0, k);
}

export function hashOf(numbers: Int32Array): number {
  let hash = numbers.length | 0;
  for (let i = 0; i < numbers.length; i++) hash = (Math.imul(hash ^ numbers[i]!, 0x9e3779b1) + (hash >>> 15)) | 0;
  return hash;
}

export function sameKey(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
