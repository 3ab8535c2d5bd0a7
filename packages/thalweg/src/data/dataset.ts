import { OptionError, ShapeError } from "../errors.js";
import { showShape } from "../graph/shape.js";
import { tensor } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";

/** Tensors that belong together: a sample, or a batch of samples, such as [inputs, targets]. */
export type Batch = readonly Tensor[];

/** Samples by number. */
export interface Dataset<Sample = Batch> {
  readonly length: number;
  get(index: number): Sample;
  /** Several samples at once, stacked; where it is missing, loaders stack what `get` gives. */
  getBatch?(indices: Int32Array): Batch;
}

/** Tensors whose first dimension counts the samples. */
export class TensorDataset implements Dataset {
  readonly tensors: Batch;
  readonly length: number;

  /** @throws ShapeError if the tensors do not have as many samples each */
  constructor(...tensors: Batch) {
    const [first] = tensors;
    if (first === undefined) throw new OptionError("TensorDataset: expects at least one tensor");
    for (const x of tensors) {
      if (x.ndim === 0 || x.shape[0] !== first.shape[0]) {
        throw new ShapeError(
          `TensorDataset: the first dimension counts the samples, so it must be the same for all; got ${tensors
            .map(({ shape }) => showShape(shape))
            .join(" and ")}`,
        );
      }
    }
    this.tensors = tensors;
    this.length = first.shape[0]!;
  }

  get(index: number): Batch {
    return this.tensors.map((x) => x.select(0, index));
  }

  getBatch(indices: Int32Array): Batch {
    const rows = tensor(indices);
    return this.tensors.map((x) => x.indexSelect(0, rows));
  }
}
