/** Whether more epochs would help. */
import type { HistoryData } from "../history.js";
import { judged, losses, recentFall, startOf } from "./curves.js";
import { type Finding, percent, say } from "./finding.js";

/** A loss that fell by at least this share from one quarter of the run to the next still falls. */
export const FALLING = 0.02;
/** A fall counts if it is this many times its standard error. */
const CERTAIN = 2;
/** Below this share of the first step's loss there is nothing left to gain. */
const DONE = 1e-4;

const NAMES = { train: "training loss", validation: "validation loss" } as const;

/**
 * The loss of the last quarter of epochs is at least 2 % below that of the quarter before: train longer. Not said of a run that
 * early stopping has ended, since its best epoch lies behind it.
 */
export function stillFalling(history: HistoryData): Finding[] {
  if (history.stopped?.reason === "earlyStopping") return [];
  const { split, values } = judged(history);
  const fall = recentFall(values);
  if (fall === null || !falls(values, startOf(history))) return [];
  return [
    {
      kind: "stillFalling",
      severity: "info",
      title: "Still falling",
      detail: `The ${NAMES[split]} fell by ${percent(fall.share)} over the last ${fall.window} epochs, to ${say(values.at(-1)!)}.`,
      advice: "Train longer. If it falls slowly and evenly, a larger lr gets there in fewer epochs.",
      epoch: null,
      parameter: null,
      evidence: { fall: fall.share, error: fall.error, window: fall.window },
    },
  ];
}

/** The loss of the last quarter of epochs is within 2 % of that of the quarter before: near an optimum, or stuck. */
export function levelledOff(history: HistoryData): Finding[] {
  const { split, values } = judged(history);
  const fall = recentFall(values);
  if (fall === null || falls(values, startOf(history)) || fall.share < -Math.max(FALLING, CERTAIN * fall.error))
    return [];
  const [first, last] = [values[0]!, values.at(-1)!];
  const total = (first - Math.min(...values)) / Math.max(Math.abs(first), Number.MIN_VALUE);
  const training = losses(history, "train");
  const learns = split === "validation" && falls(training, startOf(history));
  const never = total < FALLING;
  return [
    {
      kind: "levelledOff",
      severity: never ? "warning" : "info",
      title: never ? "Never got going" : "Levelled off",
      detail: never
        ? `The ${NAMES[split]} hardly changed in ${values.length} epochs: it stands at ${say(last)}.`
        : `The ${NAMES[split]} has been at ${say(fall.level)} for ${fall.window} epochs or more${learns ? ", while the training loss still falls" : ""}.`,
      advice: never
        ? "The steps may be too small: try a larger lr (lr-find suggests one), or a smaller eps, which limits RMSProp's steps where " +
          "gradients are tiny. Else the inputs may say nothing about the target, or may need scaling."
        : learns
          ? "More epochs will fit the training data, not others: more data, weight decay or dropout would help more."
          : "It is near an optimum, or the steps are too large to get further in: halve lr (or let a scheduler do it) and see whether it " +
            "falls again. If it does not, a larger model or better features may.",
      epoch: null,
      parameter: null,
      evidence: {
        fall: fall.share,
        error: fall.error,
        window: fall.window,
        level: fall.level,
        total,
        ...(learns ? { trainingFall: recentFall(training)!.share } : {}),
      },
    },
  ];
}

/** Whether a curve still falls, beyond its own scatter, and towards something worth having. */
export function falls(values: readonly number[], start: number): boolean {
  const fall = recentFall(values);
  if (fall === null || fall.share < FALLING || fall.share < CERTAIN * fall.error) return false;
  return Math.abs(fall.level) > DONE * Math.abs(start);
}
