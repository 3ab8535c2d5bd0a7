import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { Scheduled } from "./scheduler.js";

export interface CosineAnnealingWarmRestartsOptions extends ResumeOptions {
  /** Epochs until the first restart. */
  t0: number;
  /** How many times longer each cycle is than the one before; a whole number. Default 1. */
  tMult?: number;
  /** The smallest learning rate. Default 0. */
  etaMin?: number;
}

/**
 * Follows a cosine down and jumps back up, in cycles of Tᵢ epochs each `tMult` times as long as the last. With T_cur
 * epochs since the last restart: ηₜ = η_min + (η₀ − η_min) · (1 + cos(π T_cur / Tᵢ)) / 2.
 *
 * Source: I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017). As
 * `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
 */
export class CosineAnnealingWarmRestarts extends FormulaLR<
  Required<CosineAnnealingWarmRestartsOptions>,
  { tCur: number; tI: number }
> {
  constructor(optimizer: Scheduled, options: CosineAnnealingWarmRestartsOptions) {
    const {
      t0,
      tMult = 1,
      etaMin = 0,
      lastEpoch = -1,
    } = checked<CosineAnnealingWarmRestartsOptions>("CosineAnnealingWarmRestarts", options, {
      t0: true,
      tMult: false,
      etaMin: false,
      lastEpoch: false,
    });
    for (const [name, value] of Object.entries({ t0, tMult })) {
      if (!Number.isInteger(value) || value < 1)
        throw new OptionError(`CosineAnnealingWarmRestarts: ${name} must be a whole number of 1 or more, got ${value}`);
    }
    super(optimizer, { t0, tMult, etaMin, lastEpoch }, { tCur: lastEpoch, tI: t0 });
  }

  protected next(_lr: number, base: number): number {
    const { tCur, tI } = this.own;
    const { etaMin } = this.options;
    return etaMin + ((base - etaMin) * (1 + Math.cos((Math.PI * tCur) / tI))) / 2;
  }

  /** @param epoch - where to go; may lie between two epochs, for a step after each batch. Default: the next one. */
  override step(epoch?: number): void {
    const { own, options } = this;
    const to = epoch ?? (this.lastEpoch < 0 ? 0 : undefined);
    if (to === undefined) {
      this.lastEpoch = Math.floor(this.lastEpoch + 1);
      own.tCur++;
      if (own.tCur >= own.tI) {
        own.tCur %= own.tI;
        own.tI *= options.tMult;
      }
    } else {
      if (!(to >= 0)) throw new OptionError(`CosineAnnealingWarmRestarts: the epoch must be 0 or more, got ${to}`);
      this.jump(to);
      this.lastEpoch = Math.floor(to);
    }
    this.apply((lr, base) => this.next(lr, base));
  }

  private jump(epoch: number): void {
    const { own } = this;
    const { t0, tMult } = this.options;
    if (epoch < t0) Object.assign(own, { tI: t0, tCur: epoch });
    else if (tMult === 1) own.tCur = epoch % t0;
    else {
      // The cycles before number n take t0 (tMultⁿ − 1) / (tMult − 1) epochs. The quotient of logarithms is Python's.
      const n = Math.floor(Math.log((epoch / t0) * (tMult - 1) + 1) / Math.log(tMult));
      own.tCur = epoch - (t0 * (tMult ** n - 1)) / (tMult - 1);
      own.tI = t0 * tMult ** n;
    }
  }
}
