import { OptionError } from "../errors.js";
import { fullLike } from "../tensor/create.js";
import { where } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface RpropOptions {
  /** The step size that every element starts with. Default 0.01. */
  lr: number;
  /** What a step size is multiplied with when the gradient's sign has changed, and when it has not. Default [0.5, 1.2]. */
  etas: readonly [number, number];
  /** The smallest and the largest step size. Default [1e-6, 50]. */
  stepSizes: readonly [number, number];
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Rprop: only the gradient's sign counts. Each element has a step size of its own, which grows while the sign stays and
 * shrinks when it changes; after a change the element rests for one step. Meant for full batches: RMSProp is its heir
 * for mini-batches.
 *
 * s ← clamp(s η₊ if g g' > 0, s η₋ if g g' < 0, else s);  g ← 0 if g g' < 0;  p ← p − s sign(g),  g' ← g
 *
 * Source: M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm"
 * (1993). Meaning and defaults are those of `torch.optim.Rprop`.
 */
export class Rprop extends Optimizer<RpropOptions> {
  static readonly elementwise = true;
  override readonly rule: string = "Rprop";

  constructor(params: Params<RpropOptions>, options: Partial<RpropOptions> = {}) {
    super(params, { lr: 0.01, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false }, options);
  }

  protected override initialState(p: Tensor, { lr }: RpropOptions): State {
    return { stepSize: fullLike(p, lr) };
  }

  update(p: Tensor, gradient: Tensor, state: State, options: RpropOptions): Tensor {
    const { maximize } = options;
    const [shrink, grow] = options.etas;
    const [min, max] = options.stepSizes;
    const g = maximize ? gradient.neg() : gradient;

    const agreement = g.mul(state.prev);
    const turned = agreement.lt(0);
    const { stepSize } = state as { stepSize: Tensor };
    const adapted = where(turned, stepSize.mul(shrink), where(agreement.gt(0), stepSize.mul(grow), stepSize));
    state.stepSize = adapted.clamp({ min, max });
    state.prev = where(turned, 0, g);
    return p.sub(state.prev.sign().mul(state.stepSize));
  }

  /** What the sign of the gradient was multiplied with. */
  protected override stepSize(_p: Tensor, state: State): Tensor {
    return state.stepSize;
  }

  protected override validate({ lr, etas: [shrink, grow], stepSizes: [min, max] }: RpropOptions): void {
    atLeast("Rprop", "lr", lr, 0);
    if (!(0 < shrink && shrink < 1 && 1 < grow)) {
      throw new OptionError(`Rprop: etas must be one between 0 and 1 and one above 1, got ${shrink} and ${grow}`);
    }
    if (!(min <= max))
      throw new OptionError(`Rprop: stepSizes must be the least and the largest, got ${min} and ${max}`);
  }
}
