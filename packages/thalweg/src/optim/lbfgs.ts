import { enableGrad, noGrad } from "../autograd/backward.js";
import { OptionError } from "../errors.js";
import { zerosLike } from "../tensor/create.js";
import { cat } from "../tensor/movement.js";
import { Tensor } from "../tensor/tensor.js";
import { descent, learn, loadMemory, type Memory, saveMemory } from "./lbfgsMemory.js";
import { atLeast, Optimizer, type ParamGroup, type Params, type StateDict } from "./optimizer.js";
import { strongWolfe } from "./strongWolfe.js";

export interface LBFGSOptions {
  /** Length of the first try along each direction, and of every step without a line search. Default 1. */
  lr: number;
  /** Iterations in one step. Default 20. */
  maxIter: number;
  /** Evaluations of the function in one step; null: 1.25 · maxIter, rounded down. Default null. */
  maxEval: number | null;
  /** A gradient of which no element is larger ends the step. Default 1e-7. */
  toleranceGrad: number;
  /** A change of the value, or of every element, that is not larger ends the step. Default 1e-9. */
  toleranceChange: number;
  /** How many pairs of steps and gradient changes are remembered, each as large as all parameters. Default 100. */
  historySize: number;
  /** How far to go along each direction: by the strong Wolfe conditions, or lr as it is. Default null. */
  lineSearch: null | "strongWolfe";
  /** Climb instead of descending. Default false. */
  maximize: boolean;
}

/**
 * L-BFGS: Newton's method with an estimate of the inverse Hessian H from the last few steps s and gradient changes y.
 *
 * d = −H g,  p ← p + t d;  with ρ = 1 / (y · s), H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ for each pair, beginning with
 * (y · s / y · y) I of the newest; H is never formed. t is lr (at the first iteration min(1, 1/‖g‖₁) lr), or what a line
 * search finds.
 *
 * For smooth functions without noise. A step needs the function itself, to evaluate it several times:
 *
 * ```ts
 * const optimizer = new optim.LBFGS([w, b], { lineSearch: "strongWolfe" });
 * optimizer.step(() => {
 *   optimizer.zeroGrad();
 *   const loss = x.matmul(w).add(b).sub(y).square().mean();
 *   loss.backward();
 *   return loss;
 * });
 * ```
 *
 * Values are read at each evaluation, so a step has run when it returns. All parameters are one group.
 *
 * Source: D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization" (1989). Meaning and
 * defaults are those of `torch.optim.LBFGS`.
 */
export class LBFGS extends Optimizer<LBFGSOptions> {
  override readonly rule: string = "LBFGS";

  private memory: Memory | null = null;

  constructor(params: Params<LBFGSOptions>, options: Partial<LBFGSOptions> = {}) {
    super(
      params,
      {
        lr: 1,
        maxIter: 20,
        maxEval: Math.floor((options.maxIter ?? 20) * 1.25),
        toleranceGrad: 1e-7,
        toleranceChange: 1e-9,
        historySize: 100,
        lineSearch: null,
        maximize: false,
      },
      options,
    );
  }

  /** Iterations made so far, over all steps. */
  get iterations(): number {
    return this.memory?.iterations ?? 0;
  }

  /** Evaluations of the function so far, over all steps. */
  get evaluations(): number {
    return this.memory?.evaluations ?? 0;
  }

  /**
   * Iterates until a limit or a tolerance is reached.
   *
   * @param closure - clears the gradients, computes the loss, calls backward and returns the loss
   * @returns the loss before the step
   */
  override step(closure?: () => Tensor): Tensor {
    if (closure === undefined) {
      throw new OptionError("LBFGS: step needs a closure that clears gradients, calls backward and returns the loss");
    }
    return noGrad(() => this.iterate(closure));
  }

  private iterate(closure: () => Tensor): Tensor {
    const { lr, maxIter, toleranceGrad, toleranceChange, historySize, lineSearch, ...group } = this.paramGroups[0]!;
    const maxEval = group.maxEval ?? Math.floor(maxIter * 1.25);
    let { loss, value, gradient } = this.evaluate(closure);
    let evaluations = 1;
    this.memory ??= {
      iterations: 0,
      evaluations: 0,
      pairs: [],
      scale: 1,
      direction: gradient,
      stepSize: 0,
      gradient,
    };
    const { memory } = this;
    memory.evaluations++;
    if (largest(gradient) <= toleranceGrad) return loss;

    for (let iteration = 1; iteration <= maxIter; iteration++) {
      if (memory.iterations > 0) learn(memory, gradient, historySize);
      const direction = descent(memory, gradient);
      const firstStep = memory.iterations === 0 ? Math.min(1, 1 / gradient.abs().sum().item()) * lr : lr;
      Object.assign(memory, { direction, gradient, stepSize: firstStep });
      memory.iterations++;

      const slope = gradient.dot(direction).item();
      if (slope > -toleranceChange) break;

      const before = value;
      const reach = largest(direction);
      const x = this.position();
      if (lineSearch !== null) {
        const evaluate = (t: number) => {
          evaluations++;
          memory.evaluations++;
          this.moveTo(x.add(direction.mul(t)));
          const point = this.evaluate(closure);
          return { t, value: point.value, slope: point.gradient.dot(direction).item(), gradient: point.gradient };
        };
        const found = strongWolfe(
          evaluate,
          { t: 0, value, slope, gradient },
          { firstStep, shortest: toleranceChange / reach, mostTries: maxEval - evaluations },
        );
        this.moveTo(x.add(direction.mul(found.t)));
        memory.stepSize = found.t;
        ({ value, gradient } = found);
      } else {
        this.moveTo(x.add(direction.mul(firstStep)));
        // With a noisy function another evaluation at the end would be of no use to the next step.
        if (iteration === maxIter) break;
        ({ value, gradient } = this.evaluate(closure));
        evaluations++;
        memory.evaluations++;
      }

      if (evaluations >= maxEval || largest(gradient) <= toleranceGrad) break;
      if (reach * Math.abs(memory.stepSize) <= toleranceChange || Math.abs(value - before) < toleranceChange) break;
    }
    return loss;
  }

  /** Value and gradient where the parameters are; both negated to climb. */
  private evaluate(closure: () => Tensor): { loss: Tensor; value: number; gradient: Tensor } {
    const loss = enableGrad(closure);
    if (!(loss instanceof Tensor)) throw new OptionError("LBFGS: the closure must return the loss, a tensor");
    const { params, maximize } = this.paramGroups[0]!;
    const flat = cat(params.map((p) => (p.grad ?? zerosLike(p)).reshape([-1])));
    const gradient = (maximize ? flat.neg() : flat).realize();
    return { loss, value: maximize ? -loss.item() : loss.item(), gradient };
  }

  /** All parameters as one vector. */
  private position(): Tensor {
    return cat(this.paramGroups[0]!.params.map((p) => p.detach().reshape([-1]))).realize();
  }

  private moveTo(x: Tensor): void {
    x.realize();
    let offset = 0;
    for (const p of this.paramGroups[0]!.params) {
      p.assign(x.narrow(0, offset, p.numel).reshape(p.shape));
      offset += p.numel;
    }
  }

  override update(): Tensor {
    throw new OptionError("LBFGS: one parameter cannot be updated alone");
  }

  override addParamGroup(group: ParamGroup<LBFGSOptions>): void {
    if (this.paramGroups.length > 0) throw new OptionError("LBFGS: all parameters must be in one group");
    super.addParamGroup(group);
  }

  override stateDict(): StateDict<LBFGSOptions> {
    return { ...super.stateDict(), shared: this.memory === null ? {} : saveMemory(this.memory) };
  }

  override loadStateDict(saved: StateDict<LBFGSOptions>): void {
    const { params } = this.paramGroups[0]!;
    if (Object.keys(saved?.state ?? {}).length > 0) {
      throw new OptionError("loadStateDict: LBFGS keeps no state of single parameters; this is another rule's");
    }
    const shared = saved?.shared ?? {};
    const memory = Object.keys(shared).length === 0 ? null : loadMemory(shared, params);
    super.loadStateDict({ ...saved, shared: {} });
    this.memory = memory;
  }

  protected override validate(options: LBFGSOptions): void {
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearch } = options;
    for (const [name, value] of Object.entries({ lr, toleranceGrad, toleranceChange }))
      atLeast("LBFGS", name, value, 0);
    for (const [name, value] of Object.entries({ maxIter, historySize, maxEval: maxEval ?? 1 })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new OptionError(`LBFGS: ${name} must be a whole number of 1 or more, got ${value}`);
      }
    }
    if (lineSearch !== null && lineSearch !== "strongWolfe") {
      throw new OptionError(`LBFGS: lineSearch must be null or "strongWolfe", got ${JSON.stringify(lineSearch)}`);
    }
  }
}

const largest = (x: Tensor): number => x.abs().max().item();
