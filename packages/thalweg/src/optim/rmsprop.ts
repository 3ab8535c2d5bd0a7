import { OptionError } from "../errors.js";
import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { dialects } from "./dialects.js";
import { atLeast, type Gap, Optimizer, type Params, type State } from "./optimizer.js";

export interface RMSpropOptions {
  /** Learning rate. Default 0.01. */
  lr: number;
  /** How much of the mean square is kept at each step: the decay rate. Default 0.99. */
  alpha: number;
  /** Keeps the divisor from being zero. Default 1e-8. */
  eps: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** How much of the last update is kept. Default 0. */
  momentum: number;
  /** Divide by the standard deviation of the gradient, not by its root mean square. Default false. */
  centered: boolean;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
  /** Divide by √(v + ε), not by √v + ε. Default false. */
  epsInsideSqrt: boolean;
  /** The mean square before the first step. Default 0. */
  initialSquareAvg: number;
  /** The momentum holds updates in which the learning rate of their time is included. Default false. */
  lrInMomentum: boolean;
  /** Look ahead: step along the gradient plus the momentum's next contribution. Default false. */
  nesterov: boolean;
  /** Divide mean square and mean by 1 − αᵗ at step t, which makes up for their start at zero. Default false. */
  biasCorrection: boolean;
  /** Shrink the parameter by lr · weightDecay at each step and leave its gradient alone. Default false. */
  decoupledWeightDecay: boolean;
}

/**
 * RMSProp: divide each gradient by a running root mean square of its own recent history, so that every parameter gets
 * its own step size; where gradients are large steps shrink, where they are small steps grow.
 *
 * v ← α v + (1 − α) g²,  p ← p − lr · g / (√v + ε)
 *
 * With momentum μ: b ← μ b + g / (√v + ε), p ← p − lr · b. Centered: m ← α m + (1 − α) g, and √(v − m²) in place of √v.
 *
 * Sources: G. Hinton, "Neural Networks for Machine Learning", lecture 6e (2012); centered: A. Graves, "Generating
 * Sequences With Recurrent Neural Networks" (2013). Meaning and defaults are those of `torch.optim.RMSprop`; for other
 * programs' see {@link dialects}.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "RMSprop";

  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(params, dialects.pytorch, options);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: RMSpropOptions, step: number): Tensor {
    const { lr, alpha, weightDecay, decoupledWeightDecay, momentum, lrInMomentum, nesterov, centered } = options;
    let g = options.maximize ? gradient.neg() : gradient;
    let start = p;
    if (weightDecay !== 0 && decoupledWeightDecay) start = p.mul(1 - lr * weightDecay);
    else if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    state.squareAvg = state.squareAvg.mul(alpha).add(g.square().mul(1 - alpha));
    if (centered) state.gradAvg = state.gradAvg.mul(alpha).add(g.mul(1 - alpha));
    const scaled = g.div(denominator(state, options, step));
    if (momentum === 0) return start.sub(scaled.mul(lr));

    const kick = lrInMomentum ? scaled.mul(lr) : scaled;
    state.momentumBuffer = state.momentumBuffer.mul(momentum).add(kick);
    const direction = nesterov ? kick.add(state.momentumBuffer.mul(momentum)) : state.momentumBuffer;
    return start.sub(lrInMomentum ? direction : direction.mul(lr));
  }

  /** Where the gradient is zero the averages decay, and momentum carries on. */
  override idle(p: Tensor, state: State, options: RMSpropOptions, gap: Gap): Tensor {
    const { alpha, momentum, nesterov, centered, lrInMomentum } = options;
    state.squareAvg = state.squareAvg.mul(gap.decay(alpha));
    if (centered) state.gradAvg = state.gradAvg.mul(gap.decay(alpha));
    if (momentum === 0) return p;
    const carried = state.momentumBuffer.mul(gap.travelled(momentum, lrInMomentum ? 1 : undefined));
    state.momentumBuffer = state.momentumBuffer.mul(gap.decay(momentum));
    return p.sub(nesterov ? carried.mul(momentum) : carried);
  }

  protected override initialState(p: Tensor, { initialSquareAvg }: RMSpropOptions): State {
    return initialSquareAvg === 0 ? {} : { squareAvg: fullLike(p, initialSquareAvg) };
  }

  protected override stepSize(_p: Tensor, state: State, options: RMSpropOptions, step: number): Tensor {
    return denominator(state, options, step).reciprocal().mul(options.lr);
  }

  protected override validate(options: RMSpropOptions): void {
    for (const name of ["lr", "eps", "momentum", "weightDecay", "alpha", "initialSquareAvg"] as const) {
      atLeast("RMSprop", name, options[name], 0);
    }
    if (options.biasCorrection && options.alpha >= 1) {
      throw new OptionError(`RMSprop: biasCorrection needs an alpha below 1, got ${options.alpha}`);
    }
  }
}

/** √v + ε; centered, without the bias of the start, and with ε inside the root, as the options say. */
function denominator(state: Readonly<State>, options: RMSpropOptions, step: number): Tensor {
  const { alpha, eps, epsInsideSqrt, centered, biasCorrection } = options;
  const unbiased = (average: Tensor) => (biasCorrection ? average.div(1 - alpha ** step) : average);
  let v = unbiased(state.squareAvg!);
  if (centered) v = v.sub(unbiased(state.gradAvg!).square());
  return epsInsideSqrt ? v.add(eps).sqrt() : v.sqrt().add(eps);
}
