import { OptionError } from "../errors.js";
import { checked } from "../options.js";
import type { Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { dropout } from "./functional/dropout.js";
import { Module } from "./module.js";

/**
 * In training sets each element to zero with probability p and divides the others by 1 - p; in evaluation does nothing.
 *
 * Source: N. Srivastava et al., "Dropout" (2014).
 */
export class Dropout extends Module {
  readonly #generator: Generator | undefined;

  /** @param options - `generator`: where masks come from. Default: the one that `manualSeed` seeds. */
  constructor(
    readonly p = 0.5,
    options: { generator?: Generator | undefined } = {},
  ) {
    super();
    const { generator } = checked("Dropout", options, { generator: false });
    if (!(p >= 0 && p <= 1)) throw new OptionError(`Dropout: p must be a probability, 0 to 1, not ${p}`);
    this.#generator = generator;
  }

  override forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training, generator: this.#generator });
  }

  protected override extraRepr(): string {
    return `p=${this.p}`;
  }
}
