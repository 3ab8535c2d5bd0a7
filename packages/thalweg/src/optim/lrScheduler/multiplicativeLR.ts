import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions } from "./formulaLR.js";
import type { LambdaLROptions, LrLambda } from "./lambdaLR.js";
import { perGroup, type Scheduled } from "./scheduler.js";

/** Multiplies the learning rate at each epoch: ηₜ = ηₜ₋₁ · λ(t). As `torch.optim.lr_scheduler.MultiplicativeLR`. */
export class MultiplicativeLR extends FormulaLR<{ lambdas: LrLambda[] } & Required<ResumeOptions>> {
  constructor(optimizer: Scheduled, options: LambdaLROptions) {
    const { lrLambda, lastEpoch = -1 } = checked<LambdaLROptions>("MultiplicativeLR", options, {
      lrLambda: true,
      lastEpoch: false,
    });
    super(optimizer, { lambdas: perGroup("MultiplicativeLR", "lrLambda", lrLambda, optimizer), lastEpoch });
  }

  protected next(lr: number, _base: number, group: number): number {
    return this.initial ? lr : lr * this.options.lambdas[group]!(this.lastEpoch);
  }
}
