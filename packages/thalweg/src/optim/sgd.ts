import { OptionError } from "../errors.js";
import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, type Gap, Optimizer, type Params, type State } from "./optimizer.js";

export interface SGDOptions {
  /** Learning rate. Default 0.001. */
  lr: number;
  /** How much of the last update is kept. Default 0. */
  momentum: number;
  /** How much of the gradient is left out of the momentum. Default 0. */
  dampening: number;
  /** L2 penalty: this times the parameter is added to its gradient. Default 0. */
  weightDecay: number;
  /** Look ahead: step along the gradient plus the momentum's next contribution. Default false. */
  nesterov: boolean;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Gradient descent, one learning rate for all parameters, with momentum if asked for.
 *
 * p ← p − lr · g;  with momentum μ and dampening τ: b ← μ b + (1 − τ) g (at the first step b ← g), p ← p − lr · b,
 * or with Nesterov's look-ahead p ← p − lr · (g + μ b).
 *
 * Sources: B. T. Polyak (1964); I. Sutskever et al., "On the importance of initialization and momentum in deep
 * learning" (2013). Meaning and defaults are those of `torch.optim.SGD`.
 */
export class SGD extends Optimizer<SGDOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "SGD";

  constructor(params: Params<SGDOptions>, options: Partial<SGDOptions> = {}) {
    super(params, { lr: 0.001, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false }, options);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: SGDOptions): Tensor {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = options;
    let g = maximize ? gradient.neg() : gradient;
    if (weightDecay !== 0) g = g.add(p.mul(weightDecay));
    if (momentum === 0) return p.sub(g.mul(lr));

    const first = !Object.hasOwn(state, "momentumBuffer");
    state.momentumBuffer = first ? g : state.momentumBuffer.mul(momentum).add(g.mul(1 - dampening));
    const direction = nesterov ? g.add(state.momentumBuffer.mul(momentum)) : state.momentumBuffer;
    return p.sub(direction.mul(lr));
  }

  /** Where the gradient is zero only momentum moves anything. */
  override idle(p: Tensor, state: State, { momentum, nesterov }: SGDOptions, gap: Gap): Tensor {
    if (momentum === 0) return p;
    const carried = state.momentumBuffer.mul(gap.travelled(momentum));
    state.momentumBuffer = state.momentumBuffer.mul(gap.decay(momentum));
    return p.sub(nesterov ? carried.mul(momentum) : carried);
  }

  protected override stepSize(p: Tensor, _state: State, { lr }: SGDOptions): Tensor {
    return fullLike(p, lr);
  }

  protected override validate({ lr, momentum, dampening, weightDecay, nesterov }: SGDOptions): void {
    for (const [name, value] of Object.entries({ lr, momentum, weightDecay })) atLeast("SGD", name, value, 0);
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      throw new OptionError("SGD: nesterov needs a momentum above 0 and a dampening of 0");
    }
  }
}
