import { execFileSync } from "node:child_process";
import process from "node:process";
import type { Worker } from "node:worker_threads";
import fc from "fast-check";
import {
  configure,
  embedding,
  IndexError,
  manualSeed,
  OptionError,
  optim,
  randn,
  stats,
  type Tensor,
  tensor,
  zeros,
} from "thalweg";
import { afterEach, describe, expect, test } from "vitest";
import { device } from "../src/device/device.js";
import { sharing } from "../src/plan/time.js";
import { bitsOf } from "./support/counting.js";
import { operationNames, run } from "./support/program.js";
import { train } from "./support/wideNetwork.js";

const usual = { ...sharing };

/** Helpers that were started, as Node tells. */
const started: Worker[] = [];
process.on("worker", (worker) => started.push(worker));

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Returns when so many threads are at work, and Node has told of all that were started. */
async function untilRunning(count: number): Promise<void> {
  do await turn();
  while (stats().threads !== count);
}

/** Starts all helpers and returns when they are at work. */
async function threads(count: number): Promise<void> {
  configure({ threads: count });
  device().threads.start();
  await untilRunning(count);
}

afterEach(async () => {
  configure({ threads: 1 });
  await turn();
  Object.assign(sharing, usual);
  started.length = 0;
});

describe("results do not depend on the number of threads", () => {
  test("of a network's training", async () => {
    configure({ threads: 1 });
    const expected = train(6);
    for (const count of [2, 3]) {
      await threads(count);
      // On a busy machine helpers may get no turn for a while.
      const deadline = Date.now() + 60_000;
      do expect(train(6), `${count} threads`).toEqual(expected);
      while (device().threads.helped === 0 && Date.now() < deadline);
      expect(stats().threads).toBe(count);
      expect(device().threads.helped).toBeGreaterThan(0);
    }
  });

  test.each<[string, () => Tensor[]]>([
    ["a sum of everything", () => [randn([300_000]).sum(), randn([300_000], { dtype: "float64" }).sum()]],
    [
      "rows that are few and long",
      () => [
        randn([2, 100_000]).softmax(1),
        randn([3, 50_000])
          .add(randn([3, 1]))
          .exp(),
      ],
    ],
    ["columns", () => [randn([500, 300]).sum(0), randn([3, 40_000]).mean(0), randn([2, 70, 2000]).amax(1)]],
    [
      "a broadcast along a short outer dimension",
      () => [
        randn([2, 1, 512])
          .mul(randn([300, 1]))
          .tanh(),
      ],
    ],
    [
      "transposed and cut inputs",
      () => [randn([400, 300]).t().add(1).exp(), randn([2, 40_001]).narrow(1, 1, 40_000).exp()],
    ],
    ["counts", () => [randn([400, 700]).gt(0).sum(1), randn([3, 90_000]).argmax(1), randn([3, 9000]).cumsum(0)]],
    [
      "one rule's steps over many parameters",
      () => {
        const sizes = [70, 300, 1, 17, 4000, 300, 300, 64];
        const parameters = sizes.map((n) => randn([n, 2], { requiresGrad: true }));
        const table = randn([2, 600], { requiresGrad: true });
        const optimizer = new optim.RMSprop([...parameters, table], { lr: 0.1 });
        for (let step = 0; step < 3; step++) {
          optimizer.zeroGrad();
          // Each is read by its neighbour's loss too, so that steps must wait for what reads the old values.
          const losses = parameters.map((p, i) =>
            p
              .square()
              .sum()
              .mul(
                parameters
                  .at(i - 1)!
                  .sum()
                  .cos(),
              ),
          );
          const rows = embedding(table, tensor([1, 0, 1], { dtype: "int32" }), { sparse: true });
          losses.reduce((a, b) => a.add(b), rows.square().sum()).backward();
          optimizer.step();
        }
        return [...parameters, table];
      },
    ],
    ["a prime number of points", () => [randn([2, 99_991]).div(randn([2, 1]))]],
    [
      "matmuls of all forms",
      () =>
        [
          [
            [70, 300],
            [300, 90],
          ],
          [
            [1, 900],
            [900, 700],
          ],
          [
            [900, 700],
            [700, 1],
          ],
          [
            [3, 40, 50],
            [3, 50, 60],
          ],
          [
            [4, 33, 65],
            [65, 129],
          ],
        ].map(([a, b]) => randn(a!).matmul(randn(b!))),
    ],
  ])("of %s", async (_, make) => {
    const compute = () => {
      manualSeed(1);
      return make().map(bitsOf);
    };
    configure({ threads: 1 });
    const expected = compute();
    // All of these are shared, in parts that are as small as can be.
    Object.assign(sharing, { least: 0, part: 1, run: 1 });
    for (const count of [1, 2, 3]) {
      await threads(count);
      expect(compute(), `${count} threads`).toEqual(expected);
    }
  });

  test("of random programs", async () => {
    const leaf = fc.record({
      shape: fc
        .array(fc.constantFrom<number[]>(1, 2, 3, 5, 7, 17, 130), { maxLength: 3 })
        .filter((s) => s.reduce((a, b) => a * b, 1) <= 400),
      dtype: fc.constantFrom("float32", "float64", "int32", "bool"),
      wild: fc.boolean(),
      seed: fc.nat(),
    });
    const program = fc.record({
      leaves: fc.array(leaf, { minLength: 1, maxLength: 4 }),
      instructions: fc.array(fc.record({ name: fc.constantFrom(...operationNames), on: fc.nat(100), seed: fc.nat() }), {
        minLength: 1,
        maxLength: 12,
      }),
      steps: fc.constant(2),
    });
    const programs = fc.sample(program, { numRuns: 15, seed: 1 });
    configure({ threads: 1 });
    const expected = programs.map((one) => run(one));
    Object.assign(sharing, { least: 0, part: 1, enough: 4, run: 4 });
    for (const count of [1, 2, 3]) {
      await threads(count);
      expect(
        programs.map((one) => run(one)),
        `${count} threads`,
      ).toEqual(expected);
    }
  });
});

describe("threads come and go by themselves", () => {
  test("none is started for small work, nor where only one is allowed", async () => {
    configure({ threads: 2 });
    manualSeed(0);
    const w = randn([30, 1], { requiresGrad: true });
    const optimizer = new optim.RMSprop([w], { lr: 0.01 });
    for (let step = 0; step < 500; step++) {
      optimizer.zeroGrad();
      randn([20, 30]).matmul(w).square().mean().backward();
      optimizer.step();
    }
    expect(w.sum().item()).toBeTypeOf("number");
    configure({ threads: 1 });
    train(6);
    await turn();
    expect(started).toHaveLength(0);
    expect(stats().threads).toBe(1);
  });

  test("some are started when work has piled up, and memory that grows afterwards is theirs too", async () => {
    configure({ threads: 2 });
    const expected = train(12);
    await untilRunning(2);
    expect(started).toHaveLength(1);
    const before = stats().wasmBytes;
    const large = randn([4, 2 ** 20]);
    const sum = bitsOf(large.mul(2).sum(0));
    expect(stats().wasmBytes).toBeGreaterThan(before);
    expect(train(12)).toEqual(expected);
    configure({ threads: 1 });
    expect(bitsOf(large.mul(2).sum(0))).toBe(sum);
  });

  test("their scratch space counts as nobody's, and is used again by those that come later", async () => {
    configure({ threads: 1 });
    const { bytesHeld } = stats();
    await threads(4);
    expect(stats().bytesHeld).toBe(bytesHeld);
    const { wasmBytes } = stats();
    for (let i = 0; i < 5; i++) await threads(4);
    configure({ threads: 1 });
    expect(stats()).toMatchObject({ bytesHeld, wasmBytes });
  });

  test("if they die, the work goes on without them, with the same results", async () => {
    configure({ threads: 1 });
    const expected = train(6);
    await threads(3);
    await started[0]!.terminate();
    await untilRunning(2);
    expect(train(6)).toEqual(expected);
    await started[1]!.terminate();
    await untilRunning(1);
    expect(train(6)).toEqual(expected);
    expect(started).toHaveLength(2);
  });

  test("a helper that is asleep, busy looking for work, or just starting keeps no process alive", () => {
    const script = (wait: string) => `
      import { tensor, stats } from "thalweg";
      const x = tensor(new Float32Array(1 << 20));
      for (let i = 0; i < 50; i++) x.exp().sum().item();
      ${wait}
      console.log("threads " + stats().threads);`;
    const dir = new URL("..", import.meta.url);
    for (const wait of ["", "await new Promise((r) => setTimeout(r, 300));"]) {
      const printed = execFileSync(process.execPath, ["--input-type=module", "-e", script(wait)], {
        cwd: dir,
        timeout: 60_000,
        encoding: "utf8",
      });
      expect(printed).toMatch(/^threads \d/);
    }
  });

  test.each([0, -1, 1.5, Number.NaN])("configure refuses %d threads", (count) => {
    expect(() => configure({ threads: count })).toThrow(OptionError);
  });
});

describe("the last kernel may still be at work when the program goes on", () => {
  const steps = (then: (parameters: Tensor[], optimizer: optim.RMSprop) => unknown) => {
    manualSeed(2);
    const parameters = [300, 4000, 70_000].map((n) => randn([n], { requiresGrad: true }));
    const optimizer = new optim.RMSprop(parameters, { lr: 0.1 });
    for (let step = 0; step < 4; step++) {
      for (const p of parameters) p.grad = p.detach().square();
      optimizer.step();
      // Runs the step before, and leaves its kernels to the helpers.
      then(parameters, optimizer);
    }
    return parameters.map(bitsOf);
  };

  test.each<[string, Parameters<typeof steps>[0]]>([
    ["nothing is looked at", () => {}],
    ["a parameter is read", ([first]) => first!.narrow(0, 7, 1).item()],
    ["its state is", ([first], optimizer) => optimizer.stateOf(first!).squareAvg?.dataSync()],
    ["other values are computed", () => randn([5000]).exp().sum().item()],
    [
      "much memory is wanted",
      () =>
        zeros([2 ** 21])
          .add(1)
          .realize(),
    ],
    ["gradients are given up", (_, optimizer) => optimizer.zeroGrad()],
    ["threads are ended", () => configure({ threads: 1 })],
    [
      "an index is out of bounds",
      () =>
        expect(() =>
          tensor([1])
            .gather(0, tensor([3], { dtype: "int32" }))
            .item(),
        ).toThrow(IndexError),
    ],
  ])("%s", async (_, then) => {
    configure({ threads: 1 });
    const expected = steps(() => {});
    Object.assign(sharing, { least: 0, part: 1, run: 1 });
    await threads(3);
    expect(steps(then)).toEqual(expected);
  });
});
