import { optim, stats, type Tensor, ThalwegError, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import adadelta from "./fixtures/rules-adadelta.json" with { type: "json" };
import adafactor from "./fixtures/rules-adafactor.json" with { type: "json" };
import adagrad from "./fixtures/rules-adagrad.json" with { type: "json" };
import adam from "./fixtures/rules-adam.json" with { type: "json" };
import adamax from "./fixtures/rules-adamax.json" with { type: "json" };
import adamw from "./fixtures/rules-adamw.json" with { type: "json" };
import asgd from "./fixtures/rules-asgd.json" with { type: "json" };
import lamb from "./fixtures/rules-lamb.json" with { type: "json" };
import lion from "./fixtures/rules-lion.json" with { type: "json" };
import muon from "./fixtures/rules-muon.json" with { type: "json" };
import nadam from "./fixtures/rules-nadam.json" with { type: "json" };
import radam from "./fixtures/rules-radam.json" with { type: "json" };
import rprop from "./fixtures/rules-rprop.json" with { type: "json" };
import { bitsOf } from "./support/counting.js";
import { record } from "./support/exactness.js";

type Dtype = "float32" | "float64";
type Options = Record<string, unknown>;
/** For each kept step and parameter the values. */
type Kept = (number | string)[][][];

interface Case {
  options: Options;
  program?: string;
  float32: Kept;
  float64: Kept;
}

interface Fixture {
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

type AnyOptimizer = optim.Optimizer<{ lr: number }>;
type Class = new (params: object, options?: object) => AnyOptimizer;

/** What is known of one element after a step, to compute the step again in plain numbers. */
interface At {
  /** The state's value at the element; a state of one value has it everywhere. */
  s: (name: string) => number;
  /** The gradient. */
  g: number;
  t: number;
  lr: number;
}

interface Rule {
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

const rules: Rule[] = [
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
    kernels: 2, // one for the product of momenta, a single number
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
    kernels: 2, // one for the next learning rate, a single number
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

const tolerances = { float32: 2e-6, float64: 1e-12 };

const leaf = (data: readonly number[], shape: readonly number[], dtype: Dtype) =>
  tensor([...data], { dtype })
    .reshape(shape)
    .detach();

function parameters({ initial, shapes }: Fixture, dtype: Dtype): Tensor[] {
  return initial.map((data, i) => {
    const parameter = leaf(data, shapes[i]!, dtype);
    parameter.requiresGrad = true;
    return parameter;
  });
}

/** A fixture's gradients as tensors, made once for all runs. */
const made = new Map<string, Tensor[][]>();
function gradientsOf(fixture: Fixture, dtype: Dtype): Tensor[][] {
  const key = `${fixture.rule} ${dtype}`;
  let gradients = made.get(key);
  if (gradients === undefined) {
    gradients = fixture.gradients.map((step) => step.map((g, i) => leaf(g, fixture.shapes[i]!, dtype)));
    made.set(key, gradients);
  }
  return gradients;
}

interface Run {
  from?: number;
  to?: number;
  program?: string | undefined;
}

/** Steps through the fixture's gradients; the parameters' values at the kept steps. */
function run(
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

/**
 * The largest deviation from the oracle, each relative to the largest that the element has been so far, or, if `whole`,
 * that any element of its parameter has been.
 */
function deviation(
  fixture: Fixture,
  got: number[][][],
  expected: Kept,
  whole: boolean,
): { value: number; where: string } {
  let worst = { value: 0, where: "nowhere" };
  expect(got.length).toBe(expected.length);
  fixture.initial.forEach((initial, p) => {
    initial.forEach((start, element) => {
      let scale = whole ? Math.max(...initial.map(Math.abs)) : Math.abs(start);
      expected.forEach((params, at) => {
        const wanted = Number(params[p]![element]);
        const value = got[at]![p]![element]!;
        scale = Math.max(scale, ...(whole ? params[p]!.map((x) => Math.abs(Number(x))) : [Math.abs(wanted)]));
        const off = value === wanted ? 0 : Math.abs(value - wanted) / scale;
        if (!(off <= worst.value)) {
          worst = {
            value: off,
            where: `parameter ${p} [${element}] after step ${fixture.kept[at]}: ${value}, the oracle ${wanted}`,
          };
        }
      });
    });
  });
  return worst;
}

const label = ({ program = "", options }: Case): string => `${program} ${JSON.stringify(options)}`.trim();

for (const { fixture, create, kernels, stepSize, direction, mixes } of rules) {
  describe(fixture.rule, () => {
    const largest = { float32: 0, float64: 0 };

    for (const dtype of ["float32", "float64"] as const) {
      test.each(fixture.cases.map((one) => [label(one), one] as const))(`${dtype} %s`, (_, one) => {
        const params = parameters(fixture, dtype);
        const groups = [{ params: params.slice(0, 1), lr: 0.05 }, { params: params.slice(1) }];
        const optimizer = new create(one.program === "groups" ? groups : params, one.options);
        const values = run(fixture, dtype, params, optimizer, one);
        const { value, where } = deviation(fixture, values, one[dtype], mixes === true && dtype === "float32");
        largest[dtype] = Math.max(largest[dtype], value);
        expect(value, where).toBeLessThanOrEqual(tolerances[dtype]);
      });
    }

    test("is as exact as docs/exactness.md says", () => {
      const options = Object.keys(fixture.cases[0]!.options);
      for (const one of fixture.cases) {
        for (const name of Object.keys(one.options)) if (!options.includes(name)) options.push(name);
      }
      record({
        rule: fixture.rule,
        options: `${options.join(", ")}: ${fixture.cases.length} runs`,
        oracle: fixture.oracle,
        ...largest,
      });
    });

    test("a state saved after 10 steps goes on bit for bit in another optimizer", () => {
      for (const dtype of ["float32", "float64"] as const) {
        for (const { options } of fixture.cases.filter((one, i) => i % 5 === 0 && one.program === undefined)) {
          const params = parameters(fixture, dtype);
          const optimizer = new create(params, options);
          run(fixture, dtype, params, optimizer, { to: 10 });
          const copies = params.map((p) => {
            const copy = p.detach().clone();
            copy.requiresGrad = true;
            return copy;
          });
          // The options come with the state, so those given here must not matter.
          const other = new create(copies, { lr: 0.123 });
          other.loadStateDict(JSON.parse(JSON.stringify(optimizer.stateDict(), typed), untyped));
          run(fixture, dtype, params, optimizer, { from: 11, to: 20 });
          run(fixture, dtype, copies, other, { from: 11, to: 20 });
          expect(copies.map(bitsOf), JSON.stringify(options)).toEqual(params.map(bitsOf));
        }
      }
    });

    test("has its source's defaults", () => {
      const matrices = parameters(fixture, "float32");
      expect(new create(matrices).paramGroups[0]).toMatchObject(fixture.defaults);
    });

    test.each(fixture.invalid.map((options) => [JSON.stringify(options), options] as const))(
      "refuses %s",
      (_, given) => {
        const options = JSON.parse(JSON.stringify(given), (_, value) => (value === "NaN" ? Number.NaN : value));
        expect(() => new create(parameters(fixture, "float32"), options)).toThrow(ThalwegError);
      },
    );

    test("reports the step size, and makes the step that it reports", () => {
      const params = parameters(fixture, "float64");
      const optimizer = new create(params, { lr: 0.01, weightDecay: 0 });
      optimizer.observe();
      run(fixture, "float64", params, optimizer, { to: 12 });
      params.forEach((p, index) => {
        const report = optimizer.report(p)!;
        expect(report.stepSize.shape).toEqual(p.shape);
        const state = Object.fromEntries(Object.entries(report.state).map(([name, x]) => [name, x.dataSync()]));
        const values = p.dataSync();
        const update = report.update!.dataSync();
        report.stepSize.dataSync().forEach((element, i) => {
          const size = Number(element);
          const at: At = {
            s: (name) => Number(state[name]![state[name]!.length === 1 ? 0 : i]),
            g: fixture.gradients[11]![index]![i]!,
            t: 12,
            lr: 0.01,
          };
          if (index === 0) {
            const expected = stepSize(at);
            expect(size / expected, `element ${i}: ${size}, the formula ${expected}`).toBeCloseTo(1, 12);
          }
          if (direction === undefined) return;
          const change = -size * direction(at);
          const rounding = 1e-12 * Math.abs(change) + 4e-16 * Math.abs(Number(values[i]));
          expect(
            Math.abs(Number(update[i]) - change),
            `element ${i}: ${update[i]}, reported ${change}`,
          ).toBeLessThanOrEqual(rounding);
        });
      });
    });

    if (kernels !== null) {
      test(`a step runs ${kernels === 1 ? "one kernel" : `${kernels} kernels`} per parameter`, () => {
        const params = parameters(fixture, "float32");
        const optimizer = new create(params, { lr: 0.01 });
        run(fixture, "float32", params, optimizer, { to: 10 });
        const before = stats().kernelsRun;
        params.forEach((p, i) => {
          p.grad = gradientsOf(fixture, "float32")[10]![i]!;
        });
        optimizer.step();
        for (const p of params) p.dataSync();
        expect(stats().kernelsRun - before).toBe(kernels * params.length);
      });
    }
  });
}

/** Typed arrays through JSON, so that a state is shown to be plain data. */
const typed = (_: string, value: unknown): unknown =>
  value instanceof Float32Array || value instanceof Float64Array
    ? { array: value.constructor.name, values: Array.from(value, String) }
    : value;
const untyped = (_: string, value: { array?: string; values: string[] } | null): unknown => {
  if (value?.array === "Float32Array") return Float32Array.from(value.values, Number);
  if (value?.array === "Float64Array") return Float64Array.from(value.values, Number);
  return value;
};
