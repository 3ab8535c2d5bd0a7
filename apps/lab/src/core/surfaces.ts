/** The loss surfaces: the library's test functions, section 1's regression on its own data, and what a person types. */
import { Generator, optim, rand, randn, type Tensor } from "thalweg";
import { parseFormula } from "./formula.js";

type Range = readonly [number, number];

/** A function of two numbers that rules are raced on. */
export interface Surface {
  readonly name: SurfaceName;
  readonly tex: string;
  /** Names of the two coordinates. */
  readonly axes: readonly [string, string];
  readonly start: readonly [number, number];
  readonly minima: readonly (readonly [number, number])[];
  readonly view: { readonly x: Range; readonly y: Range };
  /** Values at points of shape [..., 2]. */
  evaluate(points: Tensor): Tensor;
  /** One noisy draw, for surfaces that stand for mini-batches; draws begin anew for each surface that is made. */
  sample?(points: Tensor): Tensor;
}

export const SURFACES = [
  "ravine",
  "rosenbrock",
  "beale",
  "himmelblau",
  "saddle",
  "cliff",
  "noisy",
  "minibatch",
  "sparse",
  "regression",
  "logistic",
  "rastrigin",
  "formula",
] as const;
export type SurfaceName = (typeof SURFACES)[number];

const { testFunctions } = optim;

const TEX: Readonly<Record<Exclude<SurfaceName, "formula">, string>> = {
  ravine: "0.05\\,x^2 + 2.5\\,y^2",
  rosenbrock: "(1-x)^2 + 100\\,(y-x^2)^2",
  beale: "(1.5-x+xy)^2 + (2.25-x+xy^2)^2 + (2.625-x+xy^3)^2",
  himmelblau: "(x^2+y-11)^2 + (x+y^2-7)^2",
  saddle: "x^2 - \\tfrac12 y^2 + \\tfrac14 y^4",
  cliff: "1 - e^{-r^8} + r^2/1000,\\quad r^2 = x^2+y^2",
  noisy: "\\mathbb{E}\\,\\tfrac12\\left[(x-\\sigma z_1)^2 + 20\\,(y-\\sigma z_2)^2\\right]",
  minibatch:
    "\\mathbb{E}\\left[\\tfrac1{160}(x^2+y^2) + c_1 x + c_2 y\\right],\\quad c = 0.1 \\text{ or, one time in ten, } {-0.9}",
  sparse: "\\mathbb{E}\\,\\tfrac12\\left[x^2 + m\\,y^2\\right],\\quad m = 1 \\text{ one time in ten, else } 0",
  regression: "\\tfrac1{100}\\textstyle\\sum_i (w x_i + b - y_i)^2",
  logistic: "\\tfrac1n\\textstyle\\sum_i \\ln(1 + e^{-y_i\\, w\\cdot x_i}) + \\tfrac{\\lambda}{2}|w|^2",
  rastrigin: "20 + x^2 + y^2 - 10\\cos 2\\pi x - 10\\cos 2\\pi y",
};

/** Makes a surface. For "formula" `text` is read, and `FormulaError` thrown if it cannot be. */
export function surfaceOf(name: SurfaceName, text = ""): Surface {
  switch (name) {
    case "ravine":
      return from(name, testFunctions.ravine);
    case "rosenbrock":
      return from(name, testFunctions.rosenbrock);
    case "beale":
      return from(name, testFunctions.beale);
    case "himmelblau":
      return from(name, testFunctions.himmelblau);
    case "saddle":
      return from(name, testFunctions.saddle);
    case "cliff":
      return from(name, testFunctions.cliff);
    case "noisy":
      return from(name, testFunctions.noisyQuadratic());
    case "logistic":
      return from(name, testFunctions.logisticRegression());
    case "rastrigin":
      return from(name, testFunctions.rastrigin);
    case "minibatch":
      return minibatch();
    case "sparse":
      return sparse();
    case "regression":
      return regression();
    case "formula": {
      const formula = parseFormula(text);
      return {
        name,
        tex: formula.tex,
        axes: ["x", "y"],
        start: [-3, 2],
        minima: [],
        view: { x: [-4, 4], y: [-3, 3] },
        evaluate: (points) => formula.evaluate(points),
      };
    }
  }
}

function from(name: Exclude<SurfaceName, "formula">, f: optim.testFunctions.TestFunction): Surface {
  const at = (point: readonly number[]) => [point[0]!, point[1]!] as const;
  return {
    name,
    tex: TEX[name],
    axes: name === "logistic" ? ["w₁", "w₂"] : ["x", "y"],
    start: at(f.start),
    minima: f.minima.map((minimum) => at(minimum.at)),
    view: f.view,
    evaluate: (points) => f.evaluate(points),
    ...(f.sample === undefined ? {} : { sample: (points: Tensor) => f.sample!(points) }),
  };
}

const BOWL = { axes: ["x", "y"], minima: [[0, 0]], view: { x: [-4, 4], y: [-3, 3] } } as const;

/**
 * Hinton's example of why signs alone mislead: nine mini-batches have a gradient of 0.1, the tenth one of −0.9. Their mean
 * is 0, so a weight should stay where it is.
 */
function minibatch(): Surface {
  const generator = new Generator(0);
  const bowl = (points: Tensor) => points.square().sum(-1).div(160);
  return {
    ...BOWL,
    view: { x: [-9, 4], y: [-9, 4] },
    name: "minibatch",
    tex: TEX.minibatch,
    start: [1.5, 1],
    evaluate: bowl,
    sample: (points) => {
      const slope = rand([2], { generator }).lt(0.1).where(-0.9, 0.1);
      return bowl(points).add(points.mul(slope).sum(-1));
    },
  };
}

/** The second coordinate's feature is there in one draw of ten. */
function sparse(): Surface {
  const generator = new Generator(0);
  return {
    ...BOWL,
    name: "sparse",
    tex: TEX.sparse,
    start: [-3, 2],
    evaluate: (points) => points.select(-1, 0).square().add(points.select(-1, 1).square().mul(0.1)).mul(0.5),
    sample: (points) => {
      const present = rand([], { generator }).lt(0.1).to("float32");
      return points.select(-1, 0).square().add(points.select(-1, 1).square().mul(present)).mul(0.5);
    },
  };
}

/** Linear regression y = wx + b through 100 noisy points: the README's program, its loss over w and b. */
function regression(): Surface {
  const generator = new Generator(0);
  const X = randn([100, 1], { generator });
  const y = X.mul(2)
    .add(3)
    .add(randn([100, 1], { generator }))
    .realize();
  return {
    name: "regression",
    tex: TEX.regression,
    axes: ["w", "b"],
    start: [0, 0],
    minima: [leastSquares(X.dataSync(), y.dataSync())],
    view: { x: [-1, 5], y: [-1, 5] },
    evaluate(points) {
      const w = points.select(-1, 0).unsqueeze(-1);
      const b = points.select(-1, 1).unsqueeze(-1);
      return w
        .mul(X.reshape([100]))
        .add(b)
        .sub(y.reshape([100]))
        .pow(2)
        .mean(-1);
    },
  };
}

/** The line with the least squared error. */
function leastSquares(x: ArrayLike<number>, y: ArrayLike<number>): readonly [number, number] {
  const n = x.length;
  let [sx, sy, sxx, sxy] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    sx += x[i]!;
    sy += y[i]!;
    sxx += x[i]! * x[i]!;
    sxy += x[i]! * y[i]!;
  }
  const w = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  return [w, (sy - w * sx) / n];
}
