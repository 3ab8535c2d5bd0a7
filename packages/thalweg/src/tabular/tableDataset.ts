/** Rows of a table as a dataset. */
import type { Batch, Dataset } from "../data/dataset.js";
import { tensor } from "../tensor/create.js";
import type { CompactRows, TableEncoder } from "./encoder.js";

/**
 * Samples [x, y] of rows that an encoder has read: x [width], y [1] or a class. Rows are kept compact and expanded batch by batch,
 * so that a category of a thousand values takes no more memory than a number.
 */
export class TableDataset implements Dataset {
  readonly length: number;

  constructor(
    private readonly encoder: TableEncoder,
    private readonly rows: CompactRows,
  ) {
    this.length = rows.rows.length;
  }

  get(index: number): Batch {
    return this.getBatch(Int32Array.of(index)).map((x) => x.select(0, 0));
  }

  getBatch(indices: Int32Array): Batch {
    const { encoder, rows } = this;
    const x = new Float32Array(indices.length * encoder.width);
    indices.forEach((index, i) => {
      encoder.expand(rows.values, index, x, i);
    });
    return batchOf(encoder, x, rows.y instanceof Int32Array ? pick(rows.y, indices) : pick(rows.y, indices));
  }
}

/** Encoded rows as tensors: x [rows, width], y [rows, 1] or classes [rows]. */
export function batchOf(encoder: TableEncoder, x: Float32Array, y: Float32Array | Int32Array): Batch {
  const target = tensor(y);
  return [
    tensor(x).reshape([x.length / encoder.width, encoder.width]),
    encoder.task === "multiclass" ? target : target.reshape([y.length, 1]),
  ];
}

function pick<Values extends Float32Array | Int32Array>(from: Values, indices: Int32Array): Values {
  const picked = new (from.constructor as new (length: number) => Values)(indices.length);
  for (let i = 0; i < indices.length; i++) picked[i] = from[indices[i]!]!;
  return picked;
}
