import type { DType } from "../dtype.js";
import type { Shape } from "../graph/shape.js";
import { checked } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import { layerNorm, rmsNorm } from "./functional/normalization.js";
import { Module } from "./module.js";
import { filled } from "./parameter.js";

export interface LayerNormOptions {
  /** Added to the variance (or the mean square). Default 1e-5; of RMSNorm the smallest step from 1 in the dtype. */
  eps?: number | undefined;
  /** Whether a weight (and a bias) for each element are learned. Default true. */
  elementwiseAffine?: boolean | undefined;
  /** Default true. */
  bias?: boolean | undefined;
  /** Default "float32". */
  dtype?: DType | undefined;
}

const OPTIONS = { eps: false, elementwiseAffine: false, dtype: false };

/**
 * Normalises each sample over its last dimensions, whose sizes are given.
 *
 * Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016).
 */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: LayerNormOptions = {}) {
    super();
    const {
      eps = 1e-5,
      elementwiseAffine = true,
      bias = true,
      dtype = "float32",
    } = checked("LayerNorm", options, {
      ...OPTIONS,
      bias: false,
    });
    this.normalizedShape = [normalizedShape].flat();
    this.eps = eps;
    this.weight = elementwiseAffine ? filled(this.normalizedShape, dtype, (values) => values.fill(1)) : null;
    this.bias = elementwiseAffine && bias ? filled(this.normalizedShape, dtype, () => {}) : null;
  }

  override forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this);
  }

  protected override extraRepr(): string {
    return `[${this.normalizedShape.join(", ")}], eps=${this.eps}, elementwiseAffine=${this.weight !== null}, bias=${this.bias !== null}`;
  }
}

/**
 * Divides each sample by its root mean square over its last dimensions, whose sizes are given.
 *
 * Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
 */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly weight: Tensor | null;
  readonly eps: number | undefined;

  constructor(normalizedShape: number | Shape, options: Omit<LayerNormOptions, "bias"> = {}) {
    super();
    const { eps, elementwiseAffine = true, dtype = "float32" } = checked("RMSNorm", options, OPTIONS);
    this.normalizedShape = [normalizedShape].flat();
    this.eps = eps;
    this.weight = elementwiseAffine ? filled(this.normalizedShape, dtype, (values) => values.fill(1)) : null;
  }

  override forward(x: Tensor): Tensor {
    return rmsNorm(x, this.normalizedShape, this);
  }

  protected override extraRepr(): string {
    return `[${this.normalizedShape.join(", ")}], eps=${this.eps ?? null}, elementwiseAffine=${this.weight !== null}`;
  }
}
