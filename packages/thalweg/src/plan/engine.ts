/**
 * When recorded operations are run.
 *
 * Nothing runs until a value is needed. A step is recorded like everything else, and at most one is ever pending; it
 * runs when a value is needed or the next step comes. Since it overwrites parameters, whatever was recorded from their
 * old values and may still be asked for is computed first, in the same plan: the losses on which backward was called,
 * the gradients, and open ends (values that nothing else reads).
 */
import { Buffer, device } from "../device/device.js";
import { IndexError, OptionError } from "../errors.js";
import { type Node, recording, stale } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { javascriptBackend } from "../kernels/javascript.js";
import type { Backend } from "../kernels/kernel.js";
import { wasmBackend, wideBackend } from "../kernels/wasm/backend.js";
import { requireWide } from "../kernels/wasm/wide.js";
import { clearPlans, planFor } from "./cache.js";
import { assignNode, type Change, oldOf } from "./change.js";
import { keepForBackward } from "./keep.js";
import { collect, nextMark } from "./key.js";
import { dependentsOf, isOpen, openEnds } from "./openEnds.js";
import { describe, type Fate, planOf, type Wanted } from "./plan.js";
import type { LoadedPlan } from "./run.js";

export type { Change };

/** Somebody whose gradient is a recorded value. */
export interface GradientOwner {
  readonly gradient: { readonly node: Node } | null;
}

interface Watch {
  readonly owner: GradientOwner;
  readonly node: Node;
}

/** What was recorded up to a step, and between steps. */
interface Recorded {
  /** Losses on which backward was called. */
  losses: Node[];
  /** Gradients. */
  watches: Watch[];
  /** Values kept for backward passes that are recorded now, not needed once those have run. */
  releases: Node[];
}

interface Pending extends Recorded {
  readonly assigns: readonly Node[];
  /** What was recorded from parameters up to the step. */
  readonly live: readonly Node[];
}

let pending: Pending | null = null;
/**
 * Old values of parameters whose step has run because something was read. They stay until the next step comes, so that
 * whatever was recorded from them can be read until then, as in PyTorch.
 */
let retired: readonly Node[] = [];
let recent: Recorded = { losses: [], watches: [], releases: [] };
/** Values kept for backward passes that have not come yet, by forward pass; the oldest are given up. */
const generations: Node[][] = [];
const MOST_GENERATIONS = 4;

let latest: LoadedPlan | null = null;

const settings = { eager: false, fuse: true };
const LIMIT = recording.limit;

/** Makes a value exist, and everything that has to be computed with it. */
export function realize(node: Node): void {
  if (node.buffer !== null) return;
  recording.following?.abandon();
  if (node.stale) throw stale(node.primitive.name);
  run([node], true);
}

/** Takes note that a backward pass starts at a loss, so that the loss itself stays readable. */
export function noteLoss(node: Node): void {
  if (node.buffer === null) recent.losses.push(node);
}

/** Takes note of a gradient, so that it is computed before it becomes impossible. */
export function noteGradient(owner: GradientOwner, node: Node, before: Node | null = null): void {
  recent.watches.push({ owner, node });
  recording.capture?.watches.push({ owner, node, before });
}

/** Takes note of a value that is not needed once the backward pass recorded now has run. */
export function noteRelease(node: Node): void {
  recent.releases.push(node);
}

/**
 * Records new values for parameters. Returns the nodes that stand for the parameters from now on. Runs the step before,
 * if it is still pending.
 */
export function step(changes: readonly Change[]): Node[] {
  const known = recording.following?.step(changes);
  if (known) return known;
  if (pending !== null) run([], false);
  retire();
  const assigns = changes.map(assignNode);
  const { capture } = recording;
  if (capture !== null) {
    if (capture.stepAt >= 0) capture.failed ??= "it makes more than one step (or assign)";
    capture.stepAt = capture.nodes.length;
    changes.forEach(({ old, holder }, i) => {
      capture.changes.push({ old, assign: assigns[i]!, holder });
    });
  }
  takeStep(assigns);
  if (settings.eager) run([], true);
  return assigns;
}

/** Makes a recorded step the pending one, with all that was recorded so far. */
function takeStep(assigns: readonly Node[]): void {
  pending = { assigns, live: recording.live, ...recent };
  recording.live = [];
  recent = { losses: [], watches: [], releases: [] };
}

/** Runs the pending step, if any, and whatever else may be asked for. */
export function settle(): void {
  if (pending !== null || recent.losses.length > 0 || recent.watches.length > 0) run([], true);
}

/**
 * Runs one plan: the pending step with what must come before it, and the given targets.
 *
 * @param everything - also the losses and gradients recorded since the pending step
 */
function run(targets: readonly Node[], everything: boolean): void {
  recording.following?.abandon();
  if (recording.capture !== null) recording.capture.failed ??= "it reads a value inside (return the tensor instead)";
  const step = pending;
  const assigns = step?.assigns ?? [];
  const overwritten: Node[] = [];
  const gone: Node[] = [];
  const later: Node[] = [];
  const changes: Wanted[] = [];
  for (let i = 0; i < assigns.length; i++) {
    const node = assigns[i]!;
    const old = oldOf(node);
    const overwrite = canOverwrite(old);
    const over = overwrite && isInPlace(node, old, everything) ? old : null;
    if (overwrite) {
      overwritten.push(old);
      (over === null ? later : gone).push(old);
    }
    changes.push({ node, fate: "assign", over });
  }
  const ends = openEndsOn(overwritten, [
    ...(step?.releases ?? []),
    ...(everything ? recent.releases : []),
    ...(generations.length >= MOST_GENERATIONS ? generations[0]! : []),
  ]);
  const wanted: Wanted[] = [];
  const mark = nextMark();
  const want = (node: Node, fate: Fate): void => {
    if (node.buffer !== null || node.mark === mark || node.stale) return;
    node.mark = mark;
    wanted.push({ node, fate });
  };
  const wantRecorded = ({ losses, watches }: Recorded): void => {
    for (const node of losses) want(node, "value");
    // A gradient is computed if its owner still has it, or something else may: a later sum, or a user.
    for (const { owner, node } of watches) {
      if (node.escaped || node.carried || owner.gradient?.node === node) want(node, "kept");
    }
  };
  if (step !== null) wantRecorded(step);
  for (const node of ends) want(node, "value");
  for (let i = 0; i < changes.length; i++) {
    const { node } = changes[i]!;
    if (node.buffer !== null || node.stale) continue;
    node.mark = mark;
    wanted.push(changes[i]!);
  }
  if (everything) wantRecorded(recent);
  for (const node of targets) want(node, "value");
  let failed: boolean;
  try {
    failed = execute(wanted);
  } catch (error) {
    // A target that cannot be computed is its reader's business; a step that cannot would stand in everybody's way.
    if (targets.length === 0 || !canCollect(wanted.filter(({ node }) => !targets.includes(node)))) {
      if (pending !== null) recording.live = [...pending.live, ...recording.live];
      pending = null;
      recent = { losses: [], watches: [], releases: [] };
    }
    throw error;
  }
  if (step !== null) {
    pending = null;
    // Of what the backward pass and the step recorded for themselves nothing is needed now that they have run.
    recording.live = [...step.live.filter((node) => !node.internal), ...recording.live];
    retired = later;
    markStale(gone);
    for (const node of step.releases) release(node);
  }
  if (everything) {
    for (const node of recent.releases) release(node);
    recent = { losses: [], watches: [], releases: [] };
  }
  while (generations.length > MOST_GENERATIONS) for (const node of generations.shift()!) release(node);
  // Where no steps come, as in evaluation, inner values would pile up here: the old ones are let go.
  if (recording.live.length > LIMIT) {
    const recent = recording.live.length - LIMIT / 2;
    recording.live = recording.live.filter((node, i) => i >= recent || (node.buffer === null && !node.used));
  }
  if (recording.loose.length > 0)
    recording.loose = recording.loose.filter((node) => node.buffer === null && !node.used);
  if (failed) {
    throw new IndexError("gather, indexSelect or scatterAdd: an index was outside the bounds of its dimension");
  }
}

function canCollect(wanted: readonly Wanted[]): boolean {
  try {
    collect(wanted.map(nodeOf));
    return true;
  } catch {
    return false;
  }
}

/** True if the next value is written over the storage of this one, which then is gone. */
const canOverwrite = (old: Node): boolean => old.mutable && old.buffer !== null && !old.buffer.shared;

/**
 * True if an assign writes over the old value's storage, if it can. When a step runs because something is read, parameters
 * are written elsewhere, so that their old values stay readable; states, and tables of which some rows change, are not.
 */
const isInPlace = (assign: Node, old: Node, reading: boolean): boolean =>
  !reading || !old.requiresGrad || assign.primitive === P.assignRows;

/** Gives up the parameters' old values, after computing what is still open. */
function retire(): void {
  if (retired.length === 0) return;
  const ends = openEndsOn(retired);
  if (ends.length > 0) execute(ends.map((node): Wanted => ({ node, fate: "value" })));
  for (const old of retired) {
    if (old.buffer === null) continue;
    device().release(old.buffer);
    old.buffer = null;
    old.stale = true;
  }
  markStale(retired);
  retired = [];
}

/** Whether a recorded value still hangs on parameters that may change. */
function isStillLive(node: Node): boolean {
  if (node.stale) return false;
  // A value that exists may be given up again, and then counts as recorded: unless its sources are gone.
  if (node.buffer !== null) return canComputeAgain(node);
  node.live = node.srcs.some((src) => src.live && (src.buffer === null || src.mutable));
  return node.live;
}

const canComputeAgain = (node: Node): boolean => node.srcs.length > 0 && !node.srcs.some((src) => src.stale);

/** What has been recorded and may still be asked for. */
const recorded = (): readonly (readonly Node[])[] => [pending?.live ?? [], recording.live, recording.loose];

const openEndsOn = (overwritten: readonly Node[], givenUp: readonly Node[] = []): Node[] =>
  openEnds(recorded(), overwritten, givenUp);

/** Makes known what can no longer be computed now that some old values are gone. */
function markStale(gone: readonly Node[]): void {
  if (gone.length === 0) return;
  for (const node of dependentsOf(gone, [pending?.live ?? [], recording.live])) {
    if (node.buffer !== null) continue;
    node.stale = true;
    node.forget();
  }
  recording.live = recording.live.filter((node) => {
    if (isStillLive(node)) return true;
    // Computed from values that exist, for now.
    if (isOpen(node)) recording.loose.push(node);
    return false;
  });
}

/**
 * Plans and runs: one plan for all the given results, which then exist.
 *
 * @returns true if a computed index was out of bounds; then only assigns count as computed
 */
function execute(wanted: Wanted[]): boolean {
  recording.count = 0;
  if (wanted.length === 0) return false;
  const graph = collect(wanted.map(nodeOf));
  const generation = keepForBackward(graph.nodes, wanted);
  if (generation !== null) generations.push(generation);
  const loaded = planFor(graph.nodes, wanted, device(), settings.fuse);
  latest = loaded;
  const buffers: Buffer[] = [];
  for (let i = 0; i < wanted.length; i++) buffers.push(targetFor(wanted[i]!));
  const failed = loaded.run(graph.inputs, graph.scalars, buffers);
  for (let i = 0; i < wanted.length; i++) {
    const { node, fate, over } = wanted[i]!;
    if (failed && fate !== "assign") {
      device().release(buffers[i]!);
      continue;
    }
    node.buffer = buffers[i]!;
    if (fate === "assign") {
      if (over) {
        over.buffer = null;
        over.stale = true;
      }
      node.forget();
    } else if (fate !== "saved" && (!node.requiresGrad || node.freed)) node.forget();
  }
  return failed;
}

const nodeOf = ({ node }: Wanted): Node => node;

/** The storage that a result is to have. */
function targetFor({ node, over }: Wanted): Buffer {
  if (over) return over.buffer!;
  return node.primitive === P.assignRows ? device().copy(oldOf(node).buffer!) : new Buffer(node.dtype, node.size, null);
}

/**
 * Gives up the storage of a value that nobody has looked at. If it is asked for after all it is computed again, as
 * long as that is possible.
 */
export function release(node: Node): void {
  const { buffer } = node;
  if (buffer === null || node.escaped || buffer.shared || buffer.host !== null) return;
  // A step that has not run yet may read it: it goes when that has.
  if (pending !== null) {
    pending.releases.push(node);
    return;
  }
  device().release(buffer);
  node.buffer = null;
  if (!canComputeAgain(node)) node.stale = true;
}

/** The plan that ran last, in words: for a training loop, a whole step. */
export const lastPlan = (): string => latest?.describe() ?? "no plan has run yet";

/** The plan that a value would be computed by, in words; nothing is run. */
export function explain(node: Node): string {
  if (node.buffer !== null) return "the value exists: nothing to compute";
  const graph = collect([node]);
  return describe(planOf(graph.nodes, [{ node: node.index, fate: "value" }], settings.fuse));
}

export interface Configuration {
  /** Where kernels run: WebAssembly, or the JavaScript that it is checked against (slow). Default "wasm". */
  backend?: "wasm" | "javascript";
  /** Run every operation at once, alone: for finding the line that makes a NaN. Default false. */
  eager?: boolean;
  /** Compute chains of operations in one pass over memory. Default true. */
  fuse?: boolean;
  /**
   * The most threads that kernels run on, the calling one included; 1 starts no other. Results do not depend on it.
   * Default: as many as the machine has cores, at most 8; 1 on pages that are not cross-origin isolated.
   */
  threads?: number;
  /**
   * On Node 24 and newer on x64: lets the engine join vectors of 128 bits to ones of 256, which makes products of matrices
   * about twice as fast and changes no result. Off by default, since V8 calls it experimental; what it compiles is compared
   * with the oracle when it is switched on. To be set before the first value is computed. Where it cannot be had, that is
   * an error.
   */
  wide?: boolean;
}

/** Changes how recorded operations are run; plans made so far are forgotten. */
export function configure(changes: Configuration): void {
  settle();
  engine.version++;
  clearPlans();
  if (changes.threads !== undefined) device().threads.limit(changes.threads);
  if (changes.eager !== undefined) settings.eager = changes.eager;
  if (changes.fuse !== undefined) settings.fuse = changes.fuse;
  if (changes.backend !== undefined) {
    const known = backends[changes.backend];
    if (known === undefined) {
      throw new OptionError(
        `configure: there is no backend "${changes.backend}" (there are: ${Object.keys(backends).join(", ")})`,
      );
    }
    device().backend = known;
  }
  if (changes.wide !== undefined) {
    if (changes.wide) device().backend = requireWide();
    else if (device().backend === wideBackend) device().backend = wasmBackend;
  }
  recording.limit = settings.eager ? 0 : LIMIT;
}

/** What of the engine following a recording (`follow.ts`) needs. */
export const engine = {
  /** Changes with the settings, which old plans do not know. */
  version: 0,
  get fuse(): boolean {
    return settings.fuse;
  },
  get eager(): boolean {
    return settings.eager;
  },
  realize,
  takeStep,
  /** Runs what is pending, so that there is nothing but values that exist and open ends. */
  quiet(): void {
    if (recording.following !== null || recording.capture !== null) return;
    settle();
    retire();
  },
  /** The gradients noted since the pending step. */
  watches: (): readonly Watch[] => recent.watches,
  /** Computes what hangs on values that are about to be overwritten, and forgets what was noted. */
  beforeOverwriting(olds: readonly Node[]): void {
    recent = { losses: [], watches: [], releases: [] };
    if (recording.live.length === 0) return;
    const ends = openEndsOn(olds);
    execute(ends.map((node): Wanted => ({ node, fate: "value" })));
  },
  afterOverwriting(olds: readonly Node[]): void {
    if (recording.live.length > 0) markStale(olds);
  },
  /** Where the new value of a parameter goes. */
  targetOf(primitive: P.Primitive, old: Node): Buffer {
    if (canOverwrite(old)) return old.buffer!;
    return primitive === P.assignRows ? device().copy(old.buffer!) : new Buffer(old.dtype, old.size, null);
  },
};

const backends: Readonly<Record<string, Backend>> = { wasm: wasmBackend, javascript: javascriptBackend };

// In eager mode this runs each operation. Else it bounds what a program that reads nothing can pile up.
recording.overflow = (node) => {
  if (settings.eager) return realize(node);
  const open = [...recorded().flat(), node].filter(isOpen);
  // One by one: what a loop left open many times is one small plan many times.
  for (const end of open) if (end.buffer === null) run([end], true);
  recording.live = recording.live.filter((x) => x.buffer === null && !x.used);
};
