import { device } from "./device/device.js";
import { explain as explainNode } from "./plan/engine.js";
import { type Statistics, statistics } from "./plan/statistics.js";
import type { Tensor } from "./tensor/tensor.js";

export { type Configuration, configure, lastPlan } from "./plan/engine.js";

/** What the engine did and holds. */
export interface Stats extends Statistics {
  /** Bytes of device memory in use by values and plans. (Each thread's scratch space, some 0.7 MB, is not counted.) */
  bytesHeld: number;
  /** Bytes of the whole WebAssembly memory, which only grows. */
  wasmBytes: number;
  /** Threads that kernels run on now: 1 until there was work enough to start others, and where memory cannot be shared. */
  threads: number;
}

/** Counters since the start or {@link resetStats}, and the memory held now. */
export function stats(): Stats {
  const { memory, threads } = device();
  return { ...statistics, bytesHeld: memory.bytesHeld, wasmBytes: memory.bytes, threads: threads.running };
}

/** Sets the counters to zero. */
export function resetStats(): void {
  for (const name of Object.keys(statistics) as (keyof Statistics)[]) statistics[name] = 0;
}

/** The plan that would compute a tensor, in words: its kernels, what they read and write. Runs nothing. */
export const explain = (x: Tensor): string => explainNode(x.node);
