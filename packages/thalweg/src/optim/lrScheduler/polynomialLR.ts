import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface PolynomialLROptions extends ResumeOptions {
  /** Epochs until the learning rate is 0. Default 5. */
  totalIters?: number;
  /** The power of the polynomial. Default 1: a line. */
  power?: number;
}

/** Decays the learning rate to 0 in T epochs: ηₜ = η₀ · (1 − min(t, T) / T)ᵖ. As `torch.optim.lr_scheduler.PolynomialLR`. */
export class PolynomialLR extends FormulaLR<Required<PolynomialLROptions>> {
  constructor(optimizer: Scheduled, options: PolynomialLROptions = {}) {
    const {
      totalIters = 5,
      power = 1,
      lastEpoch = -1,
    } = checked<PolynomialLROptions>("PolynomialLR", options, { totalIters: false, power: false, lastEpoch: false });
    super(optimizer, { totalIters, power, lastEpoch });
  }

  protected next(lr: number): number {
    const { totalIters, power } = this.options;
    const t = this.lastEpoch;
    if (this.initial || t > totalIters) return lr;
    return lr * ((1 - t / totalIters) / (1 - (t - 1) / totalIters)) ** power;
  }

  protected override closedForm(base: number): number {
    const { totalIters, power } = this.options;
    return base * (1 - Math.min(totalIters, this.lastEpoch) / totalIters) ** power;
  }
}
