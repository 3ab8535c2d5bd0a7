import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface MultiStepLROptions extends ResumeOptions {
  /** The epochs at which the learning rate decays; one that stands there twice counts twice. */
  milestones: readonly number[];
  /** What the learning rate is multiplied with. Default 0.1. */
  gamma?: number;
}

/**
 * Multiplies the learning rate by γ at each milestone mᵢ: ηₜ = η₀ · γ^|{i : mᵢ ≤ t}|.
 * As `torch.optim.lr_scheduler.MultiStepLR`.
 */
export class MultiStepLR extends FormulaLR<Required<MultiStepLROptions>> {
  constructor(optimizer: Scheduled, options: MultiStepLROptions) {
    const {
      milestones,
      gamma = 0.1,
      lastEpoch = -1,
    } = checked<MultiStepLROptions>("MultiStepLR", options, { milestones: true, gamma: false, lastEpoch: false });
    super(optimizer, { milestones: [...milestones], gamma, lastEpoch });
  }

  protected next(lr: number): number {
    const { milestones, gamma } = this.options;
    const times = milestones.filter((m) => m === this.lastEpoch).length;
    return times === 0 ? lr : lr * gamma ** times;
  }

  protected override closedForm(base: number): number {
    const { milestones, gamma } = this.options;
    return base * gamma ** milestones.filter((m) => m <= this.lastEpoch).length;
  }
}
