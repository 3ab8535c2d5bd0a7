/** Whether the loss jumps up and down instead of falling. */
import type { HistoryData } from "../history.js";
import { losses, mean, startOf } from "./curves.js";
import { type Finding, percent, say } from "./finding.js";

/** From one epoch to the next the loss changes by this share of its level, on average … */
const SWING = 0.2;
/** … and turns round at this share of the epochs (of pure noise it is two thirds) … */
const TURNS = 0.4;
/** … and all of it leads no further than this share of the way that was gone. */
const PROGRESS = 0.25;
/** So few epochs say nothing. */
const EPOCHS = 8;
/** Around such a share of the first loss it does not matter any more. */
const DONE = 1e-3;

/** In the second half of the run the training loss swings by 20 % or more from epoch to epoch and gets nowhere. */
export function oscillating(history: HistoryData): Finding[] {
  const all = losses(history, "train");
  if (all.length < EPOCHS) return [];
  const values = all.slice(Math.floor(all.length / 2) - 1);
  const changes = values.slice(1).map((value, i) => value - values[i]!);
  const path = changes.reduce((sum, change) => sum + Math.abs(change), 0);
  const level = Math.abs(mean(values));
  if (path === 0 || level < DONE * Math.abs(startOf(history))) return [];
  const swing = path / changes.length / level;
  const turns = changes.filter((change, i) => i > 0 && change * changes[i - 1]! < 0).length / (changes.length - 1);
  const progress = Math.abs(values.at(-1)! - values[0]!) / path;
  if (swing < SWING || turns < TURNS || progress > PROGRESS) return [];
  return [
    {
      kind: "oscillating",
      severity: "warning",
      title: "Oscillating",
      detail:
        `The training loss swings by ${percent(swing)} from epoch to epoch around ${say(level)} and turns round in ` +
        `${percent(turns)} of them: steps jump over the valley's floor.`,
      advice:
        "Lower lr (to a third, say) or let a scheduler lower it. A larger alpha makes RMSProp's mean square, and so its steps, " +
        "steadier; a larger eps shortens the steps where gradients are small. Larger batches make gradients less noisy.",
      epoch: Math.floor(all.length / 2) + 1,
      parameter: null,
      evidence: { swing, turns, progress, level },
    },
  ];
}
