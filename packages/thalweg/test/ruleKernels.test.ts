import { optim, randn, type Tensor, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import { collect } from "../src/plan/key.js";
import { planOf } from "../src/plan/plan.js";
import { bitsOf, counted, read } from "./support/counting.js";
import { freshEngine } from "./support/loops.js";
import { loadsOf } from "./support/plans.js";

freshEngine();

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
