import { DTypeError, GradientError, ShapeError } from "../errors.js";
import { type Node, recording, stale } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { sameShape, showShape } from "../graph/shape.js";
import { noteGradient, noteLoss, noteRelease } from "../plan/engine.js";
import { nextMark } from "../plan/key.js";
import { constant } from "../tensor/elementwise.js";
import { addRows } from "../tensor/sparse.js";
import { type BackwardOptions, backwardHook, Tensor } from "../tensor/tensor.js";
import { Operation, rules } from "./rules.js";

const isLeaf = (node: Node): boolean => node.primitive === P.leaf || node.primitive.kind === "assign";

/** The nodes that a gradient can flow through from the roots, every node behind its sources. */
function reached(roots: readonly Node[]): Node[] {
  const mark = nextMark();
  const order: Node[] = [];
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (root.mark === mark || !root.requiresGrad) continue;
    root.mark = mark;
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const { node } = top;
      const srcs = isLeaf(node) ? [] : node.srcs;
      let src: Node | undefined;
      while (top.next < srcs.length) {
        const candidate = srcs[top.next++]!;
        if (candidate.requiresGrad && candidate.mark !== mark) {
          src = candidate;
          break;
        }
      }
      if (src !== undefined) {
        src.mark = mark;
        stack.push({ node: src, next: 0 });
        continue;
      }
      if (node.freed && !isLeaf(node)) {
        throw new GradientError(
          "backward: this graph has been gone through by an earlier backward pass, which did not keep it. " +
            "Pass { retainGraph: true } to the earlier one if you need both",
        );
      }
      if (node.stale && !isLeaf(node)) throw stale("backward");
      node.index = order.length;
      order.push(node);
      stack.pop();
    }
  }
  return order;
}

/**
 * Reverse-mode differentiation: records the gradient of every node behind the roots, last first, by the primitives'
 * rules, and hands each gradient that is complete to `visit`.
 */
function flow(
  roots: readonly Node[],
  seeds: readonly Tensor[],
  visit: (node: Node, g: Tensor) => void,
  takesRows: (node: Node, g: Tensor) => boolean = () => false,
): Node[] {
  const order = reached(roots);
  const gradients = new Array<Tensor | null>(order.length).fill(null);
  const give = (node: Node, g: Tensor): void => {
    const before = gradients[node.index]!;
    gradients[node.index] = before === null ? g : before.add(g);
  };
  for (let i = 0; i < roots.length; i++) if (roots[i]!.requiresGrad) give(roots[i]!, seeds[i]!);
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const g = gradients[i]!;
    if (g === null) continue;
    visit(node, g);
    if (isLeaf(node) || takesRows(node, g)) continue;
    const rule = rules[node.primitive.name];
    if (rule === undefined) continue;
    const parts = rule(g, new Operation(node));
    for (let s = 0; s < parts.length; s++) {
      const part = parts[s]!;
      if (part !== null && node.srcs[s]!.requiresGrad) give(node.srcs[s]!, part);
    }
  }
  return order;
}

/** Records while a backward pass is going on: as nodes of its own kind, and without gradients unless asked for. */
function recordingGradients<T>(createGraph: boolean, f: () => T): T {
  const { gradEnabled, internal } = recording;
  recording.gradEnabled = createGraph;
  recording.internal = true;
  try {
    return f();
  } finally {
    recording.gradEnabled = gradEnabled;
    recording.internal = internal;
  }
}

function seedFor(root: Tensor, gradient: Tensor | undefined): Tensor {
  if (gradient === undefined) {
    if (root.numel !== 1) {
      throw new GradientError(
        `backward: a gradient can be made up only for a tensor of one element, this one has shape ${showShape(root.shape)}; ` +
          "reduce it (sum, mean) or pass { gradient }",
      );
    }
    return constant(root.shape, 1, root.dtype);
  }
  if (!sameShape(gradient.shape, root.shape)) {
    throw new ShapeError(
      `backward: a gradient of shape ${showShape(gradient.shape)} does not fit a tensor of ${showShape(root.shape)}`,
    );
  }
  if (gradient.dtype !== root.dtype) {
    throw new DTypeError(`backward: a ${gradient.dtype} gradient does not fit a ${root.dtype} tensor`);
  }
  return gradient;
}

function requireGraph(operation: string, root: Tensor): void {
  if (root.requiresGrad) return;
  throw new GradientError(
    `${operation}: the tensor does not require a gradient: nothing that it was computed from has requiresGrad, ` +
      "or it was computed inside noGrad() or behind detach()",
  );
}

/** Marks what a backward pass has used up; values kept for it can go once it has run. */
function free(order: readonly Node[]): void {
  for (const node of order) {
    if (isLeaf(node)) continue;
    node.freed = true;
    noteRelease(node);
    for (const src of node.srcs) if (!src.requiresGrad && src.buffer !== null && src.srcs.length > 0) noteRelease(src);
    // A value that exists needs its sources no more; otherwise a list of losses would hold every graph.
    if (node.buffer !== null && node.buffer.host !== null) node.forget();
  }
}

backwardHook.run = (
  root: Tensor,
  { gradient, createGraph = false, retainGraph = createGraph }: BackwardOptions,
): void => {
  requireGraph("backward", root);
  const plain = gradient === undefined && !createGraph && !retainGraph;
  const known = plain ? recording.following?.backward(root.node) : null;
  if (known) {
    for (const { owner, node } of known) {
      (owner as Tensor).gradient = new Tensor(node);
      noteGradient(owner as Tensor, node);
    }
    noteLoss(root.node);
    return;
  }
  const { capture } = recording;
  const from = capture?.nodes.length ?? 0;
  const firstWatch = capture?.watches.length ?? 0;
  let fresh = plain;
  recordingGradients(createGraph, () => {
    const order = flow(
      [root.node],
      [seedFor(root, gradient)],
      (node, g) => {
        const owner = node.owner as Tensor | null;
        if (owner === null) return;
        const before = owner.gradient;
        if (before !== null) fresh = false;
        owner.gradient = before === null ? new Tensor(g.node) : before.add(g);
        if (before !== null) {
          before.node.carried = true;
          noteRelease(before.node);
        }
        noteGradient(owner, owner.gradient.node);
      },
      createGraph
        ? undefined
        : (node, g) => {
            const taken = takeRows(node, g);
            if (taken) fresh = false;
            return taken;
          },
    );
    noteLoss(root.node);
    if (!retainGraph) free(order);
  });
  // A pass that only gives gradients to who has none records the same whenever the graph is the same.
  if (capture !== null && fresh && capture.copiedAt < from) {
    const watches = capture.watches.slice(firstWatch);
    capture.passes.push({ root: root.node, from, to: capture.nodes.length, watches });
  }
};

/** An embedding with a sparse gradient hands the rows' gradients to its table as they are. */
function takeRows(node: Node, g: Tensor): boolean {
  if (node.primitive !== P.gather || node.attr![1] !== 1) return false;
  const [table, , rows] = node.srcs as [Node, Node, Node];
  const owner = table.owner as Tensor | null;
  if (!isLeaf(table) || owner === null) return false;
  const part = addRows(owner, { rows: new Tensor(rows), values: g });
  noteGradient(part, g.node);
  return true;
}

export interface GradOptions {
  /** Gradients of whatever comes after the outputs; needed for outputs of more than one element. */
  gradOutputs?: readonly Tensor[] | undefined;
  /** Keep the graph for another pass. Default: the value of `createGraph`. */
  retainGraph?: boolean | undefined;
  /** Record the pass itself, for gradients of gradients. Default false. */
  createGraph?: boolean | undefined;
}

/**
 * The gradients of the sum of `outputs` with respect to `inputs`, without touching anybody's `grad`.
 *
 * @throws GradientError if an input has no part in the outputs
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  { gradOutputs, createGraph = false, retainGraph = createGraph }: GradOptions = {},
): Tensor[] {
  const roots = outputs instanceof Tensor ? [outputs] : outputs;
  const leaves = inputs instanceof Tensor ? [inputs] : inputs;
  for (const root of roots) requireGraph("grad", root);
  const found = new Map<Node, Tensor>();
  const wanted = new Set(leaves.map((x) => x.node));
  recordingGradients(createGraph, () => {
    const seeds = roots.map((root, i) => seedFor(root, gradOutputs?.[i]));
    const order = flow(
      roots.map((root) => root.node),
      seeds,
      (node, g) => {
        if (wanted.has(node)) found.set(node, g);
      },
    );
    for (const root of roots) noteLoss(root.node);
    if (!retainGraph) free(order);
  });
  return leaves.map((x, i) => {
    const g = found.get(x.node);
    if (g === undefined) throw new GradientError(`grad: the outputs do not depend on input ${i}`);
    // The user holds it: it is an open end like anything the user computes.
    g.node.internal = false;
    return g;
  });
}

function withGrad<T>(enabled: boolean, f: () => T): T {
  const before = recording.gradEnabled;
  recording.gradEnabled = enabled;
  let result: T;
  try {
    result = f();
  } catch (error) {
    recording.gradEnabled = before;
    throw error;
  }
  recording.gradEnabled = before;
  if (result instanceof Promise) {
    throw new GradientError("noGrad: the function must not be async: what it does after an await would be outside");
  }
  return result;
}

/** Runs a function whose operations record no gradients, and returns what it returns. */
export const noGrad = <T>(f: () => T): T => withGrad(false, f);

/** Runs a function whose operations record gradients although it stands inside {@link noGrad}. */
export const enableGrad = <T>(f: () => T): T => withGrad(true, f);

/** Whether operations on tensors that require a gradient give tensors that do. */
export const isGradEnabled = (): boolean => recording.gradEnabled;
