import type { DType } from "../dtype.js";
import { OptionError } from "../errors.js";
import { checked } from "../options.js";
import type { Tensor } from "../tensor/tensor.js";
import { linear } from "./functional/linear.js";
import { drawBias, drawWeight } from "./init.js";
import { Module } from "./module.js";
import { filled } from "./parameter.js";

export interface LinearOptions {
  /** Default true. */
  bias?: boolean | undefined;
  /** Default "float32". */
  dtype?: DType | undefined;
}

/**
 * y = x Wᵀ + b: [..., inFeatures] → [..., outFeatures].
 *
 * Both start uniform on ±1/√inFeatures: first the weight [outFeatures, inFeatures], then the bias [outFeatures].
 */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;

  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    options: LinearOptions = {},
  ) {
    super();
    const { bias = true, dtype = "float32" } = checked("Linear", options, { bias: false, dtype: false });
    checkSizes("Linear", { inFeatures, outFeatures });
    const shape = [outFeatures, inFeatures];
    this.weight = filled(shape, dtype, (values) => drawWeight(values, shape));
    this.bias = bias ? filled([outFeatures], dtype, (values) => drawBias(values, shape)) : null;
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }

  protected override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`;
  }
}

/** Refuses sizes of a layer that are no whole numbers of 1 or more. */
export function checkSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1)
      throw new OptionError(`${layer}: ${name} must be a whole number of 1 or more, not ${size}`);
  }
}
