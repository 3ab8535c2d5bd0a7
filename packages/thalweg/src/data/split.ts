/** Parts of a dataset. */
import { OptionError } from "../errors.js";
import { defaultGenerator, type Generator, randperm } from "../tensor/generator.js";
import type { Batch, Dataset } from "./dataset.js";

/** Some samples of a dataset, by their numbers there and in this order; one may come several times. */
export class Subset<Sample = Batch> implements Dataset<Sample> {
  readonly indices: Int32Array;
  readonly getBatch?: (indices: Int32Array) => Batch;

  /** @throws OptionError if the dataset has no such sample */
  constructor(
    readonly dataset: Dataset<Sample>,
    indices: ArrayLike<number>,
  ) {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (!Number.isInteger(index) || index < 0 || index >= dataset.length)
        throw new OptionError(`Subset: there is no sample ${index} in a dataset of ${dataset.length}`);
    }
    this.indices = Int32Array.from(indices);
    // A dataset that stacks samples itself does so for a part of it, too.
    if (dataset.getBatch !== undefined)
      this.getBatch = (own) => dataset.getBatch!(own.map((index) => this.indices[index]!));
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): Sample {
    return this.dataset.get(this.indices[index]!);
  }
}

/**
 * Splits a dataset at random into parts that share no sample: PyTorch's `random_split`, with its samples after the same seed.
 *
 * ```ts
 * const [training, validation] = randomSplit(dataset, [0.8, 0.2], { generator: new Generator(42) });
 * ```
 *
 * @param lengths - how many samples each part gets, or shares that sum up to 1: of each share whole samples, rounded down; those
 *   that remain go one by one to the parts from the first on
 * @param options.generator - default: the one that `manualSeed` seeds
 * @throws OptionError if the lengths do not sum up to the dataset's
 */
export function randomSplit<Sample = Batch>(
  dataset: Dataset<Sample>,
  lengths: readonly number[],
  { generator = defaultGenerator }: { generator?: Generator | undefined } = {},
): Subset<Sample>[] {
  const counts = countsOf(lengths, dataset.length);
  const order = randperm(generator, dataset.length);
  let from = 0;
  return counts.map((count) => {
    const to = from + count;
    const part = new Subset(dataset, order.subarray(from, to));
    from = to;
    return part;
  });
}

function countsOf(lengths: readonly number[], length: number): readonly number[] {
  const sum = lengths.reduce((a, b) => a + b, 0);
  const fits = (most: number) => lengths.every((part) => part >= 0 && part <= most);
  if (Math.abs(sum - 1) < 1e-9 && fits(1)) {
    const counts = lengths.map((share) => Math.floor(length * share));
    const rest = length - counts.reduce((a, b) => a + b, 0);
    for (let i = 0; i < rest; i++) counts[i % counts.length]!++;
    return counts;
  }
  if (sum !== length || !fits(length) || !lengths.every(Number.isInteger))
    throw new OptionError(
      `randomSplit: the lengths ${lengths.join(" + ")} must sum up to the dataset's ${length}, or be shares that sum up to 1`,
    );
  return lengths;
}
