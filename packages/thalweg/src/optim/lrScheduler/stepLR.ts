import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface StepLROptions extends ResumeOptions {
  /** Epochs between two decays. */
  stepSize: number;
  /** What the learning rate is multiplied with. Default 0.1. */
  gamma?: number;
}

/** Multiplies the learning rate by γ every s epochs: ηₜ = η₀ · γ^⌊t/s⌋. As `torch.optim.lr_scheduler.StepLR`. */
export class StepLR extends FormulaLR<Required<StepLROptions>> {
  constructor(optimizer: Scheduled, options: StepLROptions) {
    const {
      stepSize,
      gamma = 0.1,
      lastEpoch = -1,
    } = checked<StepLROptions>("StepLR", options, { stepSize: true, gamma: false, lastEpoch: false });
    if (!Number.isInteger(stepSize) || stepSize < 1)
      throw new OptionError(`StepLR: stepSize must be a whole number of 1 or more, got ${stepSize}`);
    super(optimizer, { stepSize, gamma, lastEpoch });
  }

  protected next(lr: number): number {
    const { stepSize, gamma } = this.options;
    return this.lastEpoch === 0 || this.lastEpoch % stepSize !== 0 ? lr : lr * gamma;
  }

  protected override closedForm(base: number): number {
    const { stepSize, gamma } = this.options;
    return base * gamma ** Math.floor(this.lastEpoch / stepSize);
  }
}
