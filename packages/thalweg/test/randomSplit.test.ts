import { arange, Generator, manualSeed, OptionError, rand, zeros } from "thalweg";
import { DataLoader, type Dataset, randomSplit, Subset, TensorDataset } from "thalweg/data";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/random-split.json" with { type: "json" };
import { read } from "./support/counting.js";

const { seed, ownSeed, cases } = fixture;

describe("randomSplit gives PyTorch's parts, and leaves the generator where PyTorch leaves it", () => {
  const titled = cases.map(
    ({ n, lengths, own }, i) => [`${n} as ${lengths.join(" + ")}${own ? ", a generator of its own" : ""}`, i] as const,
  );
  test.each(titled)("%s", (_, i) => {
    const { n, lengths, own, parts, next } = cases[i]!;
    manualSeed(seed);
    const generator = new Generator(ownSeed);
    const numbers: Dataset<number> = { length: n, get: (index) => index };
    const split = randomSplit(numbers, lengths, own ? { generator } : {});
    expect(split.map((part) => Array.from({ length: part.length }, (_, k) => part.get(k)))).toEqual(parts);
    expect([rand([1]).item(), rand([1], { generator }).item()]).toEqual(next);
  });
});

test("a loader of a part gives its samples, whether the dataset stacks them itself or not", () => {
  const whole = new TensorDataset(arange(10), arange(10).mul(2));
  const oneByOne: Dataset = { length: 10, get: (i) => whole.get(i) };
  for (const dataset of [whole, oneByOne]) {
    const part = new Subset(dataset, [7, 2, 2, 9]);
    const batches = [...new DataLoader(part, { batchSize: 3 })];
    expect(batches.map((batch) => read(...batch))).toEqual([
      [7, 2, 2, 14, 4, 4],
      [9, 18],
    ]);
  }
});

test("a part of a part", () => {
  const part = new Subset(new Subset(new TensorDataset(arange(10)), [7, 2, 5]), [2, 0]);
  const [batch] = new DataLoader(part, { batchSize: 2 });
  expect(read(batch![0]!)).toEqual([5, 7]);
});

test.each([
  [[3, 3], /3 \+ 3 must sum up to the dataset's 10/],
  [[0.5, 0.4], /or be shares that sum up to 1/],
  [[12, -2], OptionError],
  [[2.5, 7.5], OptionError],
  [[1.5, -0.5], OptionError],
  [[Number.NaN, 10], OptionError],
  [[], OptionError],
])("lengths %j of ten samples are refused", (lengths, error) => {
  expect(() => randomSplit(new TensorDataset(zeros([10])), lengths)).toThrow(error);
});

test.each([[[10]], [[-1]], [[0.5]]])("samples %j of ten are refused", (indices) => {
  expect(() => new Subset(new TensorDataset(zeros([10])), indices)).toThrow(/there is no sample .* in a dataset of 10/);
});
