import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface ConstantLROptions extends ResumeOptions {
  /** What the learning rate is multiplied with at first, from 0 to 1. Default 1/3. */
  factor?: number;
  /** The epoch from which on it is not. Default 5. */
  totalIters?: number;
}

/** A smaller learning rate for the first T epochs: ηₜ = f · η₀ for t < T, then η₀. As `torch.optim.lr_scheduler.ConstantLR`. */
export class ConstantLR extends FormulaLR<Required<ConstantLROptions>> {
  constructor(optimizer: Scheduled, options: ConstantLROptions = {}) {
    const {
      factor = 1 / 3,
      totalIters = 5,
      lastEpoch = -1,
    } = checked<ConstantLROptions>("ConstantLR", options, { factor: false, totalIters: false, lastEpoch: false });
    if (!(factor >= 0 && factor <= 1)) throw new OptionError(`ConstantLR: factor must be from 0 to 1, got ${factor}`);
    super(optimizer, { factor, totalIters, lastEpoch });
  }

  protected next(lr: number): number {
    const { factor, totalIters } = this.options;
    if (this.lastEpoch === 0) return lr * factor;
    return this.lastEpoch === totalIters ? lr * (1 / factor) : lr;
  }

  protected override closedForm(base: number): number {
    const { factor, totalIters } = this.options;
    return base * (factor + (this.lastEpoch >= totalIters ? 1 - factor : 0));
  }
}
