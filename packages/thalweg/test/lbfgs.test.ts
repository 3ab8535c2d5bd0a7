import { cat, noGrad, optim, type Tensor, ThalwegError, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/lbfgs.json" with { type: "json" };
import { record } from "./support/exactness.js";

type Dtype = "float32" | "float64";
type Problem = keyof typeof fixture.initial;
type Options = Partial<optim.LBFGSOptions>;
type Case = (typeof fixture.cases)[number];

const cases = fixture.cases.map((one) => [`${one.problem} ${JSON.stringify(one.options)}`, one] as const);
const optionsOf = (one: Case): Options => one.options as Options;

function parameters(problem: Problem, dtype: Dtype): Tensor[] {
  return fixture.initial[problem].map(({ data, shape }) => {
    const p = tensor(Float64Array.from(data), { dtype }).reshape(shape).detach();
    p.requiresGrad = true;
    return p;
  });
}

function lossOf(problem: Problem, params: readonly Tensor[]): Tensor {
  const { dtype } = params[0]!;
  const constant = (data: number[] | number[][]) => tensor(data, { dtype });
  switch (problem) {
    case "rosenbrock":
    case "rosenbrock10": {
      const [x] = params as [Tensor];
      const [a, b] = [x.narrow(0, 0, x.numel - 1), x.narrow(0, 1, x.numel - 1)];
      return a.neg().add(1).square().add(b.sub(a.square()).square().mul(100)).sum();
    }
    case "quadratic": {
      const d = cat(params.map((p) => p.reshape([-1]))).sub(constant(fixture.center));
      const springs = d.narrow(0, 1, d.numel - 1).sub(d.narrow(0, 0, d.numel - 1));
      return d.square().mul(constant(fixture.curvatures)).sum().div(2).add(springs.square().sum());
    }
    case "network": {
      const [W1, b1, W2, b2] = params as [Tensor, Tensor, Tensor, Tensor];
      const output = constant(fixture.X).matmul(W1).add(b1).tanh().matmul(W2).add(b2);
      return output.sub(constant(fixture.Y)).square().mean();
    }
  }
}

/** One step; the loss before it. */
function step(one: Case, optimizer: optim.LBFGS, params: readonly Tensor[]): number {
  const sign = optionsOf(one).maximize ? -1 : 1;
  return optimizer
    .step(() => {
      optimizer.zeroGrad();
      const loss = lossOf(one.problem as Problem, params).mul(sign);
      loss.backward();
      return loss;
    })
    .item();
}

const values = (params: readonly Tensor[]): number[] => params.flatMap((p) => Array.from(p.dataSync(), Number));

/** The least that is asked, where PyTorch's own run does not stray further when its start is moved by a rounding error. */
const tolerances = { float32: 2e-6, float64: 1e-9 };
const worst = { float32: 0, float64: 0 };

describe.each(["float32", "float64"] as const)("LBFGS follows PyTorch for 20 steps in %s", (dtype) => {
  test.each(cases)("%s", (_, one) => {
    const params = parameters(one.problem as Problem, dtype);
    const optimizer = new optim.LBFGS(params, optionsOf(one));
    const expected = one[dtype];
    let scale = Math.max(...values(params).map(Math.abs));
    let stray = 0;
    for (let i = 0; i < fixture.steps; i++) {
      // Decisions of the line search turn with the last digit, and then two runs of PyTorch differ by as much.
      const before = stray;
      stray = Math.max(stray, expected.stray[i]!);
      if (stray > 1e-3) break;
      const loss = step(one, optimizer, params);
      const wanted = expected.params[i]!.flat().map(Number);
      const got = values(params);
      scale = Math.max(scale, ...wanted.map(Math.abs));
      const deviation = Math.max(...got.map((v, k) => Math.abs(v - wanted[k]!))) / scale;
      const allowed = Math.max(tolerances[dtype], 10 * stray);
      expect(deviation, `step ${i + 1}: ${got}, PyTorch ${wanted}`).toBeLessThanOrEqual(allowed);
      if (allowed === tolerances[dtype]) worst[dtype] = Math.max(worst[dtype], deviation);
      const lossScale = Math.max(Math.abs(Number(expected.loss[i])), 1);
      expect(Math.abs(loss - Number(expected.loss[i])) / lossScale).toBeLessThanOrEqual(
        100 * Math.max(tolerances[dtype], 10 * before),
      );
      if (dtype === "float64") {
        expect(optimizer.iterations).toBe(expected.iterations[i]);
        expect(optimizer.evaluations).toBe(expected.evaluations[i]);
      }
    }
  });
});

test("is as exact as docs/exactness.md says", () => {
  record({
    rule: "LBFGS",
    options: `lr, maxIter, maxEval, historySize, lineSearch, tolerances, maximize: ${cases.length} combinations; 20 steps on 4 functions, as long as PyTorch's own run does not turn on a rounding error`,
    oracle: `PyTorch ${fixture.torch}`,
    ...worst,
  });
});

test.each(cases)("goes on bit for bit from a saved state: %s", (_, one) => {
  for (const dtype of ["float32", "float64"] as const) {
    const params = parameters(one.problem as Problem, dtype);
    const optimizer = new optim.LBFGS(params, optionsOf(one));
    for (let i = 0; i < 4; i++) step(one, optimizer, params);
    const others = params.map((p) => {
      const copy = p.detach().clone();
      copy.requiresGrad = true;
      return copy;
    });
    const other = new optim.LBFGS(others, { lr: 123 });
    other.loadStateDict(optimizer.stateDict());
    for (let i = 0; i < 4; i++) {
      expect(step(one, other, others)).toBe(step(one, optimizer, params));
      expect(values(others)).toEqual(values(params));
    }
    expect([other.iterations, other.evaluations]).toEqual([optimizer.iterations, optimizer.evaluations]);
  }
});

describe("LBFGS", () => {
  const leaf = () => tensor([-1.2, 1], { requiresGrad: true });

  test("has PyTorch's defaults", () => {
    expect(new optim.LBFGS([leaf()]).paramGroups[0]).toMatchObject(fixture.defaults);
  });

  test.each([
    ...fixture.invalid.map(({ options }) => ({ lr: Number(options.lr) })),
    { maxIter: 0 },
    { maxIter: 1.5 },
    { historySize: 0 },
    { maxEval: -1 },
    { toleranceGrad: -1 },
    { toleranceChange: Number.NaN },
    { lineSearch: "armijo" as "strongWolfe" },
  ])("refuses %o", (options) => {
    expect(() => new optim.LBFGS([leaf()], options)).toThrow(ThalwegError);
  });

  test("refuses several groups, a step without a closure, and a closure without a loss", () => {
    expect(() => new optim.LBFGS([{ params: [leaf()] }, { params: [leaf()] }])).toThrow(/one group/);
    const optimizer = new optim.LBFGS([leaf()]);
    expect(() => optimizer.addParamGroup({ params: [leaf()] })).toThrow(/one group/);
    expect(() => optimizer.step()).toThrow(/closure/);
    expect(() => optimizer.step((() => undefined) as unknown as () => Tensor)).toThrow(/return the loss/);
  });

  test("refuses states that do not fit, and stays as it was", () => {
    const [one] = cases[1]!.slice(1) as [Case];
    const params = parameters("quadratic", "float64");
    const optimizer = new optim.LBFGS(params, optionsOf(one));
    step(one, optimizer, params);
    const good = optimizer.stateDict();
    const before = JSON.stringify(good);
    const { direction: _, ...without } = good.shared;
    const other = new optim.LBFGS([zeros([7], { requiresGrad: true })], { lr: 0.5 });
    step({ ...one, problem: "rosenbrock10" }, other, [other.paramGroups[0]!.params[0]!]);
    const short = { ...good.shared, gradient: { ...good.shared.gradient!, data: new Float64Array(3) } };
    const narrow = parameters("quadratic", "float32");
    const other32 = new optim.LBFGS(narrow);
    step(one, other32, narrow);
    for (const shared of [without, short, other.stateDict().shared, other32.stateDict().shared]) {
      expect(() => optimizer.loadStateDict({ ...good, shared })).toThrow(ThalwegError);
    }
    expect(() => optimizer.loadStateDict({ ...good, paramGroups: [] })).toThrow(ThalwegError);
    const [group] = good.paramGroups;
    const wrong = { ...good, paramGroups: [{ ...group!, historySize: 0 }] };
    expect(() => optimizer.loadStateDict(wrong)).toThrow(/historySize/);
    const adam = new optim.Adam(parameters("quadratic", "float64"));
    for (const p of adam.paramGroups[0]!.params) p.grad = p.detach();
    adam.step();
    const foreign = { ...good, state: adam.stateDict().state };
    expect(() => optimizer.loadStateDict(foreign)).toThrow(/another rule/);
    expect(JSON.stringify(optimizer.stateDict())).toBe(before);
  });

  test("parameters without a gradient stay where they are", () => {
    const [x, idle] = [leaf(), tensor([5], { requiresGrad: true })];
    const optimizer = new optim.LBFGS([x, idle], { lineSearch: "strongWolfe" });
    optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = x.sub(3).square().sum();
      loss.backward();
      return loss;
    });
    expect(idle.toArray()).toEqual([5]);
    for (const value of values([x])) expect(value).toBeCloseTo(3, 4);
  });

  test("works inside noGrad, and the values it started from can be read afterwards", () => {
    const x = leaf();
    const optimizer = new optim.LBFGS([x], { lineSearch: "strongWolfe" });
    const start = x.detach();
    const loss = noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const value = x.square().sum();
        value.backward();
        return value;
      }),
    );
    expect(loss.item()).toBeCloseTo(2.44, 5);
    expect(values([start])).toEqual([-1.2, 1].map(Math.fround));
  });
});
