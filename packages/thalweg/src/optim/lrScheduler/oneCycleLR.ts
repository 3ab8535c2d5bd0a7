import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions, requireMomentum, setMomentum } from "./formulaLR.js";
import { perGroup, type Scheduled } from "./scheduler.js";

export interface OneCycleLROptions extends ResumeOptions {
  /** The largest learning rate, or one for each group. */
  maxLr: number | readonly number[];
  /** Steps of the whole cycle. Default: epochs · stepsPerEpoch, one or the other must be given. */
  totalSteps?: number;
  epochs?: number;
  stepsPerEpoch?: number;
  /** The part of the cycle in which the learning rate grows. Default 0.3. */
  pctStart?: number;
  /** Along a cosine or a line. Default "cos". */
  annealStrategy?: "cos" | "linear";
  /** Let momentum (or beta1) go down while the learning rate goes up. Default true. */
  cycleMomentum?: boolean;
  /** The smallest momentum, or one for each group. Default 0.85. */
  baseMomentum?: number | readonly number[];
  /** The largest momentum, or one for each group. Default 0.95. */
  maxMomentum?: number | readonly number[];
  /** The first learning rate is maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** The last learning rate is the first / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /** Come down as slowly as up, then to the last learning rate in a third phase. Default false. */
  threePhase?: boolean;
}

interface OneCycle {
  maxLrs: number[];
  baseMomentums: number[];
  maxMomentums: number[];
  totalSteps: number;
  pctStart: number;
  annealStrategy: string;
  cycleMomentum: boolean;
  finalDivFactor: number;
  threePhase: boolean;
}

/** A stretch of the cycle: up to step `end`, from one learning rate and momentum to another. */
interface Phase {
  end: number;
  lr: readonly [number, number];
  momentum: readonly [number, number];
}

/**
 * One rise of the learning rate to its largest value and one long fall to nearly 0, momentum the other way round. Each
 * phase goes from a to b as b + (a − b) · (1 + cos(π x)) / 2, or along a line; x from 0 to 1.
 *
 * Source: L. N. Smith, N. Topin, "Super-Convergence" (2019), with two phases as fastai has it. As
 * `torch.optim.lr_scheduler.OneCycleLR`; a step is a batch.
 */
export class OneCycleLR extends FormulaLR<OneCycle & Required<ResumeOptions>> {
  constructor(optimizer: Scheduled, options: OneCycleLROptions) {
    checked<OneCycleLROptions>("OneCycleLR", options, {
      maxLr: true,
      totalSteps: false,
      epochs: false,
      stepsPerEpoch: false,
      pctStart: false,
      annealStrategy: false,
      cycleMomentum: false,
      baseMomentum: false,
      maxMomentum: false,
      divFactor: false,
      finalDivFactor: false,
      threePhase: false,
      lastEpoch: false,
    });
    const { lastEpoch = -1, divFactor = 25, finalDivFactor = 1e4, pctStart = 0.3 } = options;
    const { annealStrategy = "cos", cycleMomentum = true, threePhase = false } = options;
    const totalSteps = totalStepsOf(options);
    if (!(pctStart >= 0 && pctStart <= 1))
      throw new OptionError(`OneCycleLR: pctStart must be from 0 to 1, got ${pctStart}`);
    if (annealStrategy !== "cos" && annealStrategy !== "linear")
      throw new OptionError(`OneCycleLR: annealStrategy must be "cos" or "linear", got "${annealStrategy}"`);
    const each = <T>(name: string, value: T | readonly T[]) => perGroup("OneCycleLR", name, value, optimizer);
    const maxLrs = each("maxLr", options.maxLr);
    const baseMomentums = each("baseMomentum", options.baseMomentum ?? 0.85);
    const maxMomentums = each("maxMomentum", options.maxMomentum ?? 0.95);
    if (cycleMomentum) requireMomentum("OneCycleLR", optimizer);
    if (lastEpoch === -1) {
      for (const [i, group] of optimizer.paramGroups.entries()) {
        group.initialLr = maxLrs[i]! / divFactor;
        if (cycleMomentum) setMomentum(group, maxMomentums[i]!);
      }
    }
    const data = { maxLrs, baseMomentums, maxMomentums, totalSteps, pctStart, annealStrategy, cycleMomentum };
    super(optimizer, { ...data, finalDivFactor, threePhase, lastEpoch });
  }

  protected next(_lr: number, _base: number, group: number): number {
    const { totalSteps } = this.options;
    if (this.lastEpoch > totalSteps)
      throw new OptionError(`OneCycleLR: step ${this.lastEpoch} of a cycle of ${totalSteps} steps`);
    return this.anneal(group, "lr");
  }

  protected override momentum(group: number): number | undefined {
    return this.options.cycleMomentum ? this.anneal(group, "momentum") : undefined;
  }

  private anneal(group: number, what: "lr" | "momentum"): number {
    const phases = this.phases(group);
    let at = phases.findIndex(({ end }) => this.lastEpoch <= end);
    if (at < 0) at = phases.length - 1;
    const start = at === 0 ? 0 : phases[at - 1]!.end;
    const phase = phases[at]!;
    const x = (this.lastEpoch - start) / (phase.end - start);
    const [a, b] = phase[what];
    return this.options.annealStrategy === "cos" ? b + ((a - b) / 2) * (Math.cos(Math.PI * x) + 1) : (b - a) * x + a;
  }

  private phases(group: number): Phase[] {
    const { maxLrs, baseMomentums, maxMomentums, totalSteps, pctStart, finalDivFactor, threePhase } = this.options;
    const first = this.optimizer.paramGroups[group]!.initialLr!;
    const [max, last] = [maxLrs[group]!, first / finalDivFactor];
    const [low, high] = [baseMomentums[group]!, maxMomentums[group]!];
    const up: Phase = { end: pctStart * totalSteps - 1, lr: [first, max], momentum: [high, low] };
    if (!threePhase) return [up, { end: totalSteps - 1, lr: [max, last], momentum: [low, high] }];
    return [
      up,
      { end: 2 * pctStart * totalSteps - 2, lr: [max, first], momentum: [low, high] },
      { end: totalSteps - 1, lr: [first, last], momentum: [high, high] },
    ];
  }
}

function totalStepsOf({ totalSteps, epochs, stepsPerEpoch }: OneCycleLROptions): number {
  if (totalSteps === undefined && (epochs === undefined || stepsPerEpoch === undefined))
    throw new OptionError("OneCycleLR: needs totalSteps, or epochs and stepsPerEpoch");
  const given = totalSteps === undefined ? { epochs, stepsPerEpoch } : { totalSteps };
  for (const [name, value] of Object.entries(given)) {
    if (!Number.isInteger(value) || value! < 1)
      throw new OptionError(`OneCycleLR: ${name} must be a whole number of 1 or more, got ${value}`);
  }
  return totalSteps ?? epochs! * stepsPerEpoch!;
}
