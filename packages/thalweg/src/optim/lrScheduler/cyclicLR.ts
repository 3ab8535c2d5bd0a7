import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { FormulaLR, type ResumeOptions, requireMomentum, setMomentum } from "./formulaLR.js";
import { perGroup, type Scheduled } from "./scheduler.js";

export interface CyclicLROptions extends ResumeOptions {
  /** The smallest learning rate, or one for each group. */
  baseLr: number | readonly number[];
  /** The largest learning rate of the first cycle, or one for each group. */
  maxLr: number | readonly number[];
  /** Steps from the smallest to the largest. Default 2000. */
  stepSizeUp?: number;
  /** Steps from the largest to the smallest. Default: as many as up. */
  stepSizeDown?: number;
  /** How cycles change: not at all, each half as high as the last, or by γ at each step. Default "triangular". */
  mode?: "triangular" | "triangular2" | "exp_range";
  /** The γ of mode "exp_range". Default 1. */
  gamma?: number;
  /** The height of a cycle, in place of `mode`: a function of the cycle's number (from 1) or of the step's. */
  scaleFn?: (x: number) => number;
  /** What `scaleFn` is a function of. Default "cycle". */
  scaleMode?: "cycle" | "iterations";
  /** Let momentum (or beta1) go down while the learning rate goes up. Default true. */
  cycleMomentum?: boolean;
  /** The smallest momentum, or one for each group. Default 0.8. */
  baseMomentum?: number | readonly number[];
  /** The largest momentum, or one for each group. Default 0.9. */
  maxMomentum?: number | readonly number[];
}

interface Cycle {
  maxLrs: number[];
  baseMomentums: number[];
  maxMomentums: number[];
  up: number;
  down: number;
  mode: string;
  gamma: number;
  scaleFn: ((x: number) => number) | undefined;
  scaleMode: string;
  cycleMomentum: boolean;
}

/**
 * Lets the learning rate rise and fall along straight lines. With h going 0 → 1 → 0 in each cycle, and its height s:
 * ηₜ = η_base + (η_max − η_base) · h · s, momentum μₜ = μ_max − (μ_max − μ_base) · h · s.
 * Triangular: s = 1; triangular2: s = 2^(1 − cycle); exp_range: s = γᵗ.
 *
 * Source: L. N. Smith, "Cyclical Learning Rates for Training Neural Networks" (2017). As
 * `torch.optim.lr_scheduler.CyclicLR`; a step is a batch.
 */
export class CyclicLR extends FormulaLR<Cycle & Required<ResumeOptions>> {
  constructor(optimizer: Scheduled, options: CyclicLROptions) {
    const {
      stepSizeUp = 2000,
      mode = "triangular",
      gamma = 1,
      scaleFn,
      lastEpoch = -1,
      cycleMomentum = true,
    } = checked<CyclicLROptions>("CyclicLR", options, {
      baseLr: true,
      maxLr: true,
      stepSizeUp: false,
      stepSizeDown: false,
      mode: false,
      gamma: false,
      scaleFn: false,
      scaleMode: false,
      cycleMomentum: false,
      baseMomentum: false,
      maxMomentum: false,
      lastEpoch: false,
    });
    if (scaleFn === undefined && !["triangular", "triangular2", "exp_range"].includes(mode))
      throw new OptionError(`CyclicLR: mode must be "triangular", "triangular2" or "exp_range", got "${mode}"`);
    const each = <T>(name: string, value: T | readonly T[]) => perGroup("CyclicLR", name, value, optimizer);
    const baseLrs = each("baseLr", options.baseLr);
    const maxLrs = each("maxLr", options.maxLr);
    const baseMomentums = each("baseMomentum", options.baseMomentum ?? 0.8);
    const maxMomentums = each("maxMomentum", options.maxMomentum ?? 0.9);
    if (cycleMomentum) requireMomentum("CyclicLR", optimizer);
    if (lastEpoch === -1) {
      for (const [i, group] of optimizer.paramGroups.entries()) {
        group.lr = baseLrs[i]!;
        if (cycleMomentum) setMomentum(group, maxMomentums[i]!);
      }
    }
    const scaleMode =
      scaleFn === undefined ? (mode === "exp_range" ? "iterations" : "cycle") : (options.scaleMode ?? "cycle");
    const [up, down] = [stepSizeUp, options.stepSizeDown ?? stepSizeUp];
    const data = { maxLrs, baseMomentums, maxMomentums, up, down, mode, gamma, scaleFn, scaleMode, cycleMomentum };
    super(optimizer, { ...data, lastEpoch });
    this.baseLrs = baseLrs;
  }

  protected next(_lr: number, base: number, group: number): number {
    return base + (this.options.maxLrs[group]! - base) * this.height() * this.scale();
  }

  protected override momentum(group: number): number | undefined {
    const { cycleMomentum, baseMomentums, maxMomentums } = this.options;
    if (!cycleMomentum) return undefined;
    const max = maxMomentums[group]!;
    return max - (max - baseMomentums[group]!) * this.height() * this.scale();
  }

  /** The cycle's number, from 1. */
  private cycle(): number {
    const { up, down } = this.options;
    return Math.floor(1 + this.lastEpoch / (up + down));
  }

  /** 0 at the ends of a cycle, 1 at its peak. */
  private height(): number {
    const { up, down } = this.options;
    const x = 1 + this.lastEpoch / (up + down) - this.cycle();
    const peak = up / (up + down);
    return x <= peak ? x / peak : (x - 1) / (peak - 1);
  }

  private scale(): number {
    const { mode, gamma, scaleFn, scaleMode } = this.options;
    const x = scaleMode === "cycle" ? this.cycle() : this.lastEpoch;
    if (scaleFn !== undefined) return scaleFn(x);
    return mode === "triangular" ? 1 : mode === "triangular2" ? 1 / 2 ** (x - 1) : gamma ** x;
  }
}
