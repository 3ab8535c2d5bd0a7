import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface LinearLROptions extends ResumeOptions {
  /** What the learning rate is multiplied with at the start: above 0, at most 1. Default 1/3. */
  startFactor?: number;
  /** What it is multiplied with from `totalIters` on: from 0 to 1. Default 1. */
  endFactor?: number;
  /** Epochs from the first factor to the second. Default 5. */
  totalIters?: number;
}

/**
 * Warms up (or cools down) along a line, from factor s to factor e in T epochs: ηₜ = η₀ · (s + (e − s) · min(t, T) / T).
 * As `torch.optim.lr_scheduler.LinearLR`.
 */
export class LinearLR extends FormulaLR<Required<LinearLROptions>> {
  constructor(optimizer: Scheduled, options: LinearLROptions = {}) {
    const {
      startFactor = 1 / 3,
      endFactor = 1,
      totalIters = 5,
      lastEpoch = -1,
    } = checked<LinearLROptions>("LinearLR", options, {
      startFactor: false,
      endFactor: false,
      totalIters: false,
      lastEpoch: false,
    });
    if (!(startFactor > 0 && startFactor <= 1))
      throw new OptionError(`LinearLR: startFactor must be above 0 and at most 1, got ${startFactor}`);
    if (!(endFactor >= 0 && endFactor <= 1))
      throw new OptionError(`LinearLR: endFactor must be from 0 to 1, got ${endFactor}`);
    super(optimizer, { startFactor, endFactor, totalIters, lastEpoch });
  }

  protected next(lr: number): number {
    const { startFactor, endFactor, totalIters } = this.options;
    const t = this.lastEpoch;
    if (t === 0) return lr * startFactor;
    if (this.initial || t > totalIters) return lr;
    const change = endFactor - startFactor;
    return lr * (1 + change / (totalIters * startFactor + (t - 1) * change));
  }

  protected override closedForm(base: number): number {
    const { startFactor, endFactor, totalIters } = this.options;
    return base * (startFactor + ((endFactor - startFactor) * Math.min(totalIters, this.lastEpoch)) / totalIters);
  }
}
