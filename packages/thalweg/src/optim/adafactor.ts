import { OptionError } from "../errors.js";
import { full, zeros } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type Params, type State } from "./optimizer.js";

export interface AdafactorOptions {
  /** The largest relative step: at step t it is min(lr, 1/√t) of the parameter's root mean square. Default 0.01. */
  lr: number;
  /** The power −c at which the share t^−c of a new gradient in the mean square falls; 0 or less. Default −0.8. */
  beta2Decay: number;
  /** The least root mean square of a gradient (null: the dtype's rounding error), and of a parameter. Default [null, 1e-3]. */
  eps: readonly [number | null, number];
  /** The largest root mean square of an update before it is scaled; 1 or more. Default 1. */
  d: number;
  /** The parameter shrinks by lr · weightDecay at each step. Default 0. */
  weightDecay: number;
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * Adafactor: RMSProp whose mean square of a matrix is kept as one mean per row and one per column, with steps relative to
 * the parameter's size.
 *
 * R ← R + t^−c (row means of g² − R),  C ← C + t^−c (column means of g² − C),  V = R C / mean(R)
 * (parameters of one dimension: V ← V + t^−c (g² − V)),
 * U = g / √max(V, ε₁²),  p ← (1 − lr λ) p − max(ε₂, rms(p)) · min(lr, 1/√t) · U / max(1, rms(U) / d)
 *
 * The state's `scale` is the last step's factor of U.
 *
 * Source: N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018). Meaning and
 * defaults are those of `torch.optim.Adafactor`.
 */
export class Adafactor extends Optimizer<AdafactorOptions> {
  override readonly rule: string = "Adafactor";

  constructor(params: Params<AdafactorOptions>, options: Partial<AdafactorOptions> = {}) {
    super(params, { lr: 0.01, beta2Decay: -0.8, eps: [null, 1e-3], d: 1, weightDecay: 0, maximize: false }, options);
  }

  protected override initialState({ shape, ndim, dtype }: Tensor): State {
    const scale = full([], 0, { dtype });
    if (ndim < 2) return { scale, variance: zeros(shape, { dtype }) };
    const rowVar = zeros([...shape.slice(0, -1), 1], { dtype });
    const colVar = zeros([...shape.slice(0, -2), 1, shape[ndim - 1]!], { dtype });
    return { scale, rowVar, colVar };
  }

  update(parameter: Tensor, gradient: Tensor, state: State, options: AdafactorOptions, step: number): Tensor {
    const { lr, beta2Decay, eps, d, weightDecay, maximize } = options;
    const g = maximize ? gradient.neg() : gradient;
    const p = weightDecay === 0 ? parameter : parameter.mul(1 - lr * weightDecay);

    const share = step ** beta2Decay;
    const squared = g.square();
    if (g.ndim < 2) state.variance = lerp(state.variance, squared, share);
    else {
      state.rowVar = lerp(state.rowVar, squared.mean(-1, { keepdim: true }), share);
      state.colVar = lerp(state.colVar, squared.mean(-2, { keepdim: true }), share);
    }
    const update = g.mul(inverseRoot(state, options, parameter));

    const relative = Math.min(lr, 1 / Math.sqrt(step));
    const clipping = rms(update).div(d).clamp({ min: 1 });
    state.scale = rms(parameter).clamp({ min: eps[1] }).mul(relative).div(clipping);
    return p.sub(update.mul(state.scale));
  }

  /** What the gradient was multiplied with. */
  protected override stepSize(p: Tensor, state: State, options: AdafactorOptions): Tensor {
    return inverseRoot(state, options, p).mul(state.scale);
  }

  protected override validate({ lr, beta2Decay, eps: [eps1, eps2], d, weightDecay }: AdafactorOptions): void {
    for (const [name, value] of Object.entries({ lr, weightDecay, "eps[0]": eps1 ?? 0, "eps[1]": eps2 }))
      atLeast("Adafactor", name, value, 0);
    atLeast("Adafactor", "d", d, 1);
    if (!(beta2Decay <= 0)) throw new OptionError(`Adafactor: beta2Decay must be 0 or less, got ${beta2Decay}`);
  }
}

/** 1 / √max(V, ε₁²) */
function inverseRoot(state: Readonly<State>, { eps }: AdafactorOptions, p: Tensor): Tensor {
  const least = eps[0] ?? (p.dtype === "float64" ? 2 ** -52 : 2 ** -23);
  const { variance, rowVar, colVar } = state as { [name: string]: Tensor };
  const estimate =
    p.ndim < 2 ? variance! : rowVar!.mul(colVar!).div(rowVar!.mean(-2, { keepdim: true }).clamp({ min: least }));
  return estimate.clamp({ min: least * least }).rsqrt();
}

const lerp = (from: Tensor, to: Tensor, share: number): Tensor => from.add(to.sub(from).mul(share));

const rms = (x: Tensor): Tensor => x.norm().div(Math.sqrt(x.numel));
