import type { Buffer } from "../device/buffer.js";
import type { DType } from "../dtype.js";
import { StaleError } from "../errors.js";
import * as P from "./primitive.js";
import { SCALAR, type Shape, sizeOf } from "./shape.js";

const NOTHING: readonly Node[] = [];

/**
 * One recorded value: a primitive applied to other values, and, once a plan has computed it, its storage.
 *
 * What a node is never changes; what is known of it does (storage, whether something reads it, whether it can still be
 * computed). What the walk over a graph looks at comes first, so that it lies in few lines of the processor's cache.
 */
export class Node {
  /** Storage, when the value exists in memory. */
  buffer: Buffer | null = null;
  /** For a view of storage: strides and offset in elements. Null strides: all of it, in row-major order. */
  strides: readonly number[] | null = null;
  offset = 0;
  /** Scratch marks of graph walks: `index` is meaningful to the walk numbered `mark`. */
  mark = 0;
  index = 0;
  /** Depends, through values not yet computed, on a parameter that a step may change. */
  live = false;
  /** A parameter or optimizer state: its storage is overwritten by the next assign. */
  mutable = false;
  requiresGrad = false;
  /** Another node reads it. */
  used = false;
  /** Recorded by a backward pass or a step, not by the user. */
  internal = false;
  /** A user has read the value, or has got hold of it in a way that storage must outlive. */
  escaped = false;
  /** A gradient to which another backward pass has added: the sum still reads it. */
  carried = false;
  /** Can no longer be computed: a parameter that it depends on has changed. */
  stale = false;
  /** A backward pass has gone through it and did not retain the graph. */
  freed = false;
  /** The tensor whose `.grad` a backward pass adds to. */
  owner: object | null = null;
  /** The number that a scalar stands for; null for all others, which then need no room for one. */
  value: number | null = null;
  /** In a kept recording: the value of the present call that a leaf of the recording stands for. */
  standsFor: Node | null = null;

  constructor(
    readonly primitive: P.Primitive,
    readonly dtype: DType,
    readonly shape: Shape,
    public srcs: readonly Node[],
    readonly attr: readonly number[] | null,
  ) {}

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Lets go of what the value was computed from. */
  forget(): void {
    this.srcs = NOTHING;
  }
}

/** A recording that is followed instead of made anew: see `plan/follow.ts`. */
export interface Following {
  /** The tensors made since it began. */
  readonly tensors: { node: Node }[];
  /** The node recorded in this place, if it is of this operation; else null, and recording goes on in the ordinary way. */
  next(p: P.Primitive, dtype: DType, shape: Shape, srcs: readonly Node[], attr: readonly number[] | null): Node | null;
  scalar(value: number, dtype: DType): Node | null;
  leaf(node: Node): void;
  backward(root: Node): readonly { owner: { readonly gradient: object | null }; node: Node }[] | null;
  step(changes: readonly { old: Node; value: Node; rows?: Node; holder?: { node: Node } }[]): Node[] | null;
  abandon(): void;
}

/** What is written down of a call whose recording is to be kept. */
export interface Capture {
  /** Nodes in the order in which they were made, leaves and numbers among them. */
  readonly nodes: Node[];
  /** Whether gradients were enabled at each of them. */
  readonly enabled: boolean[];
  readonly changes: { old: Node; assign: Node; holder: { node: Node } | undefined }[];
  /** Of leaves that are views of others: those. */
  readonly views: Map<Node, Node>;
  /** How many nodes there were when the step came. */
  stepAt: number;
  readonly watches: {
    owner: { readonly gradient: { readonly node: Node } | null };
    node: Node;
    before: Node | null;
  }[];
  readonly passes: { root: Node; from: number; to: number; watches: Capture["watches"] }[];
  /** How many nodes there were when a number was last taken over from another. */
  copiedAt: number;
  /** Why it cannot be kept. */
  failed: string | null;
}

/** What is going on while operations are recorded. */
export const recording = {
  following: null as Following | null,
  capture: null as Capture | null,
  /** Operations on tensors that require a gradient give tensors that require a gradient. */
  gradEnabled: true,
  /** A backward pass or a step is recording: its nodes are no open ends. */
  internal: false,
  /** Recorded nodes that depend on parameters, in order, since a step last ran. */
  live: [] as Node[],
  /** The other recorded nodes that nothing reads yet. */
  loose: [] as Node[],
  /** Nodes recorded since a plan last ran. */
  count: 0,
  /** Called after each node in eager mode and when a graph has grown very large. */
  overflow: null as ((node: Node) => void) | null,
  limit: 4000,
};

/** Adds an operation to the graph. Shapes and dtypes have been checked by the caller. */
export function record(
  primitive: P.Primitive,
  dtype: DType,
  shape: Shape,
  srcs: readonly Node[],
  attr: readonly number[] | null = null,
): Node {
  if (recording.following !== null) {
    const known = recording.following.next(primitive, dtype, shape, srcs, attr);
    if (known !== null) return known;
  }
  const node = new Node(primitive, dtype, shape, srcs, attr);
  let requiresGrad = false;
  for (let i = 0; i < srcs.length; i++) {
    const src = srcs[i]!;
    if (src.stale) throw stale(primitive.name);
    if (src.requiresGrad) requiresGrad = true;
  }
  if (requiresGrad && recording.gradEnabled && (dtype === "float32" || dtype === "float64")) node.requiresGrad = true;
  node.internal = recording.internal;
  register(node);
  if (recording.capture !== null) capture(recording.capture, node);
  if (++recording.count > recording.limit && !recording.internal) recording.overflow?.(node);
  return node;
}

function capture({ nodes, enabled }: Capture, node: Node): void {
  nodes.push(node);
  enabled.push(recording.gradEnabled);
}

/** Takes note of a recorded node: what it reads, and whether it hangs on parameters. */
export function register(node: Node): void {
  const { srcs } = node;
  let live = false;
  for (let i = 0; i < srcs.length; i++) {
    const src = srcs[i]!;
    src.used = true;
    if (src.live && (src.buffer === null || src.mutable)) live = true;
  }
  if (live) {
    node.live = true;
    recording.live.push(node);
  } else if (!node.internal) recording.loose.push(node);
}

/** A number as an operand: handed to the plan at run time, so that a changing number compiles nothing. */
export function scalarNode(value: number, dtype: DType): Node {
  if (recording.following !== null) {
    const known = recording.following.scalar(value, dtype);
    if (known !== null) return known;
  }
  const node = new Node(P.scalar, dtype, SCALAR, NOTHING, null);
  node.value = value;
  if (recording.capture !== null) capture(recording.capture, node);
  return node;
}

/** The value of the present call, where a node is a leaf of a recording that is followed; else the node. */
export const actualOf = (node: Node): Node => node.standsFor ?? node;

/** A value that exists. */
export function leafNode(buffer: Buffer, shape: Shape): Node {
  const node = new Node(P.leaf, buffer.dtype, shape, NOTHING, null);
  node.buffer = buffer;
  if (recording.following !== null) recording.following.leaf(node);
  else if (recording.capture !== null) capture(recording.capture, node);
  return node;
}

export function stale(operation: string): StaleError {
  return new StaleError(
    `${operation}: this value was never computed before the parameters it depends on were changed by step() (or ` +
      "assign), so it cannot be computed any more. Read it (item(), dataSync()) or call realize() on it before the " +
      "next step(); if it is a backward() through an old loss, call backward() before step(). (If it was recorded inside " +
      "a compiled step: return it from the function.)",
  );
}
