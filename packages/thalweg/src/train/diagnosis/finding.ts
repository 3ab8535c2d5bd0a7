/** What a diagnosis consists of. */
import type { HistoryData } from "../history.js";

export type FindingKind =
  | "stillFalling"
  | "levelledOff"
  | "overfitting"
  | "oscillating"
  | "diverged"
  | "notFinite"
  | "deadLayer"
  | "explodingLayer"
  | "healthy";

/** One thing that a history shows, in words and figures. */
export interface Finding {
  readonly kind: FindingKind;
  /** "error": the run is of no use as it is; "warning": something should be changed; "info": good to know. */
  readonly severity: "info" | "warning" | "error";
  /** A few words. */
  readonly title: string;
  /** What was seen. */
  readonly detail: string;
  /** What to try. */
  readonly advice: string;
  /** The epoch from which on it shows; null where no epoch is meant. */
  readonly epoch: number | null;
  /** The parameter concerned; null where none is. */
  readonly parameter: string | null;
  /** The figures that were compared with the thresholds. */
  readonly evidence: Readonly<Record<string, number>>;
}

/** Looks at one thing in a history. */
export type Rule = (history: HistoryData) => Finding[];

/** A number as one would say it. */
export function say(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? x.toExponential(1) : String(Number(x.toPrecision(3)));
}

/** A share as per cent. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;
