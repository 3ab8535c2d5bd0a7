import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import { perGroup, type Scheduled } from "./scheduler.js";

/** A factor as a function of the epoch. */
export type LrLambda = (epoch: number) => number;

export interface LambdaLROptions extends ResumeOptions {
  /** The factor, or one for each group. Functions are not saved. */
  lrLambda: LrLambda | readonly LrLambda[];
}

/** Any schedule at all: ηₜ = η₀ · λ(t). As `torch.optim.lr_scheduler.LambdaLR`. */
export class LambdaLR extends FormulaLR<{ lambdas: LrLambda[] } & Required<ResumeOptions>> {
  constructor(optimizer: Scheduled, options: LambdaLROptions) {
    const { lrLambda, lastEpoch = -1 } = checked<LambdaLROptions>("LambdaLR", options, {
      lrLambda: true,
      lastEpoch: false,
    });
    super(optimizer, { lambdas: perGroup("LambdaLR", "lrLambda", lrLambda, optimizer), lastEpoch });
  }

  protected next(_lr: number, base: number, group: number): number {
    return base * this.options.lambdas[group]!(this.lastEpoch);
  }
}
