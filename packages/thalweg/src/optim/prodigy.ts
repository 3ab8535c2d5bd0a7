import { OptionError } from "../errors.js";
import { tensor } from "../tensor/create.js";
import { maximum, minimum, where } from "../tensor/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Betas, checkBetas } from "./betas.js";
import { atLeast, type Entry, Optimizer, type Params, type State } from "./optimizer.js";

export interface ProdigyOptions {
  /** Factor on the step size that the rule finds. Leave it at 1, or let a schedule take it from 1 to 0. Default 1. */
  lr: number;
  /** How much of the mean gradient and of the mean square is kept at each step. Default [0.9, 0.999]. */
  betas: Betas;
  /** How much of the sums that estimate the distance is kept; null for √β₂. Default null. */
  beta3: number | null;
  /** Added, times d, to the root, so that nothing is divided by zero. Default 1e-8. */
  eps: number;
  /** This times the step size is taken from the parameter at each step, or an L2 penalty. Default 0. */
  weightDecay: number;
  /** Decay as in AdamW; false: this times the parameter is added to its gradient. Default true. */
  decouple: boolean;
  /** Make up for the start of the averages at zero. Default false. */
  useBiasCorrection: boolean;
  /** Leave the learning rate out of the estimate's denominator, for a warm-up from small learning rates. Default false. */
  safeguardWarmup: boolean;
  /** The first estimate of the distance; only too large a value does harm. Default 1e-6. */
  d0: number;
  /** Factor on all estimates. Default 1. */
  dCoef: number;
  /** The estimate grows at most by this factor in a step. Default Infinity. */
  growthRate: number;
}

/** Steps made by a group; saved with its options, and not to be set. */
interface Progress {
  k: number;
}

/**
 * Prodigy: Adam that finds its own step size, by estimating how far from the start p₀ the solution is.
 *
 * m ← β₁ m + (1 − β₁) d g,  v ← β₂ v + (1 − β₂) d² g²,  η = lr · d,
 * r ← β₃ r + η d/d₀ ⟨g, p₀ − p⟩,  s ← β₃ s + η d/d₀ g   (⟨ ⟩ and ‖ ‖ over all parameters),
 * d ← max(d, r / ‖s‖₁),  p ← p − η λ p − η m / (√v + d ε)
 *
 * With bias correction η is multiplied by √(1 − β₂ᵏ) / (1 − β₁ᵏ). All groups have the same learning rate, or 0: those rest.
 *
 * Source: K. Mishchenko, A. Defazio, "Prodigy: an expeditiously adaptive parameter-free learner" (2023). Meaning and
 * defaults are those of the authors' package `prodigyopt`.
 */
export class Prodigy extends Optimizer<ProdigyOptions & Progress> {
  override readonly rule: string = "Prodigy";

  constructor(params: Params<ProdigyOptions & Progress>, options: Partial<ProdigyOptions> = {}) {
    super(
      params,
      {
        lr: 1,
        betas: [0.9, 0.999],
        beta3: null,
        eps: 1e-8,
        weightDecay: 0,
        decouple: true,
        useBiasCorrection: false,
        safeguardWarmup: false,
        d0: 1e-6,
        dCoef: 1,
        growthRate: Number.POSITIVE_INFINITY,
        k: 0,
      },
      options,
    );
  }

  /** The estimate of the distance from the start to the solution, one float64 number; null before the first step. */
  get d(): Tensor | null {
    return this.shared.d ?? null;
  }

  // In float64 whatever the parameters are: these few numbers add up over the whole run.
  protected override initialShared(): State {
    const { d0 } = this.paramGroups[0]!;
    const number = (value: number) => tensor(value, { dtype: "float64" });
    return { d: number(d0), dMax: number(d0), numerator: number(0), rate: number(0) };
  }

  protected override prepare(entries: readonly Entry<ProdigyOptions & Progress>[], shared: State): void {
    const { betas, beta3, d0, dCoef, growthRate, useBiasCorrection, k } = this.paramGroups[0]!;
    const lr = Math.max(...this.paramGroups.map((group) => group.lr));
    const moving = entries.filter(({ options }) => options.lr !== 0);
    if (moving.length === 0) return;
    if (moving.some(({ options }) => options.lr !== lr)) {
      throw new OptionError("Prodigy: all groups must have the same learning rate, or 0");
    }
    for (const group of this.paramGroups) group.k = k + 1;
    const correction = useBiasCorrection ? Math.sqrt(1 - betas[1] ** (k + 1)) / (1 - betas[0] ** (k + 1)) : 1;
    const keep = beta3 ?? Math.sqrt(betas[1]);
    const { d } = shared as { d: Tensor };

    shared.rate = d.mul(lr * correction);
    let numerator = shared.numerator!.mul(keep);
    let denominator = tensor(0, { dtype: "float64" });
    for (const { p, g: gradient, state, options, step } of moving) {
      const [beta1, beta2] = options.betas;
      const g = penalized(gradient, p, options);
      const scaled = g.mul(d.to(p.dtype));
      if (step === 1) state.p0 = p;
      if (beta1 > 0) state.expAvg = state.expAvg!.mul(beta1).add(scaled.mul(1 - beta1));
      state.expAvgSq = state.expAvgSq!.mul(beta2).add(scaled.square().mul(1 - beta2));

      // d / d₀ in place of d keeps small numbers away from zero; it cancels in the quotient.
      const share = d.div(options.d0).mul(options.safeguardWarmup ? d : shared.rate);
      const progress = g.mul(state.p0!.sub(p)).sum().to("float64");
      numerator = numerator.add(d.div(options.d0).mul(shared.rate).mul(progress));
      state.s = state.s!.mul(keep).add(g.mul(share.to(p.dtype)));
      denominator = denominator.add(state.s.abs().sum().to("float64"));
    }
    // Until the first gradient that is not zero there is nothing to estimate from.
    const known = denominator.ne(0);
    const estimate = where(known, numerator.mul(dCoef).div(denominator), d);
    const grown = where(d.eq(d0), maximum(d, estimate), d).mul(growthRate);
    shared.numerator = numerator;
    shared.dMax = maximum(shared.dMax!, estimate);
    shared.d = minimum(shared.dMax, grown);
  }

  update(p: Tensor, gradient: Tensor, state: State, options: ProdigyOptions & Progress): Tensor {
    const { lr, betas, weightDecay, decouple } = options;
    if (lr === 0) return p;
    const [d, rate] = [this.shared.d!.to(p.dtype), this.shared.rate!.to(p.dtype)];
    // Without momentum the gradient is taken as it is, in the units of the new d.
    const direction = betas[0] > 0 ? state.expAvg! : penalized(gradient, p, options).mul(d);
    const kept = weightDecay !== 0 && decouple ? p.sub(p.mul(rate.mul(weightDecay))) : p;
    return kept.sub(direction.div(this.denominator(p, state, options)).mul(rate));
  }

  /** √v + d ε */
  private denominator(p: Tensor, state: Readonly<State>, { eps }: ProdigyOptions): Tensor {
    return state.expAvgSq!.sqrt().add(this.shared.d!.mul(eps).to(p.dtype));
  }

  protected override stepSize(p: Tensor, state: Readonly<State>, options: ProdigyOptions): Tensor {
    return this.denominator(p, state, options).reciprocal().mul(this.shared.rate!.to(p.dtype));
  }

  protected override validate(options: ProdigyOptions): void {
    const { lr, betas, eps, weightDecay, d0 } = options;
    for (const [name, value] of Object.entries({ lr, weightDecay })) atLeast("Prodigy", name, value, 0);
    checkBetas("Prodigy", betas);
    for (const [name, value] of Object.entries({ eps, d0 })) {
      if (!(value > 0)) throw new OptionError(`Prodigy: ${name} must be above 0, got ${value}`);
    }
  }
}

/** The gradient, with the L2 penalty if it is asked for. */
function penalized(g: Tensor, p: Tensor, { weightDecay, decouple }: ProdigyOptions): Tensor {
  return weightDecay !== 0 && !decouple ? g.add(p.mul(weightDecay)) : g;
}
