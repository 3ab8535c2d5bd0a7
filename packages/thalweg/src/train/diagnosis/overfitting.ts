/** Whether the model has begun to learn its training data by heart. */
import type { HistoryData } from "../history.js";
import { losses, mean, residual, smooth } from "./curves.js";
import { type Finding, percent, say } from "./finding.js";

/** The validation loss ends this share above its least, over the last epochs … */
const RISE = 0.05;
/** … of which there are so many since the least … */
const EPOCHS = 3;
/** … and so many times its own scatter since then … */
const CERTAIN = 2;
/** … while the training loss has fallen by this share since then. */
const FELL = 0.02;

/**
 * Validation rises while training falls: since its best epoch the validation loss went up by 5 % or more (mean of the last 3
 * epochs, a median of five taking out single jumps) and more than it scatters, and the training loss down by 2 % or more.
 */
export function overfitting(history: HistoryData): Finding[] {
  const validation = losses(history, "validation");
  const training = losses(history, "train");
  if (validation.length === 0 || training.length === 0) return [];
  const calm = smooth(validation);
  const best = calm.indexOf(Math.min(...calm));
  if (validation.length - 1 - best < EPOCHS) return [];
  const least = calm[best]!;
  const size = Math.max(Math.abs(least), Number.MIN_VALUE);
  const rise = (mean(calm.slice(-EPOCHS)) - least) / size;
  const scatter = residual(validation.slice(best)) / size;
  const then = training[best]!;
  const fell = (then - mean(training.slice(-EPOCHS))) / Math.max(Math.abs(then), Number.MIN_VALUE);
  if (rise < RISE || rise < CERTAIN * scatter || fell < FELL) return [];
  return [
    {
      kind: "overfitting",
      severity: "warning",
      title: `Overfitting from epoch ${best + 2}`,
      detail:
        `The validation loss was least after epoch ${best + 1} (${say(least)}) and has risen by ${percent(rise)} since, while the ` +
        `training loss fell by another ${percent(fell)}.`,
      advice:
        "Keep the values of the best epoch (fit does if it has validation data) and stop early. To get further: more data, weight " +
        "decay, dropout, a smaller model.",
      epoch: best + 2,
      parameter: null,
      evidence: { best: least, rise, scatter, fell },
    },
  ];
}
