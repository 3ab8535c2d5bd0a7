import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { configure, manualSeed, nn, noGrad, optim, randint, randn, stats, type Tensor, tensor } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";
import { bitsOf, counted, read } from "./support/counting.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

const CLASSES = 5;

/** Words to classes, with every layer that remembers or draws something. */
class Reader extends nn.Module {
  readonly table: nn.Embedding;
  readonly body = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(32, 24),
    new nn.BatchNorm1d(24),
    new nn.ReLU(),
    new nn.Dropout(0.3),
    new nn.Linear(24, CLASSES),
    new nn.BatchNorm1d(CLASSES),
  );

  constructor(sparse = false) {
    super();
    this.table = new nn.Embedding(100, 8, { sparse, paddingIdx: 0 });
  }

  override forward(words: Tensor): Tensor {
    return this.body.forward(this.table.forward(words));
  }
}

type Look = (loss: Tensor, outputs: Tensor, model: Reader) => void;

const nothing: Look = () => {};
const readings: Record<string, { before?: Look; after?: Look }> = {
  "nothing read": {},
  "each loss read before backward": { before: (loss) => loss.item() },
  "each loss read after the step": { after: (loss) => loss.item() },
  "right answers counted after the step": {
    after: (_, outputs) => outputs.argmax(1).eq(0).sum().item(),
  },
  "running statistics read": { after: (_, __, model) => read(...model.namedBuffers().map(([, x]) => x)) },
};

/** A loop; what it returns makes one step. */
function loop({ before = nothing, after = nothing }: (typeof readings)[string], sparse = false) {
  manualSeed(4);
  const model = new Reader(sparse);
  const optimizer = new optim.RMSprop(model.parameters(), { lr: 0.01 });
  const criterion = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 });
  const step = (): void => {
    const words = randint(0, 100, [16, 4]);
    const outputs = model.forward(words);
    const loss = criterion.forward(outputs, randint(0, CLASSES, [16]));
    before(loss, outputs, model);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    after(loss, outputs, model);
  };
  return { model, step };
}

const snapshot = (model: nn.Module): string[] =>
  Object.entries(model.stateDict()).map(([name, x]) => `${name} ${bitsOf(x)}`);

describe("a loop with BatchNorm, Dropout and Embedding", () => {
  test.each(Object.entries(readings))("compiles nothing after the second step: %s", (_, reading) => {
    configure({});
    const { step } = loop(reading);
    step();
    step();
    // Where nothing reads, the second step is only recorded yet.
    step();
    expect(
      counted(() => {
        for (let i = 0; i < 10; i++) step();
      }),
    ).toMatchObject({ plansCompiled: 0, kernelsCompiled: 0 });
  });

  test.each(["nothing read", "each loss read before backward"])("runs one plan for each step: %s", (name) => {
    const { step } = loop(readings[name]!);
    for (let i = 0; i < 4; i++) step();
    expect(
      counted(() => {
        for (let i = 0; i < 10; i++) step();
      }).plansRun,
    ).toBe(10);
  });

  test("gives the same bits whatever is read, and eagerly", () => {
    const run = (reading: (typeof readings)[string], way = {}) => {
      configure({ eager: false, ...way });
      const { model, step } = loop(reading);
      for (let i = 0; i < 12; i++) step();
      return snapshot(model);
    };
    const plain = run({});
    for (const [name, reading] of Object.entries(readings)) expect(run(reading), name).toEqual(plain);
    expect(run({}, { eager: true })).toEqual(plain);
  });

  test.each([
    ["nothing read", false],
    ["each loss read before backward", false],
    ["each loss read after the step", true],
  ])("holds its memory flat: %s, sparse %s", (name, sparse) => {
    const { step } = loop(readings[name]!, sparse);
    const look = (steps: number) => {
      for (let i = 0; i < steps; i++) step();
      collectGarbage();
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      const { bytesHeld, wasmBytes } = stats();
      return { heap: heapUsed + arrayBuffers, bytesHeld, wasmBytes };
    };
    const first = look(1500);
    const second = look(3000);
    expect(second.wasmBytes).toBe(first.wasmBytes);
    // Masks and words come from the heap; what has not been used for a while may wait in device memory.
    expect(second.bytesHeld - first.bytesHeld).toBeLessThan(2 ** 20);
    expect(second.heap - first.heap).toBeLessThan(2 ** 20);
  });
});

describe("running statistics", () => {
  test("of forward passes without steps are all counted, and what was read of them stays", () => {
    manualSeed(6);
    const batches = Array.from({ length: 5 }, () => randn([8, 3]));
    const run = (look: (layer: nn.BatchNorm1d) => void) => {
      const layer = new nn.BatchNorm1d(3);
      const seen: string[] = [];
      for (const batch of batches) {
        noGrad(() => layer.forward(batch));
        look(layer);
        seen.push(bitsOf(layer.runningMean!));
      }
      return [...seen, ...snapshot(layer)];
    };
    const plain = run(() => {});
    expect(run((layer) => layer.runningVar!.dataSync())).toEqual(plain);
    expect(new Set(plain.slice(0, 5)).size).toBe(5);
  });

  test("used in evaluation right after a step, before anything is read, are the new ones", () => {
    manualSeed(7);
    const layer = new nn.BatchNorm1d(2, { affine: false, momentum: 0.5 });
    const scale = nn.parameter(tensor([2]));
    const optimizer = new optim.SGD([scale], { lr: 0.1 });
    const x = tensor([
      [1, 2],
      [3, 6],
    ]);
    layer.forward(x.mul(scale)).square().sum().backward();
    optimizer.step();
    const mean = layer.runningMean!;
    expect(read(layer.eval().forward(x.mul(0)))[0]).toBeCloseTo(-2 / Math.sqrt(0.5 + 0.5 * 8), 4);
    expect(read(mean)).toEqual([2, 4]);
    // A loaded state is not overtaken by a value that was recorded before.
    layer.train().forward(x);
    layer.loadStateDict(new nn.BatchNorm1d(2, { affine: false }).stateDict());
    expect(read(layer.runningMean!)).toEqual([0, 0]);
  });
});
