/**
 * The shapes that the pictures are drawn from. They are those of `thalweg/train`, written down again because this package
 * needs nothing of it: whatever has these shapes can be drawn. A number may also be null or a word such as "NaN", which is
 * what JSON makes of numbers that are not finite.
 */
export type Num = number | string | null;

/** What many numbers look like, without keeping them. */
export interface SummaryLike {
  readonly min: Num;
  readonly max: Num;
  readonly mean: Num;
  readonly std: Num;
  /** At 5, 25, 50, 75 and 95 %. */
  readonly quantiles: readonly Num[];
  /** Share of the numbers that are exactly 0. */
  readonly zeros: Num;
  /** How many are NaN or infinite; these are in no bin. */
  readonly notFinite: Num;
  /** `edges` has one more than `counts`. */
  readonly histogram: { readonly edges: readonly Num[]; readonly counts: readonly Num[] };
}

export interface ParameterLike {
  readonly value: SummaryLike | null;
  readonly gradient: SummaryLike | null;
  readonly stepSize: SummaryLike | null;
  readonly update: SummaryLike | null;
}

export interface EpochLike {
  /** 1, 2, … */
  readonly epoch: number;
  /** Optimizer steps so far. */
  readonly step: number;
  readonly train: Readonly<Record<string, Num>>;
  readonly validation: Readonly<Record<string, Num>> | null;
  readonly lr?: readonly Num[];
  /** How long this epoch took. */
  readonly seconds?: number;
  readonly samples?: number;
  readonly parameters?: Readonly<Record<string, ParameterLike>> | null;
}

export interface HistoryData {
  readonly epochs: readonly EpochLike[];
  readonly steps?: readonly { readonly step: number; readonly loss: Num; readonly gradNorm?: Num }[];
  readonly best?: { readonly epoch: number; readonly monitor: string; readonly value: Num } | null;
  readonly stopped?: {
    readonly reason: string;
    readonly epoch: number;
    readonly step: number;
    readonly detail: string;
  } | null;
}

/** A run's history, or what holds one as `data`. */
export type HistoryLike = HistoryData | { readonly data: HistoryData };

export interface EvaluationLike {
  readonly task?: string;
  readonly split?: string;
  readonly rows?: number;
  readonly metrics?: Readonly<Record<string, Num>>;
  /** The same metrics of a predictor that knows nothing of the inputs. */
  readonly baseline?: Readonly<Record<string, Num>>;
  readonly predictedVsActual?: { readonly actual: readonly Num[]; readonly predicted: readonly Num[] };
  readonly confusion?: { readonly labels: readonly string[]; readonly counts: readonly (readonly Num[])[] };
}

/** One thing that a diagnosis says about a run. */
export interface FindingLike {
  readonly kind: string;
  readonly severity: "info" | "warning" | "error";
  readonly title: string;
  readonly detail: string;
  readonly advice: string;
  readonly epoch?: number | null;
  readonly parameter?: string | null;
}

export const dataOf = (history: HistoryLike): HistoryData => ("data" in history ? history.data : history);

/** A number again, also where JSON had none. */
export function num(value: Num | undefined): number {
  if (typeof value === "number") return value;
  return value === null || value === undefined || value === "" ? Number.NaN : Number(value);
}
