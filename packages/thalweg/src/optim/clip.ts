import { promote } from "../dtype.js";
import { GradientError, OptionError } from "../errors.js";
import { recording } from "../graph/node.js";
import { noteGradient, noteLoss, noteRelease } from "../plan/engine.js";
import { zeros } from "../tensor/create.js";
import { clamp, div, minimum } from "../tensor/elementwise.js";
import { stack } from "../tensor/movement.js";
import { denseGradient, hasRows } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";

export interface ClipOptions {
  /** Which norm: 1, 2, Infinity (the largest element), or another p. Default 2. */
  normType?: number;
  /** Read the norm and throw if it is NaN or infinite. Default false: nothing is read. */
  errorIfNonfinite?: boolean;
}

/**
 * Scales the gradients of all parameters together so that their norm, as of one long vector, is at most `maxNorm`:
 *
 * n = ‖(‖g₁‖, ‖g₂‖, …)‖,  gᵢ ← gᵢ · min(1, maxNorm / (n + 10⁻⁶))
 *
 * Recorded like everything else: no value is read. Gradients of rows (sparse ones) become whole ones. As
 * `torch.nn.utils.clip_grad_norm_`.
 *
 * @returns the norm before clipping, a tensor of no dimensions; it can also be read after the step
 * @throws OptionError if `maxNorm` is no number of 0 or more
 */
export function clipGradNorm(
  params: Tensor | Iterable<Tensor>,
  maxNorm: number,
  { normType = 2, errorIfNonfinite = false }: ClipOptions = {},
): Tensor {
  if (Number.isNaN(maxNorm) || maxNorm < 0)
    throw new OptionError(`clipGradNorm: maxNorm must be 0 or more, got ${maxNorm}`);
  return recordingClip(() => {
    const owners = withGradients(params);
    if (owners.length === 0) return zeros([]);
    const gradients = owners.map((p) => p.gradient!);
    const dtype = gradients.map((g) => g.dtype).reduce(promote);
    const norms = gradients.map((g) => g.norm(normType).to(dtype));
    const total = stack(norms).norm(normType);
    // The user may read it after the step, when the gradients are gone.
    noteLoss(total.node);
    if (errorIfNonfinite && !Number.isFinite(total.item())) {
      throw new GradientError(`clipGradNorm: the norm of the gradients is ${total.item()}, so they cannot be clipped`);
    }
    const factor = minimum(div(maxNorm, total.add(1e-6)), 1);
    for (const p of owners) replaceGradient(p, p.gradient!.mul(factor.to(p.dtype)));
    return total;
  });
}

/**
 * Limits every element of the gradients: g ← min(max(g, −c), c). Recorded; no value is read. As
 * `torch.nn.utils.clip_grad_value_`.
 *
 * @param clipValue - the largest magnitude that stays as it is
 */
export function clipGradValue(params: Tensor | Iterable<Tensor>, clipValue: number): void {
  if (Number.isNaN(clipValue) || clipValue < 0)
    throw new OptionError(`clipGradValue: clipValue must be 0 or more, got ${clipValue}`);
  recordingClip(() => {
    for (const p of withGradients(params)) replaceGradient(p, clamp(p.gradient!, { min: -clipValue, max: clipValue }));
  });
}

function withGradients(params: Tensor | Iterable<Tensor>): Tensor[] {
  const list = params instanceof Tensor ? [params] : [...params];
  for (const p of list) if (hasRows(p)) p.gradient = denseGradient(p);
  return list.filter((p) => p.gradient !== null);
}

/** Puts a new gradient in an old one's place: the old one is computed only on the way to it, unless a user has it. */
function replaceGradient(p: Tensor, clipped: Tensor): void {
  noteRelease(p.gradient!.node);
  p.gradient = clipped;
  noteGradient(p, clipped.node);
}

function recordingClip<T>(f: () => T): T {
  const { gradEnabled, internal } = recording;
  recording.gradEnabled = false;
  recording.internal = true;
  try {
    return f();
  } finally {
    recording.gradEnabled = gradEnabled;
    recording.internal = internal;
  }
}
