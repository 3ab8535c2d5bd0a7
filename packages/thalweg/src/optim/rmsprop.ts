import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface RMSpropOptions {
  /** Learning rate. Default 0.01. */
  lr: number;
  /** How much of the mean square is kept at each step: the decay rate. Default 0.99. */
  alpha: number;
  /** Added to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** How much of the last update is kept. Default 0. */
  momentum: number;
  /** Divide by the standard deviation of the gradient, not by its root mean square. Default false. */
  centered: boolean;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
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
 * Sequences With Recurrent Neural Networks" (2013). Meaning and defaults are those of `torch.optim.RMSprop`.
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(params: Params<RMSpropOptions>, options: Partial<RMSpropOptions> = {}) {
    super(params, {
      lr: options.lr ?? 0.01,
      alpha: options.alpha ?? 0.99,
      eps: options.eps ?? 1e-8,
      weightDecay: options.weightDecay ?? 0,
      momentum: options.momentum ?? 0,
      centered: options.centered ?? false,
      maximize: options.maximize ?? false,
    });
  }

  update(p: Tensor, gradient: Tensor, state: State, options: RMSpropOptions): Tensor {
    const { lr, alpha, eps, weightDecay, momentum, centered, maximize } = options;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    state.squareAvg = state.squareAvg.mul(alpha).add(g.square().mul(1 - alpha));
    let meanSquare = state.squareAvg;
    if (centered) {
      state.gradAvg = state.gradAvg.mul(alpha).add(g.mul(1 - alpha));
      meanSquare = meanSquare.sub(state.gradAvg.square());
    }
    const scaled = g.div(meanSquare.sqrt().add(eps));
    if (momentum === 0) return p.sub(scaled.mul(lr));

    state.momentumBuffer = state.momentumBuffer.mul(momentum).add(scaled);
    return p.sub(state.momentumBuffer.mul(lr));
  }

  protected override stepSize(_p: Tensor, state: State, { lr, eps, centered }: RMSpropOptions): Tensor {
    const meanSquare = centered ? state.squareAvg.sub(state.gradAvg.square()) : state.squareAvg;
    return meanSquare.sqrt().add(eps).reciprocal().mul(lr);
  }

  protected override validate({ lr, alpha, eps, weightDecay, momentum }: RMSpropOptions): void {
    for (const [name, value] of Object.entries({ lr, eps, momentum, weightDecay, alpha }))
      atLeast("RMSprop", name, value, 0);
  }
}
