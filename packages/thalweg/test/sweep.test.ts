import { optim, type Tensor, tensor } from "thalweg";
import { describe, expect, it } from "vitest";

const { Sweep, testFunctions } = optim;
const { rosenbrock } = testFunctions;

type Setting = (params: Tensor[]) => optim.Optimizer<object>;

/** One run on its own: the values that a sweep must give. */
function alone(setting: Setting, steps: number): { value: number; at: number[] } {
  const p = tensor([...rosenbrock.start], { requiresGrad: true });
  const optimizer = setting([p]);
  for (let i = 0; i < steps; i++) {
    optimizer.zeroGrad();
    rosenbrock.evaluate(p).backward();
    optimizer.step();
  }
  return { value: rosenbrock.evaluate(p).item() as number, at: [...p.dataSync()] };
}

const lrs = [1e-4, 1e-3, 3e-3, 1e-2, 0.1];
const grid = <T>(make: (params: Tensor[], lr: number, x: number) => T, xs: number[]) =>
  lrs.flatMap((lr) => xs.map((x) => (params: Tensor[]) => make(params, lr, x)));

const cases: Record<string, Setting[]> = {
  "RMSprop, lr × alpha": grid((p, lr, alpha) => new optim.RMSprop(p, { lr, alpha }), [0.5, 0.9, 0.99]),
  "RMSprop, with and without momentum": grid((p, lr, momentum) => new optim.RMSprop(p, { lr, momentum }), [0, 0.9]),
  "RMSprop in TensorFlow's dialect": grid(
    (p, lr, eps) => new optim.RMSprop(p, { ...optim.dialects.tensorflow1, lr, eps }),
    [1e-10, 1e-3, 1],
  ),
  "RMSprop, mean squares that start anywhere": grid(
    (p, lr, initialSquareAvg) => new optim.RMSprop(p, { lr, initialSquareAvg }),
    [0, 1, 100],
  ),
  "Adam, lr × β₂": grid((p, lr, beta2) => new optim.Adam(p, { lr, betas: [0.9, beta2] }), [0.9, 0.999]),
  "RAdam, whose formula changes at a step of its own": grid(
    (p, lr, beta2) => new optim.RAdam(p, { lr, betas: [0.9, beta2] }),
    [0.9, 0.999],
  ),
  "SGD, momentum": grid((p, lr, momentum) => new optim.SGD(p, { lr: lr * 1e-2, momentum }), [0, 0.5, 0.9]),
  Adagrad: grid((p, lr, eps) => new optim.Adagrad(p, { lr, eps }), [1e-10, 1]),
  Lion: grid((p, lr, beta) => new optim.Lion(p, { lr, betas: [beta, 0.99] }), [0.8, 0.9]),
  Rprop: grid((p, lr) => new optim.Rprop(p, { lr }), [0]),
};

describe("Sweep: many runs as one batched program", () => {
  for (const [name, settings] of Object.entries(cases)) {
    it(`${name}: every run has the bits it has alone`, () => {
      const sweep = new Sweep((x) => rosenbrock.evaluate(x), rosenbrock.start, settings);
      sweep.advance(30);
      const values = sweep.values();
      const positions = sweep.positions();
      settings.forEach((setting, i) => {
        const { value, at } = alone(setting, 30);
        expect([...positions.subarray(2 * i, 2 * i + 2)]).toEqual(at);
        expect(values[i]).toBe(value);
      });
    });
  }

  it("compiles a handful of plans, however many runs and steps there are", async () => {
    const { resetStats, stats } = await import("thalweg");
    const settings = Array.from({ length: 400 }, (_, i) => (p: Tensor[]) => new optim.Adam(p, { lr: 1e-4 * (i + 1) }));
    const sweep = new Sweep((x) => rosenbrock.evaluate(x), rosenbrock.start, settings);
    sweep.advance(3);
    sweep.values();
    resetStats();
    sweep.advance(20);
    sweep.values();
    expect(stats().plansCompiled).toBe(0);
  });

  it.each([
    ["LAMB", (p: Tensor[]) => new optim.LAMB(p), /cannot be batched/],
    ["Prodigy", (p: Tensor[]) => new optim.Prodigy(p), /updates all parameters together/],
    ["L-BFGS", (p: Tensor[]) => new optim.LBFGS(p), /cannot be batched/],
  ])("refuses %s", (_, setting, message) => {
    const run = () => new Sweep((x) => rosenbrock.evaluate(x), [1, 1], [setting as Setting]).advance(1);
    expect(run).toThrow(message);
  });

  it("refuses a function that does not give one value a run", () => {
    const setting: Setting = (p) => new optim.SGD(p, { lr: 1 });
    expect(() => new Sweep((x) => x.sum(), [1, 1], [setting, setting]).advance(1)).toThrow(/must give shape \[2\]/);
    expect(() => new Sweep((x) => x.sum(-1), [1], [])).toThrow(/at least one setting/);
  });
});
