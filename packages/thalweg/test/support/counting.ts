import { createHash } from "node:crypto";
import { resetStats, type Stats, stats, type Tensor } from "thalweg";

/** What the engine did while a function ran. */
export function counted(f: () => void): Stats {
  resetStats();
  f();
  return stats();
}

/** The values of tensors, one after another, as numbers. */
export const read = (...tensors: readonly Tensor[]): number[] =>
  tensors.flatMap((t) => Array.from(t.dataSync(), Number));

/**
 * The bits of a tensor's elements (of long ones a digest), for comparisons that let nothing pass: -0 is not 0. All NaNs
 * are one, since the languages that we compile to do not say which of the many a NaN is.
 */
export function bitsOf(t: Tensor): string {
  const data = t.dataSync();
  for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) data[i] = Number.NaN;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const bits =
    bytes.length > 8192 ? createHash("sha256").update(bytes).digest("hex") : Buffer.from(bytes).toString("hex");
  return `${t.dtype}[${t.shape.join()}] ${bits}`;
}
