/** Whether a layer has stopped learning, or runs away. */
import type { HistoryData, ParameterRecord } from "../history.js";
import type { Summary } from "../summary.js";
import { type Finding, percent, say } from "./finding.js";

/** A layer of which so many units get a gradient of exactly 0 is dead. */
const DEAD = 0.9;
/** It must be seen in so many epochs that were looked into, the last ones, to be believed. */
const LOOKS = 2;
/** Values and gradients that both grew by this factor since the first look … */
const GROWTH = 10;
/** … or gradients that grew by this one alone explode. */
const GRADIENT_GROWTH = 1000;

interface Look {
  readonly epoch: number;
  readonly record: ParameterRecord;
}

/** All that was seen of each parameter, in order. */
function looksOf({ epochs }: HistoryData): Map<string, Look[]> {
  const found = new Map<string, Look[]>();
  for (const { epoch, parameters } of epochs) {
    for (const [name, record] of Object.entries(parameters ?? {})) {
      const looks = found.get(name);
      if (looks === undefined) found.set(name, [{ epoch, record }]);
      else looks.push({ epoch, record });
    }
  }
  return found;
}

/**
 * In the last two looks 90 % or more of a bias's gradient is exactly 0: its units are off for every sample of the batch, as
 * ReLU units are that have been pushed below 0. (A weight alone says less: inputs that are 0, as of rare categories, give its
 * columns no gradient either. One without a bias is dead if all of its gradient is 0.)
 */
export function deadLayers(history: HistoryData): Finding[] {
  const found: Finding[] = [];
  const all = looksOf(history);
  for (const [name, looks] of all) {
    const layer = name.replace(/(^|\.)(weight|bias)$/, "");
    const isBias = name.endsWith("bias");
    if (!isBias && all.has(name.replace(/weight$/, "bias")) && name.endsWith("weight")) continue;
    const least = isBias ? DEAD : 1;
    const isDead = ({ record: { gradient } }: Look) =>
      gradient !== null && gradient.notFinite === 0 && gradient.zeros >= least;
    const last = looks.slice(-LOOKS);
    if (last.length < LOOKS || !last.every(isDead)) continue;
    let lasting = LOOKS;
    while (lasting < looks.length && isDead(looks.at(-lasting - 1)!)) lasting++;
    const { epoch } = looks.at(-lasting)!;
    const zeros = last.at(-1)!.record.gradient!.zeros;
    found.push({
      kind: "deadLayer",
      severity: "warning",
      title: `Dead layer: ${layer === "" ? name : layer}`,
      detail: `${percent(zeros)} of the gradient of ${name} is exactly 0 from epoch ${epoch} on: nothing in it is learned any more.`,
      advice:
        "ReLU units that are pushed below 0 for every sample stay off. Lower lr (RMSProp's first steps are the longest: " +
        "biasCorrection or a warm-up shortens them), initialise anew, use leakyReLU or GELU, scale the inputs. If everything before " +
        "it is frozen or detached on purpose, all is well.",
      epoch,
      parameter: name,
      evidence: { zeros, looks: lasting },
    });
  }
  return found;
}

/** Since the first look both values and gradients grew 10 times in size, or gradients 1000 times: the worst is named. */
export function explodingLayers(history: HistoryData): Finding[] {
  const grown = [...looksOf(history)].flatMap(([name, looks]) => {
    const [first, last] = [looks[0]!, looks.at(-1)!];
    if (looks.length < LOOKS || first.record.gradient === null || last.record.gradient === null) return [];
    const values = growth(first.record.value, last.record.value);
    const gradients = growth(first.record.gradient, last.record.gradient);
    const explodes = (values >= GROWTH && gradients >= GROWTH) || gradients >= GRADIENT_GROWTH;
    return explodes ? [{ name, first, last, values, gradients }] : [];
  });
  const [worst] = grown.sort((a, b) => b.gradients - a.gradients);
  if (worst === undefined) return [];
  const { name, first, last, values, gradients } = worst;
  const others = grown.length === 1 ? "" : ` (so it is with ${grown.length - 1} other parameters)`;
  return [
    {
      kind: "explodingLayer",
      severity: "warning",
      title: `Exploding: ${name}`,
      detail:
        `From epoch ${first.epoch} to ${last.epoch} the gradient of ${name} grew ${say(gradients)} times in size and its values ` +
        `${say(values)} times, to ${say(size(last.record.value))}${others}.`,
      advice:
        "Clip the gradients' norm (clipNorm: 1), lower lr, add weight decay; between deep layers a normalisation (LayerNorm, " +
        "BatchNorm) keeps sizes in bounds.",
      epoch: last.epoch,
      parameter: name,
      evidence: { values, gradients, parameters: grown.length },
    },
  ];
}

/** Root mean square. */
const size = ({ mean, std }: Summary): number => Math.hypot(mean, std);

/** How many times larger; 0 where nothing was there to grow. */
function growth(from: Summary, to: Summary): number {
  const before = size(from);
  return before > 0 ? size(to) / before : 0;
}
