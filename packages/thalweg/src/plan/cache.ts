import type { Device } from "../device/device.js";
import type { Node } from "../graph/node.js";
import { hashOf, keyOf, sameKey } from "./key.js";
import { planOf, type Wanted } from "./plan.js";
import { LoadedPlan } from "./run.js";
import { clearKernels } from "./runnable.js";
import { statistics } from "./statistics.js";

/** Plans kept; the oldest go first. Loops need a handful. */
const MOST_PLANS = 1000;

interface Entry {
  readonly key: Int32Array;
  readonly hash: number;
  readonly loaded: LoadedPlan;
}

const plans = new Map<number, Entry[]>();
/** The plans found last, the latest first: loops run one or two in turns, which so are found without a hash. */
const latest: Entry[] = [];
const MOST_LATEST = 2;
const order: Entry[] = [];

/** The plan for a graph: found by the graph's structure, or made and kept. */
export function planFor(nodes: readonly Node[], wanted: readonly Wanted[], device: Device, fuse: boolean): LoadedPlan {
  const key = keyOf(nodes, wanted);
  for (const entry of latest) if (sameKey(entry.key, key)) return entry.loaded;
  const hash = hashOf(key);
  const entries = plans.get(hash);
  if (entries !== undefined) for (const entry of entries) if (sameKey(entry.key, key)) return remember(entry).loaded;
  const copy = key.slice();
  const results = wanted.map(({ node, fate }) => ({ node: node.index, fate }));
  const loaded = new LoadedPlan(planOf(nodes, results, fuse), device);
  statistics.plansCompiled++;
  const entry: Entry = { key: copy, hash, loaded };
  if (entries === undefined) plans.set(hash, [entry]);
  else entries.push(entry);
  order.push(entry);
  if (order.length > MOST_PLANS) drop(order.shift()!);
  return remember(entry).loaded;
}

function remember(entry: Entry): Entry {
  latest.unshift(entry);
  if (latest.length > MOST_LATEST) latest.pop();
  return entry;
}

function drop(entry: Entry): void {
  const entries = plans.get(entry.hash)!.filter((other) => other !== entry);
  if (entries.length > 0) plans.set(entry.hash, entries);
  else plans.delete(entry.hash);
  const at = latest.indexOf(entry);
  if (at >= 0) latest.splice(at, 1);
  entry.loaded.unload();
}

/** Forgets all plans and kernels (another backend, other settings). */
export function clearPlans(): void {
  for (const entry of order) entry.loaded.unload();
  plans.clear();
  order.length = 0;
  latest.length = 0;
  clearKernels();
}
