import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkLrs, checkState, copyOf, perGroup, type Scheduled, type SchedulerState } from "./scheduler.js";

export interface ReduceLROnPlateauOptions {
  /** Whether the metric should become small or large. Default "min". */
  mode?: "min" | "max";
  /** What the learning rate is multiplied with; below 1. Default 0.1. */
  factor?: number;
  /** How many epochs without progress are waited. Default 10. */
  patience?: number;
  /** What counts as progress. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is a part of the best metric or a difference. Default "rel". */
  thresholdMode?: "rel" | "abs";
  /** Epochs after a reduction in which nothing is counted. Default 0. */
  cooldown?: number;
  /** The smallest learning rate, or one for each group. Default 0. */
  minLr?: number | readonly number[];
  /** Reductions by this much or less are not made. Default 1e-8. */
  eps?: number;
}

/**
 * Reduces the learning rate when a metric stops improving: η ← max(f · η, η_min) after more than `patience` epochs
 * without progress. Progress is m < best · (1 − threshold), or m < best − threshold, or the same upwards.
 * As `torch.optim.lr_scheduler.ReduceLROnPlateau`.
 */
export class ReduceLROnPlateau {
  lastEpoch = 0;
  /** The best metric so far; null before the first. */
  best: number | null = null;
  private badEpochs = 0;
  private cooldownCounter = 0;
  private lastLr: number[];
  private options: Required<ReduceLROnPlateauOptions>;

  constructor(
    readonly optimizer: Scheduled,
    given: ReduceLROnPlateauOptions = {},
  ) {
    const {
      mode = "min",
      factor = 0.1,
      patience = 10,
      threshold = 1e-4,
      thresholdMode = "rel",
      cooldown = 0,
      minLr = 0,
      eps = 1e-8,
    } = checked<ReduceLROnPlateauOptions>("ReduceLROnPlateau", given, {
      mode: false,
      factor: false,
      patience: false,
      threshold: false,
      thresholdMode: false,
      cooldown: false,
      minLr: false,
      eps: false,
    });
    if (!(factor < 1)) throw new OptionError(`ReduceLROnPlateau: factor must be below 1, got ${factor}`);
    if (mode !== "min" && mode !== "max")
      throw new OptionError(`ReduceLROnPlateau: mode must be "min" or "max", got "${mode}"`);
    if (thresholdMode !== "rel" && thresholdMode !== "abs")
      throw new OptionError(`ReduceLROnPlateau: thresholdMode must be "rel" or "abs", got "${thresholdMode}"`);
    perGroup("ReduceLROnPlateau", "minLr", minLr, optimizer);
    this.options = { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.lastLr = optimizer.paramGroups.map((group) => group.lr);
  }

  /** @param metric - what should improve, such as the validation loss; a tensor of one element is read */
  step(metric: number | Tensor): void {
    const { patience, cooldown } = this.options;
    const value = typeof metric === "number" ? metric : metric.item();
    this.lastEpoch++;
    if (this.isBetter(value)) {
      this.best = value;
      this.badEpochs = 0;
    } else this.badEpochs++;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      this.badEpochs = 0;
    }
    if (this.badEpochs > patience) {
      this.reduce();
      this.cooldownCounter = cooldown;
      this.badEpochs = 0;
    }
    this.lastLr = this.optimizer.paramGroups.map((group) => group.lr);
  }

  private isBetter(value: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    const best = this.best ?? (mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY);
    if (mode === "min") return value < (thresholdMode === "rel" ? best * (1 - threshold) : best - threshold);
    return value > (thresholdMode === "rel" ? best * (threshold + 1) : best + threshold);
  }

  private reduce(): void {
    const { factor, minLr, eps } = this.options;
    const least = perGroup("ReduceLROnPlateau", "minLr", minLr, this.optimizer);
    for (const [i, group] of this.optimizer.paramGroups.entries()) {
      const lr = Math.max(group.lr * factor, least[i]!);
      if (group.lr - lr > eps) group.lr = lr;
    }
  }

  /** The learning rates after the last step, one for each group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** State and options as plain data, which JSON keeps. */
  stateDict(): SchedulerState {
    const { lastEpoch, best, badEpochs, cooldownCounter, lastLr, options } = this;
    return copyOf({ lastEpoch, best, badEpochs, cooldownCounter, lastLr, options: { ...options } });
  }

  /**
   * Goes on from {@link stateDict}'s data. The current learning rates are the optimizer's, and come with its state.
   *
   * @throws OptionError if the data is another kind of scheduler's; nothing has changed then
   */
  loadStateDict(state: SchedulerState): void {
    const mine = this.stateDict();
    checkState(mine, state);
    checkState(mine.options as SchedulerState, state.options as SchedulerState, "options");
    checkLrs("lastLr", state.lastLr, this.optimizer);
    Object.assign(this, copyOf(state));
  }
}
