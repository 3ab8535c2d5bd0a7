import { OptionError } from "../errors.js";
import { tensor } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Optimizer } from "./optimizer.js";

export interface RangeTestOptions {
  /** The first learning rate. Default 1e-7. */
  from?: number;
  /** The last learning rate. Default 10. */
  to?: number;
  /** How many learning rates are tried. Default 100. */
  steps?: number;
  /** Growth of the learning rate: by a factor or by a difference at each step. Default "exponential". */
  growth?: "exponential" | "linear";
  /** How much of the smoothed loss is kept at each step: 0 for none. Default 0.9. */
  smoothing?: number;
  /** The test ends when the smoothed loss is this many times its least value, or NaN. Default 4. */
  divergence?: number;
}

export interface RangeTest {
  /** The learning rates that were tried, in order. */
  lrs: number[];
  /** The loss of the step with each. */
  losses: number[];
  /** The losses as a running mean, corrected for having started at zero. */
  smoothed: number[];
  /** Where the smoothed loss falls fastest over the logarithm of the learning rate; null if it never falls. */
  suggestion: number | null;
}

/**
 * Learning-rate range test: trains for a few steps while the learning rate grows, and looks where the loss falls
 * fastest and where it begins to diverge. Parameters, their gradients, and the optimizer's state and options are then
 * as they were, also if `step` throws. (Random numbers that the steps have drawn stay drawn.)
 *
 * Source: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", section 3.3 (2017).
 *
 * ```ts
 * const { suggestion } = optim.lrRangeTest(optimizer, () => {
 *   optimizer.zeroGrad();
 *   const loss = model(nextBatch());
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * ```
 *
 * @param step - one step of training; returns its loss
 */
export function lrRangeTest(
  optimizer: Optimizer<{ lr: number }>,
  step: (index: number) => Tensor | number,
  options: RangeTestOptions = {},
): RangeTest {
  const { smoothing = 0.9, divergence = 4 } = options;
  const rates = ratesOf(options);
  if (!(smoothing >= 0 && smoothing < 1))
    throw new OptionError(`lrRangeTest: smoothing must be 0 or more and below 1, got ${smoothing}`);
  if (!(divergence > 1)) throw new OptionError(`lrRangeTest: divergence must be above 1, got ${divergence}`);
  const restore = keep(optimizer);
  const found: RangeTest = { lrs: [], losses: [], smoothed: [], suggestion: null };
  try {
    let mean = 0;
    let best = Number.POSITIVE_INFINITY;
    for (const [i, lr] of rates.entries()) {
      for (const group of optimizer.paramGroups) group.lr = lr;
      const result = step(i);
      const loss = typeof result === "number" ? result : result.item();
      mean = smoothing * mean + (1 - smoothing) * loss;
      const smooth = mean / (1 - smoothing ** (i + 1));
      found.lrs.push(lr);
      found.losses.push(loss);
      found.smoothed.push(smooth);
      best = Math.min(best, smooth);
      // A loss may be negative, so the distance to the least one counts.
      if (!Number.isFinite(smooth) || smooth - best > (divergence - 1) * Math.abs(best)) break;
    }
  } finally {
    restore();
  }
  found.suggestion = steepest(found);
  return found;
}

function ratesOf({ from = 1e-7, to = 10, steps = 100, growth = "exponential" }: RangeTestOptions): number[] {
  if (!(from > 0 && to > from && Number.isFinite(to)))
    throw new OptionError(`lrRangeTest: needs 0 < from < to, got ${from} and ${to}`);
  if (!Number.isInteger(steps) || steps < 2)
    throw new OptionError(`lrRangeTest: steps must be a whole number of 2 or more, got ${steps}`);
  if (growth !== "exponential" && growth !== "linear")
    throw new OptionError(`lrRangeTest: growth must be "exponential" or "linear", got "${growth}"`);
  return Array.from({ length: steps }, (_, i) => {
    const x = i / (steps - 1);
    return growth === "linear" ? from + (to - from) * x : from * (to / from) ** x;
  });
}

/** The learning rate at the steepest fall between neighbours, by central differences. */
function steepest({ lrs, smoothed }: RangeTest): number | null {
  let found: number | null = null;
  let least = 0;
  for (let i = 1; i + 1 < lrs.length; i++) {
    const slope = (smoothed[i + 1]! - smoothed[i - 1]!) / Math.log(lrs[i + 1]! / lrs[i - 1]!);
    if (slope < least) {
      least = slope;
      found = lrs[i]!;
    }
  }
  return found;
}

/** Keeps all that a step changes; the function returned puts it back. */
function keep(optimizer: Optimizer<{ lr: number }>): () => void {
  const state = optimizer.stateDict();
  const groups = optimizer.paramGroups.map((group) => ({ ...group }));
  const parameters = optimizer.paramGroups.flatMap((group) => group.params);
  const values = parameters.map((p) => p.dataSync());
  const gradients = parameters.map((p) => p.grad);
  return () => {
    parameters.forEach((p, i) => {
      p.assign(tensor(values[i]!, { dtype: p.dtype }).reshape(p.shape));
      p.grad = gradients[i]!;
    });
    optimizer.loadStateDict(state);
    // Options that the steps have added, such as a scheduler's, go.
    optimizer.paramGroups.forEach((group, i) => {
      for (const name of Object.keys(group)) if (!(name in groups[i]!)) delete (group as Record<string, unknown>)[name];
    });
  };
}
