import {
  configure,
  enableGrad,
  explain,
  grad,
  isGradEnabled,
  manualSeed,
  noGrad,
  optim,
  rand,
  randint,
  randn,
  resetStats,
  stats,
  Tensor,
  tensor,
  zeros,
} from "thalweg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Kernel, LoadExpr } from "../src/kernels/kernel.js";
import { collect } from "../src/plan/key.js";
import { planOf } from "../src/plan/plan.js";
import { bitsOf, counted, read } from "./support/counting.js";
import { type Inputs, models } from "./support/models.js";

// Each test starts with no plans and no kernels, so that what it counts is its own.
beforeEach(() => configure({ backend: "wasm", eager: false, fuse: true }));
afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

const same = (x: Tensor): Tensor => x;

/** Section 1 of the design: a line through 100 points. Calls `each` after every step. */
function line(steps: number, each: (loss: Tensor, optimizer: optim.RMSprop, step: number) => void, early = same) {
  manualSeed(0);
  const X = randn([100, 1]);
  const y = X.mul(2)
    .add(3)
    .add(randn([100, 1]));
  const w = zeros([1], { requiresGrad: true });
  const b = zeros([1], { requiresGrad: true });
  const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });
  for (let step = 0; step < steps; step++) {
    const loss = early(w.mul(X).add(b).sub(y).pow(2).mean());
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    each(loss, optimizer, step);
  }
  return { w, b };
}

const reading = (x: Tensor): Tensor => {
  x.item();
  return x;
};

/** A classifier over slices of a data set. */
class Classifier {
  readonly X: Tensor;
  readonly t: Tensor;
  readonly params: Tensor[];
  readonly optimizer: optim.RMSprop;

  constructor(points: number) {
    manualSeed(1);
    this.X = randn([points, 20]);
    this.t = randint(0, 5, [points]);
    const parameter = (shape: number[]) => randn(shape, { requiresGrad: true });
    this.params = [parameter([20, 16]), parameter([16]), parameter([16, 5]), parameter([5])];
    this.optimizer = new optim.RMSprop(this.params, { lr: 0.01 });
  }

  outputs(x: Tensor): Tensor {
    const [W1, b1, W2, b2] = this.params as [Tensor, Tensor, Tensor, Tensor];
    return x.matmul(W1).add(b1).tanh().matmul(W2).add(b2);
  }

  train(from: number, to: number, early = same): { loss: Tensor; outputs: Tensor } {
    const outputs = this.outputs(this.X.slice(0, from, to));
    const places = this.t.slice(0, from, to).unsqueeze(1);
    const loss = early(outputs.logSoftmax(1).gather(1, places).mean().neg());
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    return { loss, outputs };
  }
}

describe("plans are made once", () => {
  /** For each step of a loop: how many plans it compiled. */
  function compiledPerStep(loop: (mark: () => void) => void): number[] {
    const counts: number[] = [];
    resetStats();
    loop(() => {
      counts.push(stats().plansCompiled);
      resetStats();
    });
    return counts;
  }

  test.each<[string, (mark: () => void) => void]>([
    ["the loss read before backward", (mark) => line(40, mark, reading)],
    ["the loss read after the step", (mark) => line(40, (loss) => [loss.item(), mark()])],
    ["nothing read", (mark) => line(40, mark)],
    [
      "a learning rate that changes each step",
      (mark) =>
        line(
          40,
          (_, optimizer, step) => {
            for (const group of optimizer.paramGroups)
              Object.assign(group, { lr: 0.02 / (step + 1), eps: 10 ** -step });
            mark();
          },
          reading,
        ),
    ],
    [
      "slices of a data set",
      (mark) => {
        const net = new Classifier(640);
        for (let step = 0; step < 40; step++) {
          const i = step % 10;
          net.train(i * 64, (i + 1) * 64, reading);
          mark();
        }
      },
    ],
    [
      "slices of a data set, nothing read",
      (mark) => {
        const net = new Classifier(640);
        for (let step = 0; step < 40; step++) {
          net.train((step % 10) * 64, ((step % 10) + 1) * 64);
          mark();
        }
      },
    ],
    [
      "batches from the heap",
      (mark) => {
        const w = zeros([3], { requiresGrad: true });
        const optimizer = new optim.SGD([w], { lr: 0.1, momentum: 0.9 });
        for (let step = 0; step < 40; step++) {
          const x = tensor(new Float32Array(24).fill(step)).reshape([8, 3]);
          optimizer.zeroGrad();
          x.mul(w).sub(step).square().mean().backward();
          optimizer.step();
          mark();
        }
      },
    ],
    [
      "numbers that change in the loss",
      (mark) => {
        const w = tensor([1, 2, 3], { requiresGrad: true });
        const optimizer = new optim.RMSprop([w]);
        for (let step = 0; step < 40; step++) {
          w.grad = null;
          const loss = w
            .mul(step)
            .add(1 / (step + 1))
            .clamp({ min: -step, max: step })
            .pow(2.5 + step / 7)
            .sum();
          loss.backward();
          optimizer.step();
          if (step % 2 === 0) loss.mul(2 ** step).item();
          else loss.mul(step).item();
          mark();
        }
      },
    ],
  ])("no plan after the second step: %s", (_, loop) => {
    const counts = compiledPerStep(loop);
    expect(counts.length).toBe(40);
    // The first step has no state yet, the second meets the first's; momentum's first step differs, hence a third.
    const settled = counts.reduce((last, n, step) => (n > 0 ? step : last), 0);
    expect(settled, `plans compiled at each step: ${counts}`).toBeLessThanOrEqual(2);
    expect(counts.reduce((a, b) => a + b)).toBeGreaterThan(0);
  });

  test("a batch of a new size compiles once, and so does evaluation between epochs", () => {
    const net = new Classifier(150);
    const epoch = () => {
      let total = zeros([]);
      for (let from = 0; from < 150; from += 64) {
        const { loss } = net.train(from, Math.min(from + 64, 150), reading);
        total = total.add(loss.detach());
      }
      noGrad(() => net.outputs(net.X).argmax(1).eq(net.t).sum().item());
      return total.item();
    };
    expect(counted(() => [epoch(), epoch()]).plansCompiled).toBeGreaterThan(0);
    const later = counted(() => {
      for (let i = 0; i < 5; i++) epoch();
    });
    expect([later.plansCompiled, later.kernelsCompiled]).toEqual([0, 0]);
  });

  test("graphs that differ in a shape, a dtype, an attribute or who reads whom do not share a plan", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = tensor([
      [7, 8, 9],
      [1, 1, 2],
    ]);
    const results = [
      x.sub(y).sum(0),
      y.sub(x).sum(0),
      x.sub(x).sum(0),
      x.sub(y).sum(1),
      x.sub(y).sum(1, { keepdim: true }),
      x.double().sub(y).sum(0),
      x.mul(1).slice(1, 1).sum(0),
      x.mul(1).slice(1, 0, 2).sum(0),
      x.mul(1).slice(1, 0, 3, 2).sum(0),
      x.mul(1).flip(1).sum(0),
      x.mul(1).flip(0).slice(0, 1).sum(0),
    ].map((r) => r.toArray());
    expect(results).toEqual([
      [-3, -2, -0 + -0 - 2],
      [3, 2, 2],
      [0, 0, 0],
      [-18, 11],
      [[-18], [11]],
      [-3, -2, -2],
      [7, 9],
      [5, 7],
      [5, 9],
      [9, 7, 5],
      [1, 2, 3],
    ]);
  });
});

describe("the forward pass runs once", () => {
  /** Operations per step over eight steps, what is left when they have been recorded included; the parameters after. */
  function train(
    loss: (inputs: Inputs) => Tensor,
    look: (loss: Tensor) => void,
  ): { operations: number; bits: string[] } {
    manualSeed(3);
    const x = randn([24, 16]);
    const W = randn([16, 16], { requiresGrad: true });
    const b = rand([16], { requiresGrad: true });
    const optimizer = new optim.RMSprop([W, b], { lr: 1e-3 });
    const { operations } = counted(() => {
      for (let step = 0; step < 8; step++) {
        const l = loss({ x, W, b });
        look(l);
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
      }
      read(W, b);
    });
    return { operations: operations / 8, bits: [W, b].map(bitsOf) };
  }

  const forward = (loss: (inputs: Inputs) => Tensor): number => {
    manualSeed(3);
    const inputs = { x: randn([24, 16]), W: randn([16, 16]), b: rand([16]) };
    return counted(() => loss(inputs).item()).operations;
  };

  test.each(Object.keys(models))("although the loss is read before backward: %s", (name) => {
    const loss = models[name]!;
    const once = forward(loss);
    const unread = train(loss, same);
    const readOnce = train(loss, (l) => l.item());
    const readOften = train(loss, (l) => [l.item(), l.item(), l.dataSync(), l.toArray(), String(l)]);
    expect(readOnce.bits).toEqual(unread.bits);
    expect(readOften.bits).toEqual(unread.bits);
    expect(readOften.operations).toBe(readOnce.operations);
    // Cutting a plan in two may cost an addition here or there, but nothing like a forward pass.
    expect(readOnce.operations - unread.operations).toBeLessThan(0.05 * once);
  });

  test("section 1's loop: reading each loss costs no operation at all", () => {
    const total = (early: (loss: Tensor) => Tensor) =>
      counted(() => {
        const { w, b } = line(30, same, early);
        read(w, b);
      }).operations;
    expect(total(reading)).toBe(total(same));
  });

  test("what was read is not computed again", () => {
    const x = rand([500]);
    const y = x.exp().mul(2);
    y.dataSync();
    const z = y.sum();
    z.item();
    const again = counted(() => [y.dataSync(), z.item(), y.toArray(), String(z)]);
    expect([again.plansRun, again.kernelsRun, again.operations]).toEqual([0, 0, 0]);
  });

  test("inner values read after the loss, before backward, are not the whole forward pass again", () => {
    const net = new Classifier(64);
    net.train(0, 64, reading);
    const loss = net.outputs(net.X).logSoftmax(1).gather(1, net.t.unsqueeze(1)).mean().neg();
    loss.item();
    loss.backward();
    net.optimizer.step();
    const outputs = net.outputs(net.X);
    const next = outputs.logSoftmax(1).gather(1, net.t.unsqueeze(1)).mean().neg();
    const all = counted(() => next.item()).operations;
    expect(counted(() => outputs.dataSync()).operations).toBeLessThan(all / 4);
  });
});

/** Every load in a kernel's expressions, by identity: an expression is computed once however often it is read. */
function loadsOf(kernel: Kernel): LoadExpr[] {
  const loads = new Set<LoadExpr>();
  const seen = new Set<unknown>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    if ("kind" in part && part.kind === "load") loads.add(part as LoadExpr);
    Object.values(part).forEach(visit);
  };
  visit(kernel);
  return [...loads];
}

interface DecayOptions {
  lr: number;
  alpha: number;
  eps: number;
}

/** The ten lines of the design: what somebody writes who has an idea for a rule. */
class Custom extends optim.Optimizer<DecayOptions> {
  update(p: Tensor, g: Tensor, state: optim.State, { lr, alpha, eps }: DecayOptions) {
    state.squareAvg = state.squareAvg!.mul(alpha).add(g.square().mul(1 - alpha));
    return p.sub(g.div(state.squareAvg.sqrt().add(eps)).mul(lr));
  }
}

const DECAY: DecayOptions = { lr: 0.05, alpha: 0.9, eps: 1e-8 };

describe("an update rule is one kernel", () => {
  const N = 1000;
  const rules: [string, number, (p: Tensor) => optim.Optimizer<never>][] = [
    ["RMSprop", 1, (p) => new optim.RMSprop([p], { lr: 0.1 }) as never],
    ["RMSprop with decay", 1, (p) => new optim.RMSprop([p], { weightDecay: 0.1, maximize: true }) as never],
    [
      "RMSprop, all of it",
      3,
      (p) => new optim.RMSprop([p], { momentum: 0.9, centered: true, weightDecay: 0.1 }) as never,
    ],
    ["SGD", 0, (p) => new optim.SGD([p], { lr: 0.1 }) as never],
    ["SGD with momentum", 1, (p) => new optim.SGD([p], { momentum: 0.9, nesterov: true }) as never],
    ["ten lines of our own", 1, (p) => new Custom([p], DECAY) as never],
  ];

  test.each(rules)("%s reads p, g and its state once and writes p and its state once", (_, states, make) => {
    const p = randn([N], { requiresGrad: true });
    const optimizer = make(p);
    for (let step = 0; step < 3; step++) {
      p.grad = randn([N]);
      optimizer.step();
      const nodes = [p, ...Object.values(optimizer.stateOf(p))].map((x) => x.node);
      expect(nodes.length).toBe(1 + states);
      // Momentum's buffer does not exist before SGD's first step, so that step does not read it.
      if (step > 0) {
        const graph = collect(nodes);
        const plan = planOf(
          graph.nodes,
          nodes.map((node) => ({ node: node.index, fate: "assign" }) as const),
        );
        expect(plan.steps.length).toBe(1);
        const { kernel } = plan.steps[0]!;
        expect(kernel.kind).toBe("map");
        expect(
          loadsOf(kernel)
            .map((load) => load.access.buffer)
            .sort(),
        ).toEqual(Array.from({ length: 2 + states }, (_, i) => i));
        expect(kernel.kind === "map" ? kernel.body.length : 0).toBe(1 + states);
        expect(plan.temporaryBytes).toBe(plan.staging.reduce((n, { bytes }) => n + bytes, 0));
      }
      const ran = counted(() => read(p));
      expect([ran.plansRun, ran.kernelsRun]).toEqual([1, 1]);
    }
  });

  test("one kernel per parameter", () => {
    const params = [5, 70, 900].map((n) => randn([n], { requiresGrad: true }));
    const optimizer = new optim.RMSprop(params);
    for (let step = 0; step < 3; step++) {
      for (const p of params) p.grad = randn(p.shape);
      optimizer.step();
      const ran = counted(() => read(...params));
      expect(ran.plansRun).toBe(1);
      expect(ran.kernelsRun).toBeLessThanOrEqual(params.length);
    }
  });
});

describe("a rule of one's own", () => {
  const grads = (step: number) => tensor([0.5, -step, step * step, 0]);

  function steps(optimizer: optim.Optimizer<DecayOptions>, p: Tensor, from: number, to: number): void {
    for (let step = from; step < to; step++) {
      p.grad = grads(step);
      optimizer.step();
    }
  }

  test("gives RMSprop's bits", () => {
    const p = tensor([1, 2, 3, 4], { requiresGrad: true });
    const q = tensor([1, 2, 3, 4], { requiresGrad: true });
    steps(new Custom([p], DECAY), p, 0, 20);
    steps(new optim.RMSprop([q], DECAY) as unknown as optim.Optimizer<DecayOptions>, q, 0, 20);
    expect(bitsOf(p)).toBe(bitsOf(q));
  });

  test("is saved, loaded and goes on bit for bit, options included", () => {
    const p = tensor([1, 2, 3, 4], { requiresGrad: true });
    const optimizer = new Custom([p], DECAY);
    steps(optimizer, p, 0, 7);
    const q = tensor(p.dataSync(), { requiresGrad: true });
    const other = new Custom([q], { lr: 99, alpha: 0, eps: 1 });
    other.loadStateDict(structuredClone(optimizer.stateDict()));
    steps(optimizer, p, 7, 20);
    steps(other, q, 7, 20);
    expect(bitsOf(q)).toBe(bitsOf(p));
    expect(other.stateDict()).toEqual(optimizer.stateDict());
  });
});

describe("state is plain data", () => {
  type Save = optim.StateDict<optim.RMSpropOptions>;
  const full = { lr: 0.03, momentum: 0.8, centered: true, weightDecay: 0.01 };

  function make(): { params: Tensor[]; optimizer: optim.RMSprop } {
    const params = [tensor([1, -2, 3], { requiresGrad: true }), tensor([[0.5], [4]], { requiresGrad: true })];
    return {
      params,
      optimizer: new optim.RMSprop([{ params: [params[0]!] }, { params: [params[1]!], lr: 0.5 }], full),
    };
  }

  function advance({ params, optimizer }: ReturnType<typeof make>, from: number, to: number): string[] {
    for (let step = from; step < to; step++) {
      optimizer.zeroGrad();
      params.reduce((sum, p) => sum.add(p.sub(step).square().sum()), tensor(0)).backward();
      optimizer.step();
    }
    return params.map(bitsOf);
  }

  test.each<[string, (saved: Save) => Save]>([
    ["as it is", (saved) => saved],
    ["through structuredClone", (saved) => structuredClone(saved)],
  ])("goes on bit for bit, %s", (_, carry) => {
    const one = make();
    advance(one, 0, 5);
    const other = make();
    other.params.forEach((p, i) => {
      p.assign(one.params[i]!);
    });
    other.optimizer.loadStateDict(carry(one.optimizer.stateDict()));
    expect(advance(other, 5, 12)).toEqual(advance(one, 5, 12));
  });

  test("a saved state is not changed by the steps that follow, nor is the optimizer by changes of it", () => {
    const one = make();
    const twin = make();
    advance(one, 0, 3);
    advance(twin, 0, 3);
    const saved = one.optimizer.stateDict();
    const copy = structuredClone(saved);
    advance(one, 3, 6);
    expect(saved).toEqual(copy);
    one.optimizer.loadStateDict(copy);
    twin.optimizer.loadStateDict(saved);
    for (const entry of Object.values(copy.state[0]!.tensors)) entry.data.fill(7);
    copy.paramGroups[0]!.lr = 1e9;
    one.params.forEach((p, i) => {
      p.assign(twin.params[i]!);
    });
    expect(advance(one, 6, 9)).toEqual(advance(twin, 6, 9));
  });

  test.each<[string, (saved: Save) => unknown]>([
    ["a group too few", (saved) => ({ ...saved, paramGroups: saved.paramGroups.slice(1) })],
    ["a group too many", (saved) => ({ ...saved, paramGroups: [...saved.paramGroups, saved.paramGroups[0]] })],
    [
      "groups of other sizes",
      (saved) => ({
        ...saved,
        paramGroups: [
          { ...full, params: [0, 1] },
          { ...full, params: [] },
        ],
      }),
    ],
    ["no groups", ({ state }) => ({ state })],
    ["no state", ({ paramGroups }) => ({ paramGroups })],
    ["nothing", () => ({})],
    ["null", () => null],
    [
      "a count of steps that is none",
      (saved) => {
        saved.state[0]!.step = -1;
        return saved;
      },
    ],
    [
      "a state of another shape",
      (saved) => {
        saved.state[1]!.tensors.squareAvg = { dtype: "float32", shape: [3], data: new Float32Array(3) };
        return saved;
      },
    ],
    [
      "a state with fewer elements than its shape says",
      (saved) => {
        saved.state[1]!.tensors.momentumBuffer = { dtype: "float32", shape: [2, 1], data: new Float32Array(1) };
        return saved;
      },
    ],
    [
      "a state of another dtype",
      (saved) => {
        saved.state[0]!.tensors.gradAvg = { dtype: "float64", shape: [3], data: new Float64Array(3) };
        return saved;
      },
    ],
    [
      "a state of no dtype that there is",
      (saved) => {
        Object.assign(saved.state[0]!.tensors.gradAvg!, { dtype: "float16" });
        return saved;
      },
    ],
    [
      "a state without values",
      (saved) => {
        Object.assign(saved.state[0]!.tensors, { gradAvg: null });
        return saved;
      },
    ],
    [
      "an option out of range, in the last group",
      (saved) => {
        saved.paramGroups[1]!.lr = -1;
        return saved;
      },
    ],
    [
      "an option that is not a number",
      (saved) => {
        saved.paramGroups[1]!.alpha = Number.NaN;
        return saved;
      },
    ],
  ])("refuses %s and stays as it was", (_, spoil) => {
    const one = make();
    const twin = make();
    advance(one, 0, 4);
    advance(twin, 0, 4);
    const before = one.optimizer.stateDict();
    const bad = spoil(structuredClone(before)) as Save;
    expect(() => one.optimizer.loadStateDict(bad)).toThrow(/loadStateDict|RMSprop|dtype/);
    expect(one.optimizer.stateDict()).toEqual(before);
    expect(advance(one, 4, 8)).toEqual(advance(twin, 4, 8));
  });
});

describe("autograd's switches", () => {
  const leafOf = (values: number[]) => tensor(values, { requiresGrad: true });

  test("noGrad and enableGrad hold inside, nest, and end with an error too", () => {
    const x = leafOf([1, 2]);
    expect(isGradEnabled()).toBe(true);
    const inside = noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      expect(enableGrad(() => x.mul(2)).requiresGrad).toBe(true);
      expect(isGradEnabled()).toBe(false);
      return x.mul(2);
    });
    expect([inside.requiresGrad, inside.toArray()]).toEqual([false, [2, 4]]);
    expect(() =>
      noGrad(() => {
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    expect([isGradEnabled(), x.mul(2).requiresGrad]).toEqual([true, true]);
    expect(() => noGrad(async () => x)).toThrow(/async/);
  });

  test("detach cuts, clone does not", () => {
    const x = leafOf([3]);
    const y = x.square();
    expect(y.detach().requiresGrad).toBe(false);
    y.mul(y.detach()).sum().backward();
    expect(read(x.grad!)).toEqual([54]);
    x.grad = null;
    x.clone().square().sum().backward();
    expect(read(x.grad!)).toEqual([6]);
  });

  test("gradients add up over passes, and zeroGrad sets them to none", () => {
    const x = leafOf([1, 2]);
    const optimizer = new optim.SGD([x], { lr: 1 });
    const parts = [3, 4, 5].map((n) => {
      x.mul(n).sum().backward();
      return read(x.grad!);
    });
    expect(parts).toEqual([
      [3, 3],
      [7, 7],
      [12, 12],
    ]);
    optimizer.zeroGrad();
    expect(x.grad).toBeNull();
    x.mul(2).sum().backward();
    optimizer.step();
    expect([read(x.grad!), read(x)]).toEqual([
      [2, 2],
      [-1, 0],
    ]);
  });

  test("what uses a tensor several times adds up its gradients", () => {
    const x = leafOf([2, 3]);
    x.mul(x).add(x).add(x.sum()).mul(x).sum().backward();
    // Σ xᵢ³ + xᵢ² + xᵢ Σ x: 3x² + 2x + 2 Σ x
    expect(read(x.grad!)).toEqual([26, 43]);
  });

  test.each<[string, (loss: Tensor) => void]>([
    ["not read", () => {}],
    ["the loss read first", (loss) => loss.item()],
  ])("a second backward needs retainGraph: %s", (_, look) => {
    const x = leafOf([1, 2]);
    const loss = x.exp().square().sum();
    look(loss);
    loss.backward({ retainGraph: true });
    const once = read(x.grad!);
    loss.backward();
    expect(read(x.grad!)).toEqual(once.map((g) => 2 * g));
    expect(() => loss.backward()).toThrow(/retainGraph/);
    expect(read(x.grad!)).toEqual(once.map((g) => 2 * g));
    const part = x.sin();
    part.sum().backward();
    expect(() => part.mul(2).sum().backward()).toThrow(/retainGraph/);
  });

  test("createGraph gives gradients that have gradients", () => {
    const x = leafOf([2, -3]);
    const [first] = grad(x.pow(3).sum(), x, { createGraph: true }) as [Tensor];
    const [second] = grad(first.sum(), x, { createGraph: true }) as [Tensor];
    const [third] = grad(second.sum(), x) as [Tensor];
    expect([first, second, third].map((g) => read(g))).toEqual([
      [12, 27],
      [12, -18],
      [6, 6],
    ]);
    expect(x.grad).toBeNull();
    x.pow(3).sum().backward({ createGraph: true });
    const g = x.grad!;
    x.grad = null;
    g.square().sum().backward();
    // d/dx (3x²)² = 36x³
    expect(read(x.grad!)).toEqual([288, -972]);
  });

  test("grad goes to inner tensors too, and takes gradients of what comes after", () => {
    const x = leafOf([1, 2]);
    const h = x.mul(3);
    const y = h.square();
    expect(grad(y, [h, x], { gradOutputs: [tensor([1, 10])] }).map((g) => read(g))).toEqual([
      [6, 120],
      [18, 360],
    ]);
  });

  test("retainGrad keeps an inner gradient; others have none", () => {
    const x = leafOf([1, 2]);
    const h = x.mul(3).retainGrad();
    const other = h.mul(1);
    other.square().sum().backward();
    expect([read(h.grad!), other.grad]).toEqual([[6, 12], null]);
  });

  test("a gradient that a user holds is not changed by later passes", () => {
    const x = leafOf([1, 2]);
    const optimizer = new optim.SGD([x], { lr: 0.5 });
    x.square().sum().backward();
    const held = x.grad!;
    x.mul(5).sum().backward();
    optimizer.step();
    optimizer.zeroGrad();
    x.square().sum().backward();
    optimizer.step();
    expect(read(held)).toEqual([2, 4]);
  });

  test("groups have options of their own, which can be changed between steps", () => {
    const [p, q, r] = [leafOf([1]), leafOf([1]), leafOf([1])] as [Tensor, Tensor, Tensor];
    const optimizer = new optim.SGD([{ params: [p] }, { params: [q], lr: 0.5 }], { lr: 0.25 });
    const step = () => {
      optimizer.zeroGrad();
      p.add(q).add(r).sum().backward();
      optimizer.step();
      return read(p, q, r);
    };
    expect(step()).toEqual([0.75, 0.5, 1]);
    optimizer.paramGroups[0]!.lr = 1;
    optimizer.addParamGroup({ params: [r], lr: 2 });
    expect(step()).toEqual([-0.25, 0, -1]);
  });
});

describe("looking inside", () => {
  test("explain names kernels, runs nothing and changes nothing", () => {
    const x = randn([8, 4]);
    const y = x.exp().sum(1).mul(2);
    const during = counted(() => {
      const text = explain(y);
      expect(text).toMatch(/^1 kernels?/);
      expect(text).toContain("sum[8]");
    });
    expect([during.plansRun, during.kernelsRun, during.plansCompiled]).toEqual([0, 0, 0]);
    y.dataSync();
    expect(explain(y)).toMatch(/exists/);
  });

  test("explain of the step, of gradients and of losses leaves the loop as it is", () => {
    const run = (look: boolean) => {
      const net = new Classifier(64);
      for (let step = 0; step < 4; step++) {
        const { loss, outputs } = net.train(0, 64);
        if (look) for (const t of [loss, outputs, ...net.params, ...net.params.map((p) => p.grad!)]) explain(t);
      }
      return net.params.map(bitsOf);
    };
    expect(run(true)).toEqual(run(false));
  });

  test("eager runs each operation as it is written, with the same bits", () => {
    const f = (x: Tensor) => x.mul(3).exp().sum().log();
    const x = rand([50]);
    const lazy = bitsOf(f(x));
    configure({ eager: true });
    const ran = counted(() => f(x));
    expect(ran.plansRun).toBe(4);
    expect(bitsOf(f(x))).toBe(lazy);
    configure({ eager: false });
    expect(counted(() => f(x)).plansRun).toBe(0);
  });

  test("without fusion each operation is a kernel of its own, with the same bits", () => {
    const f = (x: Tensor) => x.mul(3).exp().add(x).sqrt();
    const x = rand([50]);
    let fused = "";
    expect(counted(() => (fused = bitsOf(f(x)))).kernelsRun).toBe(1);
    configure({ fuse: false });
    expect(counted(() => expect(bitsOf(f(x))).toBe(fused)).kernelsRun).toBe(4);
  });

  test("the counters count, and start again", () => {
    const x = rand([100]);
    const first = counted(() => x.exp().sum().item());
    expect([first.plansRun, first.kernelsRun, first.plansCompiled, first.kernelsCompiled]).toEqual([1, 1, 1, 1]);
    expect(first.operations).toBe(counted(() => x.exp().sum().item()).operations);
    expect(first.operations).toBeGreaterThanOrEqual(100);
    resetStats();
    const { bytesHeld, wasmBytes, threads, ...counters } = stats();
    expect(Object.values(counters)).toEqual([0, 0, 0, 0, 0]);
    expect(bytesHeld).toBeGreaterThanOrEqual(0);
    expect(wasmBytes).toBeGreaterThanOrEqual(bytesHeld);
    expect(threads).toBeGreaterThanOrEqual(1);
  });

  test("an unknown backend is refused", () => {
    expect(() => configure({ backend: "cuda" as "wasm" })).toThrow(/"cuda".*wasm, javascript/);
    expect(tensor([1, 2]).add(1).toArray()).toEqual([2, 3]);
  });
});

describe("the pending step", () => {
  test("a parameter read after the step has its new value, one kept before has the old", () => {
    const p = tensor([1, 2], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 1 });
    const before = p.detach();
    const doubled = p.mul(2);
    p.grad = tensor([1, 1]);
    optimizer.step();
    expect([read(p), read(before), read(doubled)]).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
    ]);
  });

  test("two optimizers, and assign among their steps, keep the order in which they are written", () => {
    const p = tensor([1], { requiresGrad: true });
    const q = tensor([1], { requiresGrad: true });
    const one = new optim.SGD([p], { lr: 1 });
    const two = new optim.SGD([q], { lr: 1 });
    for (let i = 0; i < 3; i++) {
      p.grad = null;
      q.grad = null;
      p.mul(q).sum().backward();
      one.step();
      two.step();
      noGrad(() => p.assign(p.add(10)));
      q.assign(q.mul(2));
    }
    const expected = { p: 1, q: 1 };
    for (let i = 0; i < 3; i++) {
      const { p, q } = expected;
      expected.p = p - q + 10;
      expected.q = (q - p) * 2;
    }
    expect([p.item(), q.item()]).toEqual([expected.p, expected.q]);
  });

  // Reading the loss makes the inner values exist for the backward pass, after which they are given up.
  test.each<[string, (loss: Tensor) => unknown, boolean]>([
    ["before the loss, which is not read", () => {}, false],
    ["before the loss, which is read", reading, false],
    ["after the loss, which is not read", () => {}, true],
    ["after the loss, which is read", reading, true],
  ])("something of the inner values summed over all steps: recorded %s", (_, look, after) => {
    const run = (way: { eager: boolean }) => {
      configure(way);
      manualSeed(0);
      const [X, W, V] = [randn([8, 5]), randn([5, 4], { requiresGrad: true }), randn([4, 1], { requiresGrad: true })];
      const optimizer = new optim.RMSprop([W, V]);
      let total: Tensor = zeros([]);
      for (let step = 0; step < 7; step++) {
        const h = X.matmul(W).tanh();
        if (!after) total = total.add(h.abs().mean().detach());
        const loss = h.matmul(V).square().mean();
        look(loss);
        if (after) total = total.add(h.abs().mean().detach());
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
      }
      return bitsOf(total);
    };
    expect(run({ eager: false })).toBe(run({ eager: true }));
  });

  test("a parameter's gradient may be made by hand from the parameter itself", () => {
    const p = tensor([8], { requiresGrad: true });
    const optimizer = new optim.SGD([p], { lr: 0.5 });
    for (let i = 0; i < 3; i++) {
      p.grad = p.detach().mul(1);
      optimizer.step();
    }
    expect(p.item()).toBe(1);
  });

  test("reading at random points changes no bit", () => {
    const run = (seed: number) => {
      const net = new Classifier(96);
      let state = seed;
      const chance = () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return seed > 0 && state / 2 ** 32 < 0.3;
      };
      const maybe = (t: Tensor | null) => {
        if (t !== null && chance()) t.dataSync();
      };
      for (let step = 0; step < 12; step++) {
        const from = 32 * (step % 3);
        const { loss, outputs } = net.train(from, from + 32, (loss) => {
          maybe(loss);
          for (const p of net.params) maybe(p);
          return loss;
        });
        maybe(outputs);
        for (const p of net.params) maybe(p.grad);
        for (const p of net.params) maybe(p);
        maybe(loss);
      }
      return net.params.map(bitsOf);
    };
    const unread = run(0);
    for (let seed = 1; seed <= 12; seed++) expect(run(seed), `seed ${seed}`).toEqual(unread);
  });
});

test("a Tensor is what the constructor of tensors gives", () => {
  expect(tensor([1])).toBeInstanceOf(Tensor);
});

test("a product copies operands that its loops do not walk through evenly", () => {
  // Rows of [2, 3, 4] seen as [4, 2, 3] and then as [6, 4] lie in memory in no even steps.
  const uneven = (x: Tensor): Tensor => x.permute([2, 0, 1]).reshape([6, 4]);
  const [x, y] = [randn([2, 3, 4], { requiresGrad: true }), randn([4, 5])];
  const z = randn([5, 6]);
  expect(bitsOf(uneven(x).matmul(y))).toBe(bitsOf(uneven(x.detach()).realize().matmul(y)));
  expect(bitsOf(z.matmul(uneven(x)))).toBe(bitsOf(z.matmul(uneven(x.detach()).realize())));
});
