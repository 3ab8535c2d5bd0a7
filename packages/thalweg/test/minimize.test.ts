import { noGrad, optim, stack, type Tensor, ThalwegError, tensor, zeros } from "thalweg";
import { describe, expect, test, vi } from "vitest";

const { minimize, testFunctions } = optim;
const { rosenbrock, rosenbrockOf, rastriginOf, noisyQuadratic, logisticRegression } = testFunctions;

const float64 = (values: readonly number[]) => tensor(Float64Array.from(values));
const array = (x: Tensor) => Array.from(x.dataSync(), Number);
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, i) => v - b[i]!));

/** All in two dimensions, and some in more. */
const functions: [string, optim.testFunctions.TestFunction][] = [
  ...testFunctions.all(),
  { ...rosenbrockOf(7), name: "Rosenbrock in 7 dimensions" },
  { ...rastriginOf(3), name: "Rastrigin in 3 dimensions" },
  { ...noisyQuadratic({ curvatures: [1, 5, 50] }), name: "noisy quadratic in 3 dimensions" },
  { ...logisticRegression({ samples: 50, scale: 0.01, l2: 0.1, seed: 7 }), name: "a smaller logistic regression" },
].map((f) => [f.name, f]);

describe.each(functions)("%s", (_, f) => {
  const at = (point: readonly number[]) => f.evaluate(float64(point)).item();

  test("its minima are minima: gradients vanish, and nothing around is lower", () => {
    for (const { at: minimum, value } of f.minima) {
      expect(Math.abs(at(minimum) - value)).toBeLessThanOrEqual(1e-12);
      minimum.forEach((_, i) => {
        const move = (by: number) => minimum.map((v, k) => (k === i ? v + by : v));
        const h = 1e-5;
        expect(Math.abs((at(move(h)) - at(move(-h))) / (2 * h))).toBeLessThan(1e-6);
        expect(at(move(1e-3))).toBeGreaterThan(value);
        expect(at(move(-1e-3))).toBeGreaterThan(value);
      });
    }
  });

  test("a grid over the view is one call, agrees with single points, and has nothing lower than the minima", () => {
    const [lowest] = f.minima;
    const side = 41;
    const axis = ([from, to]: readonly [number, number]) =>
      Array.from({ length: side }, (_, i) => from + ((to - from) * i) / (side - 1));
    const [xs, ys] = [axis(f.view.x), axis(f.view.y)];
    const rest = lowest!.at.slice(2);
    const points = ys.flatMap((y) => xs.map((x) => [x, y, ...rest].slice(0, f.start.length)));
    const heights = f.evaluate(float64(points.flat()).reshape([side, side, f.start.length]));
    expect(heights.shape).toEqual([side, side]);
    const values = array(heights);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(lowest!.value - 1e-12);
    for (const i of [0, 7, 800, 1680]) expect(values[i]).toBeCloseTo(at(points[i]!), 10);
    const inView = ([x, y]: readonly number[]) =>
      x! >= f.view.x[0] && x! <= f.view.x[1] && (y === undefined || (y >= f.view.y[0] && y <= f.view.y[1]));
    expect(inView(f.start)).toBe(true);
    for (const minimum of f.minima) expect(inView(minimum.at)).toBe(true);
  });

  test("its gradient is that of finite differences, and float32 stays float32", () => {
    const x = float64(f.start.map((v) => v + 0.125));
    x.requiresGrad = true;
    f.evaluate(x).backward();
    const gradient = array(x.grad!);
    const h = 1e-6;
    gradient.forEach((g, i) => {
      const move = (by: number) => f.start.map((v, k) => v + 0.125 + (k === i ? by : 0));
      const slope = (at(move(h)) - at(move(-h))) / (2 * h);
      expect(Math.abs(g - slope)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
    });
    expect(f.evaluate(tensor([...f.start])).dtype).toBe("float32");
  });

  test("refuses points of another size", () => {
    expect(() => f.evaluate(zeros([3, f.start.length + 1]))).toThrow(ThalwegError);
    expect(() => f.evaluate(tensor(1))).toThrow(ThalwegError);
  });
});

test("the noisy quadratic's draws differ, and their mean is its value", () => {
  const f = noisyQuadratic({ noise: 0.3, curvatures: [1, 3] });
  const x = float64([1, -2]);
  const draws = array(noGrad(() => stack(Array.from({ length: 2000 }, () => f.sample!(x)))));
  const mean = draws.reduce((a, b) => a + b) / draws.length;
  expect(new Set(draws).size).toBeGreaterThan(1990);
  expect(Math.abs(mean - f.evaluate(x).item())).toBeLessThan(0.2);
});

test.each([
  () => rosenbrockOf(1),
  () => rastriginOf(1.5),
  () => noisyQuadratic({ curvatures: [] }),
  () => noisyQuadratic({ curvatures: [1, -1] }),
  () => noisyQuadratic({ noise: -1 }),
  () => logisticRegression({ samples: 0 }),
  () => logisticRegression({ l2: 0 }),
])("a function with bad options is refused: %s", (make) => {
  expect(make).toThrow(ThalwegError);
});

describe("minimize reaches a minimum", () => {
  const rules = {
    default: undefined,
    RMSprop: (lr: number) => (params: Tensor[]) => new optim.RMSprop(params, { lr, alpha: 0.9 }),
    "centered RMSprop": (lr: number) => (params: Tensor[]) =>
      new optim.RMSprop(params, { lr, alpha: 0.9, momentum: 0.9, centered: true, eps: 1e-3 }),
    momentum: (lr: number) => (params: Tensor[]) => new optim.SGD(params, { lr, momentum: 0.9 }),
    Adam: (lr: number) => (params: Tensor[]) => new optim.Adam(params, { lr }),
  };

  /** How near it comes: RMSprop's steps do not shrink, so that it circles the minimum at about its learning rate. */
  test.each<[function: string, rule: keyof typeof rules, lr: number, near: number]>([
    ...["Rosenbrock", "Beale", "Himmelblau", "ravine", "saddle", "logistic regression"].map(
      (name) => [name, "default", 1, 1e-6] as [string, "default", number, number],
    ),
    ["Rosenbrock", "RMSprop", 0.002, 0.1],
    ["Rosenbrock", "centered RMSprop", 0.0005, 0.01],
    ["Rosenbrock", "momentum", 0.0005, 0.01],
    ["Rosenbrock", "Adam", 0.02, 0.01],
    ["Beale", "RMSprop", 0.005, 0.01],
    ["Beale", "momentum", 0.005, 1e-3],
    ["Himmelblau", "RMSprop", 0.01, 0.01],
    ["Himmelblau", "momentum", 0.001, 1e-6],
    ["ravine", "RMSprop", 0.01, 0.02],
    ["ravine", "centered RMSprop", 0.003, 0.02],
    ["ravine", "momentum", 0.05, 1e-6],
    ["saddle", "RMSprop", 0.005, 0.01],
    ["saddle", "momentum", 0.05, 1e-6],
    ["cliff", "RMSprop", 0.01, 0.1],
    ["logistic regression", "RMSprop", 0.01, 0.02],
    ["logistic regression", "momentum", 1, 1e-3],
  ])("of %s with %s, learning rate %d", (name, rule, lr, near) => {
    const f = testFunctions.all().find((one) => one.name === name)!;
    const result = minimize((x) => f.evaluate(x), float64(f.start), {
      maxSteps: 3000,
      toleranceGrad: 1e-7,
      ...(rule !== "default" && { optimizer: rules[rule](lr) }),
    });
    const away = Math.min(...f.minima.map(({ at }) => distance(array(result.x), at)));
    expect(away, result.message).toBeLessThan(near);
    expect(result.value).toBe(f.evaluate(result.x).item());
    expect(result.value).toBe(Math.min(...result.history.values));
    expect(result.history.values).toHaveLength(result.steps + 1);
    expect(result.history.gradientNorms).toHaveLength(result.steps + 1);
    if (rule === "default") {
      expect(result.reason).toBe("gradient");
      expect(result.steps).toBeLessThan(60);
    }
  });

  test("of the noisy quadratic's draws, as near as the noise lets it", () => {
    const f = noisyQuadratic();
    const { x } = minimize((v) => f.sample!(v), float64(f.start), {
      optimizer: rules.RMSprop(0.01),
      maxSteps: 1500,
    });
    expect(distance(array(x), f.minima[0]!.at)).toBeLessThan(1);
  });

  test("of Rosenbrock in 50 dimensions, and in float32", () => {
    const f = rosenbrockOf(50);
    const wide = minimize((x) => f.evaluate(x), float64(f.start));
    expect(wide.reason).toBe("gradient");
    expect(distance(array(wide.x), f.minima[0]!.at)).toBeLessThan(1e-6);
    const narrow = minimize((x) => rosenbrock.evaluate(x), tensor([...rosenbrock.start]));
    expect(narrow.x.dtype).toBe("float32");
    expect(distance(array(narrow.x), [1, 1])).toBeLessThan(1e-3);
  });

  test("of a function of several tensors by place or by name, and gives them back so", () => {
    const a = tensor([[1, 2]]);
    const b = tensor(3);
    const byPlace = minimize(([p, q]) => p.sub(1).square().sum().add(q.add(2).square()), [a, b]);
    expect(byPlace.x.map((x) => x.shape)).toEqual([[1, 2], []]);
    expect(byPlace.x[1].item()).toBeCloseTo(-2, 4);
    const byName = minimize(({ p, q }) => p.sub(1).square().sum().add(q.add(2).square()), { p: a, q: b });
    expect(Object.keys(byName.x)).toEqual(["p", "q"]);
    expect(byName.x.q.item()).toBeCloseTo(-2, 4);
    expect([array(a), b.item()]).toEqual([[1, 2], 3]);
  });

  test("inside noGrad, too, and from a parameter that is trained elsewhere, which stays as it is", () => {
    const p = tensor([4], { requiresGrad: true });
    const { x } = noGrad(() => minimize((v) => v.square().sum(), p));
    expect(x.item()).toBeCloseTo(0, 4);
    expect(p.item()).toBe(4);
    expect(p.grad).toBeNull();
  });
});

describe("minimize says why it stopped", () => {
  const bowl = (x: Tensor) => x.square().sum();
  const descent =
    (lr: number, momentum = 0) =>
    (params: Tensor[]) =>
      new optim.SGD(params, { lr, momentum });

  test("gradient: the tolerance is reached, at the start or later", () => {
    const start = minimize(bowl, float64([0, 0]));
    expect(start).toMatchObject({ reason: "gradient", steps: 0, value: 0 });
    const later = minimize(bowl, float64([1, 1]), { optimizer: descent(0.25), toleranceGrad: 0.1 });
    expect(later.reason).toBe("gradient");
    expect(later.history.gradientNorms.map((g) => g <= 0.1)).toEqual([false, false, false, false, false, true]);
    expect(later.message).toMatch(/^after 5 steps the gradient's norm is 0\.0884, not above 0\.1$/);
  });

  test("change: the steps have become too small", () => {
    const result = minimize(bowl, float64([1, 1]), {
      optimizer: (params) => {
        const optimizer = new optim.SGD(params, { lr: 0.1 });
        return {
          zeroGrad: () => optimizer.zeroGrad(),
          step: () => {
            optimizer.step();
            optimizer.paramGroups[0]!.lr /= 10;
          },
        };
      },
      toleranceChange: 1e-4,
    });
    expect(result).toMatchObject({ reason: "change", steps: 5 });
    expect(result.message).toMatch(/x changed by/);
  });

  test("steps: no more of them", () => {
    const result = minimize(bowl, float64([1, 1]), { optimizer: descent(0.01), maxSteps: 10 });
    expect(result).toMatchObject({ reason: "steps", steps: 10 });
    expect(result.value).toBeCloseTo(2 * 0.98 ** 20, 12);
    expect(minimize(bowl, float64([1, 1]), { maxSteps: 0 })).toMatchObject({ reason: "steps", steps: 0, value: 2 });
  });

  test("not finite: the run diverges, and the best point is kept", () => {
    const result = minimize(bowl, tensor([1, 2]), { optimizer: descent(100) });
    expect(result.reason).toBe("not finite");
    expect(result).toMatchObject({ value: 5 });
    expect(array(result.x)).toEqual([1, 2]);
    expect(result.message).toMatch(/became (Infinity|NaN); a smaller learning rate may help; the lowest value, 5,/);
    expect(result.history.values).toHaveLength(result.steps + 1);
    // before that it improves
    const log = minimize((x) => x.log().sum(), float64([1]), { optimizer: descent(0.4) });
    expect(log.reason).toBe("not finite");
    expect(log.value).toBe(Math.min(...log.history.values.filter(Number.isFinite)));
    expect(log.x.item()).toBeGreaterThan(0);
  });

  test("not finite from the start, and a gradient that is not finite where the value is", () => {
    const start = minimize((x) => x.log().sum(), float64([-1]));
    expect(start).toMatchObject({ reason: "not finite", steps: 0, value: Number.NaN });
    expect(array(start.x)).toEqual([-1]);
    const root = minimize((x) => x.sqrt().sum(), float64([0]));
    expect(root).toMatchObject({ reason: "not finite", steps: 0 });
    expect(root.message).toMatch(/gradient's norm became Infinity/);
  });

  test("a value that grows is said to, although no step was missing", () => {
    const result = minimize(bowl, float64([1]), { optimizer: descent(1.5), maxSteps: 5 });
    expect(result).toMatchObject({ reason: "steps", value: 1 });
    expect(result.message).toMatch(/grown from 1 to 1020.*lowest value, 1, was met after step 0/);
  });

  test("stopped: by the callback, which sees every step, or by a signal", () => {
    const callback = vi.fn(({ step }: { step: number }) => step < 3);
    const result = minimize(bowl, float64([1, 1]), { optimizer: descent(0.1), callback });
    expect(result).toMatchObject({ reason: "stopped", steps: 3 });
    expect(callback).toHaveBeenCalledTimes(4);
    const seen = callback.mock.calls.map(([progress]) => progress as unknown as optim.MinimizeProgress<Tensor>);
    expect(seen.map(({ value }) => value)).toEqual(result.history.values);
    expect(seen.map(({ x, value }) => bowl(x).item() - value)).toEqual([0, 0, 0, 0]);
    const controller = new AbortController();
    const aborted = minimize(bowl, float64([1, 1]), {
      optimizer: descent(0.1),
      signal: controller.signal,
      callback: ({ step }) => {
        if (step === 2) controller.abort();
      },
    });
    expect(aborted).toMatchObject({ reason: "stopped", steps: 2 });
  });
});

describe("minimize refuses", () => {
  const bowl = (x: Tensor) => x.square().sum();
  const start = () => tensor([1, 2]);
  test.each<[string, () => unknown]>([
    ["maxSteps", () => minimize(bowl, start(), { maxSteps: -1 })],
    ["toleranceGrad", () => minimize(bowl, start(), { toleranceGrad: Number.NaN })],
    ["toleranceChange", () => minimize(bowl, start(), { toleranceChange: -1 })],
    ["no tensors", () => minimize(() => tensor(1), [])],
    ["numbers", () => minimize(() => tensor(1), [1] as unknown as Tensor[])],
    ["whole numbers", () => minimize(bowl, tensor([1, 2], { dtype: "int32" }))],
    ["a function of several values", () => minimize((x) => x.square(), start())],
    ["a function that returns a number", () => minimize((() => 1) as unknown as () => Tensor, start())],
    ["a function that does not depend on x", () => minimize(() => tensor(1), start())],
  ])("%s", (_, call) => {
    expect(call).toThrow(ThalwegError);
  });
});
