/** Whether training got worse and worse, or broke off at a number that is none. */
import type { HistoryData } from "../history.js";
import { mean } from "./curves.js";
import { type Finding, say } from "./finding.js";

/** A loss that ends at so many times the first step's has diverged … */
const ABOVE_FIRST = 2;
/** … or at so many times its best, if it has lost … */
const ABOVE_BEST = 10;
/** … this share of what it had gained on the first step's. */
const LOST = 0.25;

const SMALLER_STEPS =
  "Lower lr (by 10 to begin with), raise eps (RMSProp divides by √v + eps, and where v is tiny its steps are huge), and clip the " +
  "gradients' norm (clipNorm: 1).";

/** The loss is NaN or infinite: at which step, and in which parameter it shows. */
export function notFinite({ stopped, epochs }: HistoryData): Finding[] {
  const records = epochs.flatMap(({ epoch, parameters }) =>
    Object.entries(parameters ?? {}).map(([name, { value }]) => ({ epoch, name, count: value.notFinite })),
  );
  const broken = records.find(({ count }) => count > 0);
  if (stopped?.reason !== "notFinite" && broken === undefined) return [];
  const parameter = stopped?.parameter ?? broken?.name ?? null;
  const step = stopped?.reason === "notFinite" ? stopped.step : null;
  const epoch = step === null ? broken!.epoch : stopped!.epoch;
  return [
    {
      kind: "notFinite",
      severity: "error",
      title: step === null ? `Not finite in epoch ${epoch}` : `Not finite at step ${step}`,
      detail:
        step === null
          ? `${parameter} has ${broken!.count} values that are NaN or infinite.`
          : sentence(stopped!.detail),
      advice: `${SMALLER_STEPS} If it happens at the very first steps, look for NaN or huge values in the data, a logarithm or root of 0 in the loss.`,
      epoch,
      parameter,
      evidence: { ...(step === null ? {} : { step }), ...(broken === undefined ? {} : { values: broken.count }) },
    },
  ];
}

/**
 * The loss of the last twentieth of the steps is at least twice the first step's, or ten times the best twentieth's and back
 * up by a quarter of the way to the first.
 */
export function diverged({ steps, stopped, epochs }: HistoryData): Finding[] {
  const finite = steps.filter(({ loss }) => Number.isFinite(loss));
  if (finite.length < 4) return [];
  const window = Math.max(1, Math.floor(finite.length / 20));
  const means: number[] = [];
  for (let i = 0; i + window <= finite.length; i += window)
    means.push(mean(finite.slice(i, i + window).map(({ loss }) => loss)));
  const first = finite[0]!.loss;
  const best = Math.min(...means);
  const last = mean(finite.slice(-window).map(({ loss }) => loss));
  const size = Math.max(Math.abs(first), Number.MIN_VALUE);
  const up = (last - best) / size;
  const worse = last - first > (ABOVE_FIRST - 1) * size;
  const back = last > ABOVE_BEST * Math.abs(best) && up > LOST;
  if (!worse && !back) return [];
  const from = means.indexOf(best) * window;
  const step = finite[from]!.step;
  return [
    {
      kind: "diverged",
      severity: "error",
      title: "Diverged",
      detail:
        `The training loss began at ${say(first)}, ` +
        `${best < first ? `was least (${say(best)}) around step ${step}` : "never came below that"}, and ended at ${say(last)}` +
        `${stopped?.reason === "notFinite" ? " before it stopped being a number" : ""}.`,
      advice: SMALLER_STEPS,
      epoch: best < first ? (epochs.find((epoch) => epoch.step > step)?.epoch ?? stopped?.epoch ?? null) : 1,
      parameter: null,
      evidence: { first, best, last, step },
    },
  ];
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
