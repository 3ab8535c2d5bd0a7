import type { DType } from "../dtype.js";
import { OptionError, ShapeError } from "../errors.js";
import { sameShape, showShape } from "../graph/shape.js";
import { checked } from "../options.js";
import { defaultGenerator, fillNormal } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { embedding } from "./functional/embedding.js";
import { checkSizes } from "./linear.js";
import { Module } from "./module.js";
import { filled, parameter } from "./parameter.js";

export interface EmbeddingOptions {
  /** A row that starts at zero and is never trained: what stands for no word. Negative: from the end. */
  paddingIdx?: number | null | undefined;
  /** Keep the gradient as the rows that were touched, so that a step costs in proportion to those. Default false. */
  sparse?: boolean | undefined;
  /** Default "float32". */
  dtype?: DType | undefined;
  /** The rows to start from, [numEmbeddings, embeddingDim], which are copied; then nothing is drawn. */
  weight?: Tensor | undefined;
}

const OPTIONS = { paddingIdx: false, sparse: false, dtype: false, weight: false };

/**
 * A table whose rows int32 indices name: [...] → [..., embeddingDim]. The weight [numEmbeddings, embeddingDim] starts
 * standard normal.
 */
export class Embedding extends Module {
  readonly weight: Tensor;
  readonly paddingIdx: number | null;
  readonly sparse: boolean;

  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    options: EmbeddingOptions = {},
  ) {
    super();
    const { paddingIdx = null, sparse = false, dtype = "float32", weight } = checked("Embedding", options, OPTIONS);
    checkSizes("Embedding", { numEmbeddings, embeddingDim });
    const shape = [numEmbeddings, embeddingDim];
    const row = paddingRow(paddingIdx, numEmbeddings);
    if (weight !== undefined && !sameShape(weight.shape, shape)) {
      throw new ShapeError(`Embedding: weight must have shape ${showShape(shape)}, got ${showShape(weight.shape)}`);
    }
    this.paddingIdx = row;
    this.sparse = sparse;
    this.weight = weight
      ? parameter(weight)
      : filled(shape, dtype, (values) => {
          fillNormal(defaultGenerator, values);
          if (row !== null) values.fill(0, row * embeddingDim, (row + 1) * embeddingDim);
        });
  }

  /** A layer with the given rows, [n, d], which are copied. `freeze` (default true) leaves them as they are in training. */
  static fromPretrained(
    weight: Tensor,
    { freeze = true, ...options }: Omit<EmbeddingOptions, "dtype" | "weight"> & { freeze?: boolean } = {},
  ): Embedding {
    if (weight.ndim !== 2) throw new ShapeError(`Embedding: expects rows [n, d], got shape ${showShape(weight.shape)}`);
    const [n, d] = weight.shape as [number, number];
    const layer = new Embedding(n, d, { ...options, weight });
    layer.weight.requiresGrad = !freeze;
    return layer;
  }

  override forward(indices: Tensor): Tensor {
    return embedding(indices, this.weight, { paddingIdx: this.paddingIdx, sparse: this.sparse });
  }

  protected override extraRepr(): string {
    const padding = this.paddingIdx === null ? "" : `, paddingIdx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}${this.sparse ? ", sparse=true" : ""}`;
  }
}

function paddingRow(index: number | null, rows: number): number | null {
  if (index === null) return null;
  if (!Number.isInteger(index) || index < -rows || index >= rows)
    throw new OptionError(`Embedding: paddingIdx ${index} is no row of ${rows}`);
  return index < 0 ? index + rows : index;
}
