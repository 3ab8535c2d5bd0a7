import { embedding, manualSeed, optim, randint, randn, stats, type Tensor, ThalwegError, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/sparse.json" with { type: "json" };
import { record } from "./support/exactness.js";

// An embedding whose gradient stays sparse must train like one whose gradient is dense.

const ROWS = 40;
const WIDTH = 3;

type Make = (table: Tensor) => { step(): void; zeroGrad(): void; paramGroups: { lr: number }[] };

interface Run {
  readonly table: number[];
  readonly outputs: number[];
  readonly optimizer: ReturnType<Make>;
}

function train(
  make: Make,
  sparse: boolean,
  steps: number,
  dtype: "float32" | "float64",
  change?: (lr: number) => number,
): Run {
  manualSeed(3);
  const table = randn([ROWS, WIDTH], { dtype, requiresGrad: true });
  const optimizer = make(table);
  const outputs: number[] = [];
  for (let step = 0; step < steps; step++) {
    // Some rows twice in a batch, most not at all, row 0 never.
    const index = randint(1, ROWS, [2, 4]);
    const scale = randn([2, 4, WIDTH], { dtype });
    if (change !== undefined) optimizer.paramGroups[0]!.lr = change(step);
    optimizer.zeroGrad();
    const out = embedding(table, index, { sparse }).mul(scale).sum().square();
    out.backward();
    // With the loss the gradient is computed, so that some steps find it there.
    if (step % 3 === 0) out.item();
    optimizer.step();
    if (step % 7 === 0) outputs.push(out.item());
  }
  return { table: [...table.dataSync()], outputs, optimizer };
}

function expectClose(got: readonly number[], wanted: readonly number[], tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((x, i) => {
    expect(Math.abs(x - wanted[i]!) / Math.max(1, Math.abs(wanted[i]!)), `${i}: ${x}, dense ${wanted[i]}`).toBeLessThan(
      tolerance,
    );
  });
}

const rules: [string, Make][] = [
  ["RMSprop", (t) => new optim.RMSprop([t], { lr: 0.01 })],
  ["RMSprop, alpha 0.9", (t) => new optim.RMSprop([t], { lr: 0.01, alpha: 0.9, eps: 1e-4 })],
  ["RMSprop, centered", (t) => new optim.RMSprop([t], { lr: 0.01, centered: true, eps: 1e-3 })],
  ["RMSprop, momentum", (t) => new optim.RMSprop([t], { lr: 0.003, momentum: 0.9 })],
  [
    "RMSprop, centered, momentum",
    (t) => new optim.RMSprop([t], { lr: 0.003, momentum: 0.8, centered: true, eps: 1e-3 }),
  ],
  ["RMSprop, Nesterov", (t) => new optim.RMSprop([t], { lr: 0.003, momentum: 0.9, nesterov: true })],
  ["RMSprop, lr in momentum", (t) => new optim.RMSprop([t], { lr: 0.003, momentum: 0.9, lrInMomentum: true })],
  [
    "RMSprop, epsilon inside, v starts at 1",
    (t) => new optim.RMSprop([t], { epsInsideSqrt: true, initialSquareAvg: 1 }),
  ],
  ["RMSprop, bias correction", (t) => new optim.RMSprop([t], { biasCorrection: true })],
  ["RMSprop, maximize", (t) => new optim.RMSprop([t], { maximize: true, lr: 1e-3 })],
  ["Adagrad", (t) => new optim.Adagrad([t], { lr: 0.1, lrDecay: 0.01 })],
  ["SGD", (t) => new optim.SGD([t], { lr: 1e-4 })],
  ["SGD, momentum", (t) => new optim.SGD([t], { lr: 1e-4, momentum: 0.9 })],
];

describe.each(rules)("sparse %s", (_, make) => {
  test.each([
    ["float32", 2e-4],
    ["float64", 1e-10],
  ] as const)("equals the dense one after 500 steps, %s", (dtype, tolerance) => {
    const dense = train(make, false, 500, dtype);
    const sparse = train(make, true, 500, dtype);
    expectClose(sparse.table, dense.table, tolerance);
    expectClose(sparse.outputs, dense.outputs, tolerance * 10);
  });

  test("equals the dense one under a changing learning rate", () => {
    const change = (step: number) => 0.002 / (1 + step / 20);
    const dense = train(make, false, 60, "float64", change);
    expectClose(train(make, true, 60, "float64", change).table, dense.table, 1e-10);
  });
});

describe("follows PyTorch's sparse rules", () => {
  const rules = { SparseAdam: optim.SparseAdam, SGD: optim.SGD, Adagrad: optim.Adagrad };
  const shape = [fixture.rows, fixture.width];
  const largest: Record<string, { float32: number; float64: number }> = {};

  test.each(fixture.cases.map((one) => [`${one.rule} ${JSON.stringify(one.options)}`, one] as const))(
    "%s",
    (_, one) => {
      for (const [dtype, tolerance] of [
        ["float32", 2e-6],
        ["float64", 1e-12],
      ] as const) {
        const table = tensor(fixture.initial, { dtype }).reshape(shape).clone();
        table.requiresGrad = true;
        const optimizer = new rules[one.rule as keyof typeof rules]([table], one.options as object);
        const worst = (largest[one.rule] ??= { float32: 0, float64: 0 });
        fixture.batches.forEach((batch, i) => {
          const index = tensor(batch, { dtype: "int32" }).reshape([2, 4]);
          const scale = tensor(fixture.scales[i]!, { dtype }).reshape([2, 4, fixture.width]);
          optimizer.zeroGrad();
          embedding(table, index, { sparse: true }).mul(scale).sum().backward();
          optimizer.step();
          const at = fixture.kept.indexOf(i + 1);
          if (at < 0) return;
          table.dataSync().forEach((x, j) => {
            const wanted = one[dtype][at]![j]!;
            const deviation = Math.abs(x - wanted) / Math.max(Math.abs(wanted), Math.abs(fixture.initial[j]!));
            worst[dtype] = Math.max(worst[dtype], deviation);
            expect(deviation, `${dtype}, step ${i + 1}, element ${j}: ${x}, PyTorch ${wanted}`).toBeLessThan(tolerance);
          });
        });
      }
    },
  );

  test("is as exact as docs/exactness.md says", () => {
    for (const [rule, worst] of Object.entries(largest)) {
      const name = rule === "SparseAdam" ? rule : `${rule}, sparse`;
      const runs = fixture.cases.filter((one) => one.rule === rule).length;
      record({
        rule: name,
        options: `embedding gradients: ${runs} runs`,
        oracle: `PyTorch ${fixture.torch.split("+")[0]}`,
        ...worst,
      });
    }
  });
});

test("a saved sparse optimizer goes on as the dense one does", () => {
  const make = (t: Tensor) => new optim.RMSprop([t], { lr: 0.01, momentum: 0.5 });
  const dense = train(make, false, 30, "float64").optimizer as optim.RMSprop;
  const sparse = train(make, true, 30, "float64").optimizer as optim.RMSprop;
  const [a, b] = [dense.stateDict().state[0]!, sparse.stateDict().state[0]!];
  expect(b.step).toBe(a.step);
  for (const name of Object.keys(a.tensors)) {
    expectClose([...b.tensors[name]!.data], [...a.tensors[name]!.data], 1e-10);
  }
});

test("a row that nobody touches for 17,000 steps", () => {
  const results = [false, true].map((sparse) => {
    const table = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true, dtype: "float64" },
    );
    const optimizer = new optim.RMSprop([table], { lr: 1e-4, alpha: 0.9999 });
    for (let step = 0; step < 17_000; step++) {
      optimizer.zeroGrad();
      const row = step % 16_900 === 0 ? 2 : step % 2;
      embedding(table, tensor([row], { dtype: "int32" }), { sparse })
        .square()
        .sum()
        .backward();
      optimizer.step();
    }
    return [...table.dataSync(), ...optimizer.stateOf(table).squareAvg!.dataSync()];
  });
  expectClose(results[1]!, results[0]!, 1e-10);
});

test("grad of a sparse table is the whole gradient, readable before and after the step", () => {
  const gradients = [false, true].map((sparse) => {
    const table = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true },
    );
    const optimizer = new optim.RMSprop([table]);
    embedding(table, tensor([2, 0, 2], { dtype: "int32" }), { sparse })
      .square()
      .sum()
      .backward();
    if (sparse) optimizer.step();
    return table.grad!.toArray();
  });
  expect(gradients[0]).toEqual([
    [2, 4],
    [0, 0],
    [20, 24],
  ]);
  expect(gradients[1]).toEqual(gradients[0]);
});

test("two batches before one step add up", () => {
  const results = [false, true].map((sparse) => {
    const table = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true },
    );
    const optimizer = new optim.RMSprop([table]);
    for (const batch of [
      [2, 0, 2],
      [1, 2],
    ]) {
      embedding(table, tensor(batch, { dtype: "int32" }), { sparse })
        .square()
        .sum()
        .backward();
    }
    optimizer.step();
    return [...table.dataSync()];
  });
  expectClose(results[1]!, results[0]!, 1e-6);
});

test("a table with a dense and a sparse part takes a dense step", () => {
  const results = [false, true].map((sparse) => {
    const table = tensor(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      { requiresGrad: true },
    );
    const optimizer = new optim.RMSprop([table]);
    for (let step = 0; step < 4; step++) {
      optimizer.zeroGrad();
      const index = tensor([step % 3, 1], { dtype: "int32" });
      let loss = embedding(table, index, { sparse }).square().sum();
      if (step === 2) loss = loss.add(table.sum());
      loss.backward();
      optimizer.step();
    }
    return [...table.dataSync()];
  });
  expectClose(results[1]!, results[0]!, 1e-6);
});

test("what has no exact sparse form is refused", () => {
  const table = randn([5, 2], { requiresGrad: true });
  const index = tensor([1, 2], { dtype: "int32" });
  const decayed = new optim.RMSprop([table], { weightDecay: 0.1 });
  embedding(table, index, { sparse: true }).sum().backward();
  expect(() => decayed.step()).toThrow(/weightDecay moves every row/);
  class Sign extends optim.Optimizer<{ lr: number }> {
    update(p: Tensor, g: Tensor, _: optim.State, { lr }: { lr: number }) {
      return p.sub(g.sign().mul(lr));
    }
  }
  expect(() => new Sign([table], { lr: 1 }).step()).toThrow(ThalwegError);
});

test("compiles nothing after the second step and holds memory flat", () => {
  const table = randn([500, 8], { requiresGrad: true });
  const optimizer = new optim.RMSprop([table]);
  const once = () => {
    optimizer.zeroGrad();
    // All rows different, so that the steps are alike.
    const index = tensor(Int32Array.from({ length: 16 }, (_, i) => 16 * i + Math.floor(Math.random() * 16)));
    embedding(table, index, { sparse: true }).square().sum().backward();
    optimizer.step();
  };
  for (let step = 0; step < 3; step++) once();
  const { plansCompiled, bytesHeld } = stats();
  for (let step = 0; step < 500; step++) once();
  expect(stats().plansCompiled).toBe(plansCompiled);
  expect(stats().bytesHeld).toBeLessThan(bytesHeld + 100_000);
});
