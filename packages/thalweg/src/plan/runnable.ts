import type { Device } from "../device/device.js";
import type { Backend, Kernel, RunnableKernel } from "../kernels/kernel.js";
import { statistics } from "./statistics.js";

let compiled = new WeakMap<Backend, Map<string, RunnableKernel>>();

/** Forgets all kernels. */
export function clearKernels(): void {
  compiled = new WeakMap();
}

/** Kernels made runnable, by their names; those not seen before are compiled together, in one module. */
export function runnable(kernels: readonly Kernel[], names: readonly string[], device: Device): RunnableKernel[] {
  let known = compiled.get(device.backend);
  if (known === undefined) compiled.set(device.backend, (known = new Map()));
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
