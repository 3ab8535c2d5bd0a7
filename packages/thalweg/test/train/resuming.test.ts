import { Generator, manualSeed, nn, optim, randint, randn, type Tensor, train } from "thalweg";
import { DataLoader, TensorDataset } from "thalweg/data";
import { describe, expect, it } from "vitest";
import { bits, curve, MemoryStore, net, shuffled } from "./models.js";

const { metrics } = train;
const mse = new nn.MSELoss();

describe("resuming from a checkpoint", () => {
  const rules: Record<string, (params: Tensor[]) => optim.Optimizer<object>> = {
    "RMSprop, momentum, centered": (p) => new optim.RMSprop(p, { lr: 0.01, momentum: 0.9, centered: true }) as never,
    Adam: (p) => new optim.Adam(p, { amsgrad: true }) as never,
    Adagrad: (p) => new optim.Adagrad(p, { lr: 0.1 }) as never,
    Adadelta: (p) => new optim.Adadelta(p) as never,
    Adamax: (p) => new optim.Adamax(p) as never,
    NAdam: (p) => new optim.NAdam(p) as never,
    RAdam: (p) => new optim.RAdam(p) as never,
    Adafactor: (p) => new optim.Adafactor(p) as never,
    ASGD: (p) => new optim.ASGD(p, { t0: 5 }) as never,
    Lion: (p) => new optim.Lion(p) as never,
    LAMB: (p) => new optim.LAMB(p) as never,
    Prodigy: (p) => new optim.Prodigy(p) as never,
    Rprop: (p) => new optim.Rprop(p) as never,
    SGD: (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }) as never,
    SGDScheduleFree: (p) => new optim.SGDScheduleFree(p, { lr: 0.1 }) as never,
    AdamWScheduleFree: (p) => new optim.AdamWScheduleFree(p) as never,
    AdamW: (p) => new optim.AdamW(p) as never,
    "Muon, of the weights": (p) => new optim.Muon(p.filter(({ ndim }) => ndim === 2)) as never,
    "Muon and AdamW": (p) =>
      new optim.Combined([
        new optim.Muon(p.filter(({ ndim }) => ndim === 2)),
        new optim.AdamW(p.filter(({ ndim }) => ndim !== 2)),
      ]),
    LBFGS: (p) => new optim.LBFGS(p, { maxIter: 2, lineSearch: "strongWolfe" }) as never,
  };

  /** A run with everything in it; `stopAfter` steps it is aborted, and gone on with in new objects. */
  async function run(
    make: (params: Tensor[]) => optim.Optimizer<object>,
    stops: number[],
    { accumulate = 1, average }: { accumulate?: number; average?: optim.AverageFunction } = {},
  ) {
    const data = curve(90);
    const other = curve(40, 9);
    const store = new MemoryStore();
    let history: train.History | null = null;
    let model = net(2, 1, 4, 0.3);
    for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
      model = net(2, 1, 4, 0.3);
      const optimizer = make(model.parameters());
      const controller = new AbortController();
      let steps = 0;
      const source = shuffled(data, 16);
      const counted: train.BatchSource = {
        length: source.length,
        *[Symbol.iterator]() {
          for (const batch of source as Iterable<Tensor[]>) {
            if (++steps > stop) controller.abort();
            yield batch;
          }
        },
      };
      manualSeed(11);
      history = await train.fit(model, {
        train: counted,
        validation: [[other.x, other.y]] as const,
        optimizer,
        loss: mse,
        metrics: { mae: metrics.meanAbsoluteError() },
        scheduler: new optim.lrScheduler.ExponentialLR(optimizer as never, { gamma: 0.9 }),
        epochs: 5,
        clipNorm: 1,
        accumulate,
        average: average && new optim.AveragedParameters(model.parameters(), { average }),
        inspectEvery: 2,
        earlyStopping: { patience: 4 },
        checkpoint: { store, resume: true },
        signal: controller.signal,
      });
    }
    const { epochs, steps, best, stopped } = history!.data;
    return { bits: bits(model), epochs: epochs.map(({ seconds: _, ...rest }) => rest), steps, best, stopped };
  }

  for (const [name, make] of Object.entries(rules)) {
    it(`${name}: interrupted three times, once between epochs, it ends with the same bits`, async () => {
      const whole = await run(make, []);
      expect(await run(make, [4, 8, 6])).toEqual(whole);
    });
  }

  const sparse: Record<string, (params: Tensor[]) => optim.Optimizer<object>> = {
    RMSprop: (p) => new optim.RMSprop(p) as never,
    "RMSprop, momentum": (p) => new optim.RMSprop(p, { momentum: 0.9 }) as never,
    "SGD, momentum": (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }) as never,
    Adagrad: (p) => new optim.Adagrad(p, { lr: 0.1 }) as never,
    SparseAdam: (p) => new optim.SparseAdam(p) as never,
    "SparseAdam and Adam": (p) =>
      new optim.Combined([new optim.SparseAdam(p.slice(0, 1), { lr: 0.01 }), new optim.Adam(p.slice(1))]),
  };
  const generator = new Generator(3);
  const ids = randint(0, 50, [60, 3], { generator }).realize();
  const wanted = randn([60, 1], { generator }).realize();

  /** The same with a table of which each batch touches a few rows. */
  async function runSparse(make: (params: Tensor[]) => optim.Optimizer<object>, stops: number[]) {
    const store = new MemoryStore();
    for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
      manualSeed(4);
      const model = new nn.Sequential(
        new nn.Embedding(50, 4, { sparse: true }),
        new nn.Flatten(),
        new nn.Linear(12, 1),
      );
      const controller = new AbortController();
      let batches = 0;
      const source = shuffled({ x: ids, y: wanted }, 10);
      const history = await train.fit(model, {
        train: {
          length: source.length,
          *[Symbol.iterator]() {
            for (const batch of source as Iterable<Tensor[]>) {
              if (++batches > stop) controller.abort();
              yield batch;
            }
          },
        },
        optimizer: make(model.parameters()),
        loss: mse,
        epochs: 5,
        inspectEvery: 2,
        checkpoint: { store, resume: true },
        signal: controller.signal,
      });
      if (stop === Number.POSITIVE_INFINITY) return { bits: bits(model), steps: history.data.steps };
    }
    return null;
  }

  for (const [name, make] of Object.entries(sparse)) {
    it(`${name} on a sparse table: interrupted three times, it ends with the same bits`, async () => {
      const whole = await runSparse(make, []);
      expect(whole!.steps).toHaveLength(30);
      expect(await runSparse(make, [4, 8, 6])).toEqual(whole);
    });
  }

  it("also between the batches of one step", async () => {
    const make = rules["RMSprop, momentum, centered"]!;
    const whole = await run(make, [], { accumulate: 4 });
    expect(await run(make, [1, 5, 6, 9], { accumulate: 4 })).toEqual(whole);
  });

  it.each([
    ["stochastic weight averaging", optim.swaAverage],
    ["an exponential moving average", optim.emaAverage(0.8)],
  ])("%s goes on, too, and is what is measured and kept", async (_, average) => {
    const make = rules["RMSprop, momentum, centered"]!;
    const whole = await run(make, [], { average });
    expect(await run(make, [4, 8, 6], { average })).toEqual(whole);
    expect(whole.bits).not.toEqual((await run(make, [])).bits);
  });

  it("stopped while an epoch is measured, it ends at once, and measures that epoch when it goes on", async () => {
    const data = curve(60);
    const go = async (store: train.CheckpointStore, stopAt: number | null) => {
      const model = net(2, 1, 4, 0.3);
      manualSeed(11);
      const controller = new AbortController();
      let measured = 0;
      const history = await train.fit(model, {
        train: new DataLoader(new TensorDataset(data.x, data.y), { batchSize: 16, shuffle: true }),
        validation: {
          *[Symbol.iterator]() {
            for (let i = 0; i < 3; i++) {
              if (measured++ === stopAt) controller.abort();
              yield [data.x.narrow(0, 20 * i, 20), data.y.narrow(0, 20 * i, 20)];
            }
          },
        },
        optimizer: new optim.AdamWScheduleFree(model.parameters(), { lr: 0.01 }),
        loss: mse,
        metrics: { mae: metrics.meanAbsoluteError() },
        epochs: 4,
        checkpoint: { store, resume: true },
        signal: controller.signal,
      });
      const { epochs, steps, best, stopped } = history.data;
      return { bits: bits(model), epochs: epochs.map(({ seconds: _, ...rest }) => rest), steps, best, stopped };
    };
    const whole = await go(new MemoryStore(), null);
    const store = new MemoryStore();
    // In the second epoch, before the last batch of its validation.
    const stopped = await go(store, 4);
    expect(stopped.stopped).toMatchObject({ reason: "aborted", epoch: 2 });
    expect(stopped.stopped!.detail).toMatch(/while it was measured/);
    expect(stopped.epochs).toHaveLength(1);
    expect((await go(store, 1)).epochs).toHaveLength(1);
    expect(await go(store, null)).toEqual(whole);
  });

  it("from whatever checkpoint of a run one goes on, the last ones included, the same end is reached", async () => {
    const data = curve(60);
    const other = curve(30, 9);
    const go = async (store: train.CheckpointStore) => {
      const model = net(2, 1, 4, 0.3);
      const optimizer = new optim.RMSprop(model.parameters(), { lr: 0.05, momentum: 0.9 });
      manualSeed(11);
      const history = await train.fit(model, {
        train: shuffled(data, 16),
        validation: [[other.x, other.y]] as const,
        optimizer,
        loss: mse,
        scheduler: new optim.lrScheduler.ReduceLROnPlateau(optimizer as never, { patience: 1 }),
        epochs: 30,
        accumulate: 2,
        clipNorm: 1,
        earlyStopping: { patience: 2 },
        checkpoint: { store, everySteps: 1, resume: true },
      });
      const { epochs, steps, best, stopped } = history.data;
      return { bits: bits(model), epochs: epochs.map(({ seconds: _, ...rest }) => rest), steps, best, stopped };
    };
    const store = new MemoryStore();
    const whole = await go(store);
    expect(whole.stopped!.reason).toBe("earlyStopping");
    expect(store.saved.length).toBeGreaterThan(10);
    const last = store.saved.length - 4;
    for (const saved of store.saved.filter((_, i) => i % 4 === 1 || i >= last)) {
      const from = new MemoryStore();
      from.saved.push(saved);
      expect(await go(from)).toEqual(whole);
    }
  });

  it("a finished run stays as it is; with more epochs it goes on", async () => {
    const data = curve(64);
    const store = new MemoryStore();
    const go = async (epochs: number) => {
      const model = net(2, 1);
      manualSeed(3);
      const history = await train.fit(model, {
        train: shuffled(data, 16),
        optimizer: new optim.RMSprop(model.parameters()),
        loss: mse,
        epochs,
        checkpoint: { store, resume: true },
      });
      return { bits: bits(model), losses: history.values("train", "loss") };
    };
    const two = await go(2);
    expect(await go(2)).toEqual(two);
    const four = await go(4);
    store.saved.length = 0;
    expect(await go(4)).toEqual(four);
  });

  it("a loader that shuffles by a generator of its own goes on in the same orders, within epochs and between them", async () => {
    const { x, y } = curve(40);
    const go = async (store: MemoryStore) => {
      const model = net(2, 1);
      manualSeed(3);
      await train.fit(model, {
        train: new DataLoader(new TensorDataset(x, y), { batchSize: 8, shuffle: true, generator: new Generator(8) }),
        optimizer: new optim.RMSprop(model.parameters()),
        loss: mse,
        epochs: 4,
        checkpoint: { store, everySteps: 1, resume: true },
      });
      return bits(model);
    };
    const store = new MemoryStore();
    const whole = await go(store);
    for (let n = 1; n <= store.saved.length; n++) {
      const from = new MemoryStore();
      from.saved.push(...store.saved.slice(0, n));
      expect(await go(from), `from checkpoint ${n}`).toEqual(whole);
    }
  });

  it("refuses a checkpoint of another rule or with other metrics, and another model's", async () => {
    const store = new MemoryStore();
    const data = curve(32);
    const go = (changes: Partial<train.FitOptions>, hidden = 2) => {
      const model = net(2, hidden === 2 ? 1 : hidden);
      return train.fit(model, {
        train: [[data.x, data.y]] as const,
        optimizer: new optim.RMSprop(model.parameters()),
        loss: mse,
        epochs: 2,
        checkpoint: { store, resume: true },
        ...changes,
      });
    };
    await go({});
    const model = net(2, 1);
    await expect(go({ optimizer: new optim.SGD(model.parameters(), { lr: 1 }) as never })).rejects.toThrow(
      /of the rule RMSprop, the optimizer is SGD/,
    );
    await expect(go({ metrics: { mae: metrics.meanAbsoluteError() } })).rejects.toThrow(/metrics none, not mae/);
    await expect(go({}, 3)).rejects.toThrow(/shape/);
  });
});
