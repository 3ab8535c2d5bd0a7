import type { DType } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { showShape } from "../graph/shape.js";
import { checked } from "../options.js";
import { ones, tensor, zeros } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { batchNorm } from "./functional/normalization.js";
import { checkSizes } from "./linear.js";
import { Module } from "./module.js";
import { buffer, filled, setValues } from "./parameter.js";

export interface BatchNormLayerOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number | undefined;
  /** The part of the batch in the new running statistics; null for the mean over all batches so far. Default 0.1. */
  momentum?: number | null | undefined;
  /** Whether a weight and a bias for each channel are learned. Default true. */
  affine?: boolean | undefined;
  /** Whether statistics are kept for evaluation; else the batch's own are always used. Default true. */
  trackRunningStats?: boolean | undefined;
  /** Default "float32". */
  dtype?: DType | undefined;
}

const OPTIONS = { eps: false, momentum: false, affine: false, trackRunningStats: false, dtype: false };

/** What BatchNorm1d and BatchNorm2d share: all but the dimensions that they accept. */
abstract class BatchNorm extends Module {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  /** [C], starts at 0. */
  readonly runningMean: Tensor | null;
  /** [C], starts at 1. */
  readonly runningVar: Tensor | null;
  /** How many batches the running statistics have seen. */
  readonly numBatchesTracked: Tensor | null;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(
    readonly numFeatures: number,
    options: BatchNormLayerOptions = {},
  ) {
    super();
    const layer = this.constructor.name;
    checkSizes(layer, { numFeatures });
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = true,
      trackRunningStats = true,
      dtype = "float32",
    } = checked(layer, options, OPTIONS);
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? filled([numFeatures], dtype, (values) => values.fill(1)) : null;
    this.bias = affine ? filled([numFeatures], dtype, () => {}) : null;
    this.runningMean = trackRunningStats ? buffer(zeros([numFeatures], { dtype })) : null;
    this.runningVar = trackRunningStats ? buffer(ones([numFeatures], { dtype })) : null;
    this.numBatchesTracked = trackRunningStats ? buffer(tensor(0, { dtype: "int32" })) : null;
  }

  protected abstract accepts(ndim: number): boolean;

  override forward(x: Tensor): Tensor {
    if (!this.accepts(x.ndim) || x.shape[1] !== this.numFeatures) {
      throw new ShapeError(
        `${this.constructor.name}(${this.numFeatures}): does not take an input of shape ${showShape(x.shape)}`,
      );
    }
    const { runningMean, runningVar, weight, bias, eps, training } = this;
    return batchNorm(x, runningMean, runningVar, {
      weight,
      bias,
      eps,
      training,
      momentum: training ? this.share() : 0,
    });
  }

  /** Counts a batch and says what part of the running statistics it makes up. */
  private share(): number {
    if (this.numBatchesTracked === null) return 0;
    const count = this.numBatchesTracked.item() + 1;
    setValues(this.numBatchesTracked, Int32Array.of(count));
    return this.momentum ?? 1 / count;
  }

  protected override extraRepr(): string {
    const { numFeatures, eps, momentum, weight, runningMean } = this;
    return `${numFeatures}, eps=${eps}, momentum=${momentum}, affine=${weight !== null}, trackRunningStats=${runningMean !== null}`;
  }
}

/**
 * Normalises each channel over the batch: [N, C] or [N, C, L].
 *
 * Source: S. Ioffe, C. Szegedy, "Batch Normalization" (2015). {@link batchNorm} has the formula.
 */
export class BatchNorm1d extends BatchNorm {
  protected override accepts(ndim: number): boolean {
    return ndim === 2 || ndim === 3;
  }
}

/** Normalises each channel over the batch and the picture: [N, C, H, W]. As {@link BatchNorm1d}. */
export class BatchNorm2d extends BatchNorm {
  protected override accepts(ndim: number): boolean {
    return ndim === 4;
  }
}
