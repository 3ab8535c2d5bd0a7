import type { Device } from "../device/device.js";
import type { Job } from "../device/threads.js";
import type { RunnableKernel } from "../kernels/kernel.js";
import type { Step } from "./plan.js";
import { sharing, worthSharing } from "./time.js";

/**
 * The steps of a plan as jobs, one for each batch.
 *
 * @param blocks - the address of each step's argument block
 */
export function jobsOf(
  steps: readonly Step[],
  kernels: readonly RunnableKernel[],
  blocks: readonly number[],
  device: Device,
): Job[] {
  const jobs: Job[] = [];
  for (let first = 0, end: number; first < steps.length; first = end) {
    end = first + 1;
    while (end < steps.length && steps[end]!.batch === steps[first]!.batch) end++;
    jobs.push(jobOf(steps.slice(first, end), kernels[first]!, blocks.slice(first, end), device));
  }
  return jobs;
}

function jobOf(steps: readonly Step[], kernel: RunnableKernel, blocks: readonly number[], device: Device): Job {
  const whole = Int32Array.from(steps.flatMap((step, s) => [blocks[s]!, 0, step.end]));
  const alone = { kernel, whole, code: undefined, pieces: whole, address: 0, together: 1, nanoseconds: 0 };
  const code = device.backend.codeOf?.(kernel);
  const nanoseconds = steps.reduce((sum, step) => sum + step.share.nanoseconds, 0);
  if (code === undefined || !worthSharing(nanoseconds) || steps.some(({ share }) => share.chunk === 0)) return alone;
  const cut: number[] = [];
  steps.forEach(({ end, share: { chunk, period } }, s) => {
    for (let from = 0, to: number; from < end; from = to) {
      to = Math.min(from + chunk, end, (Math.floor(from / period) + 1) * period);
      cut.push(blocks[s]!, from, to);
    }
  });
  const pieces = Int32Array.from(cut);
  const count = pieces.length / 3;
  if (count < 2) return alone;
  const parts = Math.min(sharing.most, Math.max(2, Math.floor(nanoseconds / sharing.part)));
  const address = device.memory.allocate(pieces.byteLength);
  device.write(address, pieces);
  return { kernel, whole, code, pieces, address, together: Math.ceil(count / parts), nanoseconds };
}

/** Gives the memory of jobs back. */
export function freeJobs(jobs: readonly Job[], device: Device): void {
  for (const { address, pieces } of jobs) if (address !== 0) device.memory.free(address, pieces.byteLength);
}
