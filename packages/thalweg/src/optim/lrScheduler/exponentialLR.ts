import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface ExponentialLROptions extends ResumeOptions {
  /** What the learning rate is multiplied with at each epoch. */
  gamma: number;
}

/** Decays the learning rate at every epoch: ηₜ = η₀ · γᵗ. As `torch.optim.lr_scheduler.ExponentialLR`. */
export class ExponentialLR extends FormulaLR<Required<ExponentialLROptions>> {
  constructor(optimizer: Scheduled, options: ExponentialLROptions) {
    const { gamma, lastEpoch = -1 } = checked<ExponentialLROptions>("ExponentialLR", options, {
      gamma: true,
      lastEpoch: false,
    });
    super(optimizer, { gamma, lastEpoch });
  }

  protected next(lr: number): number {
    return this.initial ? lr : lr * this.options.gamma;
  }

  protected override closedForm(base: number): number {
    return base * this.options.gamma ** this.lastEpoch;
  }
}
