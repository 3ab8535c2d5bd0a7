import type { EvaluationLike } from "@thalweg/plot";
import { manualSeed, nn, noGrad, optim, randperm, type Tensor, tensor, train } from "thalweg";
import { FEATURES, parseCars } from "./cars.js";

/** What a run on real data left behind. */
export interface Run {
  readonly history: train.HistoryData;
  readonly evaluation: EvaluationLike;
}

export interface RunOptions {
  readonly task?: "regression" | "multiclass";
  readonly epochs?: number;
  readonly lr?: number;
  readonly alpha?: number;
}

const ORIGINS = ["USA", "Europe", "Japan"];

/** Trains a network with one hidden layer by RMSprop on four fifths of the cars of `cars.csv`, and measures it on the others. */
export async function trainOnCars(csv: string, options: RunOptions = {}): Promise<Run> {
  const { task = "regression", epochs = 40, lr = 0.005, alpha = 0.99 } = options;
  manualSeed(0);
  const { x, mpg, origins } = columns(csv);
  const order = randperm(x.length);
  const n = Math.round(x.length * 0.8);
  const regression = task === "regression";
  const X = tensor(x).indexSelect(0, order);
  const Y = (regression ? tensor(mpg.z.map((v) => [v])) : tensor(origins, { dtype: "int32" })).indexSelect(0, order);
  const validation = [X.narrow(0, n, x.length - n), Y.narrow(0, n, x.length - n)] as const;

  const model = new nn.Sequential(new nn.Linear(6, 16), new nn.ReLU(), new nn.Linear(16, regression ? 1 : 3));
  const { data: history } = await train.fit(model, {
    train: batches(X.narrow(0, 0, n), Y.narrow(0, 0, n), 32),
    validation: [validation],
    optimizer: new optim.RMSprop(model.parameters(), { lr, alpha }),
    loss: regression ? new nn.MSELoss() : new nn.CrossEntropyLoss(),
    metrics: regression ? { mae: train.metrics.meanAbsoluteError() } : { accuracy: train.metrics.accuracy() },
    epochs,
    inspectEvery: 1,
  });
  const output = noGrad(() => model(validation[0])).toArray() as number[][];
  const evaluation = regression
    ? regressionOf(output, validation[1].toArray() as number[][], mpg)
    : classesOf(output, validation[1].toArray() as number[]);
  return { history, evaluation };
}

/** Standardized inputs and miles per gallon, and where from, of the cars with every value known. */
function columns(csv: string) {
  const { cars } = parseCars(csv);
  const standard = (v: number[]) => {
    const mean = v.reduce((a, b) => a + b) / v.length;
    const std = Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length);
    return { mean, std, z: v.map((x) => (x - mean) / std) };
  };
  const x = FEATURES.map((name) => standard(cars.map((car) => car[name])).z);
  const origins = cars.map((car) => ORIGINS.indexOf(car.origin));
  return { x: cars.map((_, i) => x.map((c) => c[i]!)), mpg: standard(cars.map((car) => car.mpg)), origins };
}

/** Batches of rows, in a new order each epoch. */
const batches = (x: Tensor, y: Tensor, size: number) => ({
  *[Symbol.iterator]() {
    const n = x.shape[0]!;
    const order = randperm(n);
    for (let at = 0; at < n; at += size) {
      const rows = order.narrow(0, at, Math.min(size, n - at));
      yield [x.indexSelect(0, rows), y.indexSelect(0, rows)] as const;
    }
  },
});

function regressionOf(
  output: number[][],
  target: number[][],
  { mean, std }: { mean: number; std: number },
): EvaluationLike {
  const predicted = output.map(([v]) => v! * std + mean);
  const actual = target.map(([v]) => v! * std + mean);
  const rows = actual.length;
  const rmse = (p: (i: number) => number) => Math.sqrt(actual.reduce((s, a, i) => s + (a - p(i)) ** 2, 0) / rows);
  const mae = (p: (i: number) => number) => actual.reduce((s, a, i) => s + Math.abs(a - p(i)), 0) / rows;
  const [ours, trivial] = [(i: number) => predicted[i]!, () => mean];
  return {
    task: "regression",
    split: "validation",
    rows,
    metrics: { rmse: rmse(ours), mae: mae(ours), r2: 1 - (rmse(ours) / rmse(trivial)) ** 2 },
    baseline: { rmse: rmse(trivial), mae: mae(trivial), r2: 0 },
    predictedVsActual: { actual, predicted },
  };
}

function classesOf(output: number[][], target: number[]): EvaluationLike {
  const counts = ORIGINS.map(() => ORIGINS.map(() => 0));
  for (const [i, row] of output.entries()) counts[target[i]!]![row.indexOf(Math.max(...row))]!++;
  const rows = target.length;
  return {
    task: "multiclass",
    split: "validation",
    rows,
    metrics: { accuracy: counts.reduce((s, row, i) => s + row[i]!, 0) / rows },
    baseline: { accuracy: Math.max(...counts.map((row) => row.reduce((a, b) => a + b))) / rows },
    confusion: { labels: ORIGINS, counts },
  };
}
