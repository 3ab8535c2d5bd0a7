/** Batches of a table that is read from its file anew in each epoch: for files that do not fit memory. */

import { OptionError } from "../errors.js";
import { tensor } from "../tensor/create.js";
import { defaultGenerator, Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Encoded, TableEncoder } from "./encoder.js";
import type { TableSource } from "./source.js";

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
    const { width } = this.encoder;
    const isWhole = this.encoder.task === "multiclass";
    const rows = shuffleBuffer > 0 ? this.shuffled(shuffleBuffer) : this.inOrder();
    // Filled again for each batch: a tensor has a copy of its own.
    const x = new Float32Array(batchSize * width);
    const y = isWhole ? new Int32Array(batchSize) : new Float32Array(batchSize);
    let filled = 0;
    const batch = () => {
      const target = tensor(y.subarray(0, filled));
      const made = [
        tensor(x.subarray(0, filled * width)).reshape([filled, width]),
        isWhole ? target : target.reshape([filled, 1]),
      ];
      filled = 0;
      return made;
    };
    for await (const { from, at } of rows) {
      x.set(from.x.subarray(at * width, (at + 1) * width), filled * width);
      y[filled++] = from.y[at]!;
      if (filled === batchSize) yield batch();
    }
    if (filled > 0) yield batch();
  }

  private async *encoded(): AsyncGenerator<Encoded> {
    const { source, encoder, options } = this;
    for await (const chunk of source.chunks())
      yield encoder.encode(source.columns, chunk, source.name, true, options.rows);
  }

  private async *inOrder(): AsyncGenerator<Row> {
    for await (const from of this.encoded()) for (let at = 0; at < from.rows.length; at++) yield { from, at };
  }

  /** Once the buffer is full, each row that comes takes the place of one that is drawn from it. */
  private async *shuffled(size: number): AsyncGenerator<Row> {
    const generator = new Generator(defaultGenerator.nextBits() >>> 0);
    const draw = (below: number) => Math.floor(generator.nextFloat() * below);
    const { width } = this.encoder;
    // The rows' own storage: a row that waited must not hold on to the piece of the file that it came with.
    const x = new Float32Array(size * width);
    const y = this.encoder.task === "multiclass" ? new Int32Array(size) : new Float32Array(size);
    const held: Encoded = { x, y, rows: [] };
    let filled = 0;
    const put = (place: number, from: Encoded, at: number) => {
      x.set(from.x.subarray(at * width, (at + 1) * width), place * width);
      y[place] = from.y[at]!;
    };
    for await (const from of this.encoded()) {
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
  readonly from: Encoded;
  readonly at: number;
}
