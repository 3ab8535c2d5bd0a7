/** From a history, what a practitioner would say about the run. */
import type { HistoryData } from "../history.js";
import { losses } from "./curves.js";
import { diverged, notFinite } from "./diverged.js";
import type { Finding, FindingKind, Rule } from "./finding.js";
import { deadLayers, explodingLayers } from "./layers.js";
import { oscillating } from "./oscillating.js";
import { overfitting } from "./overfitting.js";
import { levelledOff, stillFalling } from "./trend.js";

/** In the order of reading: what spoils the run first. */
const RULES: readonly Rule[] = [
  notFinite,
  diverged,
  explodingLayers,
  deadLayers,
  oscillating,
  overfitting,
  stillFalling,
  levelledOff,
];

/** What makes a finding beside the point: nobody trains a run longer that has diverged. */
const SILENCED: Readonly<Partial<Record<FindingKind, readonly FindingKind[]>>> = {
  oscillating: ["diverged"],
  overfitting: ["notFinite", "diverged"],
  stillFalling: ["notFinite", "diverged", "oscillating", "overfitting"],
  levelledOff: ["notFinite", "diverged", "oscillating", "overfitting"],
};

/**
 * Says what a history shows: each rule and its threshold stands in docs/diagnosis.md. Pure: it looks at the history alone, so
 * it can be applied to a run that goes on, and to one of long ago.
 *
 * @returns the findings, the most serious first; empty only if nothing was trained
 */
export function diagnose(history: HistoryData): Finding[] {
  const all = RULES.flatMap((rule) => rule(history));
  const kinds = new Set(all.map(({ kind }) => kind));
  const findings = all.filter(({ kind }) => !SILENCED[kind]?.some((other) => kinds.has(other)));
  if (findings.some(({ severity }) => severity !== "info")) return findings;
  return [...findings, ...healthy(history, findings.length === 0)];
}

/** The loss has fallen, and no rule found anything to worry about; if `alone`, nor anything else to say. */
function healthy(history: HistoryData, alone: boolean): Finding[] {
  const training = losses(history, "train");
  if (training.length === 0) return [];
  const { best } = history;
  return [
    {
      kind: "healthy",
      severity: "info",
      title: "Nothing to worry about",
      detail: `No sign of divergence, oscillation or overfitting in ${training.length} epochs${
        best === null ? "" : `; ${best.monitor} was best after epoch ${best.epoch}`
      }.`,
      advice: alone ? "Nothing needs to be changed." : "",
      epoch: null,
      parameter: null,
      evidence: { first: training[0]!, last: training.at(-1)! },
    },
  ];
}
