import { GradientError, OptionError, optim, randn, stats, type Tensor, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/clip.json" with { type: "json" };

type Dtype = "float32" | "float64";
type Values = (number | string)[];

interface Result {
  gradients: (Values | null)[];
  total?: number | string;
}

interface Case {
  from: string;
  missing: number[];
  maxNorm?: number;
  normType?: number | string;
  clipValue?: number;
  float32: Result;
  float64: Result;
}

const { shapes } = fixture;
const gradients = fixture.gradients as unknown as Record<string, Values[]>;
const tolerances = { float32: 2e-6, float64: 1e-14 };

function parameters({ from, missing }: Case, dtype: Dtype): Tensor[] {
  return shapes.map((shape, i) => {
    const p = zeros(shape, { dtype, requiresGrad: true });
    if (!missing.includes(i)) p.grad = tensor(gradients[from]![i]!.map(Number), { dtype }).reshape(shape);
    return p;
  });
}

function expectClose(got: number, expected: number | string, tolerance: number): void {
  const wanted = Number(expected);
  if (!Number.isFinite(wanted) || got === wanted) expect(got).toBe(wanted);
  else expect(Math.abs(got - wanted), `${got}, PyTorch ${wanted}`).toBeLessThanOrEqual(tolerance * Math.abs(wanted));
}

function expectGradients(params: Tensor[], expected: Result, dtype: Dtype): void {
  params.forEach((p, i) => {
    const wanted = expected.gradients[i]!;
    if (wanted === null) expect(p.grad).toBeNull();
    else for (const [k, g] of p.grad!.dataSync().entries()) expectClose(g, wanted[k]!, tolerances[dtype]);
  });
}

const named = (cases: unknown): [string, Case][] =>
  (cases as Case[]).map(({ float32, float64, ...one }) => [JSON.stringify(one), { ...one, float32, float64 }]);

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  test.each(named(fixture.norm))("clipGradNorm follows PyTorch, %s", (_, one) => {
    const params = parameters(one, dtype);
    const total = optim.clipGradNorm(params, one.maxNorm!, { normType: Number(one.normType) });
    expectClose(total.item(), one[dtype].total!, tolerances[dtype]);
    expectGradients(params, one[dtype], dtype);
  });

  test.each(named(fixture.value))("clipGradValue follows PyTorch, %s", (_, one) => {
    const params = parameters(one, dtype);
    optim.clipGradValue(params, one.clipValue!);
    expectGradients(params, one[dtype], dtype);
  });
});

const model = (n: number): { params: Tensor[]; loss: () => Tensor } => {
  const params = [randn([n], { requiresGrad: true }), randn([30, 50], { requiresGrad: true })];
  return { params, loss: () => params.map((p) => p.square().sum()).reduce((a, b) => a.add(b)) };
};

interface Reads {
  beforeClipping?: (loss: Tensor, i: number) => void;
  atTheEnd?: (loss: Tensor, total: Tensor | null) => void;
}

const loops: Record<string, Reads> = {
  "reads nothing": {},
  "reads the loss": { atTheEnd: (loss) => void loss.item() },
  "reads the norm": { atTheEnd: (_, total) => void total?.item() },
  "reads the loss before clipping": { beforeClipping: (loss) => void loss.item() },
  "reads the loss now and then": { beforeClipping: (loss, i) => void (i % 7 === 0 && loss.item()) },
};

const clippers: Record<string, (params: Tensor[]) => Tensor | null> = {
  clipGradNorm: (params) => optim.clipGradNorm(params, 0.5),
  clipGradValue: (params) => {
    optim.clipGradValue(params, 0.01);
    return null;
  },
};

for (const [clipper, clip] of Object.entries(clippers)) {
  test.each(Object.entries(loops))(
    `${clipper} in a loop that %s holds no more memory after 300 steps than after 20`,
    (_, { beforeClipping, atTheEnd }) => {
      const { params, loss: lossOf } = model(20_000);
      const optimizer = new optim.RMSprop(params, { lr: 1e-3 });
      let early = 0;
      for (let i = 0; i < 300; i++) {
        const loss = lossOf();
        optimizer.zeroGrad();
        loss.backward();
        beforeClipping?.(loss, i);
        const total = clip(params);
        optimizer.step();
        atTheEnd?.(loss, total);
        if (i === 20) early = stats().bytesHeld;
      }
      // Losses and norms stay readable and take 64 bytes each until they are collected.
      expect(stats().bytesHeld - early).toBeLessThan(20_000 * 4);
    },
  );
}

test("norms that are collected can be read when training has ended", () => {
  const p = tensor([3, 4], { requiresGrad: true });
  const optimizer = new optim.SGD([p], { lr: 0.5 });
  const totals: Tensor[] = [];
  for (let i = 0; i < 6; i++) {
    optimizer.zeroGrad();
    p.square().sum().backward();
    totals.push(optim.clipGradNorm([p], 1));
    optimizer.step();
  }
  // The gradient is 2p, clipped to length 1: each step shortens p, from length 5, by 0.5.
  totals.forEach((total, i) => {
    expect(total.item()).toBeCloseTo(2 * (5 - 0.5 * i), 4);
  });
});

test("a clipped gradient stays readable when another optimizer steps", () => {
  const [p, q] = [tensor([3, 4], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
  const [first, second] = [new optim.SGD([p], { lr: 0.1 }), new optim.SGD([q], { lr: 0.1 })];
  p.square().sum().backward();
  optim.clipGradValue([p], 7);
  first.step();
  for (let i = 0; i < 3; i++) {
    second.zeroGrad();
    q.square().sum().backward();
    second.step();
  }
  expect(p.grad!.toArray()).toEqual([6, 7]);
});

test("clipping records, and nothing runs until a value is read", () => {
  const { params, loss } = model(10);
  loss().item();
  loss().backward();
  const before = stats().plansRun;
  const total = optim.clipGradNorm(params, 1);
  optim.clipGradValue(params, 0.1);
  new optim.SGD(params, { lr: 1 }).step();
  expect(stats().plansRun).toBe(before);
  expect(total.item()).toBeGreaterThan(0);
});

test("the norm and the clipped gradient can be read after the step", () => {
  const p = tensor([3, 4], { requiresGrad: true });
  const optimizer = new optim.SGD([p], { lr: 1 });
  p.mul(tensor([3, 4]))
    .sum()
    .backward();
  const total = optim.clipGradNorm(p, 1);
  optimizer.step();
  expect(total.item()).toBe(5);
  const clipped = Array.from(p.grad!.dataSync());
  expect(clipped[0]).toBeCloseTo(0.6, 6);
  expect(clipped[1]).toBeCloseTo(0.8, 6);
  expect(p.dataSync()[0]).toBeCloseTo(2.4, 6);
});

test("a gradient that somebody holds keeps its value, and later passes add to the clipped one", () => {
  const p = tensor([3, 4], { requiresGrad: true });
  p.mul(tensor([3, 4]))
    .sum()
    .backward();
  const held = p.grad!;
  optim.clipGradValue([p], 1);
  p.sum().backward();
  expect(p.grad!.toArray()).toEqual([2, 2]);
  expect(held.toArray()).toEqual([3, 4]);
});

test("a norm that is not finite is refused if asked for, and nothing is clipped", () => {
  const p = tensor([1, 2], { requiresGrad: true });
  p.grad = tensor([Number.NaN, 1]);
  expect(() => optim.clipGradNorm([p], 1, { errorIfNonfinite: true })).toThrow(GradientError);
  expect(p.grad.toArray()).toEqual([Number.NaN, 1]);
});

test.each([-1, Number.NaN])("a bound of %d is refused", (bound) => {
  const p = tensor([1, 2], { requiresGrad: true });
  expect(() => optim.clipGradNorm([p], bound)).toThrow(OptionError);
  expect(() => optim.clipGradValue([p], bound)).toThrow(OptionError);
});
