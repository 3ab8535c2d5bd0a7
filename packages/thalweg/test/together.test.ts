import { compile, configure, manualSeed, optim, randn, type Tensor, tensor, zeros } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";

// What is recorded once for many parameters must give what recording it for each gives, bit for bit.

afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

interface Options {
  lr: number;
}
/** Any rule, as one that takes all that an update is given. */
type Rule = new (params: object, options?: object) => optim.ASGD;

const bits = (x: Tensor): string => [...new Uint8Array(x.dataSync().buffer)].join();

/** The same rule, recorded for each parameter: a class that overrides the formula does not say that it is elementwise. */
const apart = (rule: Rule): Rule =>
  class extends rule {
    override update(...args: Parameters<optim.ASGD["update"]>): Tensor {
      return super.update(...args);
    }
  };

/** Trains parameters of several shapes and dtypes, in two groups; one has no gradient now and then. */
function program(rule: Rule, options: object, how: { compiled?: boolean; observed?: boolean } = {}): string[] {
  manualSeed(3);
  const shapes = [[6, 5], [5], [], [5, 1], [3], [1]];
  const params = shapes.map((shape) => randn(shape, { requiresGrad: true }));
  const double = [tensor([1, 2], { dtype: "float64" }), tensor(3, { dtype: "float64" })];
  for (const p of double) p.requiresGrad = true;
  const [W, b, scale, V, free, one] = params as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const all = [...params.slice(0, 4), ...double, ...params.slice(4)];
  const optimizer = new rule([
    { params: all.slice(0, 5), ...options },
    { params: all.slice(5), ...options, lr: 0.02 },
  ]);
  if (how.observed) optimizer.observe();
  const x = randn([8, 6]);
  const step = (skip: boolean) => {
    const h = x.matmul(W).add(b).tanh().mul(scale).matmul(V);
    const loss = h.square().mean().add(one.mul(free).square().sum());
    optimizer.zeroGrad();
    loss.add(double[0]!.mul(double[1]!).sum().to("float32").square()).backward();
    if (skip) b.grad = null;
    optimizer.step();
    return loss;
  };
  const run = how.compiled ? compile(step) : step;
  const seen: string[] = [];
  for (let i = 0; i < 9; i++) {
    if (i === 5) optimizer.paramGroups[0]!.lr *= 0.5;
    const loss = run(i === 6);
    if (i % 3 === 1) seen.push(bits(loss));
    if (i === 4) seen.push(bits(V.grad!));
    if (i === 7) seen.push(bits(optimizer.report(W)?.stepSize ?? zeros([1])));
    if (how.observed) seen.push(bits(optimizer.report(free)?.update ?? zeros([1])));
  }
  for (const p of all) seen.push(bits(p), ...Object.values(optimizer.stateOf(p)).map(bits));
  return seen;
}

const cases: [Rule, object][] = (
  [
    [optim.RMSprop, {}],
    [optim.RMSprop, { centered: true, momentum: 0.9, weightDecay: 0.01 }],
    [optim.RMSprop, { ...optim.dialects.keras, biasCorrection: true, maximize: true }],
    [optim.SGD, {}],
    [optim.SGD, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }],
    [optim.Adam, { amsgrad: true }],
    [optim.AdamW, {}],
    [optim.Adagrad, { lrDecay: 0.1 }],
    [optim.Adadelta, {}],
    [optim.Adamax, {}],
    [optim.NAdam, {}],
    [optim.RAdam, { betas: [0.9, 0.9] }],
    [optim.Rprop, {}],
    [optim.Lion, { weightDecay: 0.1 }],
    [optim.ASGD, { t0: 3 }],
    [optim.SparseAdam, {}],
    [optim.LAMB, {}],
    [optim.AdamWScheduleFree, {}],
  ] as unknown as [Rule, object][]
).map(([rule, options]) => [rule, { lr: 0.05, ...options }]);

describe("many parameters at once are as each by itself", () => {
  for (const [rule, options] of cases) {
    test(`${rule.name} ${JSON.stringify(options)}`, () => {
      const expected = program(apart(rule), options);
      expect(program(rule, options)).toEqual(expected);
      expect(program(rule, options, { compiled: true })).toEqual(expected);
    });
  }

  test.each([{ eager: true }, { fuse: false }, { backend: "javascript" }] as const)(
    "RMSprop under %o",
    (configuration) => {
      const expected = program(apart(optim.RMSprop as unknown as Rule), { lr: 0.05 });
      configure(configuration);
      expect(program(optim.RMSprop as unknown as Rule, { lr: 0.05 })).toEqual(expected);
    },
  );

  test("with what an observed step changes", () => {
    const expected = program(apart(optim.Adam as unknown as Rule), { lr: 0.05 }, { observed: true });
    expect(program(optim.Adam as unknown as Rule, { lr: 0.05 }, { observed: true })).toEqual(expected);
  });
});

/** Counts how often it is asked for its formula. */
abstract class Counting extends optim.Optimizer<Options> {
  asked = 0;
  abstract formula(p: Tensor, g: Tensor, state: optim.State): Tensor;
  update(p: Tensor, g: Tensor, state: optim.State): Tensor {
    this.asked++;
    return this.formula(p, g, state);
  }
}

class Declared extends Counting {
  static readonly elementwise = true;
  formula(p: Tensor, g: Tensor, state: optim.State): Tensor {
    state.sum = state.sum!.add(g);
    return p.sub(state.sum.mul(0.1));
  }
  override update(p: Tensor, g: Tensor, state: optim.State): Tensor {
    return super.update(p, g, state);
  }
}

/** Says that it is elementwise, and is not. */
class Wrong extends Declared {
  static override readonly elementwise = true;
  override formula(p: Tensor, g: Tensor): Tensor {
    return p.sub(g.div(g.square().sum().sqrt().add(1e-9)));
  }
  override update(p: Tensor, g: Tensor, state: optim.State): Tensor {
    return super.update(p, g, state);
  }
}

class Noisy extends Declared {
  override update(p: Tensor, g: Tensor): Tensor {
    this.asked++;
    return p.sub(g.add(randn(p.shape)));
  }
}

const ones = (sizes: number[]): Tensor[] =>
  sizes.map((n) => {
    const p = zeros([n], { requiresGrad: true });
    p.grad = tensor(new Float32Array(n).fill(1));
    return p;
  });

test("a rule of one's own that says that it is elementwise is asked once for all parameters with the same options", () => {
  const params = ones([2, 3, 2, 4, 5, 6]);
  const optimizer = new Declared([{ params: params.slice(0, 5) }, { params: params.slice(5) }], { lr: 1 });
  optimizer.step();
  expect(optimizer.asked, "the first step, which makes the states").toBe(6);
  optimizer.step();
  expect(optimizer.asked).toBe(8);
  for (const p of params) expect(p.dataSync().every((x) => Math.abs(x + 0.3) < 1e-6)).toBe(true);
});

test("a rule that is not elementwise is asked for each parameter, whatever it says", () => {
  const params = ones([2, 3, 4, 5]);
  const optimizer = new Wrong(params, { lr: 1 });
  for (let i = 0; i < 3; i++) optimizer.step();
  expect(optimizer.asked).toBe(12);
  params.forEach((p, i) => {
    expect(p.dataSync()[0]).toBeCloseTo(-3 / Math.sqrt(i + 2), 5);
  });
});

test("a class that overrides the formula has to say so itself", () => {
  const params = ones([8, 8, 8, 8]);
  const optimizer = new Noisy(params, { lr: 1 });
  for (let i = 0; i < 3; i++) optimizer.step();
  expect(optimizer.asked).toBe(12);
  expect(bits(params[0]!)).not.toBe(bits(params[1]!));
});

test("a new value that does not fit is refused", () => {
  class Misfit extends Declared {
    static override readonly elementwise = true;
    override update(p: Tensor): Tensor {
      return p.to("float64");
    }
  }
  expect(() => new Misfit(ones([2, 2, 2, 2]), { lr: 1 }).step()).toThrow(/the new value is float64 of shape \[2\]/);
});
