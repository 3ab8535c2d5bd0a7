import { SMALL } from "../device/device.js";
import type { DType } from "../dtype.js";
import type { Node } from "../graph/node.js";
import { showShape } from "../graph/shape.js";
import { argumentLayout, extent, type Kernel } from "../kernels/kernel.js";
import { batchesOf, nameOf } from "./batches.js";
import { type Emitted, emit } from "./emit.js";
import { chooseStored, type Group, group } from "./fuse.js";
import { deferredAssigns } from "./hazards.js";
import { type Item, itemsOf } from "./item.js";
import { type Life, layOut } from "./layout.js";
import { StoreItem } from "./lower.js";
import { type Share, shareOf } from "./share.js";
import { spread } from "./spread.js";
import { bytesMoved, leastBytes, showBytes } from "./traffic.js";

/** What becomes of a result of a plan. */
export type Fate =
  /** Copied to the heap if small, else in a block of its own. */
  | "value"
  /** In a block of its own: gradients, which the next plan reads. */
  | "kept"
  /** The same, for what a backward pass still to come will read. */
  | "saved"
  /** Written over a parameter's old value. */
  | "assign";

/** A value that a plan is to compute, and what becomes of it. */
export interface Wanted {
  readonly node: Node;
  readonly fate: Fate;
  /** Of an assign: the value that it is written over, if it is not written elsewhere. */
  readonly over?: Node | null;
}

/** The same as the plan remembers it. */
export interface Result {
  /** Place of the node in the walk. */
  readonly node: number;
  readonly fate: Fate;
}

/** Where an address comes from when a plan is run. */
export type Place =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "result"; readonly index: number }
  | { readonly kind: "temporary"; readonly offset: number };

/** A kernel in a plan, with the places that its slots refer to. */
export interface Step {
  readonly kernel: Kernel;
  readonly places: readonly Place[];
  /** Which scalar of the plan stands in each scalar slot. */
  readonly scalars: readonly number[];
  readonly end: number;
  /** Byte offset of its argument block in the plan's. */
  readonly args: number;
  readonly operations: number;
  readonly share: Share;
  /** What kernels of the same code have in common. */
  readonly name: string;
  /** Neighbouring steps with one number may run in any order, or at the same time. */
  readonly batch: number;
}

/** Room for a small value from the heap; none (0 bytes) for large ones. */
export interface Staging {
  readonly offset: number;
  readonly bytes: number;
}

/** Kernels in order, with one memory layout: everything about a graph that does not change from run to run. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly scalarTypes: readonly DType[];
  /** For each input, where in the temporary memory a small value on the heap is copied to. */
  readonly staging: readonly Staging[];
  /** For each result, where in the temporary memory it is computed, if it is then copied to the heap; else -1. */
  readonly resultOffsets: readonly number[];
  readonly results: readonly Result[];
  readonly temporaryBytes: number;
  readonly argumentBytes: number;
  /** Values computed × points of one run. */
  readonly operations: number;
  readonly groups: readonly Group[];
  /** Bytes that the kernels of each group move to and from memory. */
  readonly moved: readonly number[];
  /** Bytes that any plan for this graph would move. */
  readonly least: number;
}

/** How often the storing of items may be decided anew. */
const ATTEMPTS = 200;

/** Plans a graph: nodes in topological order (`node.index` is the place) and what becomes of which of them. */
export function planOf(nodes: readonly Node[], results: readonly Result[], fuse = true): Plan {
  const forced = new Set<number>();
  const apart = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      return attemptPlan(nodes, results, forced, apart, fuse);
    } catch (signal) {
      if (!(signal instanceof StoreItem)) throw signal;
      const { id } = signal.item;
      if (forced.has(id) && (!signal.apart || apart.has(id)))
        throw new Error(`internal: cannot plan ${signal.message}`);
      for (const stored of signal.item.isInput ? [id, id + 1] : [id]) {
        forced.add(stored);
        if (signal.apart) apart.add(stored);
      }
    }
  }
  throw new Error("internal: the graph could not be planned");
}

function attemptPlan(
  nodes: readonly Node[],
  results: readonly Result[],
  forced: ReadonlySet<number>,
  apart: ReadonlySet<number>,
  fuse: boolean,
): Plan {
  const items = itemsOf(nodes, (node) => node.buffer !== null, forced);
  if (!fuse) for (const item of items.list) if (!item.isInput && item.scalar < 0) (forced as Set<number>).add(item.id);
  for (const item of items.list) item.apart = apart.has(item.id);
  const wanted = results.map((result) => items.byNode[result.node]!);
  chooseStored(items.list, wanted, forced);
  const groups = group(oldValuesFirst(items.list), fuse);
  const emitted: { at: number; kernel: Emitted }[] = [];
  groups.forEach((g, at) => {
    for (const kernel of emit(g)) emitted.push({ at, kernel: { ...kernel, kernel: spread(kernel.kernel) } });
  });
  return assemble(items.inputs, items.scalars, wanted, results, groups, emitted);
}

/**
 * What does not depend on an assign comes before the assigns, so that old values are read before they are overwritten.
 * (Where a later value still reads an old one, see {@link deferredAssigns}.)
 */
function oldValuesFirst(list: readonly Item[]): Item[] {
  const late = new Set<Item>();
  for (const item of list) if (item.overwrites !== null || item.srcs.some((src) => late.has(src))) late.add(item);
  return [...list.filter((item) => !late.has(item)), ...list.filter((item) => late.has(item))];
}

function assemble(
  inputs: readonly Item[],
  scalars: readonly Item[],
  wanted: readonly Item[],
  results: readonly Result[],
  groups: readonly Group[],
  emitted: { at: number; kernel: Emitted }[],
): Plan {
  const deferred = deferredAssigns(wanted, results, emitted);
  const kernels = emitted.map(({ kernel }) => kernel);
  const names = kernels.map(({ kernel }) => nameOf(kernel));
  const batches = batchesOf(kernels, names);
  const lives = new Map<Item, Life>();
  const resultOf = new Map<Item, number>();
  results.forEach((result, i) => {
    const item = wanted[i]!;
    const small = result.fate === "value" && item.bytes <= SMALL;
    if (!small && !deferred.has(item)) resultOf.set(item, i);
  });
  kernels.forEach(({ buffers }, k) => {
    const at = batches[k]!;
    for (const item of buffers) {
      if ((item.isInput && !item.stored) || resultOf.has(item)) continue;
      const life = lives.get(item);
      if (life === undefined) lives.set(item, { item, first: at, last: at });
      else life.last = at;
    }
  });
  // Small results are read after the last kernel; so are deferred assigns.
  wanted.forEach((item) => {
    const life = lives.get(item);
    if (life !== undefined) life.last = Number.POSITIVE_INFINITY;
  });
  let bytes = 0;
  const staging = inputs.map((item): Staging => {
    const size = item.strides !== null ? SMALL : item.bytes <= SMALL ? (item.bytes + 63) & ~63 : 0;
    bytes += size;
    return { offset: bytes - size, bytes: size };
  });
  const { offsets, bytes: temporaryBytes } = layOut([...lives.values()], bytes);
  const placeOf = (item: Item): Place => {
    if (item.isInput && !item.stored) return { kind: "input", index: item.input };
    const index = resultOf.get(item);
    return index !== undefined ? { kind: "result", index } : { kind: "temporary", offset: offsets.get(item)! };
  };
  let argumentBytes = 0;
  const steps = kernels.map(({ kernel, buffers, scalars: used, operations }, k): Step => {
    const args = argumentBytes;
    argumentBytes += argumentLayout(kernel).bytes;
    const end = extent(kernel);
    const places = buffers.map(placeOf);
    const share = shareOf(kernel, end);
    const slots = used.map((item) => item.scalar);
    return { kernel, places, scalars: slots, end, args, operations, share, name: names[k]!, batch: batches[k]! };
  });
  return {
    steps,
    scalarTypes: scalars.map((item) => item.dtype),
    staging,
    resultOffsets: wanted.map((item) => (resultOf.has(item) ? -1 : (offsets.get(item) ?? -1))),
    results,
    temporaryBytes,
    argumentBytes,
    operations: steps.reduce((n, step) => n + step.operations, 0),
    groups,
    moved: groups.map((_, g) =>
      emitted.reduce((sum, { at, kernel }) => (at === g ? sum + bytesMoved(kernel) : sum), 0),
    ),
    least: leastBytes(inputs, wanted),
  };
}

/** A plan in words: its kernels, what they read and write, and the bytes that they move. */
export function describe(plan: Plan): string {
  const lines = plan.groups.map((g, i) => {
    const names = (list: readonly Item[]) => list.map((x) => `${x.primitive.name}${showShape(x.shape)}`).join(", ");
    const parts = [
      g.item !== null ? `${g.item.primitive.name}${showShape(g.item.shape)}` : "",
      g.body.length > 0 ? `stores ${names(g.body)}` : "",
      g.folds.length > 0 ? `folds ${names(g.folds)}` : "",
      g.epilogue.length > 0 ? `then ${names(g.epilogue)}` : "",
    ];
    return `${i + 1}. ${g.kind} over ${g.size} points: ${parts.filter(Boolean).join("; ")}; moves ${showBytes(plan.moved[i]!)}`;
  });
  const moved = plan.moved.reduce((a, b) => a + b, 0);
  return [
    `${plan.steps.length} kernels, ${plan.temporaryBytes} bytes of temporary memory, ${plan.operations} operations`,
    `moves ${showBytes(moved)}; each input read and each result written once would be ${showBytes(plan.least)}`,
    ...lines,
  ].join("\n");
}
