import type { DType } from "../dtype.js";
import { OptionError } from "../errors.js";
import type { Shape } from "../graph/shape.js";
import { checked } from "../options.js";
import { type ConvOptions, conv1d, conv2d, sizesOf } from "../tensor/convolution.js";
import type { Tensor } from "../tensor/tensor.js";
import { drawBias, drawWeight } from "./init.js";
import { checkSizes } from "./linear.js";
import { Module } from "./module.js";
import { filled } from "./parameter.js";

export interface ConvolutionOptions extends ConvOptions {
  /** Default true. */
  bias?: boolean | undefined;
  /** Default "float32". */
  dtype?: DType | undefined;
}

const OPTIONS = { stride: false, padding: false, dilation: false, groups: false, bias: false, dtype: false };

/** What Conv1d and Conv2d share: all but the operation. */
abstract class Convolution extends Module {
  /** [outChannels, inChannels / groups, …kernelSize], starts uniform on ±1/√fanIn. */
  readonly weight: Tensor;
  /** [outChannels], starts uniform on ±1/√fanIn. */
  readonly bias: Tensor | null;
  readonly kernelSize: Shape;
  readonly stride: Shape;
  readonly padding: Shape | "same";
  readonly dilation: Shape;
  readonly groups: number;

  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: number | Shape,
    options: ConvolutionOptions,
    rank: number,
  ) {
    super();
    const layer = this.constructor.name;
    const {
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      dtype = "float32",
    } = checked(layer, options, OPTIONS);
    checkSizes(layer, { inChannels, outChannels, groups });
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new OptionError(
        `${layer}: ${inChannels} and ${outChannels} channels cannot be cut into ${groups} groups of equal size`,
      );
    }
    this.kernelSize = sizesOf(layer, "kernelSize", kernelSize, rank, 1);
    this.stride = sizesOf(layer, "stride", stride, rank, 1);
    this.padding = padding === "same" ? padding : sizesOf(layer, "padding", padding, rank, 0);
    this.dilation = sizesOf(layer, "dilation", dilation, rank, 1);
    this.groups = groups;
    const shape = [outChannels, inChannels / groups, ...this.kernelSize];
    this.weight = filled(shape, dtype, (values) => drawWeight(values, shape));
    this.bias = bias ? filled([outChannels], dtype, (values) => drawBias(values, shape)) : null;
  }

  protected override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, bias } = this;
    const list = (name: string, value: Shape, usual: number) =>
      value.every((size) => size === usual) ? "" : `, ${name}=[${value.join(", ")}]`;
    return (
      `${inChannels}, ${outChannels}, kernelSize=[${kernelSize.join(", ")}], stride=[${stride.join(", ")}]` +
      (padding === "same" ? ", padding=same" : list("padding", padding, 0)) +
      list("dilation", dilation, 1) +
      (groups === 1 ? "" : `, groups=${groups}`) +
      (bias === null ? ", bias=false" : "")
    );
  }
}

/** A convolution over sequences: [N, inChannels, L] → [N, outChannels, L']. */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: number | Shape, options: ConvolutionOptions = {}) {
    super(inChannels, outChannels, kernelSize, options, 1);
  }

  override forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this);
  }
}

/** A convolution over pictures: [N, inChannels, H, W] → [N, outChannels, H', W']. */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: number | Shape, options: ConvolutionOptions = {}) {
    super(inChannels, outChannels, kernelSize, options, 2);
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this);
  }
}
