import { optim, type Tensor, ThalwegError, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/dialects.json" with { type: "json" };
import pytorch from "./fixtures/rmsprop.json" with { type: "json" };
import { record } from "./support/exactness.js";

type Dtype = "float32" | "float64";
type Name = keyof typeof optim.dialects;
/** The parameters' values at each of the kept steps; JSON has no NaN. */
type Kept = (number | string)[][][];

interface Case {
  options: Partial<optim.RMSpropOptions>;
  /** The learning rate is divided by the number of the step. */
  falling?: boolean;
  /** What the gradients are multiplied with, and the least magnitude that they then have. */
  scale?: number;
  floor?: number;
  float32: Kept;
  float64?: Kept;
}

interface Program {
  oracle: string;
  cases: Case[];
}

const programs = fixture.dialects as unknown as Record<Name | "timm", Program>;
const tolerances = { float32: 2e-6, float64: 1e-12 };

function parameters(dtype: Dtype): Tensor[] {
  return pytorch.initial.map((data, i) => {
    const p = tensor(data, { dtype }).reshape(pytorch.shapes[i]!).detach();
    p.requiresGrad = true;
    return p;
  });
}

/** The parameters' values at the kept steps. */
function run(params: Tensor[], optimizer: optim.RMSprop, one: Case, dtype: Dtype): number[][][] {
  const { scale = 1, floor = 0 } = one;
  const group = optimizer.paramGroups[0]!;
  const { lr } = group;
  const kept: number[][][] = [];
  pytorch.gradients.forEach((gradients, i) => {
    const step = i + 1;
    if (one.falling) group.lr = lr / step;
    params.forEach((p, j) => {
      const g = gradients[j]!.map((x) => (x < 0 ? -1 : 1) * Math.max(Math.abs(x * scale), floor));
      p.grad = tensor(g, { dtype }).reshape(p.shape).detach();
    });
    optimizer.step();
    if (pytorch.kept.includes(step)) kept.push(params.map((p) => Array.from(p.dataSync(), Number)));
  });
  return kept;
}

/** The largest difference, relative to the largest that each element has been. Infinite if only one of two is a number. */
function deviation(got: number[][][], wanted: Kept): number {
  let worst = 0;
  pytorch.initial.forEach((initial, p) => {
    initial.forEach((start, element) => {
      let scale = Math.abs(start);
      wanted.forEach((params, at) => {
        const [x, y] = [got[at]![p]![element]!, Number(params[p]![element])];
        if (Number.isNaN(x) && Number.isNaN(y)) return;
        scale = Math.max(scale, Math.abs(y));
        const difference = Math.abs(x - y) / scale;
        if (x !== y) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
      });
    });
  });
  return worst;
}

const label = ({ options, falling }: Case) => JSON.stringify(options) + (falling ? ", a falling learning rate" : "");

/** TensorFlow.js's centered form subtracts ε: an ε below zero, which RMSprop does not take, has the same effect. */
class CenteredTensorFlowJs extends optim.RMSprop {
  protected override validate(): void {}
}

function make(name: Name | "timm", params: Tensor[], options: Case["options"]): optim.RMSprop {
  if (name === "tensorflowjs" && options.centered) {
    return new CenteredTensorFlowJs(params, { ...optim.dialects.tensorflowjs, eps: -1e-7, ...options });
  }
  return new optim.RMSprop(params, { ...optim.dialects[name === "timm" ? "tensorflow1" : name], ...options });
}

for (const [name, { oracle, cases }] of Object.entries(programs) as [Name | "timm", Program][]) {
  describe(`${name}'s dialect follows ${oracle}`, () => {
    const worst: Record<Dtype, number | null> = { float32: null, float64: null };
    for (const dtype of ["float32", "float64"] as const) {
      const known = cases.filter((one) => one[dtype] !== undefined);
      test.each(known.map((one) => [label(one), one] as const))(`${dtype} %s`, (_, one) => {
        const params = parameters(dtype);
        const far = deviation(run(params, make(name, params, one.options), one, dtype), one[dtype]!);
        worst[dtype] = Math.max(worst[dtype] ?? 0, far);
        expect(far).toBeLessThanOrEqual(tolerances[dtype]);
      });
    }

    test("is as exact as docs/exactness.md says", () => {
      const tried = new Set(cases.flatMap((one) => Object.keys(one.options)));
      const options = `${[...tried].sort().join(", ")}; ${cases.length} combinations`;
      record({ rule: `RMSprop, dialects.${name === "timm" ? "tensorflow1" : name}`, options, oracle, ...worst });
    });
  });
}

test("PyTorch's dialect is what RMSprop does without options", () => {
  const [plain, named] = [parameters("float32"), parameters("float32")];
  const one: Case = { options: {}, float32: [] };
  const expected = run(plain, new optim.RMSprop(plain), one, "float32");
  expect(run(named, new optim.RMSprop(named, optim.dialects.pytorch), one, "float32")).toEqual(expected);
});

test("a state saved in one dialect goes on bit for bit in an optimizer made for another", () => {
  const one: Case = { options: {}, float32: [] };
  const options = { lr: 0.02, momentum: 0.9, centered: true, nesterov: true, biasCorrection: true, weightDecay: 0.1 };
  const params = parameters("float32");
  const optimizer = new optim.RMSprop(params, { ...optim.dialects.tensorflow1, ...options });
  run(params, optimizer, one, "float32");
  const others = params.map((p) => {
    const copy = p.detach().clone();
    copy.requiresGrad = true;
    return copy;
  });
  const other = new optim.RMSprop(others);
  other.loadStateDict(optimizer.stateDict());
  expect(run(others, other, one, "float32")).toEqual(run(params, optimizer, one, "float32"));
});

test("the reported step size times the gradient is the update, in every dialect", () => {
  for (const dialect of Object.values(optim.dialects)) {
    const [p] = parameters("float64") as [Tensor];
    const optimizer = new optim.RMSprop([p], { ...dialect, momentum: 0, initialSquareAvg: 0.5 });
    optimizer.observe();
    const g = tensor([3, -0.01, 1e-4], { dtype: "float64" });
    p.grad = g;
    optimizer.step();
    const { stepSize, update } = optimizer.report(p)!;
    const difference = stepSize.mul(g).add(update!).abs().max().item();
    expect(difference).toBeLessThan(1e-15);
  }
});

test.each([
  [{ initialSquareAvg: -1 }],
  [{ initialSquareAvg: Number.NaN }],
  [{ eps: -1e-7 }],
  [{ biasCorrection: true, alpha: 1 }],
])("refuses %j", (options) => {
  expect(() => new optim.RMSprop(parameters("float32"), options)).toThrow(ThalwegError);
});
