/**
 * Functions on which update rules are compared: each with what is hard about it, where people start, and where its
 * minima are. All take points [n], giving a value of shape [], or any number of them [..., n], giving [...], so that a
 * grid for a plot is one call.
 */
import { OptionError, ShapeError } from "../errors.js";
import { showShape } from "../graph/shape.js";
import { randn, tensor } from "../tensor/create.js";
import { Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";

export interface TestFunction {
  readonly name: string;
  /** In plain Unicode mathematics. */
  readonly formula: string;
  /** What is hard about it. */
  readonly about: string;
  /** Where to start; its length is the number of dimensions. */
  readonly start: readonly number[];
  /** The global minima. */
  readonly minima: readonly { readonly at: readonly number[]; readonly value: number }[];
  /** What a plot of the first two dimensions should show: start and minima, and what makes the function hard. */
  readonly view: { readonly x: readonly [number, number]; readonly y: readonly [number, number] };
  /** The values at points of shape [..., n]; shape [...], the points' dtype. */
  evaluate(x: Tensor): Tensor;
  /** For functions with noise: one draw whose mean is what {@link evaluate} gives. */
  sample?(x: Tensor): Tensor;
}

type Range = readonly [number, number];

/** A function of two numbers, written for their tensors. */
function ofTwo(
  given: Omit<TestFunction, "evaluate" | "view">,
  x: Range,
  y: Range,
  f: (x: Tensor, y: Tensor) => Tensor,
) {
  return {
    ...given,
    view: { x, y },
    evaluate(point: Tensor): Tensor {
      checkPoints(given.name, point, 2);
      return f(point.select(-1, 0), point.select(-1, 1));
    },
  } satisfies TestFunction;
}

function checkPoints(name: string, x: Tensor, n: number): void {
  if (x.ndim === 0 || x.shape[x.ndim - 1] !== n) {
    throw new ShapeError(`${name}: expects points of shape [..., ${n}], got ${showShape(x.shape)}`);
  }
}

function checkDimensions(name: string, n: number, least: number): void {
  if (!Number.isInteger(n) || n < least) {
    throw new OptionError(`${name}: the number of dimensions must be ${least} or more, got ${n}`);
  }
}

/**
 * A curved valley with a nearly flat floor, in n ≥ 2 dimensions. (H. H. Rosenbrock 1960; from 4 dimensions on there is
 * also a local minimum near −1, 1, …, 1.)
 */
export function rosenbrockOf(n: number): TestFunction {
  checkDimensions("Rosenbrock", n, 2);
  return {
    name: "Rosenbrock",
    formula: "f(x) = Σᵢ (1 − xᵢ)² + 100 (xᵢ₊₁ − xᵢ²)²",
    about: "A curved valley: getting into it is easy, following its nearly flat floor is not.",
    start: Array.from({ length: n }, (_, i) => (i % 2 === 0 ? -1.2 : 1)),
    minima: [{ at: Array<number>(n).fill(1), value: 0 }],
    view: { x: [-2, 2], y: [-1, 3] },
    evaluate(point) {
      checkPoints("Rosenbrock", point, n);
      const x = point.narrow(-1, 0, n - 1);
      const next = point.narrow(-1, 1, n - 1);
      return x.neg().add(1).square().add(next.sub(x.square()).square().mul(100)).sum(-1);
    },
  };
}

/** {@link rosenbrockOf} two dimensions. */
export const rosenbrock: TestFunction = rosenbrockOf(2);

/** A valley between steep corners. (E. M. L. Beale 1958) */
export const beale: TestFunction = ofTwo(
  {
    name: "Beale",
    formula: "f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²",
    about: "Flat in the middle, with corners where gradients are thousands of times larger.",
    start: [1, 1],
    minima: [{ at: [3, 0.5], value: 0 }],
  },
  [-4.5, 4.5],
  [-4.5, 4.5],
  (x, y) => {
    const term = (constant: number, power: number) => x.mul(y.pow(power).sub(1)).add(constant).square();
    return term(1.5, 1).add(term(2.25, 2)).add(term(2.625, 3));
  },
);

/** Four minima of equal depth. (D. M. Himmelblau 1972) */
export const himmelblau: TestFunction = ofTwo(
  {
    name: "Himmelblau",
    formula: "f(x, y) = (x² + y − 11)² + (x + y² − 7)²",
    about: "Four minima of equal depth: which one is reached depends on the rule.",
    start: [0, 0],
    minima: [
      { at: [3, 2], value: 0 },
      { at: [-2.805118086952745, 3.131312518250573], value: 0 },
      { at: [-3.779310253377747, -3.2831859912861696], value: 0 },
      { at: [3.5844283403304917, -1.8481265269644036], value: 0 },
    ],
  },
  [-5, 5],
  [-5, 5],
  (x, y) => x.square().add(y).sub(11).square().add(x.add(y.square()).sub(7).square()),
);

/** A long valley, fifty times as steep across as along. */
export const ravine: TestFunction = ofTwo(
  {
    name: "ravine",
    formula: "f(x, y) = 0.05 x² + 2.5 y²",
    about: "Fifty times as steep across as along: one learning rate for both directions is too large or too small.",
    start: [-9, 1.7],
    minima: [{ at: [0, 0], value: 0 }],
  },
  [-10, 3],
  [-2.8, 2.8],
  (x, y) => x.square().mul(0.05).add(y.square().mul(2.5)),
);

/** A saddle with a minimum on either side. */
export const saddle: TestFunction = ofTwo(
  {
    name: "saddle",
    formula: "f(x, y) = x² − y²/2 + y⁴/4",
    about: "From the start the way leads almost exactly to the saddle at (0, 0), where the gradient vanishes.",
    start: [1.5, 1e-4],
    minima: [
      { at: [0, 1], value: -0.25 },
      { at: [0, -1], value: -0.25 },
    ],
  },
  [-2, 2],
  [-1.8, 1.8],
  (x, y) => x.square().sub(y.square().div(2)).add(y.square().square().div(4)),
);

/** A bowl full of local minima, in n ≥ 1 dimensions. (L. A. Rastrigin 1974) */
export function rastriginOf(n: number): TestFunction {
  checkDimensions("Rastrigin", n, 1);
  return {
    name: "Rastrigin",
    formula: "f(x) = Σᵢ xᵢ² − 10 cos 2πxᵢ + 10",
    about: "A local minimum near every point of whole numbers; rules that only descend stay in the first.",
    start: Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 2.3 : -1.7)),
    minima: [{ at: Array<number>(n).fill(0), value: 0 }],
    view: { x: [-5.12, 5.12], y: [-5.12, 5.12] },
    evaluate(x) {
      checkPoints("Rastrigin", x, n);
      return x
        .square()
        .sub(
          x
            .mul(2 * Math.PI)
            .cos()
            .mul(10),
        )
        .add(10)
        .sum(-1);
    },
  };
}

/** {@link rastriginOf} two dimensions. */
export const rastrigin: TestFunction = rastriginOf(2);

/** A plateau with almost no slope, and a hole with walls two thousand times as steep. */
export const cliff: TestFunction = ofTwo(
  {
    name: "cliff",
    formula: "f(x, y) = 1 − exp(−r⁸) + r²/1000, r² = x² + y²",
    about: "Hardly any gradient on the plateau, and suddenly a large one at the cliff: the history misleads.",
    start: [-2.5, 1],
    minima: [{ at: [0, 0], value: 0 }],
  },
  [-3, 3],
  [-3, 3],
  (x, y) => {
    const r2 = x.square().add(y.square());
    return r2.square().square().neg().expm1().neg().add(r2.div(1000));
  },
);

export interface NoisyQuadraticOptions {
  /** The second derivatives, one for each dimension, above 0. Default [1, 20]. */
  curvatures?: readonly number[];
  /** Standard deviation of the minimum's place in each draw. Default 0.5. */
  noise?: number;
  /** Default: one of its own, so that the program's other random numbers stay the same. */
  generator?: Generator;
}

/**
 * A bowl whose minimum moves at each draw: a model of mini-batches. (T. Schaul et al., "No more pesky learning rates",
 * 2013)
 */
export function noisyQuadratic({
  curvatures = [1, 20],
  noise = 0.5,
  generator = new Generator(),
}: NoisyQuadraticOptions = {}): TestFunction {
  const n = curvatures.length;
  checkDimensions("noisy quadratic", n, 1);
  if (!curvatures.every((h) => h > 0) || !(noise >= 0)) {
    throw new OptionError("noisy quadratic: curvatures must be above 0, noise 0 or more");
  }
  const bowl = (x: Tensor) =>
    x
      .square()
      .mul(tensor([...curvatures], { dtype: x.dtype }))
      .sum(-1)
      .div(2);
  const floor = (curvatures.reduce((sum, h) => sum + h, 0) * noise ** 2) / 2;
  return {
    name: "noisy quadratic",
    formula: "f(x) = E[½ Σᵢ hᵢ (xᵢ − σzᵢ)²] = ½ Σᵢ hᵢ (xᵢ² + σ²), z normal",
    about: "The minimum moves at each draw: a rule gets as near as its averaging allows.",
    start: curvatures.map((_, i) => (i % 2 === 0 ? -4 : 2)),
    minima: [{ at: curvatures.map(() => 0), value: floor }],
    view: { x: [-5, 5], y: [-3, 3] },
    evaluate(x) {
      checkPoints("noisy quadratic", x, n);
      return bowl(x).add(floor);
    },
    sample(x) {
      checkPoints("noisy quadratic", x, n);
      return bowl(x.sub(randn([n], { dtype: x.dtype, generator }).mul(noise)));
    },
  };
}

export interface LogisticRegressionOptions {
  /** Default 200. */
  samples?: number;
  /** How much smaller the second feature is than the first. Default 0.1. */
  scale?: number;
  /** L2 penalty: half of this times the weights' square is added. Default 0.01. */
  l2?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * The loss of a classifier of two features, one much smaller than the other, on made data of two overlapping classes.
 * The minimum is found by Newton's method when the function is made.
 */
export function logisticRegression({
  samples = 200,
  scale = 0.1,
  l2 = 0.01,
  seed = 0,
}: LogisticRegressionOptions = {}): TestFunction {
  if (!Number.isInteger(samples) || samples < 1) {
    throw new OptionError(`logistic regression: samples must be a whole number of 1 or more, got ${samples}`);
  }
  if (!(scale > 0) || !(l2 > 0)) throw new OptionError("logistic regression: scale and l2 must be above 0");
  const z = randn([samples, 3], { dtype: "float64", generator: new Generator().manualSeed(seed) }).dataSync();
  // A class is −1 or 1, and its features lie around plus or minus 1; signed features are all that the loss needs.
  const signed = Array.from({ length: samples }, (_, i) => {
    const label = z[3 * i]! < 0 ? -1 : 1;
    return [1 + label * z[3 * i + 1]!, scale * (1 + label * z[3 * i + 2]!)] as const;
  });
  const data = tensor(Float64Array.from(signed.flat())).reshape([samples, 2]);
  const minimum = logisticMinimum(signed, l2);
  const round = (x: number) => Math.ceil(Math.abs(x) * 2);
  const [wide, high] = [round(minimum.at[0]), round(minimum.at[1])];
  return {
    name: "logistic regression",
    formula: "f(w) = meanᵢ log(1 + exp(−yᵢ w·xᵢ)) + λ/2 |w|²",
    about: "A convex loss whose features differ in size, so that one weight has to go much farther than the other.",
    start: [0, 0],
    minima: [minimum],
    view: { x: [-wide / 2, wide], y: [-high / 2, high] },
    evaluate(w) {
      checkPoints("logistic regression", w, 2);
      const margins = w.matmul(data.to(w.dtype).t());
      return margins
        .neg()
        .softplus()
        .mean(-1)
        .add(
          w
            .square()
            .sum(-1)
            .mul(l2 / 2),
        );
    },
  };
}

/** Newton's method for two weights: convex, and no more than a few steps. */
function logisticMinimum(signed: readonly (readonly [number, number])[], l2: number) {
  let [a, b] = [0, 0];
  for (let i = 0; i < 50; i++) {
    let [ga, gb, haa, hab, hbb] = [l2 * a, l2 * b, l2, 0, l2];
    for (const [x, y] of signed) {
      const miss = 1 / (1 + Math.exp(a * x + b * y));
      const curvature = (miss * (1 - miss)) / signed.length;
      ga -= (miss * x) / signed.length;
      gb -= (miss * y) / signed.length;
      haa += curvature * x * x;
      hab += curvature * x * y;
      hbb += curvature * y * y;
    }
    const determinant = haa * hbb - hab * hab;
    a -= (hbb * ga - hab * gb) / determinant;
    b -= (haa * gb - hab * ga) / determinant;
  }
  const losses = signed.map(([x, y]) => Math.log1p(Math.exp(-a * x - b * y)));
  const value = losses.reduce((sum, loss) => sum + loss, 0) / signed.length + (l2 / 2) * (a * a + b * b);
  return { at: [a, b] as [number, number], value };
}

/** One of each, in two dimensions. */
export const all = (): TestFunction[] => [
  rosenbrock,
  beale,
  himmelblau,
  ravine,
  saddle,
  rastrigin,
  cliff,
  noisyQuadratic(),
  logisticRegression(),
];
