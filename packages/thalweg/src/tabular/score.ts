/** How well predictions do, and how well somebody does who knows only the training rows' targets. */
import type { TableEncoder } from "./encoder.js";
import type { TargetSpec, Task } from "./spec.js";

/** How well a model does, beside a predictor that knows nothing of the inputs. */
export interface Evaluation {
  readonly task: Task;
  /** Which rows: "validation", or a file. */
  readonly split: string;
  readonly rows: number;
  /** rmse, mae and r2; or accuracy, f1 and logLoss. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly baseline: Readonly<Record<string, number>>;
  /** At most 2000 points. */
  readonly predictedVsActual?: { readonly actual: readonly number[]; readonly predicted: readonly number[] };
  /** Rows are actual classes, columns predicted ones. */
  readonly confusion?: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] };
}

/** Encoded targets and a network's outputs, piece by piece. */
export interface Scores {
  add(outputs: Float32Array, y: Float32Array | Int32Array): void;
  result(split: string): Evaluation;
}

/** Points that are kept for the picture of predictions against actual values. */
const MOST_POINTS = 2000;

/** Adds up predictions; the baseline is what {@link baselineOf} says of the training rows. */
export function scoresFor(encoder: TableEncoder, baseline: Baseline): Scores {
  const { target } = encoder.spec;
  return target.task === "regression" ? new RegressionScores(target, baseline) : new ClassScores(encoder, baseline);
}

/** What the training rows' targets say on their own: their mean (0, standardised), or how frequent each class is. */
export type Baseline = readonly number[] | null;

/** Shares of the classes among encoded targets; null for regression, whose baseline is the mean. */
export function baselineOf(encoder: TableEncoder, y: Float32Array | Int32Array): Baseline {
  const { target } = encoder.spec;
  if (target.task === "regression") return null;
  const counts = target.classes.map(() => 0);
  for (const c of y) counts[c]!++;
  return counts.map((n) => n / y.length);
}

class RegressionScores implements Scores {
  private rows = 0;
  private squares = 0;
  private absolute = 0;
  private sum = 0;
  private sumOfSquares = 0;
  private baseSquares = 0;
  private baseAbsolute = 0;
  private readonly actual: number[] = [];
  private readonly predicted: number[] = [];
  private stride = 1;

  constructor(
    private readonly target: Extract<TargetSpec, { task: "regression" }>,
    _baseline: Baseline,
  ) {}

  add(outputs: Float32Array, y: Float32Array | Int32Array): void {
    const { mean, std } = this.target;
    for (let i = 0; i < y.length; i++) {
      const actual = y[i]! * std + mean;
      const predicted = outputs[i]! * std + mean;
      const error = predicted - actual;
      this.squares += error ** 2;
      this.absolute += Math.abs(error);
      this.sum += actual;
      this.sumOfSquares += (actual - mean) ** 2;
      this.baseSquares += (actual - mean) ** 2;
      this.baseAbsolute += Math.abs(actual - mean);
      if (this.rows++ % this.stride !== 0) continue;
      this.actual.push(actual);
      this.predicted.push(predicted);
      if (this.actual.length <= MOST_POINTS) continue;
      this.stride *= 2;
      for (const points of [this.actual, this.predicted])
        points.splice(0, points.length, ...points.filter((_, k) => k % 2 === 0));
    }
  }

  result(split: string): Evaluation {
    const { rows, target } = this;
    // Around these rows' own mean.
    const variance = this.sumOfSquares / rows - (this.sum / rows - target.mean) ** 2;
    const metrics = (squares: number, absolute: number) => ({
      rmse: Math.sqrt(squares / rows),
      mae: absolute / rows,
      r2: variance > 0 ? 1 - squares / rows / variance : Number.NaN,
    });
    return {
      task: "regression",
      split,
      rows,
      metrics: metrics(this.squares, this.absolute),
      baseline: metrics(this.baseSquares, this.baseAbsolute),
      predictedVsActual: { actual: this.actual, predicted: this.predicted },
    };
  }
}

class ClassScores implements Scores {
  private rows = 0;
  private loss = 0;
  private baseLoss = 0;
  private readonly labels: readonly string[];
  private readonly counts: number[][];

  constructor(
    private readonly encoder: TableEncoder,
    private readonly baseline: Baseline,
  ) {
    const { target } = encoder.spec;
    this.labels = target.task === "regression" ? [] : target.classes;
    this.counts = this.labels.map(() => this.labels.map(() => 0));
  }

  add(outputs: Float32Array, y: Float32Array | Int32Array): void {
    const width = this.encoder.outputs;
    for (let i = 0; i < y.length; i++) {
      const scores = outputs.subarray(i * width, (i + 1) * width);
      const z = width === 1 ? [0, scores[0]!] : scores;
      let best = 0;
      for (let c = 1; c < z.length; c++) if (z[c]! > z[best]!) best = c;
      const most = z[best]!;
      let sum = 0;
      for (const value of z) sum += Math.exp(value - most);
      this.loss += Math.log(sum) + most - z[y[i]!]!;
      this.baseLoss -= Math.log(Math.max(this.baseline?.[y[i]!] ?? 1 / z.length, 1e-12));
      this.counts[y[i]!]![best]!++;
      this.rows++;
    }
  }

  result(split: string): Evaluation {
    const { counts, rows, labels } = this;
    const members = counts.map((row) => row.reduce((a, b) => a + b, 0));
    const said = labels.map((_, c) => counts.reduce((sum, row) => sum + row[c]!, 0));
    const hits = counts.map((row, c) => row[c]!);
    const share = (a: number, b: number) => (b === 0 ? 0 : a / b);
    const f1 = (c: number) => share(2 * hits[c]!, members[c]! + said[c]!);
    const shares = this.baseline ?? [];
    const frequent = shares.indexOf(Math.max(...shares));
    // Always saying the most frequent class finds all of it and nothing of the others.
    const baseHit = share(members[frequent] ?? 0, rows);
    const baseF1 = (c: number) => (c === frequent ? share(2 * baseHit, 1 + baseHit) : 0);
    const isBinary = this.encoder.task === "binary";
    const mean = (of: (c: number) => number) => labels.reduce((sum, _, c) => sum + of(c), 0) / labels.length;
    return {
      task: this.encoder.task,
      split,
      rows,
      metrics: {
        accuracy: share(
          hits.reduce((a, b) => a + b, 0),
          rows,
        ),
        f1: isBinary ? f1(1) : mean(f1),
        logLoss: this.loss / rows,
      },
      baseline: { accuracy: baseHit, f1: isBinary ? baseF1(1) : mean(baseF1), logLoss: this.baseLoss / rows },
      confusion: { labels, counts },
    };
  }
}

/** Whether small or large values of a metric are good. */
export const isLoss = (metric: string): boolean => ["rmse", "mae", "logLoss"].includes(metric);
