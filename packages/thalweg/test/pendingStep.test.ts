import { configure, manualSeed, noGrad, optim, randn, type Tensor, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import { bitsOf, read } from "./support/counting.js";
import { Classifier, freshEngine, reading } from "./support/loops.js";

freshEngine();

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
