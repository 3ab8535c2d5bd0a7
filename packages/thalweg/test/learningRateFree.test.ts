import { optim, stats, type Tensor, ThalwegError, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/learningRateFree.json" with { type: "json" };
import pytorch from "./fixtures/rmsprop.json" with { type: "json" };
import { bitsOf } from "./support/counting.js";
import { record } from "./support/exactness.js";

type Dtype = "float32" | "float64";
type Options = Record<string, unknown>;
/** For each kept step: each parameter's values, then those that the rule gives besides (averages, or Prodigy's d). */
type Kept = (number | string)[][][];

interface Case {
  options: Options;
  /** Options of the second parameter's group. */
  second?: Options;
  /** What the list of gradients is multiplied with. */
  scale: number;
  /** The gradient is that list plus p − 1: a bowl with noise. */
  bowl?: boolean;
  /** The learning rate is divided by the number of the step. */
  falling?: boolean;
  float32: Kept;
  float64: Kept;
}

type Name = "Prodigy" | "SGDScheduleFree" | "AdamWScheduleFree";
type AnyOptimizer = optim.Prodigy | optim.SGDScheduleFree | optim.AdamWScheduleFree;

const programs = fixture as unknown as Record<Name, { oracle: string; cases: Case[] }>;
const names: Name[] = ["Prodigy", "SGDScheduleFree", "AdamWScheduleFree"];
const tolerances = { float32: 2e-6, float64: 1e-12 };

function parameters(dtype: Dtype): Tensor[] {
  return pytorch.initial.map((data, i) => {
    const p = tensor(data, { dtype }).reshape(pytorch.shapes[i]!).detach();
    p.requiresGrad = true;
    return p;
  });
}

function make(name: Name, [first, second]: Tensor[], one: Pick<Case, "options" | "second">): AnyOptimizer {
  const groups = one.second ? [{ params: [first!] }, { params: [second!], ...one.second }] : [first!, second!];
  // The fixture names the options, so here they are only data.
  const create = optim[name] as unknown as new (params: object, options: Options) => AnyOptimizer;
  return new create(groups, one.options);
}

interface Part {
  from?: number;
  to?: number;
}

/** The values at the kept steps, as the fixture has them. */
function run(
  params: Tensor[],
  optimizer: AnyOptimizer,
  one: Case,
  dtype: Dtype,
  { from = 1, to = pytorch.steps }: Part = {},
): number[][][] {
  const values = () => params.map((p) => Array.from(p.dataSync(), Number));
  const kept: number[][][] = [];
  for (let step = from; step <= to; step++) {
    if (one.falling) for (const group of optimizer.paramGroups) group.lr = (one.options.lr as number) / step;
    params.forEach((p, i) => {
      const noise = tensor(pytorch.gradients[step - 1]![i]!, { dtype })
        .reshape(p.shape)
        .mul(one.scale);
      p.grad = one.bowl ? noise.add(p.detach().sub(1)) : noise;
    });
    optimizer.step();
    if (!pytorch.kept.includes(step)) continue;
    const now = values();
    if (optimizer instanceof optim.Prodigy) now.push([optimizer.d!.item()]);
    else {
      optimizer.eval();
      now.push(...values());
      optimizer.train();
    }
    kept.push(now);
  }
  return kept;
}

/** The largest difference, relative to the largest that each value has been. */
function deviation(got: number[][][], wanted: Kept, first = 0): number {
  let worst = 0;
  wanted[0]!.forEach((values, i) => {
    values.forEach((_, element) => {
      let scale = Math.abs(pytorch.initial[i % 2]![element] ?? 0);
      if (values.length === 1) scale = 0; // Prodigy's d
      wanted.forEach((at, k) => {
        const y = Number(at[i]![element]);
        scale = Math.max(scale, Math.abs(y));
        const x = k < first ? y : got[k - first]![i]![element]!;
        if (x !== y) worst = Math.max(worst, Math.abs(x - y) / scale);
      });
    });
  });
  return worst;
}

const label = ({ options, second, bowl, falling }: Case) =>
  [JSON.stringify(options), second && JSON.stringify(second), bowl && "in a bowl", falling && "a falling learning rate"]
    .filter(Boolean)
    .join(", ");

for (const name of names) {
  const { oracle, cases } = programs[name];
  describe(`${name} follows ${oracle}`, () => {
    const worst = { float32: 0, float64: 0 };
    for (const dtype of ["float32", "float64"] as const) {
      test.each(cases.map((one) => [label(one), one] as const))(`${dtype} %s`, (_, one) => {
        const params = parameters(dtype);
        const far = deviation(run(params, make(name, params, one), one, dtype), one[dtype]);
        worst[dtype] = Math.max(worst[dtype], far);
        expect(far).toBeLessThanOrEqual(tolerances[dtype]);
      });
    }

    test("is as exact as docs/exactness.md says", () => {
      const tried = new Set(cases.flatMap((one) => [...Object.keys(one.options), ...Object.keys(one.second ?? {})]));
      record({
        rule: name,
        options: `${[...tried].sort().join(", ")}; ${cases.length} combinations`,
        oracle,
        ...worst,
      });
    });
  });

  test.each([0, cases.length - 1])(`${name}: a state that was saved and loaded goes on bit for bit (case %d)`, (n) => {
    const one = cases[n]!;
    const params = parameters("float32");
    const optimizer = make(name, params, one);
    run(params, optimizer, one, "float32", { to: 17 });
    const copies = params.map((p) => {
      const copy = p.detach().clone();
      copy.requiresGrad = true;
      return copy;
    });
    const other = make(name, copies, { options: {}, ...(one.second && { second: {} }) });
    other.loadStateDict(structuredClone(optimizer.stateDict()) as never);
    run(params, optimizer, one, "float32", { from: 18 });
    run(copies, other, one, "float32", { from: 18 });
    expect(copies.map(bitsOf)).toEqual(params.map(bitsOf));
  });

  test(`${name} compiles nothing after its second step, with a learning rate that changes`, () => {
    const one = { ...cases.find((c) => c.falling)! };
    const params = parameters("float32");
    const optimizer = make(name, params, one);
    const through = (from: number, to: number) => {
      for (let step = from; step <= to; step++) {
        for (const group of optimizer.paramGroups) group.lr = 1 / step;
        for (const p of params) p.grad = p.detach().sub(1);
        optimizer.step();
        params[0]!.dataSync();
      }
    };
    through(1, 3);
    const before = stats().plansCompiled;
    through(4, 12);
    expect(stats().plansCompiled).toBe(before);
  });
}

const bowl: Case = { options: {}, scale: 0, bowl: true, float32: [], float64: [] };

test("Prodigy finds its step size: it gets to the bottom of a bowl that its first estimate is 1e6 times too small for", () => {
  const params = [zeros([3], { requiresGrad: true }), zeros([2, 2], { requiresGrad: true })];
  const optimizer = new optim.Prodigy(params);
  for (let step = 0; step < 400; step++) {
    for (const p of params) p.grad = p.detach().sub(1);
    optimizer.step();
  }
  expect(optimizer.d!.item()).toBeGreaterThan(0.05);
  for (const p of params) expect(p.sub(1).abs().max().item()).toBeLessThan(0.01);
});

test("Prodigy does nothing while all gradients are zero", () => {
  const params = parameters("float32");
  const optimizer = new optim.Prodigy(params);
  for (const p of params) p.grad = p.detach().mul(0);
  optimizer.step();
  expect(params.map((p) => Array.from(p.dataSync()))).toEqual(pytorch.initial.map((v) => v.map(Math.fround)));
  expect(optimizer.d!.item()).toBe(1e-6);
});

test("Prodigy: a group with a learning rate of 0 rests, and other differences are refused", () => {
  const [first, second] = parameters("float32") as [Tensor, Tensor];
  const optimizer = new optim.Prodigy([{ params: [first] }, { params: [second], lr: 0 }]);
  const before = bitsOf(second);
  run([first, second], optimizer, bowl, "float32", { to: 20 });
  expect(bitsOf(second)).toBe(before);
  optimizer.paramGroups[1]!.lr = 0.5;
  expect(() => run([first, second], optimizer, bowl, "float32", { to: 1 })).toThrow(/learning rate/);
});

test.each([new optim.Prodigy(parameters("float64")), new optim.AdamWScheduleFree(parameters("float64"))])(
  "the reported step size times the direction is the update (%o)",
  (optimizer) => {
    const [p] = optimizer.paramGroups[0]!.params as [Tensor];
    p.grad = tensor([3, -0.01, 1e-4], { dtype: "float64" });
    optimizer.observe();
    optimizer.step();
    const { stepSize, update, state } = optimizer.report(p)!;
    const direction = optimizer instanceof optim.Prodigy ? state.expAvg! : p.grad!;
    expect(stepSize.mul(direction).add(update!).abs().max().item()).toBeLessThan(1e-15);
  },
);

describe.each(["SGDScheduleFree", "AdamWScheduleFree"] as const)("%s", (name) => {
  const trained = (): [Tensor[], AnyOptimizer & { eval(): void; train(): void }] => {
    const params = parameters("float64");
    const optimizer = make(name, params, { options: { lr: 0.1 } }) as optim.SGDScheduleFree;
    run(params, optimizer, bowl, "float64", { to: 9 });
    return [params, optimizer];
  };

  test("eval() makes the parameters the average of all z, and train() makes them y again", () => {
    const params = parameters("float64");
    const optimizer = make(name, params, { options: { lr: 0.1 } }) as optim.SGDScheduleFree;
    const p = params[0]!;
    const points: number[][] = [];
    for (let step = 1; step <= 9; step++) {
      run(params, optimizer, bowl, "float64", { from: step, to: step });
      points.push(Array.from(optimizer.stateOf(p).z!.dataSync(), Number));
    }
    const y = Array.from(p.dataSync(), Number);
    optimizer.eval();
    p.dataSync().forEach((x, i) => {
      expect(x).toBeCloseTo(points.reduce((sum, z) => sum + z[i]!, 0) / points.length, 12);
    });
    optimizer.train();
    p.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(y[i]!, 12);
    });
  });

  test("eval() and train() twice do what they do once; a step is refused in between and changes nothing", () => {
    const [params, optimizer] = trained();
    optimizer.train();
    const y = params.map(bitsOf);
    optimizer.eval();
    const x = params.map(bitsOf);
    optimizer.eval();
    expect(params.map(bitsOf)).toEqual(x);
    expect(x).not.toEqual(y);
    const saved = optimizer.stateDict();
    expect(() => optimizer.step()).toThrow(ThalwegError);
    expect(optimizer.stateDict()).toEqual(saved);
  });

  test("gradients go on reaching the parameters after they were swapped", () => {
    const [params, optimizer] = trained();
    optimizer.eval();
    optimizer.train();
    optimizer.zeroGrad();
    params[0]!.square().sum().backward();
    const before = bitsOf(params[0]!);
    optimizer.step();
    expect(bitsOf(params[0]!)).not.toBe(before);
  });
});

test.each([
  ["Prodigy", { lr: -1 }],
  ["Prodigy", { d0: 0 }],
  ["Prodigy", { eps: 0 }],
  ["Prodigy", { betas: [1, 0.9] }],
  ["Prodigy", { weightDecay: -0.1 }],
  ["SGDScheduleFree", { lr: -1 }],
  ["SGDScheduleFree", { momentum: 0 }],
  ["SGDScheduleFree", { momentum: 1 }],
  ["AdamWScheduleFree", { weightDecay: -0.1 }],
  ["AdamWScheduleFree", { betas: [0, 0.9] }],
  ["AdamWScheduleFree", { betas: [0.9, 1] }],
  ["AdamWScheduleFree", { eps: -1 }],
] as const)("%s refuses %j", (name, options) => {
  expect(() => make(name, parameters("float32"), { options: options as unknown as Options })).toThrow(ThalwegError);
});
