/** The usual metrics. Outputs and targets are as the losses take them: see each. */
import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Metric, Sums } from "./metric.js";

const sumOf = (x: Tensor): Tensor => x.to("float64").sum();

/** Sums of a metric as numbers. */
const numbers = (sums: Readonly<Sums>, ...names: string[]): number[] =>
  names.map((name) => sums[name]!.item() as number);

const error = (output: Tensor, target: Tensor): Tensor => output.sub(target.reshape(output.shape));

/** How many numbers a sum over samples has added: outputs may have more than one for each sample. */
const count = (output: Tensor): Tensor => output.detach().mul(0).add(1).to("float64").sum();

/** Mean squared error: mean (ŷ − y)². */
export const meanSquaredError = (): Metric => ({
  goal: "min",
  measure: (output, target) => ({ squares: sumOf(error(output, target).square()), n: count(output) }),
  result(sums) {
    const [squares, n] = numbers(sums, "squares", "n");
    return squares! / n!;
  },
});

/** Root of the mean squared error, in the target's unit. */
export const rootMeanSquaredError = (): Metric => {
  const mse = meanSquaredError();
  return { ...mse, result: (sums, samples) => Math.sqrt(mse.result(sums, samples)) };
};

/** Mean absolute error: mean |ŷ − y|. */
export const meanAbsoluteError = (): Metric => ({
  goal: "min",
  measure: (output, target) => ({ errors: sumOf(error(output, target).abs()), n: count(output) }),
  result(sums) {
    const [errors, n] = numbers(sums, "errors", "n");
    return errors! / n!;
  },
});

/** R²: the share of the target's variance that is explained, 1 − Σ (ŷ − y)² / Σ (y − ȳ)²; 0 for always saying the mean. */
export const r2 = (): Metric => ({
  goal: "max",
  measure(output, target) {
    const y = target.to("float64");
    return { residual: sumOf(error(output, target).square()), y: y.sum(), y2: y.square().sum(), n: count(output) };
  },
  result(sums) {
    const [residual, y, y2, n] = numbers(sums, "residual", "y", "y2", "n");
    const total = y2! - y! ** 2 / n!;
    return total > 0 ? 1 - residual! / total : Number.NaN;
  },
});

/**
 * Classes as int32 [N]: the largest score of [N, C], or for two classes with one score each ([N], [N, 1]) whether it is
 * above 0 (a logit, as `BCEWithLogitsLoss` takes it).
 */
function predicted(output: Tensor): Tensor {
  const one = output.ndim === 1 || output.shape[1] === 1;
  return one ? output.reshape([output.shape[0]!]).gt(0).to("int32") : output.argmax(1);
}

const classes = (target: Tensor): Tensor => target.reshape([target.shape[0]!]).to("int32");

/** The share of samples whose class is right. */
export const accuracy = (): Metric => ({
  goal: "max",
  measure: (output, target) => ({ right: sumOf(predicted(output).eq(classes(target))) }),
  result: (sums, samples) => numbers(sums, "right")[0]! / samples,
});

/** Counts of samples by class and predicted class, [actual][predicted], as a sum of batches. */
export function confusionSums(numClasses: number): (output: Tensor, target: Tensor) => Sums {
  return (output, target) => {
    const actual = classes(target).oneHot(numClasses).to("float32");
    return { counts: actual.t().matmul(predicted(output).oneHot(numClasses).to("float32")).to("float64") };
  };
}

/** The confusion matrix of sums that {@link confusionSums} made: rows are actual classes, columns predicted ones. */
export const confusionMatrix = (sums: Readonly<Sums>): number[][] => sums.counts!.toArray() as number[][];

/** How a metric of one class becomes one of all: their mean, or only the class 1 of two. */
export interface ClassMetricOptions {
  /** How many classes there are; 2 or more. */
  readonly numClasses: number;
  /** "macro": the mean over classes. "binary": of class 1 alone. Default: "binary" for two classes, else "macro". */
  readonly average?: "macro" | "binary";
}

function ofClasses(
  name: string,
  { numClasses, average = numClasses === 2 ? "binary" : "macro" }: ClassMetricOptions,
  value: (hits: number, predictions: number, members: number) => number,
): Metric {
  if (!Number.isInteger(numClasses) || numClasses < 2)
    throw new OptionError(`${name}: numClasses must be a whole number of 2 or more, got ${numClasses}`);
  return {
    goal: "max",
    measure: confusionSums(numClasses),
    result(sums) {
      const matrix = confusionMatrix(sums);
      const one = (c: number) =>
        value(
          matrix[c]![c]!,
          matrix.reduce((sum, row) => sum + row[c]!, 0),
          matrix[c]!.reduce((sum, x) => sum + x, 0),
        );
      if (average === "binary") return one(1);
      return matrix.reduce((sum, _, c) => sum + one(c), 0) / numClasses;
    },
  };
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Of the samples said to be of a class, the share that is. */
export const precision = (options: ClassMetricOptions): Metric =>
  ofClasses("precision", options, (hits, predictions) => share(hits, predictions));

/** Of the samples of a class, the share that is found. */
export const recall = (options: ClassMetricOptions): Metric =>
  ofClasses("recall", options, (hits, _, members) => share(hits, members));

/** The harmonic mean of precision and recall. */
export const f1 = (options: ClassMetricOptions): Metric =>
  ofClasses("f1", options, (hits, predictions, members) => share(2 * hits, predictions + members));

/** Mean of −log p of the right class, from scores [N, C] or logits [N]. */
export const logLoss = (): Metric => ({
  goal: "min",
  measure(output, target) {
    const y = classes(target);
    const n = output.shape[0]!;
    if (output.ndim === 1 || output.shape[1] === 1) {
      const z = output.reshape([n]);
      return { loss: sumOf(z.softplus().sub(z.mul(y.to(z.dtype)))) };
    }
    return {
      loss: sumOf(
        output
          .logSoftmax(1)
          .gather(1, y.reshape([n, 1]))
          .neg(),
      ),
    };
  },
  result: (sums, samples) => numbers(sums, "loss")[0]! / samples,
});

/** Scores are sorted into this many bins for {@link auc}. */
const BINS = 4096;

/**
 * Area under the ROC curve of two classes, from logits [N] or scores [N, 2]: how often a sample of class 1 scores higher than
 * one of class 0. Probabilities are sorted into 4096 equal bins, so that batches can be added up; ties count half.
 */
export const auc = (): Metric => ({
  goal: "max",
  measure(output, target) {
    const n = output.shape[0]!;
    const z =
      output.ndim === 1 || output.shape[1] === 1 ? output.reshape([n]) : output.select(1, 1).sub(output.select(1, 0));
    const bin = z
      .sigmoid()
      .mul(BINS)
      .floor()
      .clamp({ min: 0, max: BINS - 1 })
      .to("int32");
    const positive = classes(target).to("float32");
    const zeros = positive.mul(0).sum().expand([BINS]);
    return {
      positive: zeros.scatterAdd(0, bin, positive).to("float64"),
      negative: zeros.scatterAdd(0, bin, positive.neg().add(1)).to("float64"),
    };
  },
  result(sums) {
    const positive = sums.positive!.dataSync();
    const negative = sums.negative!.dataSync();
    let [below, area, positives] = [0, 0, 0];
    for (let b = 0; b < BINS; b++) {
      area += positive[b]! * (below + negative[b]! / 2);
      below += negative[b]!;
      positives += positive[b]!;
    }
    return positives === 0 || below === 0 ? Number.NaN : area / (positives * below);
  },
});
