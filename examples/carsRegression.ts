import { manualSeed, noGrad, optim, randperm, type Tensor, tensor, zeros } from "thalweg";
import { type Car, FEATURES } from "./cars.js";
import { leastSquares } from "./leastSquares.js";

export interface RegressionOptions {
  readonly epochs: number;
  readonly lr: number;
  readonly alpha: number;
  readonly seed: number;
  /** Called after each epoch with the mean squared errors in mpg² that the epoch began with. */
  readonly onEpoch?: (epoch: number, train: number, validation: number) => void;
}

/** How well a predictor does on the cars that it was not fitted to. */
export interface Score {
  /** Root mean squared error in miles per gallon. */
  readonly rmse: number;
  /** The share of the variance around the training cars' mean that is explained: 1 − (rmse / rmse of that mean)². */
  readonly r2: number;
}

export interface Regression {
  /** Mean squared errors in mpg², one for each epoch. */
  readonly train: number[];
  readonly validation: number[];
  readonly trainCars: number;
  readonly validationCars: number;
  /** Miles per gallon gained by one standard deviation more of the feature. */
  readonly weights: Readonly<Record<string, number>>;
  readonly trained: Score;
  /** The exact solution on the same training cars. */
  readonly exact: Score;
  /** Always the training cars' mean. */
  readonly mean: Score;
}

/** Fits mpg ≈ X w + b to four fifths of the cars with RMSprop, and measures it on the last fifth. */
export function regressCars(cars: readonly Car[], options: RegressionOptions): Regression {
  const { epochs, lr, alpha, seed, onEpoch } = options;
  manualSeed(seed);
  const order = randperm(cars.length);
  const features = tensor(cars.map((car) => FEATURES.map((name) => car[name]))).indexSelect(0, order);
  const mpg = tensor(cars.map((car) => [car.mpg])).indexSelect(0, order);
  const n = Math.round(cars.length * 0.8);
  const rest = cars.length - n;

  // Standardized by what the training cars say, so that the validation cars stay unseen.
  const X = standardizer(features.narrow(0, 0, n));
  const Y = standardizer(mpg.narrow(0, 0, n));
  const unit = Y.std.item();
  const xTrain = X.apply(features.narrow(0, 0, n));
  const yTrain = Y.apply(mpg.narrow(0, 0, n));
  const xValidation = X.apply(features.narrow(0, n, rest));
  const yValidation = Y.apply(mpg.narrow(0, n, rest));

  const w = zeros([FEATURES.length, 1], { requiresGrad: true });
  const b = zeros([1], { requiresGrad: true });
  const optimizer = new optim.RMSprop([w, b], { lr, alpha });
  const loss = (x: Tensor, y: Tensor) => x.matmul(w).add(b).sub(y).pow(2).mean();

  const train: number[] = [];
  const validation: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const trainLoss = loss(xTrain, yTrain);
    train.push(trainLoss.item() * unit ** 2);
    validation.push(noGrad(() => loss(xValidation, yValidation).item()) * unit ** 2);
    optimizer.zeroGrad();
    trainLoss.backward();
    optimizer.step();
    onEpoch?.(epoch, train[epoch]!, validation[epoch]!);
  }

  const actual = [...yValidation.dataSync()];
  const solution = leastSquares(withOnes(xTrain), [...yTrain.dataSync()]);
  const learned = [...w.dataSync(), b.item()];
  const error = (coefficients: readonly number[]) =>
    unit * Math.sqrt(average(withOnes(xValidation).map((row, i) => (dot(row, coefficients) - actual[i]!) ** 2)));
  const baseline = error(learned.map(() => 0));
  const score = (coefficients: readonly number[]): Score => {
    const rmse = error(coefficients);
    return { rmse, r2: 1 - (rmse / baseline) ** 2 };
  };
  return {
    train,
    validation,
    trainCars: n,
    validationCars: rest,
    weights: Object.fromEntries(FEATURES.map((name, i) => [name, learned[i]! * unit])),
    trained: score(learned),
    exact: score(solution),
    mean: score(learned.map(() => 0)),
  };
}

function standardizer(x: Tensor): { std: Tensor; apply: (x: Tensor) => Tensor } {
  const mean = x.mean(0);
  const std = x.std(0);
  return { std, apply: (x) => x.sub(mean).div(std) };
}

function withOnes(x: Tensor): number[][] {
  return (x.toArray() as number[][]).map((row) => [...row, 1]);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}
