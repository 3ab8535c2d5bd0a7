import type { Device } from "../device/device.js";
import type { Backend, Kernel, RunnableKernel } from "../kernels/kernel.js";
import { statistics } from "./statistics.js";

let compiled = new WeakMap<Backend, Map<string, RunnableKernel>>();

/** Forgets all kernels. */
export function clearKernels(): void {
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
