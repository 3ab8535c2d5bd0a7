import type { Device } from "../device/device.js";
import type { Node } from "../graph/node.js";
import type { Backend, Kernel, RunnableKernel } from "../kernels/kernel.js";
import { hashOf, keyOf, sameKey } from "./key.js";
import { planOf, type Result } from "./plan.js";
import { LoadedPlan } from "./run.js";
import { statistics } from "./statistics.js";

/** Plans kept; the oldest go first. Loops need a handful. */
const MOST_PLANS = 1000;

interface Entry {
  readonly key: Int32Array;
  readonly hash: number;
  readonly loaded: LoadedPlan;
}

const plans = new Map<number, Entry[]>();
const order: Entry[] = [];
let compiled = new WeakMap<Backend, Map<string, RunnableKernel>>();

/** The plan for a graph: found by the graph's structure, or made and kept. */
export function planFor(nodes: readonly Node[], results: readonly Result[], device: Device, fuse: boolean): LoadedPlan {
  const key = keyOf(nodes, results);
  const hash = hashOf(key);
  const entries = plans.get(hash);
  if (entries !== undefined) for (const entry of entries) if (sameKey(entry.key, key)) return entry.loaded;
  const copy = key.slice();
  const loaded = new LoadedPlan(planOf(nodes, results, fuse), device);
  statistics.plansCompiled++;
  const entry: Entry = { key: copy, hash, loaded };
  if (entries === undefined) plans.set(hash, [entry]);
  else entries.push(entry);
  order.push(entry);
  if (order.length > MOST_PLANS) drop(order.shift()!);
  return loaded;
}

function drop(entry: Entry): void {
  const entries = plans.get(entry.hash)!.filter((other) => other !== entry);
  if (entries.length > 0) plans.set(entry.hash, entries);
  else plans.delete(entry.hash);
  entry.loaded.unload();
}

/** Forgets all plans and kernels (another backend, other settings). */
export function clearPlans(): void {
  for (const entry of order) entry.loaded.unload();
  plans.clear();
  order.length = 0;
  compiled = new WeakMap();
}

/** Kernels made runnable; those not seen before are compiled together, in one module. */
export function runnable(kernels: readonly Kernel[], device: Device): RunnableKernel[] {
  let known = compiled.get(device.backend);
  if (known === undefined) compiled.set(device.backend, (known = new Map()));
  const names = kernels.map(nameOf);
  const fresh = new Map<string, Kernel>();
  names.forEach((name, i) => {
    if (!known.has(name)) fresh.set(name, kernels[i]!);
  });
  if (fresh.size > 0) {
    const made = device.compile([...fresh.values()]);
    statistics.kernelsCompiled += made.length;
    [...fresh.keys()].forEach((name, i) => {
      known.set(name, made[i]!);
    });
  }
  return names.map((name) => known.get(name)!);
}

/** A text that two kernels share exactly if they have the same code; shared subexpressions are named, not repeated. */
function nameOf(kernel: Kernel): string {
  const ids = new Map<object, number>();
  return JSON.stringify(kernel, (_, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "number" && !Number.isFinite(value)) return String(value);
    if (Object.is(value, -0)) return "-0";
    if (typeof value !== "object" || value === null || !("kind" in value)) return value;
    const id = ids.get(value);
    if (id !== undefined) return `#${id}`;
    ids.set(value, ids.size);
    return value;
  });
}
