import { manualSeed, OptionError, optim, randn, type Tensor } from "thalweg";
import { describe, expect, test } from "vitest";

const rules: Record<string, (params: Tensor[]) => optim.RMSprop | optim.SGD> = {
  RMSprop: (params) => new optim.RMSprop(params, { lr: 0.01, momentum: 0.5, centered: true }),
  SGD: (params) =>
    new optim.SGD([{ params: [params[0]!], lr: 0.3 }, { params: [params[1]!] }], { lr: 0.01, momentum: 0.9 }),
};

function problem(make: (params: Tensor[]) => optim.RMSprop | optim.SGD) {
  manualSeed(5);
  const x = randn([40, 4]);
  const y = x.sum(1, { keepdim: true }).add(1);
  const params = [randn([4, 1], { requiresGrad: true }), randn([1], { requiresGrad: true })];
  const optimizer = make(params);
  const step = (): Tensor => {
    optimizer.zeroGrad();
    const loss = x.matmul(params[0]!).add(params[1]!).sub(y).square().mean();
    loss.backward();
    optimizer.step();
    return loss;
  };
  const all = () => ({ values: params.map((p) => Array.from(p.dataSync())), ...optimizer.stateDict() });
  return { params, optimizer, step, all };
}

describe.each(Object.entries(rules))("%s", (_, make) => {
  test.each([0, 9])(
    "after %d steps, the test leaves parameters, gradients, state and options as they were",
    (steps) => {
      const tested = problem(make);
      const plain = problem(make);
      for (let i = 0; i < steps; i++) {
        tested.step();
        plain.step();
      }
      const gradients = tested.params.map((p) => p.grad?.toArray());
      const before = tested.all();
      optim.lrRangeTest(tested.optimizer, (i) => {
        // What a step adds to the options goes, too.
        if (i === 0) new optim.lrScheduler.ExponentialLR(tested.optimizer, { gamma: 0.5 });
        return tested.step();
      });
      expect(tested.all()).toEqual(before);
      expect(tested.params.map((p) => p.grad?.toArray())).toEqual(gradients);
      for (let i = 0; i < 5; i++) {
        tested.step();
        plain.step();
      }
      expect(tested.all()).toEqual(plain.all());
    },
  );

  test("it is put back also if a step throws", () => {
    const { optimizer, step, all } = problem(make);
    step();
    const before = all();
    const run = () =>
      optim.lrRangeTest(optimizer, (i) => {
        if (i === 4) throw new Error("out of data");
        return step();
      });
    expect(run).toThrow("out of data");
    expect(all()).toEqual(before);
  });

  test("the suggestion trains, and lies well below where the loss diverges", () => {
    const { optimizer, step } = problem(make);
    const first = step().item();
    const { lrs, losses, smoothed, suggestion } = optim.lrRangeTest(optimizer, step, { from: 1e-5, to: 100 });
    expect(lrs.length).toBe(losses.length);
    expect(lrs.length).toBe(smoothed.length);
    expect(suggestion).not.toBeNull();
    expect(lrs).toContain(suggestion);
    expect(suggestion!).toBeLessThan(lrs.at(-1)!);
    for (const group of optimizer.paramGroups) group.lr = suggestion!;
    let last = first;
    for (let i = 0; i < 60; i++) last = step().item();
    expect(last).toBeLessThan(first / 10);
  });
});

test("learning rates grow by a factor or a difference, from and to what is asked", () => {
  const { optimizer, step } = problem(rules.SGD!);
  const options = { from: 1e-6, to: 1e-4, steps: 3 };
  const seen: number[][] = [];
  const flat = (i: number): number => {
    seen.push(optimizer.paramGroups.map((group) => group.lr));
    step();
    return 5 - i;
  };
  const { lrs, losses, smoothed } = optim.lrRangeTest(optimizer, flat, { ...options, smoothing: 0 });
  expect(losses).toEqual([5, 4, 3]);
  expect(smoothed).toEqual(losses);
  expect(seen).toEqual(lrs.map((lr) => [lr, lr]));
  lrs.forEach((lr, i) => {
    expect(lr).toBeCloseTo(1e-6 * 10 ** i, 15);
  });
  const linear = optim.lrRangeTest(optimizer, flat, { ...options, growth: "linear" });
  expect(linear.lrs[1]).toBeCloseTo(5.05e-5, 15);
});

test("a loss that only grows gives no suggestion; a diverging or broken one ends the test", () => {
  const { optimizer } = problem(rules.SGD!);
  const growing = optim.lrRangeTest(optimizer, (i) => 1 + i / 1000);
  expect([growing.suggestion, growing.lrs.length]).toEqual([null, 100]);
  const steep = optim.lrRangeTest(optimizer, (i) => 2 ** i, { smoothing: 0 });
  expect(steep.losses).toEqual([1, 2, 4, 8]);
  const broken = optim.lrRangeTest(optimizer, (i) => (i === 5 ? Number.NaN : 1));
  expect(broken.lrs.length).toBe(6);
  const negative = optim.lrRangeTest(optimizer, (i) => -1 - i, { smoothing: 0 });
  expect(negative.lrs.length).toBe(100);
});

test.each([
  { from: 0 },
  { from: 1, to: 1 },
  { to: Number.POSITIVE_INFINITY },
  { steps: 1 },
  { steps: 2.5 },
  { smoothing: 1 },
  { divergence: 1 },
])("%o is refused", (options) => {
  const { optimizer, step } = problem(rules.SGD!);
  expect(() => optim.lrRangeTest(optimizer, step, options)).toThrow(OptionError);
});
