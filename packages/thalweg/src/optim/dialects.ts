import type { RMSpropOptions } from "./rmsprop.js";

/**
 * What other programs mean by RMSProp, as options of {@link RMSprop}: each program's formula, and its defaults where it
 * has them (where it insists on a learning rate, none is given here, and RMSprop's own counts).
 *
 * ```ts
 * new optim.RMSprop(parameters, { ...optim.dialects.tensorflow1, lr: 0.0025, momentum: 0.9 })
 * ```
 *
 * v: mean square, m: mean gradient, b: momentum, μ: momentum's factor. `centered: true` puts v − m² in v's place.
 */
export const dialects = {
  /** `torch.optim.RMSprop`, and what counts for every option left out: b ← μ b + g / (√v + ε), p ← p − lr · b. */
  pytorch: {
    lr: 0.01,
    alpha: 0.99,
    eps: 1e-8,
    weightDecay: 0,
    momentum: 0,
    centered: false,
    maximize: false,
    epsInsideSqrt: false,
    initialSquareAvg: 0,
    lrInMomentum: false,
    nesterov: false,
    biasCorrection: false,
    decoupledWeightDecay: false,
  },

  /**
   * TensorFlow 1's `RMSPropOptimizer` (`tf.raw_ops.ApplyRMSProp`, `ApplyCenteredRMSProp`; `decay` is alpha), timm's
   * `RMSpropTF`: v starts at 1; b ← μ b + lr · g / √(v + ε), p ← p − b.
   */
  tensorflow1: { alpha: 0.9, eps: 1e-10, initialSquareAvg: 1, epsInsideSqrt: true, lrInMomentum: true },

  /**
   * `keras.optimizers.RMSprop` of Keras 3 (`rho` is alpha): b ← μ b + lr · g / √(v + ε), p ← p − b; weight decay shrinks
   * the parameter first, by lr · weightDecay.
   */
  keras: { lr: 0.001, alpha: 0.9, eps: 1e-7, epsInsideSqrt: true, lrInMomentum: true, decoupledWeightDecay: true },

  /**
   * `tf.train.rmsprop` of TensorFlow.js (`decay` is alpha): b ← μ b + lr · g / √(v + ε), p ← p − b. Its centered form
   * subtracts ε, √(v − m² − ε), and gives NaN where gradients are small; here it is added.
   */
  tensorflowjs: { alpha: 0.9, eps: 1e-7, epsInsideSqrt: true, lrInMomentum: true },

  /**
   * `optax.rmsprop` (`decay` is alpha, `initial_scale` initialSquareAvg, `eps_in_sqrt` epsInsideSqrt, `bias_correction`
   * biasCorrection): b ← μ b + lr · g / √(v + ε), p ← p − b.
   */
  optax: { alpha: 0.9, eps: 1e-8, epsInsideSqrt: true, lrInMomentum: true },

  /**
   * G. Hinton's lecture 6e (2012): p ← p − lr · g / √v. The lecture has no ε; this one is too small to change a float32
   * quotient unless √v is below 1e-13, and leaves a parameter alone whose gradients have all been 0.
   */
  hinton: { alpha: 0.9, eps: 1e-20 },

  /** A. Graves, "Generating Sequences With Recurrent Neural Networks" (2013), equations 38 to 41: centered. */
  graves: {
    lr: 1e-4,
    alpha: 0.95,
    eps: 1e-4,
    epsInsideSqrt: true,
    centered: true,
    momentum: 0.9,
    lrInMomentum: true,
  },
} as const satisfies Record<string, Partial<RMSpropOptions>>;
