/** Figures of loss curves that several rules look at. */
import type { HistoryData } from "../history.js";

/** The loss of each epoch; empty if an epoch lacks it, such as the validation loss where there are no such data. */
export function losses({ epochs }: HistoryData, split: "train" | "validation"): number[] {
  const found = epochs.map((epoch) => epoch[split]?.loss ?? Number.NaN);
  return found.every(Number.isFinite) ? found : [];
}

/** The curve by which training is judged: validation where there is one. */
export function judged(history: HistoryData): { split: "train" | "validation"; values: number[] } {
  const validation = losses(history, "validation");
  if (validation.length > 0) return { split: "validation", values: validation };
  return { split: "train", values: losses(history, "train") };
}

/** The loss before anything was learned: the first step's. */
export const startOf = ({ steps, epochs }: HistoryData): number =>
  steps[0]?.loss ?? epochs[0]?.train.loss ?? Number.NaN;

/** Each value replaced by the median of the five around it. */
export const smooth = (values: readonly number[]): number[] =>
  values.map((_, i) => {
    const near = values.slice(Math.max(0, i - 2), i + 3).sort((a, b) => a - b);
    return near[near.length >> 1]!;
  });

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** How much a curve fell from its last quarter but one to its last quarter. */
export interface Fall {
  /** The difference of the two quarters' means, as a share of the earlier one's size; negative if the curve rose. */
  readonly share: number;
  /** How uncertain that share is: its standard error, from the scatter around the straight line through each quarter. */
  readonly error: number;
  /** Epochs in a quarter. */
  readonly window: number;
  /** Mean of the last quarter. */
  readonly level: number;
}

/** @returns null for curves of fewer than 4 epochs, of which nothing can be said */
export function recentFall(values: readonly number[]): Fall | null {
  if (values.length < 4) return null;
  const window = Math.max(2, Math.floor(values.length / 4));
  const before = values.slice(-2 * window, -window);
  const last = values.slice(-window);
  const size = Math.max(Math.abs(mean(before)), Number.MIN_VALUE);
  const scatter = Math.hypot(residual(before), residual(last)) / Math.sqrt(window);
  return { share: (mean(before) - mean(last)) / size, error: scatter / size, window, level: mean(last) };
}

/** Standard deviation around the straight line of least squares. */
export function residual(values: readonly number[]): number {
  const n = values.length;
  if (n < 3) return 0;
  const [xMean, yMean] = [(n - 1) / 2, mean(values)];
  let [xy, xx] = [0, 0];
  values.forEach((y, x) => {
    xy += (x - xMean) * (y - yMean);
    xx += (x - xMean) ** 2;
  });
  const slope = xy / xx;
  const squares = values.reduce((sum, y, x) => sum + (y - yMean - slope * (x - xMean)) ** 2, 0);
  return Math.sqrt(squares / (n - 2));
}
