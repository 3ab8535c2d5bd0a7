import { arange, Generator, manualSeed, OptionError, rand, ShapeError, zeros } from "thalweg";
import { type Batch, DataLoader, type Dataset, TensorDataset } from "thalweg/data";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/data-loader.json" with { type: "json" };
import { read } from "./support/counting.js";

const { seed, ownSeed, cases } = fixture;
const rows = (batch: Batch): number[] => read(batch[0]!);

describe("DataLoader gives PyTorch's batches, and leaves the generator where PyTorch leaves it", () => {
  const titled = cases.map(({ n, batchSize, shuffle, dropLast, own }, i) => {
    const words = [shuffle && "shuffled", dropLast && "the last dropped", own && "a generator of its own"];
    return [`${n} by ${batchSize} ${words.filter(Boolean).join(", ")}`, i] as const;
  });
  test.each(titled)("%s", (_, i) => {
    const { n, batchSize, shuffle, dropLast, own, length, epochs, next } = cases[i]!;
    manualSeed(seed);
    const generator = own ? new Generator(ownSeed) : undefined;
    const order = { shuffle, generator };
    const options = batchSize === null ? { batchSize, ...order } : { batchSize, dropLast, ...order };
    const loader = new DataLoader(new TensorDataset(arange(n)), options);
    expect(loader.length).toBe(length);
    epochs.forEach((batches, epoch) => {
      expect([...loader].map(rows)).toEqual(batches);
      expect([rand([1]).item(), rand([1], generator === undefined ? {} : { generator }).item()]).toEqual(next[epoch]);
    });
  });
});

describe("a loader's state", () => {
  test.each([
    [false, false],
    [true, false],
    [true, true],
  ])("goes on in the middle of an epoch: shuffled %s, with a generator of its own %s", (shuffle, own) => {
    const loaders = () => {
      const generator = new Generator(3);
      const options = { batchSize: 3, shuffle, ...(own ? { generator } : {}) };
      return { loader: new DataLoader(new TensorDataset(arange(20)), options), generator };
    };
    manualSeed(1);
    const first = loaders();
    const all = [[...first.loader].map(rows)];
    const iteration = first.loader[Symbol.iterator]();
    const seen = [iteration.next(), iteration.next()].map(({ value }) => rows(value as Batch));
    const saved = JSON.parse(JSON.stringify(first.loader.stateDict()));
    const rest: number[][] = [];
    for (let next = iteration.next(); !next.done; next = iteration.next()) rest.push(rows(next.value));
    all.push([...seen, ...rest]);

    const second = loaders();
    second.loader.loadStateDict(saved);
    expect([...second.loader].map(rows)).toEqual(rest);
    expect(second.generator.getState()).toEqual(first.generator.getState());
    expect(second.loader.stateDict()).toMatchObject({ batch: 0, order: null });
    // Later orders, too, are those of the loader that went on.
    if (own) expect([...second.loader].map(rows)).toEqual([...first.loader].map(rows));
    expect(all[0]!.flat().sort((a, b) => a - b)).toEqual(all[1]!.flat().sort((a, b) => a - b));
  });

  test("between two epochs says where a generator of its own stands", () => {
    const loader = () =>
      new DataLoader(new TensorDataset(arange(20)), { batchSize: 3, shuffle: true, generator: new Generator(3) });
    const first = loader();
    const epoch = [...first].map(rows);
    const second = loader();
    second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
    const next = [...second].map(rows);
    expect(next).toEqual([...first].map(rows));
    expect(next).not.toEqual(epoch);
  });

  test("that does not fit is refused", () => {
    const loader = new DataLoader(new TensorDataset(zeros([4])), { batchSize: 2 });
    expect(() => loader.loadStateDict({ batch: 3, order: null })).toThrow(/3 batches does not fit a loader of 2/);
    expect(() => loader.loadStateDict({ batch: 1, order: 5 })).toThrow(OptionError);
  });
});

test("samples of a dataset that gives them one by one are stacked", () => {
  const dataset: Dataset = { length: 3, get: (i) => [zeros([2]).add(i), zeros([]).add(10 * i)] };
  const [batch] = new DataLoader(dataset, { batchSize: 3 });
  expect(batch!.map(({ shape }) => shape)).toEqual([[3, 2], [3]]);
  expect(read(...batch!)).toEqual([0, 0, 1, 1, 2, 2, 0, 10, 20]);
});

describe("collate", () => {
  const words = ["a", "bb", "ccc", "dd", "e"];
  const dataset: Dataset<string> = { length: words.length, get: (i) => words[i]! };

  test("makes batches of samples that are no tensors, in the order of a loader without it", () => {
    const collate = (samples: readonly string[]) => ({
      padded: zeros([samples.length, Math.max(...samples.map(({ length }) => length))]),
      text: samples.join("|"),
    });
    manualSeed(4);
    const made = [...new DataLoader(dataset, { batchSize: 2, shuffle: true, collate })];
    manualSeed(4);
    const order = [...new DataLoader(new TensorDataset(arange(5)), { batchSize: 2, shuffle: true })].map(rows);
    expect(made.map(({ text }) => text)).toEqual(order.map((batch) => batch.map((i) => words[i]).join("|")));
    expect(made.map(({ padded }) => padded.shape)).toEqual(
      order.map((batch) => [batch.length, Math.max(...batch.map((i) => words[i]!.length))]),
    );
    expect([...new DataLoader(dataset, { batchSize: 2, dropLast: true, collate })]).toHaveLength(2);
  });

  test("is asked for where samples are no tensors, and used instead of the dataset's own stacking", () => {
    expect(() => [...new DataLoader(dataset, { batchSize: 2 })]).toThrow(/need a collate .* or batchSize: null/);
    const counts = new DataLoader(new TensorDataset(arange(5)), { batchSize: 2, collate: (samples) => samples.length });
    expect([...counts]).toEqual([2, 2, 1]);
  });

  test("with batchSize null samples come one by one, as they are or as it makes them; batches cannot be dropped", () => {
    expect([...new DataLoader(dataset, { batchSize: null })]).toEqual(words);
    expect([...new DataLoader(dataset, { batchSize: null, collate: (word) => word.length })]).toEqual([1, 2, 3, 2, 1]);
    const [[x]] = [...new DataLoader(new TensorDataset(arange(3)), { batchSize: null })] as [Batch];
    expect(x!.shape).toEqual([]);
    // @ts-expect-error: there is no last batch
    expect(() => new DataLoader(dataset, { batchSize: null, dropLast: true })).toThrow(OptionError);
  });
});

test("mistakes are said where they are made", () => {
  expect(() => new TensorDataset(zeros([3]), zeros([4]))).toThrow(ShapeError);
  expect(() => new TensorDataset()).toThrow(/expects at least one tensor/);
  expect(() => new DataLoader(new TensorDataset(zeros([3])), { batchSize: 0 })).toThrow(/batchSize must be/);
});
