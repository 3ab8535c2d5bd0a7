import { optim, type Tensor, tensor } from "thalweg";
import adadelta from "../fixtures/rules-adadelta.json" with { type: "json" };
import adafactor from "../fixtures/rules-adafactor.json" with { type: "json" };
import adagrad from "../fixtures/rules-adagrad.json" with { type: "json" };
import adam from "../fixtures/rules-adam.json" with { type: "json" };
import adamax from "../fixtures/rules-adamax.json" with { type: "json" };
import adamw from "../fixtures/rules-adamw.json" with { type: "json" };
import asgd from "../fixtures/rules-asgd.json" with { type: "json" };
import lamb from "../fixtures/rules-lamb.json" with { type: "json" };
import lion from "../fixtures/rules-lion.json" with { type: "json" };
import muon from "../fixtures/rules-muon.json" with { type: "json" };
import nadam from "../fixtures/rules-nadam.json" with { type: "json" };
import radam from "../fixtures/rules-radam.json" with { type: "json" };
import rprop from "../fixtures/rules-rprop.json" with { type: "json" };

export type Dtype = "float32" | "float64";
type Options = Record<string, unknown>;
/** For each kept step and parameter the values. */
export type Kept = (number | string)[][][];

export interface Case {
  options: Options;
  program?: string;
  float32: Kept;
  float64: Kept;
}

export interface Fixture {
  rule: string;
  oracle: string;
  steps: number;
  kept: number[];
  shapes: number[][];
  initial: number[][];
  gradients: number[][][];
  defaults: Options;
  invalid: Options[];
  cases: Case[];
}

export type AnyOptimizer = optim.Optimizer<{ lr: number }>;
type Class = new (params: object, options?: object) => AnyOptimizer;

/** What is known of one element after a step, to compute the step again in plain numbers. */
export interface At {
  /** The state's value at the element; a state of one value has it everywhere. */
  s: (name: string) => number;
  /** The gradient. */
  g: number;
  t: number;
  lr: number;
}

export interface Rule {
  fixture: Fixture;
  create: Class;
  /** Kernels that a step runs for one parameter, and why if more than one; null for rules that are not elementwise. */
  kernels: number | null;
  /** The step size that `report` must give, with the rule's defaults, lr 0.01 and no weight decay. */
  stepSize: (at: At) => number;
  /** What the step size was multiplied with to make the step; left out where the state has already forgotten it. */
  direction?: (at: At) => number;
  /**
   * The rule mixes a parameter's elements, so a small one gets the rounding errors of large ones: in float32 deviations
   * are then relative to the parameter's largest element. In float64 they are held to each element's own size like all.
   */
  mixes?: true;
}

/** Adam's m̂. */
const correctedMean = ({ s, t }: At): number => s("expAvg") / (1 - 0.9 ** t);

/** All rules but RMSprop and SGD, with their fixtures. */
export const rules: Rule[] = [
  {
    fixture: adagrad as unknown as Fixture,
    create: optim.Adagrad as unknown as Class,
    kernels: 1,
    stepSize: ({ s, lr }) => lr / (Math.sqrt(s("sum")) + 1e-10),
    direction: ({ g }) => g,
  },
  {
    fixture: adadelta as unknown as Fixture,
    create: optim.Adadelta as unknown as Class,
    kernels: 1,
    stepSize: ({ s, lr }) => (lr * Math.sqrt(s("accDelta") + 1e-6)) / Math.sqrt(s("squareAvg") + 1e-6),
  },
  ...[
    { fixture: adam as unknown as Fixture, create: optim.Adam as unknown as Class },
    { fixture: adamw as unknown as Fixture, create: optim.AdamW as unknown as Class },
  ].map((rule) => ({
    ...rule,
    kernels: 1,
    stepSize: ({ s, t, lr }: At) => lr / (Math.sqrt(s("expAvgSq") / (1 - 0.999 ** t)) + 1e-8),
    direction: correctedMean,
  })),
  {
    fixture: adamax as unknown as Fixture,
    create: optim.Adamax as unknown as Class,
    kernels: 1,
    stepSize: ({ s, lr }) => lr / s("expInf"),
    direction: correctedMean,
  },
  {
    fixture: nadam as unknown as Fixture,
    create: optim.NAdam as unknown as Class,
    kernels: 1,
    stepSize: ({ s, t, lr }) => lr / (Math.sqrt(s("expAvgSq") / (1 - 0.999 ** t)) + 1e-8),
    direction: ({ s, g, t }) => {
      const mu = (t: number) => 0.9 * (1 - 0.5 * 0.96 ** (t * 0.004));
      const product = s("muProduct");
      return (mu(t + 1) * s("expAvg")) / (1 - product * mu(t + 1)) + ((1 - mu(t)) * g) / (1 - product);
    },
  },
  {
    fixture: radam as unknown as Fixture,
    create: optim.RAdam as unknown as Class,
    kernels: 1,
    stepSize: ({ s, t, lr }) => {
      const longest = 1999;
      const length = longest - (2 * t * 0.999 ** t) / (1 - 0.999 ** t);
      const r = Math.sqrt(((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length));
      return (lr * r * Math.sqrt(1 - 0.999 ** t)) / (Math.sqrt(s("expAvgSq")) + 1e-8);
    },
    direction: correctedMean,
  },
  {
    fixture: asgd as unknown as Fixture,
    create: optim.ASGD as unknown as Class,
    kernels: 1,
    stepSize: ({ t, lr }) => lr / (1 + 1e-4 * lr * t) ** 0.75,
  },
  {
    fixture: rprop as unknown as Fixture,
    create: optim.Rprop as unknown as Class,
    kernels: 1,
    stepSize: ({ s }) => s("stepSize"),
    direction: ({ s }) => Math.sign(s("prev")),
  },
  {
    fixture: adafactor as unknown as Fixture,
    create: optim.Adafactor as unknown as Class,
    kernels: null,
    mixes: true,
    stepSize: ({ s }) => s("scale") / Math.sqrt(Math.max(s("variance"), 2 ** -104)), // of the parameter of one dimension
    direction: ({ g }) => g,
  },
  {
    fixture: muon as unknown as Fixture,
    create: optim.Muon as unknown as Class,
    kernels: null,
    mixes: true,
    stepSize: ({ lr }) => lr, // the first parameter is wide
  },
  {
    fixture: lion as unknown as Fixture,
    create: optim.Lion as unknown as Class,
    kernels: 1,
    stepSize: ({ lr }) => lr,
  },
  {
    fixture: lamb as unknown as Fixture,
    create: optim.LAMB as unknown as Class,
    kernels: null,
    stepSize: ({ s, t, lr }) => (lr * s("trustRatio")) / (Math.sqrt(s("expAvgSq") / (1 - 0.999 ** t)) + 1e-6),
    direction: correctedMean,
  },
];

const leaf = (data: readonly number[], shape: readonly number[], dtype: Dtype) =>
  tensor([...data], { dtype })
    .reshape(shape)
    .detach();

export function parameters({ initial, shapes }: Fixture, dtype: Dtype): Tensor[] {
  return initial.map((data, i) => {
    const parameter = leaf(data, shapes[i]!, dtype);
    parameter.requiresGrad = true;
    return parameter;
  });
}

/** A fixture's gradients as tensors, made once for all runs. */
const made = new Map<string, Tensor[][]>();
export function gradientsOf(fixture: Fixture, dtype: Dtype): Tensor[][] {
  const key = `${fixture.rule} ${dtype}`;
  let gradients = made.get(key);
  if (gradients === undefined) {
    gradients = fixture.gradients.map((step) => step.map((g, i) => leaf(g, fixture.shapes[i]!, dtype)));
    made.set(key, gradients);
  }
  return gradients;
}

export interface Run {
  from?: number;
  to?: number;
  program?: string | undefined;
}

/** Steps through the fixture's gradients; the parameters' values at the kept steps. */
export function run(
  fixture: Fixture,
  dtype: Dtype,
  params: Tensor[],
  optimizer: AnyOptimizer,
  { from = 1, to = fixture.steps, program }: Run = {},
): number[][][] {
  const kept: number[][][] = [];
  const gradients = gradientsOf(fixture, dtype);
  for (let step = from; step <= to; step++) {
    if (program === "a learning rate that changes") {
      for (const group of optimizer.paramGroups) group.lr = 0.02 / step;
    }
    params.forEach((p, i) => {
      const missing = program === "missing gradients" && (step + i * 3) % 7 < 3;
      p.grad = missing ? null : gradients[step - 1]![i]!;
    });
    optimizer.step();
    if (fixture.kept.includes(step)) kept.push(params.map((p) => Array.from(p.dataSync(), Number)));
  }
  return kept;
}
