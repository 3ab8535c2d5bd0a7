import { Buffer } from "../../device/device.js";
import { isFloat } from "../../dtype.js";
import { DTypeError, OptionError } from "../../errors.js";
import { leafNode } from "../../graph/node.js";
import { defaultGenerator, fillBernoulli, type Generator } from "../../tensor/generator.js";
import { Tensor } from "../../tensor/tensor.js";

/**
 * Sets each element to zero with probability p and divides the others by 1 - p, so that the mean stays.
 *
 * The mask is the one that PyTorch draws on the CPU after the same `manualSeed` (except on Intel's processors, where
 * PyTorch lets MKL draw it). Nothing is drawn for p = 0 and p = 1.
 */
export function dropout(
  x: Tensor,
  p = 0.5,
  { training = true, generator = defaultGenerator }: { training?: boolean; generator?: Generator | undefined } = {},
): Tensor {
  if (!(p >= 0 && p <= 1)) throw new OptionError(`dropout: p must be a probability, 0 to 1, not ${p}`);
  if (!isFloat(x.dtype)) throw new DTypeError(`dropout: expects floats, got ${x.dtype}`);
  if (!training || p === 0 || x.numel === 0) return x;
  const mask = x.dtype === "float64" ? new Float64Array(x.numel) : new Float32Array(x.numel);
  if (p < 1) {
    fillBernoulli(generator, mask, 1 - p);
    // As PyTorch rounds it: the divisor, and then the quotient.
    const scale = 1 / (x.dtype === "float64" ? 1 - p : Math.fround(1 - p));
    for (let i = 0; i < mask.length; i++) mask[i]! *= scale;
  }
  return x.mul(new Tensor(leafNode(new Buffer(x.dtype, mask.length, mask), x.shape)));
}
