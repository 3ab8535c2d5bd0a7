import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import { perGroup, type Scheduled } from "./scheduler.js";

export interface SWALROptions extends ResumeOptions {
  /** The learning rate to arrive at, or one for each group. */
  swaLr: number | readonly number[];
  /** Epochs until it is reached. Default 10. */
  annealEpochs?: number;
  /** Along a cosine or a line. Default "cos". */
  annealStrategy?: "cos" | "linear";
}

interface Annealing {
  swaLrs: number[];
  annealEpochs: number;
  annealStrategy: string;
}

/**
 * Goes to a constant learning rate, at which weights are then averaged (see `AveragedParameters`):
 * ηₜ = a · η_swa + (1 − a) · η₀ with a = (1 − cos(π x)) / 2 or a = x, x = min(1, t / annealEpochs).
 *
 * Source: P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018). As
 * `torch.optim.swa_utils.SWALR`.
 */
export class SWALR extends FormulaLR<Annealing & Required<ResumeOptions>> {
  constructor(optimizer: Scheduled, options: SWALROptions) {
    const {
      swaLr,
      annealEpochs = 10,
      annealStrategy = "cos",
      lastEpoch = -1,
    } = checked<SWALROptions>("SWALR", options, {
      swaLr: true,
      annealEpochs: false,
      annealStrategy: false,
      lastEpoch: false,
    });
    if (annealStrategy !== "cos" && annealStrategy !== "linear")
      throw new OptionError(`SWALR: annealStrategy must be "cos" or "linear", got "${annealStrategy}"`);
    if (!Number.isInteger(annealEpochs) || annealEpochs < 0)
      throw new OptionError(`SWALR: annealEpochs must be a whole number of 0 or more, got ${annealEpochs}`);
    const swaLrs = perGroup("SWALR", "swaLr", swaLr, optimizer);
    super(optimizer, { swaLrs, annealEpochs, annealStrategy, lastEpoch });
  }

  protected next(lr: number, _base: number, group: number): number {
    const { swaLrs, annealEpochs } = this.options;
    const t = annealEpochs === 0 ? Math.max(1, this.stepCount - 1) : this.stepCount - 1;
    const target = swaLrs[group]!;
    const before = this.share(t - 1);
    const start = before === 1 ? target : (lr - before * target) / (1 - before);
    const now = this.share(t);
    return target * now + start * (1 - now);
  }

  /** The part of the way that is done after `t` steps. */
  private share(t: number): number {
    const { annealEpochs, annealStrategy } = this.options;
    const x = Math.max(0, Math.min(1, t / Math.max(1, annealEpochs)));
    return annealStrategy === "cos" ? (1 - Math.cos(Math.PI * x)) / 2 : x;
  }
}
