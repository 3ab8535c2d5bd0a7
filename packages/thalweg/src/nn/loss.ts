/** Losses as modules: `const criterion = new CrossEntropyLoss(); criterion(scores, target)`. What they compute is said at their functions. */

import { checked } from "../options.js";
import { Tensor } from "../tensor/tensor.js";
import * as classification from "./functional/classification.js";
import * as probability from "./functional/probability.js";
import type { ReductionOptions } from "./functional/reduction.js";
import * as regression from "./functional/regression.js";
import { Module, savedName } from "./module.js";
import { buffer } from "./parameter.js";

/** A function of an input, a target and options as a module. */
abstract class Loss<Options extends object> extends Module {
  readonly #options: Options;

  /** @param options - those of the function; tensors among them (weights) are copied, and become buffers */
  constructor(options: Options = {} as Options) {
    super();
    checked(this.constructor.name, options, this.names());
    const entries = Object.entries(options).map(([name, x]) => [name, x instanceof Tensor ? buffer(x) : x]);
    this.#options = Object.fromEntries(entries) as Options;
  }

  /** All options that there are. */
  protected abstract names(): Readonly<Record<keyof Options, boolean>>;

  get options(): Options {
    return this.#options;
  }

  protected override *members(): Iterable<readonly [string, Tensor]> {
    for (const [name, x] of Object.entries(this.#options)) if (x instanceof Tensor) yield [savedName(name), x];
  }
}

/** {@link regression.mseLoss} */
export class MSELoss extends Loss<ReductionOptions> {
  protected override names() {
    return { reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return regression.mseLoss(input, target, this.options);
  }
}

/** {@link regression.l1Loss} */
export class L1Loss extends Loss<ReductionOptions> {
  protected override names() {
    return { reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return regression.l1Loss(input, target, this.options);
  }
}

/** {@link regression.smoothL1Loss} */
export class SmoothL1Loss extends Loss<{ beta?: number } & ReductionOptions> {
  protected override names() {
    return { beta: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return regression.smoothL1Loss(input, target, this.options);
  }
}

/** {@link regression.huberLoss} */
export class HuberLoss extends Loss<{ delta?: number } & ReductionOptions> {
  protected override names() {
    return { delta: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return regression.huberLoss(input, target, this.options);
  }
}

/** {@link classification.crossEntropy} */
export class CrossEntropyLoss extends Loss<classification.CrossEntropyOptions> {
  protected override names() {
    return { weight: false, ignoreIndex: false, labelSmoothing: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classification.crossEntropy(input, target, this.options);
  }
}

/** {@link classification.nllLoss} */
export class NLLLoss extends Loss<classification.ClassOptions> {
  protected override names() {
    return { weight: false, ignoreIndex: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return classification.nllLoss(input, target, this.options);
  }
}

/** {@link probability.binaryCrossEntropy} */
export class BCELoss extends Loss<probability.WeightOptions> {
  protected override names() {
    return { weight: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return probability.binaryCrossEntropy(input, target, this.options);
  }
}

/** {@link probability.binaryCrossEntropyWithLogits} */
export class BCEWithLogitsLoss extends Loss<probability.LogitsOptions> {
  protected override names() {
    return { weight: false, posWeight: false, reduction: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return probability.binaryCrossEntropyWithLogits(input, target, this.options);
  }
}

/** {@link probability.klDiv} */
export class KLDivLoss extends Loss<probability.KlDivOptions> {
  protected override names() {
    return { reduction: false, logTarget: false };
  }
  override forward(input: Tensor, target: Tensor): Tensor {
    return probability.klDiv(input, target, this.options);
  }
}

/** {@link probability.cosineEmbeddingLoss} */
export class CosineEmbeddingLoss extends Loss<{ margin?: number } & ReductionOptions> {
  protected override names() {
    return { margin: false, reduction: false };
  }
  override forward(a: Tensor, b: Tensor, target: Tensor): Tensor {
    return probability.cosineEmbeddingLoss(a, b, target, this.options);
  }
}
