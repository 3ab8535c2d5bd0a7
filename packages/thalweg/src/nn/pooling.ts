import type { Shape } from "../graph/shape.js";
import { checked } from "../options.js";
import {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from "../tensor/convolution.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

const OPTIONS = { stride: false, padding: false, ceilMode: false };

/** A window that slides over the input, and what is made of what it covers. */
abstract class Pooling<Options extends PoolOptions> extends Module {
  readonly #options: Options;

  constructor(
    readonly kernelSize: number | Shape,
    options: Options = {} as Options,
  ) {
    super();
    checked(this.constructor.name, options, this.names());
    this.#options = { stride: kernelSize, padding: 0, ceilMode: false, ...options };
  }

  /** All options that there are. */
  protected abstract names(): Readonly<Record<keyof Options, boolean>>;

  get options(): Options {
    return this.#options;
  }

  protected override extraRepr(): string {
    const options = Object.entries({ kernelSize: this.kernelSize, ...this.#options });
    return options.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");
  }
}

/** The greatest of each window over sequences: [N, C, L] → [N, C, L']. */
export class MaxPool1d extends Pooling<MaxPoolOptions> {
  protected override names() {
    return { ...OPTIONS, dilation: false };
  }
  override forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/** The greatest of each window over pictures: [N, C, H, W] → [N, C, H', W']. */
export class MaxPool2d extends Pooling<MaxPoolOptions> {
  protected override names() {
    return { ...OPTIONS, dilation: false };
  }
  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/** The mean of each window over sequences: [N, C, L] → [N, C, L']. */
export class AvgPool1d extends Pooling<AvgPoolOptions> {
  protected override names() {
    return { ...OPTIONS, countIncludePad: false };
  }
  override forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/** The mean of each window over pictures: [N, C, H, W] → [N, C, H', W']. */
export class AvgPool2d extends Pooling<AvgPoolOptions> {
  protected override names() {
    return { ...OPTIONS, countIncludePad: false };
  }
  override forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}
