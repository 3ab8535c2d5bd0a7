import {
  configure,
  enableGrad,
  explain,
  grad,
  isGradEnabled,
  noGrad,
  optim,
  rand,
  randn,
  resetStats,
  stats,
  type Tensor,
  tensor,
} from "thalweg";
import { describe, expect, test } from "vitest";
import { bitsOf, counted, read } from "./support/counting.js";
import { Classifier, freshEngine } from "./support/loops.js";

freshEngine();

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
