import { manualSeed, noGrad, optim, rand, randn, resetStats, stats, Tensor, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import { bitsOf, counted, read } from "./support/counting.js";
import { Classifier, freshEngine, line, reading, same } from "./support/loops.js";
import { type Inputs, models } from "./support/models.js";

freshEngine();

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
