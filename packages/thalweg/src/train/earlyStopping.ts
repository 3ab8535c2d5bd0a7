/** Which epoch was the best, and whether to go on. */
import { OptionError } from "../errors.js";
import type { EpochRecord } from "./history.js";

export interface EarlyStoppingOptions {
  /** What is watched: "validation.loss", "train.loss", "validation.accuracy", … Default: the validation loss if there is one. */
  readonly monitor?: string | undefined;
  /** Whether it should become small or large. Default: what the metric wants; "min" for losses. */
  readonly mode?: "min" | "max" | undefined;
  /** Epochs without progress after which training stops; Infinity only keeps the best. Default 10. */
  readonly patience?: number | undefined;
  /** What counts as progress. Default 0. */
  readonly minDelta?: number | undefined;
  /** Give the model its best values at the end. Default true. */
  readonly restoreBest?: boolean | undefined;
}

/** The state, which JSON keeps. */
export interface Watch {
  best: number | null;
  bestEpoch: number;
  waited: number;
}

export class EarlyStopping {
  state: Watch = { best: null, bestEpoch: 0, waited: 0 };
  readonly monitor: string;
  readonly restoreBest: boolean;
  private readonly patience: number;
  private readonly minDelta: number;
  private readonly sign: 1 | -1;

  constructor(
    { monitor, mode, patience = 10, minDelta = 0, restoreBest = true }: EarlyStoppingOptions,
    hasValidation: boolean,
    goals: Readonly<Record<string, "min" | "max">>,
  ) {
    this.monitor = monitor ?? (hasValidation ? "validation.loss" : "train.loss");
    const [split, name] = this.monitor.split(".");
    const known = name === "loss" || Object.hasOwn(goals, name ?? "");
    if ((split !== "train" && split !== "validation") || !known) {
      const names = ["loss", ...Object.keys(goals)].map(
        (known) => `${hasValidation ? "validation" : "train"}.${known}`,
      );
      throw new OptionError(`earlyStopping: monitor is "${this.monitor}"; it must be one of ${names.join(", ")}`);
    }
    if (split === "validation" && !hasValidation)
      throw new OptionError(`earlyStopping: monitor is "${this.monitor}", but fit was given no validation data`);
    if (!(patience >= 0)) throw new OptionError(`earlyStopping: patience must be 0 or more, got ${patience}`);
    if (!(minDelta >= 0)) throw new OptionError(`earlyStopping: minDelta must be 0 or more, got ${minDelta}`);
    this.patience = patience;
    this.minDelta = minDelta;
    this.restoreBest = restoreBest;
    this.sign = (mode ?? (name === "loss" ? "min" : goals[name!])) === "max" ? -1 : 1;
  }

  /** The watched value of an epoch. */
  valueOf(record: Pick<EpochRecord, "train" | "validation">): number {
    const [split, name] = this.monitor.split(".") as ["train" | "validation", string];
    return record[split]?.[name] ?? Number.NaN;
  }

  /** Takes note of an epoch. */
  see(epoch: number, value: number): { isBest: boolean; stop: boolean } {
    const { state, sign } = this;
    const isBest = Number.isFinite(value) && (state.best === null || sign * value < sign * state.best - this.minDelta);
    if (isBest) this.state = { best: value, bestEpoch: epoch, waited: 0 };
    else state.waited++;
    return { isBest, stop: this.state.waited > this.patience };
  }
}
