import { manualSeed, nn, noGrad, optim, resetStats, stats, type Tensor, train } from "thalweg";
import { describe, expect, it } from "vitest";
import { bits, clouds, curve, net, shuffled } from "./models.js";

const { metrics } = train;
const mse = new nn.MSELoss();

describe("fit", () => {
  it("trains as the loop that one would write by hand, bit for bit", async () => {
    const data = curve(150);
    const byHand = net(2, 1, 3);
    const optimizer = new optim.RMSprop(byHand.parameters(), { lr: 0.01 });
    manualSeed(7);
    const losses: number[] = [];
    const source = shuffled(data, 32);
    for (let epoch = 0; epoch < 4; epoch++) {
      let sum = 0;
      for (const [x, y] of source as Iterable<Tensor[]>) {
        const loss = mse.forward(byHand.forward(x!), y!);
        optimizer.zeroGrad();
        loss.backward();
        optimizer.step();
        sum += (loss.item() as number) * x!.shape[0]!;
      }
      losses.push(sum / 150);
    }
    const model = net(2, 1, 3);
    manualSeed(7);
    const history = await train.fit(model, {
      train: shuffled(data, 32),
      optimizer: new optim.RMSprop(model.parameters(), { lr: 0.01 }),
      loss: mse,
      epochs: 4,
    });
    expect(history.values("train", "loss")).toEqual(losses);
    expect(bits(model)).toEqual(bits(byHand));
    expect(history.data.stopped?.reason).toBe("finished");
    expect(history.data.steps).toHaveLength(20);
    expect(history.data.epochs.map(({ step }) => step)).toEqual([5, 10, 15, 20]);
  });

  it("measures loss and metrics on validation data, keeps the best and gives it back", async () => {
    const model = net(2, 3);
    const data = clouds(120);
    const other = clouds(90, 5);
    const validation = [[other.x, other.y]] as const;
    const history = await train.fit(model, {
      train: shuffled(data, 30),
      validation,
      optimizer: new optim.RMSprop(model.parameters(), { lr: 0.05 }),
      loss: new nn.CrossEntropyLoss(),
      metrics: { accuracy: metrics.accuracy(), f1: metrics.f1({ numClasses: 3 }) },
      earlyStopping: { monitor: "validation.accuracy", patience: 3 },
      epochs: 40,
    });
    const accuracies = history.values("validation", "accuracy");
    const { best, stopped } = history.data;
    expect(best!.value).toBe(Math.max(...accuracies));
    expect(best!.epoch).toBe(accuracies.indexOf(best!.value) + 1);
    expect(stopped!.reason).toBe("earlyStopping");
    expect(stopped!.epoch).toBe(best!.epoch + 4);
    const right = noGrad(() => model.forward(other.x).argmax(1).eq(other.y).sum().item()) as number;
    expect(right / 90).toBeCloseTo(best!.value, 10);
    expect(history.values("train", "f1").every((x) => x > 0 && x <= 1)).toBe(true);
  });

  it.each([
    ["a schedule-free rule", (p: Tensor[]) => new optim.SGDScheduleFree(p, { lr: 0.2 }) as never, undefined],
    ["a running average", (p: Tensor[]) => new optim.SGD(p, { lr: 0.1 }) as never, optim.emaAverage(0.9)],
  ] as const)("%s: the values that were measured are those that the model has in the end", async (_, make, average) => {
    const model = net(2, 1);
    const data = curve(80);
    const other = curve(40, 9);
    const history = await train.fit(model, {
      train: shuffled(data, 16),
      validation: [[other.x, other.y]] as const,
      optimizer: make(model.parameters()),
      average: average && new optim.AveragedParameters(model.parameters(), { average }),
      loss: mse,
      epochs: 6,
    });
    const { loss } = await train.evaluate(model, [[other.x, other.y]] as const, { loss: mse });
    expect(loss).toBe(history.data.best!.value);
  });

  it("accumulating four batches of 8 is one step of 32", async () => {
    const data = curve(96);
    const inOrder = (size: number): train.BatchSource => ({
      length: 96 / size,
      *[Symbol.iterator]() {
        for (let i = 0; i < 96; i += size) yield [data.x.narrow(0, i, size), data.y.narrow(0, i, size)];
      },
    });
    const run = async (size: number, accumulate: number) => {
      const model = net(2, 1);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      await train.fit(model, { train: inOrder(size), optimizer, loss: mse, epochs: 3, accumulate });
      return model.parameters().flatMap((p) => [...p.dataSync()]);
    };
    const one = await run(32, 1);
    (await run(8, 4)).forEach((x, i) => {
      expect(x).toBeCloseTo(one[i]!, 5);
    });
  });

  it("clips gradients and notes their norm before", async () => {
    const model = net(2, 1);
    const before = model.parameters().map((p) => [...p.dataSync()]);
    const history = await train.fit(model, {
      train: [[curve(50).x, curve(50).y]] as const,
      optimizer: new optim.SGD(model.parameters(), { lr: 1 }),
      loss: mse,
      epochs: 1,
      clipNorm: 0.01,
    });
    const moved = Math.hypot(
      ...model.parameters().flatMap((p, i) => [...p.dataSync()].map((x, j) => x - before[i]![j]!)),
    );
    expect(moved).toBeCloseTo(0.01, 5);
    expect(history.data.steps[0]!.gradNorm).toBeGreaterThan(0.1);
  });

  it("schedules the learning rate by epoch, by step, and by what is watched", async () => {
    const data = curve(64);
    const lrs = async (
      make: (o: optim.Optimizer<object>) => train.FitOptions["scheduler"],
      every: "epoch" | "step",
    ) => {
      const model = net(2, 1);
      const optimizer = new optim.SGD(model.parameters(), { lr: 1e-6 });
      const scheduler = make(optimizer as never);
      const history = await train.fit(model, {
        train: shuffled(data, 16),
        optimizer,
        loss: mse,
        epochs: 4,
        scheduler,
        scheduleEvery: every,
      });
      return history.data.epochs.map(({ lr }) => lr[0]! * 1e6);
    };
    const { lrScheduler } = optim;
    const half = (o: optim.Optimizer<object>) => new lrScheduler.ExponentialLR(o as never, { gamma: 0.5 });
    (await lrs(half, "epoch")).forEach((lr, i) => {
      expect(lr).toBeCloseTo(0.5 ** i, 10);
    });
    expect((await lrs(half, "step"))[0]).toBeCloseTo(0.5 ** 4, 10);
    const plateau = (o: optim.Optimizer<object>) =>
      new lrScheduler.ReduceLROnPlateau(o as never, { patience: 0, threshold: 0.9, factor: 0.5, eps: 0 });
    expect((await lrs(plateau, "epoch"))[3]).toBeCloseTo(0.25, 10);
  });

  it("stops at a loss that is not finite and says at which step and in which parameter", async () => {
    const model = net(2, 1);
    const history = await train.fit(model, {
      train: shuffled(curve(64), 16),
      optimizer: new optim.SGD(model.parameters(), { lr: 1e6 }),
      loss: mse,
      epochs: 50,
    });
    const { stopped, steps } = history.data;
    expect(stopped!.reason).toBe("notFinite");
    expect(steps.find(({ loss }) => !Number.isFinite(loss))!.step).toBe(stopped!.step);
    expect(stopped!.detail).toMatch(/all parameters were finite before it, the largest values in 0\.bias/);
    expect(stopped!.parameter).toBe("0.bias");
    // The step that would have spoiled everything is not kept.
    for (const p of model.parameters()) expect([...p.dataSync()].every(Number.isFinite)).toBe(true);
    expect(train.History.fromJSON(history.toText()).data).toEqual(history.data);
    expect(train.History.fromJSON(JSON.stringify(history)).data).toEqual(history.data);
  });

  it("looks into parameters: values, gradients, step sizes, updates", async () => {
    const model = net(2, 1);
    const history = await train.fit(model, {
      train: shuffled(curve(64), 16),
      optimizer: new optim.RMSprop(model.parameters(), { lr: 0.01 }),
      loss: mse,
      epochs: 3,
      inspectEvery: 2,
    });
    expect(history.data.epochs.map(({ parameters }) => parameters !== null)).toEqual([true, false, true]);
    const { value, gradient, stepSize, update } = history.data.epochs[2]!.parameters!["0.weight"]!;
    const weights = [...model.parameters()[0]!.dataSync()];
    expect(value.min).toBe(Math.min(...weights));
    expect(value.mean).toBeCloseTo(weights.reduce((a, b) => a + b) / 32, 10);
    expect(value.histogram.counts.reduce((a, b) => a + b)).toBe(32);
    expect(gradient!.notFinite).toBe(0);
    expect(stepSize!.min).toBeGreaterThan(0);
    // What an update is: a step size times a gradient.
    expect(Math.max(Math.abs(update!.min), update!.max)).toBeLessThanOrEqual(
      stepSize!.max * Math.max(Math.abs(gradient!.min), gradient!.max) * 1.0001,
    );
  });

  it("tells its progress, and stops when asked: by a signal, by a callback", async () => {
    const model = net(2, 1);
    const controller = new AbortController();
    const told: train.Progress[] = [];
    const history = await train.fit(model, {
      train: shuffled(curve(640), 2),
      optimizer: new optim.SGD(model.parameters(), { lr: 1e-3 }),
      loss: mse,
      epochs: 5000,
      signal: controller.signal,
      callbacks: [
        {
          onProgress(progress) {
            if (told.push(progress) === 3) controller.abort();
          },
        },
      ],
    });
    expect(told[2]).toMatchObject({ epochs: 5000, batches: 320 });
    expect(told[2]!.samplesPerSecond).toBeGreaterThan(0);
    expect(told[2]!.secondsLeft).toBeGreaterThanOrEqual(0);
    expect(history.data.stopped).toMatchObject({ reason: "aborted", epoch: told[2]!.epoch });
    const other = await train.fit(model, {
      train: shuffled(curve(64), 16),
      optimizer: new optim.SGD(model.parameters(), { lr: 1e-3 }),
      loss: mse,
      epochs: 50,
      callbacks: [{ onEpochEnd: ({ epoch }) => epoch < 3 }],
    });
    expect(other.data.stopped).toMatchObject({ reason: "aborted", epoch: 3 });
  });

  it("compiles nothing after its second epoch, and takes data that come asynchronously", async () => {
    const model = net(2, 1);
    const data = curve(64);
    const compiled: number[] = [];
    await train.fit(model, {
      train: {
        length: 4,
        async *[Symbol.asyncIterator]() {
          for (let i = 0; i < 64; i += 16) {
            await Promise.resolve();
            yield [data.x.narrow(0, i, 16), data.y.narrow(0, i, 16)];
          }
        },
      },
      validation: [[data.x, data.y]] as const,
      optimizer: new optim.Adam(model.parameters()),
      loss: mse,
      metrics: { r2: metrics.r2() },
      epochs: 8,
      inspectEvery: 1,
      callbacks: [
        {
          onEpochEnd() {
            compiled.push(stats().plansCompiled);
            resetStats();
            return true;
          },
        },
      ],
    });
    expect(compiled.slice(3)).toEqual([0, 0, 0, 0, 0]);
  });

  it.each([
    [{ epochs: 0 }, /epochs must be a whole number of 1 or more/],
    [{ accumulate: 1.5 }, /accumulate must be a whole number/],
    [{ earlyStopping: { monitor: "validation.loss" } }, /no validation data/],
    [{ earlyStopping: { monitor: "train.speed" } }, /must be one of train\.loss/],
    [{ train: [] }, /no batch at all/],
  ])("refuses %o", async (wrong, message) => {
    const model = net(2, 1);
    const optimizer = new optim.SGD(model.parameters(), { lr: 1e-3 });
    const data = curve(8);
    const options = { train: [[data.x, data.y]] as const, optimizer, loss: mse, epochs: 1, ...wrong };
    await expect((async () => train.fit(model, options as never))()).rejects.toThrow(message);
  });
});
