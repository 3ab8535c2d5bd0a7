import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface AdadeltaOptions {
  /** Factor of the whole update. Default 1. */
  lr: number;
  /** How much of both mean squares is kept at each step: the decay rate, 0 to 1. Default 0.9. */
  rho: number;
  /** Added to both mean squares before the root; also what the first steps get their size from. Default 1e-6. */
  eps: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adadelta: RMSProp whose learning rate is a running root mean square of the updates themselves, so that updates have the
 * unit of the parameter.
 *
 * v ← ρ v + (1 − ρ) g²,  Δ = √(u + ε) / √(v + ε) · g,  u ← ρ u + (1 − ρ) Δ²,  p ← p − lr · Δ
 *
 * Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method" (2012). Meaning and defaults are those of
 * `torch.optim.Adadelta`.
 */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Adadelta";

  constructor(params: Params<AdadeltaOptions>, options: Partial<AdadeltaOptions> = {}) {
    super(params, { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false }, options);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: AdadeltaOptions): Tensor {
    const { lr, rho, eps, weightDecay, maximize } = options;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));

    state.squareAvg = state.squareAvg.mul(rho).add(g.square().mul(1 - rho));
    const delta = state.accDelta.add(eps).sqrt().div(state.squareAvg.add(eps).sqrt()).mul(g);
    state.accDelta = state.accDelta.mul(rho).add(delta.square().mul(1 - rho));
    return p.sub(delta.mul(lr));
  }

  /** That of the next step, as far as it is known: the mean square of updates has already taken in the last one. */
  protected override stepSize(_p: Tensor, state: State, { lr, eps }: AdadeltaOptions): Tensor {
    return state.accDelta.add(eps).sqrt().div(state.squareAvg.add(eps).sqrt()).mul(lr);
  }

  protected override validate({ lr, rho, eps, weightDecay }: AdadeltaOptions): void {
    for (const [name, value] of Object.entries({ lr, rho, eps, weightDecay })) atLeast("Adadelta", name, value, 0);
    if (rho > 1) throw new OptionError(`Adadelta: rho must be 1 or less, got ${rho}`);
  }
}
