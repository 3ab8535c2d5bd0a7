/** Normalisation, as in `torch.nn.functional`. */
import { noGrad } from "../../autograd/backward.js";
import { OptionError, ShapeError } from "../../errors.js";
import { type Shape, sameShape, showShape } from "../../graph/shape.js";
import { rsqrt } from "../../tensor/elementwise.js";
import type { Tensor } from "../../tensor/tensor.js";
import { update } from "../../tensor/update.js";

export interface AffineOptions {
  /** A factor for each element (or channel); left out: 1. */
  weight?: Tensor | null | undefined;
  /** Added at the end; left out: 0. */
  bias?: Tensor | null | undefined;
  /** Added to the variance before the root is taken. */
  eps?: number | undefined;
}

export interface BatchNormOptions extends AffineOptions {
  /** Normalise by the batch's own statistics, and note them in the running ones. Default false. */
  training?: boolean | undefined;
  /** The part of the batch in the new running statistics. Default 0.1. */
  momentum?: number | undefined;
}

/**
 * Each channel normalised over the batch and all positions: (x - E[x]) / √(Var[x] + eps) · weight + bias.
 *
 * In training the mean and the (biased) variance are the batch's; the running ones, where given, become (1 - momentum) ·
 * old + momentum · new, the new variance being the unbiased one.
 *
 * @param x - [N, C] or [N, C, …]
 * @param runningMean - [C], or null to normalise by the batch's statistics always
 * @param runningVar - [C], or null likewise
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  { weight, bias, eps = 1e-5, training = false, momentum = 0.1 }: BatchNormOptions = {},
): Tensor {
  if (x.ndim < 2) throw new ShapeError(`batchNorm: expects [N, C, …], got shape ${showShape(x.shape)}`);
  const channels = x.shape[1]!;
  const column = (v: Tensor): Tensor => {
    if (v.numel !== channels)
      throw new ShapeError(
        `batchNorm: ${showShape(x.shape)} has ${channels} channels, a statistic or weight ${v.numel}`,
      );
    return v.reshape(x.shape.map((size, d) => (d === 1 ? size : 1)));
  };
  const scaled = (centered: Tensor, variance: Tensor): Tensor => {
    const factor = rsqrt(variance.add(eps));
    return affine(centered.mul(weight ? factor.mul(column(weight)) : factor), null, bias ? column(bias) : null);
  };
  if (!training && runningMean !== null && runningVar !== null)
    return scaled(x.sub(column(runningMean)), column(runningVar));
  const dims = x.shape.map((_, d) => d).filter((d) => d !== 1);
  const count = x.numel / channels;
  if (training && count < 2) {
    throw new ShapeError(
      `batchNorm: training needs more than 1 value per channel, got shape ${showShape(x.shape)}; ` +
        "use larger batches (or dropLast), or eval()",
    );
  }
  const mean = x.mean(dims, { keepdim: true });
  const centered = x.sub(mean);
  const variance = centered.square().mean(dims, { keepdim: true });
  if (training) {
    const note = (running: Tensor | null, value: Tensor): void => {
      if (running === null) return;
      const flat = value.detach().reshape([channels]);
      update(running, (old) => old.mul(1 - momentum).add(flat.mul(momentum)));
    };
    noGrad(() => {
      note(runningMean, mean);
      note(runningVar, variance.detach().mul(count / (count - 1)));
    });
  }
  return scaled(centered, variance);
}

/**
 * Each sample normalised over its last dimensions: (x - E[x]) / √(Var[x] + eps) · weight + bias. Default eps 1e-5.
 *
 * @param normalizedShape - sizes of the dimensions to normalise over
 */
export function layerNorm(x: Tensor, normalizedShape: Shape, { weight, bias, eps = 1e-5 }: AffineOptions = {}): Tensor {
  const dims = lastDims("layerNorm", x, normalizedShape);
  const centered = x.sub(x.mean(dims, { keepdim: true }));
  const variance = centered.square().mean(dims, { keepdim: true });
  return affine(centered.mul(rsqrt(variance.add(eps))), weight, bias);
}

/**
 * Each sample divided by its root mean square over its last dimensions: x / √(E[x²] + eps) · weight.
 *
 * @param options - `eps`: default the smallest step from 1 in the input's dtype
 */
export function rmsNorm(
  x: Tensor,
  normalizedShape: Shape,
  { weight, eps = x.dtype === "float64" ? 2 ** -52 : 2 ** -23 }: Omit<AffineOptions, "bias"> = {},
): Tensor {
  const dims = lastDims("rmsNorm", x, normalizedShape);
  return affine(x.mul(rsqrt(x.square().mean(dims, { keepdim: true }).add(eps))), weight, null);
}

function affine(x: Tensor, weight: Tensor | null | undefined, bias: Tensor | null | undefined): Tensor {
  const scaled = weight ? x.mul(weight) : x;
  return bias ? scaled.add(bias) : scaled;
}

function lastDims(operation: string, x: Tensor, shape: Shape): number[] {
  if (shape.length === 0) throw new OptionError(`${operation}: normalizedShape must name at least one dimension`);
  if (!sameShape(x.shape.slice(-shape.length), shape) || x.ndim < shape.length) {
    throw new ShapeError(
      `${operation}: the last dimensions of ${showShape(x.shape)} must be ${showShape(shape)}, the normalized shape`,
    );
  }
  return shape.map((_, i) => i - shape.length);
}
