import { OptionError } from "../errors.js";
import { showShape } from "../graph/shape.js";
import { fullLike } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, Optimizer, type ParamGroup, type Params, type State } from "./optimizer.js";

export interface MuonOptions {
  /** Learning rate. Default 0.001. */
  lr: number;
  /** The parameter shrinks by lr · weightDecay at each step. Default 0.1. */
  weightDecay: number;
  /** How much of the mean gradient is kept at each step. Default 0.95. */
  momentum: number;
  /** Look ahead: go by the mean gradient's next value as far as this gradient tells it. Default true. */
  nesterov: boolean;
  /** a, b and c of the iteration X ← a X + (b A + c A²) X with A = X Xᵀ. Default [3.4445, −4.775, 2.0315]. */
  nsCoefficients: readonly [number, number, number];
  /** The least norm that a direction is divided by. Default 1e-7. */
  eps: number;
  /** How many iterations; below 100. Default 5. */
  nsSteps: number;
  /**
   * How the learning rate of an n × m matrix follows its shape: times √max(1, n/m) ("original"), 0.2 √max(n, m)
   * ("match_rms_adamw", so that AdamW's learning rates can be kept), or √(n/m) ("spectral_unclamped"). Default "original".
   */
  adjustLrFn: "original" | "match_rms_adamw" | "spectral_unclamped";
}

/**
 * Muon: step along the matrix nearest to orthogonal to the mean gradient, so that all its singular values count alike.
 * For the matrices inside a network; biases, embeddings and the last layer go to another rule.
 *
 * m ← μ m + (1 − μ) g,  G = μ m + (1 − μ) g (or m without Nesterov),
 * X = G / max(‖G‖, ε), then nsSteps times A = X Xᵀ, X ← a X + (b A + c A²) X,  p ← (1 − lr λ) p − lr · adjust(n, m) · X
 *
 * PyTorch iterates in bfloat16; this iterates in the parameter's dtype, so it comes closer to the iteration's true value,
 * and PyTorch's update differs from it by 1 to 2 %.
 *
 * Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). Meaning and defaults are
 * those of `torch.optim.Muon`.
 */
export class Muon extends Optimizer<MuonOptions> {
  override readonly rule: string = "Muon";

  constructor(params: Params<MuonOptions>, options: Partial<MuonOptions> = {}) {
    super(
      params,
      {
        lr: 0.001,
        weightDecay: 0.1,
        momentum: 0.95,
        nesterov: true,
        nsCoefficients: [3.4445, -4.775, 2.0315],
        eps: 1e-7,
        nsSteps: 5,
        adjustLrFn: "original",
      },
      options,
    );
  }

  /** Adds matrices; tensors of other than two dimensions are refused. */
  override addParamGroup(group: ParamGroup<MuonOptions>): void {
    const params = [...group.params];
    const other = params.find((p) => p.ndim !== 2);
    if (other !== undefined) {
      throw new OptionError(`Muon: parameters must have two dimensions, got one of shape ${showShape(other.shape)}`);
    }
    super.addParamGroup({ ...group, params });
  }

  update(p: Tensor, g: Tensor, state: State, options: MuonOptions): Tensor {
    const { lr, weightDecay, momentum, nesterov } = options;
    state.momentumBuffer = state.momentumBuffer.mul(momentum).add(g.mul(1 - momentum));
    const direction = nesterov ? g.mul(1 - momentum).add(state.momentumBuffer.mul(momentum)) : state.momentumBuffer;
    return p.mul(1 - lr * weightDecay).sub(orthogonalized(direction, options).mul(adjusted(p, options)));
  }

  /** What the orthogonalized direction was multiplied with: the same for all elements. */
  protected override stepSize(p: Tensor, _state: State, options: MuonOptions): Tensor {
    return fullLike(p, adjusted(p, options));
  }

  protected override validate(options: MuonOptions): void {
    const { lr, momentum, weightDecay, nsSteps, nsCoefficients, adjustLrFn } = options;
    for (const [name, value] of Object.entries({ lr, momentum, weightDecay, nsSteps })) atLeast("Muon", name, value, 0);
    if (!Number.isInteger(nsSteps) || nsSteps >= 100) {
      throw new OptionError(`Muon: nsSteps must be a whole number below 100, got ${nsSteps}`);
    }
    if (nsCoefficients.length !== 3) throw new OptionError("Muon: nsCoefficients must be three numbers");
    if (!["original", "match_rms_adamw", "spectral_unclamped"].includes(adjustLrFn)) {
      throw new OptionError(
        `Muon: adjustLrFn must be "original", "match_rms_adamw" or "spectral_unclamped", got "${adjustLrFn}"`,
      );
    }
  }
}

/** Newton and Schulz's iteration, with a polynomial that is steep at 0: singular values end near 1, not at it. */
function orthogonalized(direction: Tensor, { nsCoefficients: [a, b, c], nsSteps, eps }: MuonOptions): Tensor {
  const [rows, columns] = direction.shape as [number, number];
  const tall = rows > columns; // then the transpose has the smaller X Xᵀ
  let x = direction.div(direction.norm().clamp({ min: eps }));
  if (tall) x = x.t();
  for (let i = 0; i < nsSteps; i++) {
    const gram = x.matmul(x.t());
    x = x.mul(a).add(gram.mul(b).add(gram.matmul(gram).mul(c)).matmul(x));
  }
  return tall ? x.t() : x;
}

function adjusted({ shape }: Tensor, { lr, adjustLrFn }: MuonOptions): number {
  const [rows, columns] = shape as [number, number];
  switch (adjustLrFn) {
    case "original":
      return lr * Math.sqrt(Math.max(1, rows / columns));
    case "match_rms_adamw":
      return lr * 0.2 * Math.sqrt(Math.max(rows, columns));
    case "spectral_unclamped":
      return lr * Math.sqrt(rows / columns);
  }
}
