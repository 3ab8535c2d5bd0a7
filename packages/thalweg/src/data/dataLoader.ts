import { OptionError } from "../errors.js";
import { refuseUnknown } from "../options.js";
import { defaultGenerator, Generator, type GeneratorState, randperm } from "../tensor/generator.js";
import { stack } from "../tensor/movement.js";
import { Tensor } from "../tensor/tensor.js";
import type { Batch, Dataset } from "./dataset.js";

interface OrderOptions {
  /** Take the samples in a new random order each time. Default false. */
  shuffle?: boolean | undefined;
  /** Where orders come from. Default: the generator that `manualSeed` seeds. */
  generator?: Generator | undefined;
}

interface BatchOptions<Sample, Out> extends OrderOptions {
  /** Samples in a batch. Default 1. */
  batchSize?: number | undefined;
  /** Leave out the last batch if it is smaller than the others. Default false. */
  dropLast?: boolean | undefined;
  /**
   * Makes a batch of samples, such as texts of different lengths that must be padded. Default: tensors at the same place of each
   * sample are stacked, by the dataset itself if it has `getBatch`.
   */
  collate?: ((samples: readonly Sample[]) => Out) | undefined;
}

interface SampleOptions<Sample, Out> extends OrderOptions {
  /** The samples themselves come, one by one: for datasets whose samples are batches, or are no tensors. */
  batchSize: null;
  /** What becomes of a sample. Default: it stays as it is. */
  collate?: ((sample: Sample) => Out) | undefined;
  dropLast?: undefined;
}

export type DataLoaderOptions<Sample = Batch, Out = Sample> = BatchOptions<Sample, Out> | SampleOptions<Sample, Out>;

/** Where a loader stands, as plain data. */
export interface DataLoaderState {
  /** Batches that the iteration has given so far; 0 between two iterations. */
  batch: number;
  /** What its order was made from; null if it has none. */
  order: GeneratorState | number | null;
  /** Where a generator of the loader's own stands, from which later orders come. */
  generator?: GeneratorState;
}

/**
 * Batches of a dataset, each time it is iterated over. With `shuffle` their order is the one that PyTorch's DataLoader
 * takes after the same `manualSeed`, and as many random numbers are drawn, so what is drawn next agrees, too.
 *
 * ```ts
 * const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 64, shuffle: true });
 * for (const [x, y] of loader) …
 * ```
 *
 * @typeParam Sample - what the dataset gives
 * @typeParam Out - what the loader gives: batches, or what `collate` makes
 */
export class DataLoader<Sample = Batch, Out = Sample> implements Iterable<Out> {
  /** Samples in a batch; null if they come one by one. */
  readonly batchSize: number | null;
  /** Batches (or samples) in one iteration. */
  readonly length: number;
  readonly #make: (indices: Int32Array) => Out;
  readonly #shuffle: boolean;
  readonly #generator: Generator | undefined;
  #state: DataLoaderState = { batch: 0, order: null };
  /** The next iteration goes on where a loaded state stands. */
  #resume = false;

  /** @throws OptionError for a size that is no whole number, or dropping the last batch where there are none */
  constructor(
    readonly dataset: Dataset<Sample>,
    options: DataLoaderOptions<Sample, Out> = {},
  ) {
    refuseUnknown("DataLoader", options, ["batchSize", "shuffle", "dropLast", "generator", "collate"]);
    const { shuffle = false, dropLast = false, generator } = options;
    if (options.batchSize === null) {
      if (dropLast) throw new OptionError("DataLoader: dropLast needs batches, and batchSize null gives none");
      const { collate } = options;
      this.batchSize = null;
      this.length = dataset.length;
      this.#make = ([index]) => {
        const sample = dataset.get(index!);
        return collate === undefined ? (sample as unknown as Out) : collate(sample);
      };
    } else {
      const { batchSize = 1, collate } = options;
      if (!Number.isInteger(batchSize) || batchSize < 1)
        throw new OptionError(`DataLoader: batchSize must be a whole number of 1 or more, or null, not ${batchSize}`);
      this.batchSize = batchSize;
      this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
      this.#make =
        collate === undefined
          ? (indices) => stacked(dataset, indices) as unknown as Out
          : (indices) => collate(Array.from(indices, (index) => dataset.get(index)));
    }
    this.#shuffle = shuffle;
    this.#generator = generator;
  }

  *[Symbol.iterator](): Iterator<Out> {
    const resumed = this.#resume;
    this.#resume = false;
    if (!resumed) this.#state = { batch: 0, order: this.#draw() };
    const state = this.#state;
    const order = this.#orderFrom(state.order);
    const { dataset, length } = this;
    const batchSize = this.batchSize ?? 1;
    while (state.batch < length) {
      const start = state.batch * batchSize;
      const end = Math.min(start + batchSize, dataset.length);
      const indices = order?.slice(start, end) ?? Int32Array.from({ length: end - start }, (_, i) => start + i);
      // Counted before it is handed out: whoever saves while working on a batch has it behind them.
      state.batch++;
      yield this.#make(indices);
    }
    // PyTorch's sampler looks for more samples once it is through, in an order that nobody gets to see.
    if (this.#shuffle && this.#generator !== undefined) randperm(this.#generator, dataset.length);
    if (this.#state === state) this.#state = { batch: 0, order: null };
  }

  /** Where the current iteration stands. */
  stateDict(): DataLoaderState {
    const state = { ...this.#state };
    return this.#generator === undefined ? state : { ...state, generator: this.#generator.getState() };
  }

  /**
   * The next iteration goes on where the state stands: with the batch after the last one that was given. A generator that was
   * given to the loader is set to where it stood, so that later orders are the same, too.
   */
  loadStateDict({ batch, order, generator }: DataLoaderState): void {
    if (!Number.isInteger(batch) || batch < 0 || batch > this.length)
      throw new OptionError(`DataLoader: a state with ${batch} batches does not fit a loader of ${this.length}`);
    if (batch > 0 && (order === null) === this.#shuffle)
      throw new OptionError("DataLoader: the state and the loader must both be shuffled, or neither");
    if (generator !== undefined) this.#generator?.setState(generator);
    this.#state = { batch, order };
    this.#resume = batch > 0;
  }

  /** What an order is made from, drawn as PyTorch draws it: first a seed for workers, also where there are none. */
  #draw(): DataLoaderState["order"] {
    const generator = this.#generator ?? defaultGenerator;
    const seed = (): number => {
      // 64 bits, of which the generator that is seeded with them looks at the low half.
      generator.nextBits();
      return generator.nextBits() >>> 0;
    };
    seed();
    if (!this.#shuffle) return null;
    if (this.#generator === undefined) return seed();
    const state = this.#generator.getState();
    randperm(this.#generator, this.dataset.length);
    return state;
  }

  #orderFrom(order: DataLoaderState["order"]): Int32Array | null {
    if (order === null) return null;
    const generator = typeof order === "number" ? new Generator(order) : new Generator().setState(order);
    return randperm(generator, this.dataset.length);
  }
}

function stacked(dataset: Dataset<unknown>, indices: Int32Array): Batch {
  if (dataset.getBatch !== undefined) return dataset.getBatch(indices);
  const samples = Array.from(indices, (index) => dataset.get(index));
  if (!samples.every((sample) => Array.isArray(sample) && sample.every((x) => x instanceof Tensor)))
    throw new OptionError(
      "DataLoader: samples that are no lists of tensors need a collate that makes batches of them, or batchSize: null",
    );
  return (samples as Batch[])[0]!.map((_, k) => stack((samples as Batch[]).map((sample) => sample[k]!)));
}
