import type { Kernel } from "../kernels/kernel.js";
import { isStrided } from "../kernels/strided.js";
import { rowsTogether } from "./products.js";
import { sharing, timeOf, worthSharing } from "./time.js";

/** How threads share a kernel's range. */
export interface Share {
  /** How many entries of the outermost loop a thread takes at a time; 0 if one thread must do all. */
  readonly chunk: number;
  /** Threads do not take entries together that lie on both sides of a multiple of this. */
  readonly period: number;
  /** Roughly what the whole kernel takes on one thread. */
  readonly nanoseconds: number;
}

/**
 * How a kernel is cut for threads: from the kernel alone, whatever the machine. Parts are whole cache lines where the
 * outermost loop runs along memory.
 */
export function shareOf(kernel: Kernel, end: number): Share {
  const nanoseconds = timeOf(kernel);
  if (kernel.kind === "scatter") return { chunk: 0, period: end, nanoseconds };
  if (kernel.kind === "matmul") return { ...rowsTogether(kernel), nanoseconds };
  const granule = granuleOf(kernel);
  const parts = Math.min(
    sharing.most,
    Math.max(worthSharing(nanoseconds) ? 2 : 1, Math.floor(nanoseconds / sharing.part)),
  );
  return { chunk: Math.max(1, Math.ceil(end / parts / granule)) * granule, period: end, nanoseconds };
}

function granuleOf(kernel: Kernel): number {
  const kept = kernel.kind === "reduce" ? kernel.loops.length - 1 : kernel.loops.length;
  if (kept > 1) return 1;
  if (kernel.kind === "reduce" && isStrided(kernel)) return sharing.run;
  return kernel.kind === "reduce" && kernel.order !== "columns" ? 1 : 64;
}
