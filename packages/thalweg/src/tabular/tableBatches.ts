/** Batches of a table that is read from its file anew in each epoch: for files that do not fit memory. */

import { OptionError } from "../errors.js";
import { defaultGenerator, Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import type { CompactRows, TableEncoder } from "./encoder.js";
import type { TableSource } from "./source.js";
import { batchOf } from "./tableDataset.js";

export interface TableBatchesOptions {
  readonly batchSize: number;
  /** Which rows of the table, by their number from 0. Default all. */
  readonly rows?: ((row: number) => boolean) | undefined;
  /** How many of those rows there are, if that is known: then `length` is. */
  readonly count?: number | undefined;
  /**
   * Rows that are held and drawn from at random, so that batches mix rows of different places of the file. 0 keeps the order.
   * Default 16384.
   */
  readonly shuffleBuffer?: number | undefined;
}

/**
 * Batches [x, y] of a table's encoded rows. Each iteration reads the file once; with a shuffle buffer it first draws a seed from
 * the default generator, so runs repeat after the same `manualSeed`, and `fit` resumes in the middle of an epoch.
 */
export class TableBatches implements AsyncIterable<readonly Tensor[]> {
  /** Batches in an iteration, if the count of rows was given. */
  readonly length: number | undefined;

  /** @throws OptionError for a size that is no whole number, or too small */
  constructor(
    private readonly source: TableSource,
    private readonly encoder: TableEncoder,
    private readonly options: TableBatchesOptions,
  ) {
    const { count, batchSize, shuffleBuffer = 0 } = options;
    for (const [name, value, least] of [
      ["batchSize", batchSize, 1],
      ["shuffleBuffer", shuffleBuffer, 0],
    ] as const) {
      if (!Number.isInteger(value) || value < least)
        throw new OptionError(`TableBatches: ${name} must be a whole number of ${least} or more, not ${value}`);
    }
    this.length = count === undefined ? undefined : Math.ceil(count / batchSize);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Tensor[]> {
    const { batchSize, shuffleBuffer = 16384 } = this.options;
    const { encoder } = this;
    const { width } = encoder;
    const rows = shuffleBuffer > 0 ? this.shuffled(shuffleBuffer) : this.inOrder();
    // Filled again for each batch: a tensor has a copy of its own.
    const x = new Float32Array(batchSize * width);
    const y = targets(encoder, batchSize);
    let filled = 0;
    const batch = () => {
      const made = batchOf(encoder, x.subarray(0, filled * width), y.subarray(0, filled));
      x.fill(0);
      filled = 0;
      return made;
    };
    for await (const { from, at } of rows) {
      encoder.expand(from.values, at, x, filled);
      y[filled++] = from.y[at]!;
      if (filled === batchSize) yield batch();
    }
    if (filled > 0) yield batch();
  }

  private async *compact(): AsyncGenerator<CompactRows> {
    const { source, encoder, options } = this;
    for await (const chunk of source.chunks())
      yield encoder.compact(source.columns, chunk, source.name, true, options.rows);
  }

  private async *inOrder(): AsyncGenerator<Row> {
    for await (const from of this.compact()) for (let at = 0; at < from.rows.length; at++) yield { from, at };
  }

  /** Once the buffer is full, each row that comes takes the place of one that is drawn from it. */
  private async *shuffled(size: number): AsyncGenerator<Row> {
    const generator = new Generator(defaultGenerator.nextBits() >>> 0);
    const draw = (below: number) => Math.floor(generator.nextFloat() * below);
    const { length } = this.encoder.spec.features;
    // The rows' own storage: a row that waited must not hold on to the piece of the file that it came with.
    const held: CompactRows = {
      values: new Float32Array(size * length),
      y: targets(this.encoder, size),
      rows: [],
    };
    let filled = 0;
    const put = (place: number, from: CompactRows, at: number) => {
      held.values.set(from.values.subarray(at * length, (at + 1) * length), place * length);
      held.y[place] = from.y[at]!;
    };
    for await (const from of this.compact()) {
      for (let at = 0; at < from.rows.length; at++) {
        if (filled < size) put(filled++, from, at);
        else {
          const place = draw(size);
          yield { from: held, at: place };
          put(place, from, at);
        }
      }
    }
    while (filled > 0) {
      const place = draw(filled);
      yield { from: held, at: place };
      put(place, held, --filled);
    }
  }
}

interface Row {
  readonly from: CompactRows;
  readonly at: number;
}

const targets = ({ task }: TableEncoder, count: number): Float32Array | Int32Array =>
  task === "multiclass" ? new Int32Array(count) : new Float32Array(count);
