import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface CosineAnnealingLROptions extends ResumeOptions {
  /** Epochs from the largest learning rate to the smallest: half a period. */
  tMax: number;
  /** The smallest learning rate. Default 0. */
  etaMin?: number;
}

/**
 * Follows a cosine down to a least learning rate, and up again if training goes on:
 * ηₜ = η_min + (η₀ − η_min) · (1 + cos(π t / T_max)) / 2.
 *
 * Source: I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017), without the
 * restarts. As `torch.optim.lr_scheduler.CosineAnnealingLR`.
 */
export class CosineAnnealingLR extends FormulaLR<Required<CosineAnnealingLROptions>> {
  constructor(optimizer: Scheduled, options: CosineAnnealingLROptions) {
    const {
      tMax,
      etaMin = 0,
      lastEpoch = -1,
    } = checked<CosineAnnealingLROptions>("CosineAnnealingLR", options, {
      tMax: true,
      etaMin: false,
      lastEpoch: false,
    });
    if (!(tMax > 0)) throw new OptionError(`CosineAnnealingLR: tMax must be above 0, got ${tMax}`);
    super(optimizer, { tMax, etaMin, lastEpoch });
  }

  protected next(lr: number, base: number): number {
    const { tMax, etaMin } = this.options;
    const t = this.lastEpoch;
    if (this.initial) return lr;
    // Behind a minimum the quotient below would divide by zero.
    if ((t - 1 - tMax) % (2 * tMax) === 0) return lr + ((base - etaMin) * (1 - Math.cos(Math.PI / tMax))) / 2;
    const height = (epoch: number) => 1 + Math.cos((Math.PI * epoch) / tMax);
    return (height(t) / height(t - 1)) * (lr - etaMin) + etaMin;
  }

  protected override closedForm(base: number): number {
    const { tMax, etaMin } = this.options;
    return etaMin + ((base - etaMin) * (1 + Math.cos((Math.PI * this.lastEpoch) / tMax))) / 2;
  }
}
