import { RANK } from "../dtype.js";
import { type Node, stale } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import type { Result } from "./plan.js";

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
let length = 0;

function put(x: number): void {
  if (length === key.length) {
    const longer = new Int32Array(2 * length);
    longer.set(key);
    key = longer;
  }
  key[length++] = x;
}

const FATES = { value: 0, kept: 1, saved: 1, assign: 2 } as const;

/**
 * The structure of a graph as numbers: primitives, dtypes, shapes, attributes, who reads whom, and what becomes of the
 * results. Not the numbers that scalars stand for, nor addresses or offsets: graphs with one key run the same plan.
 * The array is reused by the next call.
 */
export function keyOf(nodes: readonly Node[], results: readonly Result[]): Int32Array {
  length = 0;
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    const { shape, attr, srcs } = node;
    const exists = node.buffer !== null;
    put((exists ? 0 : node.primitive.code) | (RANK[node.dtype] << 8) | (shape.length << 10));
    for (let d = 0; d < shape.length; d++) put(shape[d]!);
    if (exists) {
      put(node.strides === null ? 0 : 1);
      if (node.strides !== null) for (let d = 0; d < shape.length; d++) put(node.strides[d]!);
      continue;
    }
    if (attr !== null) for (let a = 0; a < attr.length; a++) put(attr[a]!);
    put(srcs.length);
    for (let s = 0; s < srcs.length; s++) put(srcs[s]!.index);
  }
  for (let r = 0; r < results.length; r++) put((results[r]!.node << 2) | FATES[results[r]!.fate]);
  return key.subarray(0, length);
}

export function hashOf(numbers: Int32Array): number {
  let hash = numbers.length | 0;
  for (let i = 0; i < numbers.length; i++) hash = Math.imul(hash ^ numbers[i]!, 0x9e3779b1) + (hash >>> 15);
  return hash;
}

export function sameKey(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
