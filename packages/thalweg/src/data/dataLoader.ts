import { OptionError } from "../errors.js";
import { defaultGenerator, Generator, type GeneratorState, randperm } from "../tensor/generator.js";
import { stack } from "../tensor/movement.js";
import type { Batch, Dataset } from "./dataset.js";

export interface DataLoaderOptions {
  /** Samples in a batch. Default 1. */
  batchSize?: number | undefined;
  /** Take the samples in a new random order each time. Default false. */
  shuffle?: boolean | undefined;
  /** Leave out the last batch if it is smaller than the others. Default false. */
  dropLast?: boolean | undefined;
  /** Where orders come from. Default: the generator that `manualSeed` seeds. */
  generator?: Generator | undefined;
}

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
 */
export class DataLoader implements Iterable<Batch> {
  /** Samples in a batch. */
  readonly batchSize: number;
  /** Batches in one iteration. */
  readonly length: number;
  readonly #shuffle: boolean;
  readonly #generator: Generator | undefined;
  #state: DataLoaderState = { batch: 0, order: null };
  /** The next iteration goes on where a loaded state stands. */
  #resume = false;

  constructor(
    readonly dataset: Dataset,
    { batchSize = 1, shuffle = false, dropLast = false, generator }: DataLoaderOptions = {},
  ) {
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new OptionError(`DataLoader: batchSize must be a whole number of 1 or more, not ${batchSize}`);
    this.batchSize = batchSize;
    this.length = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#shuffle = shuffle;
    this.#generator = generator;
  }

  *[Symbol.iterator](): Iterator<Batch> {
    const resumed = this.#resume;
    this.#resume = false;
    if (!resumed) this.#state = { batch: 0, order: this.#draw() };
    const state = this.#state;
    const order = this.#orderFrom(state.order);
    const { dataset, batchSize, length } = this;
    while (state.batch < length) {
      const start = state.batch * batchSize;
      const end = Math.min(start + batchSize, dataset.length);
      const indices = order?.slice(start, end) ?? Int32Array.from({ length: end - start }, (_, i) => start + i);
      // Counted before it is handed out: whoever saves while working on a batch has it behind them.
      state.batch++;
      yield batchOf(dataset, indices);
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

function batchOf(dataset: Dataset, indices: Int32Array): Batch {
  if (dataset.getBatch !== undefined) return dataset.getBatch(indices);
  const samples = Array.from(indices, (index) => dataset.get(index));
  return samples[0]!.map((_, k) => stack(samples.map((sample) => sample[k]!)));
}
