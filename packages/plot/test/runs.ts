import { readFileSync } from "node:fs";
import type { EvaluationLike, HistoryData, SummaryLike } from "@thalweg/plot";
import { manualSeed, noGrad, optim, randn, randperm, type Tensor, tensor, zeros } from "thalweg";

/** What a run on real data left behind, in the shapes that the pictures are drawn from. */
export interface Run {
  readonly history: HistoryData;
  readonly evaluation: EvaluationLike;
}

export interface RunOptions {
  readonly task?: "regression" | "multiclass";
  readonly epochs?: number;
  readonly lr?: number;
  readonly hidden?: number;
}

const FEATURES = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year"];
const ORIGINS = ["USA", "Europe", "Japan"];

/** The cars of the examples with every value known: standardized inputs, miles per gallon (standardized), and where from. */
function cars() {
  const lines = readFileSync(new URL("../../../examples/data/cars.csv", import.meta.url), "utf8")
    .trim()
    .split(/\r?\n/);
  const names = lines[0]!.split(",");
  const rows = lines
    .slice(1)
    .map((l) => l.split(","))
    .filter((r) => !r.includes(""));
  const column = (name: string) => rows.map((r) => Number(r[names.indexOf(name)]));
  const standard = (v: number[]) => {
    const mean = v.reduce((a, b) => a + b) / v.length;
    const std = Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length);
    return { mean, std, z: v.map((x) => (x - mean) / std) };
  };
  const x = FEATURES.map((name) => standard(column(name)).z);
  const origins = rows.map((r) => ORIGINS.indexOf(r[names.indexOf("origin")]!));
  return { x: rows.map((_, i) => x.map((c) => c[i]!)), mpg: standard(column("mpg")), origins };
}

/** Trains a network with one hidden layer by RMSProp on four fifths of the cars, and notes what `fit` notes. */
export function train({ task = "regression", epochs = 40, lr = 0.005, hidden = 16 }: RunOptions = {}): Run {
  manualSeed(0);
  const { x, mpg, origins } = cars();
  const n = Math.round(x.length * 0.8);
  const order = randperm(x.length);
  const X = tensor(x).indexSelect(0, order);
  const wide = task === "regression" ? 1 : ORIGINS.length;
  const targets =
    task === "regression" ? mpg.z.map((v) => [v]) : origins.map((o) => ORIGINS.map((_, i) => Number(i === o)));
  const Y = tensor(targets).indexSelect(0, order);
  const parts = {
    train: [X.narrow(0, 0, n), Y.narrow(0, 0, n)],
    validation: [X.narrow(0, n, x.length - n), Y.narrow(0, n, x.length - n)],
  } as const;

  const parameters: Record<string, Tensor> = {
    "0.weight": tensor(randn([6, hidden]).mul(0.4).toArray() as number[][], { requiresGrad: true }),
    "0.bias": zeros([hidden], { requiresGrad: true }),
    "2.weight": tensor(randn([hidden, wide]).mul(0.25).toArray() as number[][], { requiresGrad: true }),
    "2.bias": zeros([wide], { requiresGrad: true }),
  };
  const [w1, b1, w2, b2] = Object.values(parameters) as [Tensor, Tensor, Tensor, Tensor];
  const optimizer = new optim.RMSprop(Object.values(parameters), { lr });
  optimizer.observe();
  const forward = (input: Tensor) => input.matmul(w1).add(b1).relu().matmul(w2).add(b2);
  const lossOf = (input: Tensor, target: Tensor) => {
    const out = forward(input);
    if (task === "regression") return out.sub(target).square().mean();
    return out.logSoftmax(1).mul(target).sum().div(-target.shape[0]!);
  };
  const measure = ([input, target]: readonly [Tensor, Tensor]): Record<string, number> =>
    noGrad(() => {
      const loss = lossOf(input, target).item();
      if (task === "regression") return { loss, mae: forward(input).sub(target).abs().mean().item() };
      const right = forward(input).argmax(1).eq(target.argmax(1)).sum().item();
      return { loss, accuracy: right / target.shape[0]! };
    });

  const [xs, ys] = parts.train;
  const batch = 32;
  const records: HistoryData["epochs"][number][] = [];
  const steps: { step: number; loss: number; gradNorm: number | null }[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const shuffled = randperm(n);
    const gradients: Record<string, SummaryLike> = {};
    for (let at = 0; at < n; at += batch) {
      const rows = shuffled.narrow(0, at, Math.min(batch, n - at));
      const loss = lossOf(xs.indexSelect(0, rows), ys.indexSelect(0, rows));
      optimizer.zeroGrad();
      loss.backward();
      steps.push({ step: steps.length + 1, loss: loss.item(), gradNorm: null });
      if (at + batch >= n) for (const [name, p] of Object.entries(parameters)) gradients[name] = summary(p.grad!);
      optimizer.step();
    }
    records.push({
      epoch,
      step: steps.length,
      train: measure(parts.train),
      validation: measure(parts.validation),
      lr: [lr],
      seconds: 0.05,
      samples: n,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, p]) => {
          const report = optimizer.report(p)!;
          return [
            name,
            {
              value: summary(p),
              gradient: gradients[name]!,
              stepSize: summary(report.stepSize),
              update: summary(report.update!),
            },
          ];
        }),
      ),
    });
  }
  const best = records.reduce((a, b) => (Number(b.validation!.loss) < Number(a.validation!.loss) ? b : a));
  const history: HistoryData = {
    epochs: records,
    steps,
    best: { epoch: best.epoch, monitor: "validation.loss", value: best.validation!.loss! },
    stopped: { reason: "finished", epoch: epochs, step: steps.length, detail: `${epochs} epochs` },
  };
  return {
    history,
    evaluation: evaluate(forward(parts.validation[0]).toArray() as number[][], parts.validation[1], task, mpg),
  };
}

function evaluate(
  outputs: number[][],
  target: Tensor,
  task: string,
  { mean, std }: { mean: number; std: number },
): EvaluationLike {
  const rows = outputs.length;
  const truth = target.toArray() as number[][];
  if (task === "regression") {
    const actual = truth.map(([v]) => v! * std + mean);
    const predicted = outputs.map(([v]) => v! * std + mean);
    const rmse = Math.sqrt(actual.reduce((s, a, i) => s + (a - predicted[i]!) ** 2, 0) / rows);
    const spread = Math.sqrt(actual.reduce((s, a) => s + (a - mean) ** 2, 0) / rows);
    const mae = actual.reduce((s, a, i) => s + Math.abs(a - predicted[i]!), 0) / rows;
    const away = actual.reduce((s, a) => s + Math.abs(a - mean), 0) / rows;
    return {
      task,
      split: "validation",
      rows,
      metrics: { rmse, mae, r2: 1 - (rmse / spread) ** 2 },
      baseline: { rmse: spread, mae: away, r2: 0 },
      predictedVsActual: { actual, predicted },
    };
  }
  const counts = ORIGINS.map(() => ORIGINS.map(() => 0));
  const arg = (v: number[]) => v.indexOf(Math.max(...v));
  for (const [i, out] of outputs.entries()) counts[arg(truth[i]!)]![arg(out)]!++;
  const right = counts.reduce((s, row, i) => s + row[i]!, 0);
  return {
    task,
    split: "validation",
    rows,
    metrics: { accuracy: right / rows },
    baseline: { accuracy: Math.max(...counts.map((r) => r.reduce((a, b) => a + b))) / rows },
    confusion: { labels: ORIGINS, counts },
  };
}

/** A tensor's summary, as `fit` makes it. */
export function summary(t: Tensor): SummaryLike {
  const values = Float64Array.from(t.detach().dataSync()).sort();
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  const at = (q: number) => values[Math.round(q * (values.length - 1))]!;
  const [low, high] = [values[0]!, values.at(-1)!];
  const width = high > low ? high - low : 1;
  const bins = 24;
  const edges = Array.from({ length: bins + 1 }, (_, i) => (high > low ? low : low - 0.5) + (width * i) / bins);
  const counts = new Array<number>(bins).fill(0);
  for (const v of values) counts[Math.min(bins - 1, Math.floor(((v - edges[0]!) / width) * bins))]!++;
  return {
    min: low,
    max: high,
    mean,
    std,
    quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(at),
    zeros: values.filter((v) => v === 0).length / values.length,
    notFinite: 0,
    histogram: { edges, counts },
  };
}
