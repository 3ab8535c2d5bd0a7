import { OptionError } from "./errors.js";
import { type Capture, leafNode, type Node, recording } from "./graph/node.js";
import { sameShape } from "./graph/shape.js";
import { engine } from "./plan/engine.js";
import { NotFollowed, Recorded } from "./plan/follow.js";
import { Tensor } from "./tensor/tensor.js";

/** What a compiled step takes: tensors of data, and whatever else. */
export type StepArgument = unknown;

/** How a compiled step has been run so far. */
export interface CompileReport {
  /** Calls that followed a recording and ran its plan, with no graph built. */
  followed: number;
  /** Calls that were recorded like any other code. */
  recorded: number;
  /** Why the last recorded call was not followed; null if it was followed or was the first of its shapes. */
  reason: string | null;
}

export interface CompiledStep<A extends readonly StepArgument[], R> {
  (...args: A): R;
  readonly report: Readonly<CompileReport>;
}

/** Recordings that are kept, for so many different shapes of arguments. */
const MOST_RECORDINGS = 16;
/** So often in a row may a recording turn out to be of no use; then the step is run as it is written. */
const MOST_MISSES = 8;

const NOT_THE_SAME = "it did not record the same operations as the call before (a branch, other shapes, another state)";

/** A recording and the arguments that it is for. */
interface Kept {
  readonly args: readonly Node[];
  readonly recorded: Recorded;
}

/**
 * A training step that builds no graph when it is called again: forward pass, backward pass, `optimizer.step()` and results
 * are recorded once and their plan is run at each later call.
 *
 * ```ts
 * const step = compile((x: Tensor, y: Tensor) => {
 *   const loss = model(x).sub(y).square().mean();
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * for (const [x, y] of loader) losses.push(step(x, y).item());
 * ```
 *
 * Results are those of the function itself, bit for bit. The function still runs at each call, so numbers that it computes
 * (learning rates, step counts), random numbers and its other effects are those of the call; each operation is compared
 * with the recorded one, and where one differs the call goes on as without `compile`. See `docs/compile.md`.
 *
 * @param f - the step. May take tensors of data and anything else; what it returns may hold tensors, alone, in arrays or in
 *   objects, which come back with no gradient behind them. It should not read values (return the tensors), and makes at most
 *   one optimizer step.
 */
export function compile<A extends readonly StepArgument[], R>(f: (...args: A) => R): CompiledStep<A, R> {
  if (typeof f !== "function") throw new OptionError(`compile: expects a function, got ${typeof f}`);
  const report: CompileReport = { followed: 0, recorded: 0, reason: null };
  const recordings: Kept[] = [];
  let misses = 0;

  const drop = (kept: Kept): void => {
    recordings.splice(recordings.indexOf(kept), 1);
  };

  const follow = (kept: Kept, args: A, leaves: readonly Node[]): { result: R } | null => {
    const { recorded } = kept;
    if (!recorded.begin(leaves)) {
      drop(kept);
      return null;
    }
    let result: R;
    try {
      result = f(...args);
    } catch (error) {
      recorded.abandon();
      drop(kept);
      throw error;
    }
    const outputs = tensorsIn(result);
    if (recorded.finish(outputs)) {
      report.followed++;
      report.reason = null;
      misses = 0;
      return { result };
    }
    drop(kept);
    misses++;
    report.recorded++;
    report.reason = NOT_THE_SAME;
    return { result: detached(result, outputs) };
  };

  const record = (args: A, leaves: readonly Node[]): R => {
    const capture = newCapture();
    recording.capture = capture;
    let result: R;
    try {
      result = f(...args);
    } finally {
      recording.capture = null;
    }
    const outputs = tensorsIn(result);
    report.recorded++;
    report.reason = null;
    try {
      const recorded = new Recorded(
        capture,
        leaves,
        outputs.map(({ node }) => node),
      );
      if (recordings.length === MOST_RECORDINGS) drop(recordings[0]!);
      recordings.push({ args: leaves, recorded });
    } catch (error) {
      if (!(error instanceof NotFollowed)) throw error;
      // Without a reason it is only that something begins, such as an optimizer's state: the next call will do.
      if (error.message !== "") {
        misses++;
        report.reason = error.message;
      }
    }
    return detached(result, outputs);
  };

  const step = (...given: A): R => {
    if (engine.eager || recording.following !== null || recording.capture !== null) return f(...given);
    engine.quiet();
    const leaves: Node[] = [];
    const args = (given.some((x) => x instanceof Tensor) ? given.map((x) => own(x, leaves)) : given) as unknown as A;
    if (misses >= MOST_MISSES) {
      report.recorded++;
      const result = f(...args);
      return detached(result, tensorsIn(result));
    }
    const kept = recordings.find(
      (one) => one.args.length === leaves.length && one.args.every((arg, i) => sameKind(arg, leaves[i]!)),
    );
    const followed = kept === undefined ? null : follow(kept, args, leaves);
    return followed === null ? record(args, leaves) : followed.result;
  };
  return Object.assign(step, { report });
}

const newCapture = (): Capture => ({
  nodes: [],
  enabled: [],
  views: new Map(),
  changes: [],
  stepAt: -1,
  watches: [],
  passes: [],
  copiedAt: -1,
  failed: null,
});

const sameKind = (a: Node, b: Node): boolean =>
  a.dtype === b.dtype &&
  sameShape(a.shape, b.shape) &&
  (a.strides === b.strides || (a.strides !== null && b.strides !== null && sameShape(a.strides, b.strides)));

/** A data tensor as one that is this call's own, whose leaf is added to `leaves`; anything else as it is. */
function own(x: StepArgument, leaves: Node[]): StepArgument {
  if (!(x instanceof Tensor) || x.requiresGrad || x.node.mutable) return x;
  engine.realize(x.node);
  const { node } = x;
  const leaf = leafNode(node.buffer!, node.shape);
  node.buffer!.shared = true;
  leaf.strides = node.strides;
  leaf.offset = node.offset;
  leaves.push(leaf);
  return new Tensor(leaf);
}

/** The tensors in what a function returns, in an order that depends on nothing but their places. */
function tensorsIn(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result];
  if (result instanceof Promise)
    throw new OptionError("compile: the step must not be async; read its results after it");
  if (Array.isArray(result)) return result.flatMap(tensorsIn);
  if (typeof result !== "object" || result === null || Object.getPrototypeOf(result) !== Object.prototype) return [];
  return Object.values(result).flatMap(tensorsIn);
}

/** A recorded result as a followed call gives it: with no gradient behind it. */
function detached<R>(result: R, outputs: readonly Tensor[]): R {
  for (const output of outputs) if (output.requiresGrad && !output.isLeaf) output.node = output.detach().node;
  return result;
}
