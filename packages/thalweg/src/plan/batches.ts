import type { Kernel } from "../kernels/kernel.js";
import type { Emitted } from "./emit.js";
import { storesOf } from "./hazards.js";
import type { Item } from "./item.js";

/**
 * Numbers the kernels of a plan by batches: neighbours that have one code and do not depend on each other, such as one
 * rule's updates of many parameters. A batch runs as if it was one kernel: threads share all of its points.
 */
export function batchesOf(kernels: readonly Emitted[], names: readonly string[]): number[] {
  const batches: number[] = [];
  let batch = -1;
  let read = new Set<Item>();
  let written = new Set<Item>();
  kernels.forEach((kernel, k) => {
    const writes = writtenBy(kernel);
    const depends =
      k === 0 ||
      names[k] !== names[k - 1] ||
      kernel.buffers.some((item) => written.has(item)) ||
      writes.some((item) => read.has(item) || (item.overwrites !== null && read.has(item.overwrites)));
    if (depends) {
      batch++;
      read = new Set();
      written = new Set();
    }
    for (const item of kernel.buffers) read.add(item);
    for (const item of writes) written.add(item);
    batches.push(batch);
  });
  return batches;
}

function writtenBy({ kernel, buffers }: Emitted): Item[] {
  if (kernel.kind === "matmul") return [buffers[kernel.c.buffer]!];
  if (kernel.kind === "scatter") return [buffers[kernel.access.buffer]!];
  return storesOf(kernel).map(({ access }) => buffers[access.buffer]!);
}

/**
 * A text that two kernels share exactly if they have the same code; shared subexpressions are named, not repeated. The
 * only loop of a map is left out: how far it goes is said at run time.
 */
export function nameOf(kernel: Kernel): string {
  const ids = new Map<object, number>();
  const named =
    kernel.kind === "map" && kernel.loops.length === 1 && kernel.loops[0]! > 0 ? { ...kernel, loops: [1] } : kernel;
  return JSON.stringify(named, (_, value: unknown) => {
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
