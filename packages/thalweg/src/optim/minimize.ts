import { enableGrad } from "../autograd/backward.js";
import { isFloat } from "../dtype.js";
import { GradientError, OptionError } from "../errors.js";
import { showShape } from "../graph/shape.js";
import { stack } from "../tensor/movement.js";
import { Tensor } from "../tensor/tensor.js";
import { LBFGS } from "./lbfgs.js";

/** What a function is minimized over: one tensor, several in an array, or several by name. */
export type Variables = Tensor | readonly Tensor[] | { readonly [name: string]: Tensor };

/** What {@link minimize} needs of an optimizer; every update rule has it. */
export interface Minimizer {
  zeroGrad(): void;
  step(): unknown;
}

/** How far a run has come. */
export interface MinimizeProgress<X extends Variables> {
  /** Steps made. */
  readonly step: number;
  readonly value: number;
  /** The gradient's Euclidean norm over all variables. */
  readonly gradientNorm: number;
  /** Where the run is now. */
  readonly x: X;
}

export interface MinimizeOptions<X extends Variables> {
  /**
   * Makes the update rule from the variables, such as `(params) => new optim.RMSprop(params, { lr: 0.001 })`.
   * Default: L-BFGS with a strong Wolfe line search, one iteration per step, for smooth functions without noise.
   */
  optimizer?: (params: Tensor[]) => Minimizer;
  /** Most steps to make. Default 1000. */
  maxSteps?: number;
  /**
   * A gradient whose Euclidean norm is not larger ends the run. Default: the square root of the dtype's precision
   * (1.5e-8 in float64, 3.5e-4 in float32). 0 for never, unless it vanishes.
   */
  toleranceGrad?: number;
  /**
   * A step that is not longer, relative to max(1, |x|), ends the run. Default: the dtype's precision (2.2e-16 in
   * float64, 1.2e-7 in float32), which says that nothing moves any more. 0 for never, unless nothing moves at all.
   */
  toleranceChange?: number;
  /** Called at the start and after each step; the run stops if it returns false. */
  callback?: (progress: MinimizeProgress<X>) => unknown;
  /** Stops the run when it is aborted (by the callback: nothing else runs meanwhile). */
  signal?: AbortSignal;
}

/** Where and why a run has ended. */
export interface Minimum<X extends Variables> {
  /** The point with the lowest value that was met, shaped as x0. */
  readonly x: X;
  /** The value there. */
  readonly value: number;
  /** The number of steps made. */
  readonly steps: number;
  /** Values and gradient norms at the start and after each step: steps + 1 numbers each. */
  readonly history: { readonly values: readonly number[]; readonly gradientNorms: readonly number[] };
  /** The tolerance that was reached, or what else ended the run. */
  readonly reason: "gradient" | "change" | "steps" | "not finite" | "stopped";
  /** The reason in words, with numbers. */
  readonly message: string;
}

/**
 * Minimizes a function of tensors.
 *
 * ```ts
 * const rosenbrock = ([x, y]: readonly [Tensor, Tensor]) => x.neg().add(1).square().add(y.sub(x.square()).square().mul(100));
 * const { x, value, message } = optim.minimize(rosenbrock, [tensor(-1.2), tensor(1)]);
 * ```
 *
 * @param f - the function: from tensors shaped as x0 to a tensor of one element
 * @param x0 - where to start; floats. It is not changed
 * @throws OptionError if options or x0 make no sense, or f does not return one number that depends on x
 */
export function minimize<const X extends Variables>(
  f: (x: X) => Tensor,
  x0: X,
  options: MinimizeOptions<X> = {},
): Minimum<X> {
  return enableGrad(() => run(f, x0, options));
}

function run<X extends Variables>(f: (x: X) => Tensor, x0: X, options: MinimizeOptions<X>): Minimum<X> {
  const { params, build } = variables(x0);
  const precision = params.some((p) => p.dtype === "float32") ? 2 ** -23 : 2 ** -52;
  const { maxSteps = 1000, toleranceGrad = Math.sqrt(precision), toleranceChange = precision } = options;
  check({ maxSteps, toleranceGrad, toleranceChange });
  const optimizer = (options.optimizer ?? defaultOptimizer)(params);
  const x = build(params);

  /** Value and gradients where the parameters are. */
  const evaluate = (): Tensor => {
    optimizer.zeroGrad();
    const value = f(x);
    if (!(value instanceof Tensor) || value.numel !== 1) {
      throw new OptionError(
        `minimize: f must return a tensor of one element, not ${value instanceof Tensor ? `shape ${showShape(value.shape)}` : typeof value}`,
      );
    }
    try {
      value.backward();
    } catch (error) {
      if (error instanceof GradientError)
        throw new OptionError(`minimize: f's value does not depend on x (${error.message})`);
      throw error;
    }
    return value;
  };

  const values: number[] = [];
  const gradientNorms: number[] = [];
  let best = { at: params.map(copy), value: Number.NaN, step: 0 };
  let here = best.at;

  for (let step = 0; ; step++) {
    const value = evaluate();
    const before = here;
    if (step > 0) here = params.map(copy);
    const [f0, gradientNorm, change, size] = numbers([
      value.detach().reshape([]),
      norm(params.flatMap((p) => p.grad ?? [])),
      norm(here.map((now, i) => now.sub(before[i]!))),
      norm(here),
    ]);
    values.push(f0);
    gradientNorms.push(gradientNorm);
    const finite = Number.isFinite(f0) && Number.isFinite(gradientNorm);
    if (finite && !(f0 >= best.value)) best = { at: here, value: f0, step };
    const end = (reason: Minimum<X>["reason"], why: string): Minimum<X> => {
      const elsewhere = Number.isFinite(best.value) && best.step !== step;
      const where = elsewhere ? `; the lowest value, ${show(best.value)}, was met after step ${best.step}` : "";
      const message = `after ${step} ${step === 1 ? "step" : "steps"} ${why}${where}`;
      const lowest = Number.isNaN(best.value) ? f0 : best.value;
      return { x: build(best.at), value: lowest, steps: step, history: { values, gradientNorms }, reason, message };
    };

    const stop = options.callback?.({ step, value: f0, gradientNorm, x: build(here) }) === false;
    if (!finite) {
      const what = Number.isFinite(f0)
        ? `gradient's norm became ${gradientNorm} (value ${show(f0)})`
        : `value became ${f0}`;
      return end("not finite", `the ${what}${step > 0 ? "; a smaller learning rate may help" : ""}`);
    }
    if (gradientNorm <= toleranceGrad) {
      return end("gradient", `the gradient's norm is ${show(gradientNorm)}, not above ${show(toleranceGrad)}`);
    }
    if (step > 0 && change <= toleranceChange * Math.max(1, size)) {
      return end("change", `x changed by ${show(change)}, not more than ${show(toleranceChange)} of its size`);
    }
    if (stop || options.signal?.aborted) return end("stopped", `the ${stop ? "callback" : "signal"} stopped it`);
    if (step >= maxSteps) {
      const growth = f0 > values[0]! ? `; the value has grown from ${show(values[0]!)} to ${show(f0)}` : "";
      return end("steps", `there were no more steps (gradient's norm ${show(gradientNorm)})${growth}`);
    }
    if (optimizer instanceof LBFGS) {
      // The first evaluation of its step is the one that was just made.
      let known: Tensor | null = value;
      optimizer.step(() => {
        const first = known;
        known = null;
        return first ?? evaluate();
      });
    } else optimizer.step();
  }
}

/** Searches along each direction but stops after one iteration, so that each step is seen; minimize has the tolerances. */
function defaultOptimizer(params: Tensor[]): LBFGS {
  return new LBFGS(params, {
    maxIter: 1,
    maxEval: 25,
    lineSearch: "strongWolfe",
    toleranceGrad: 0,
    toleranceChange: 0,
  });
}

/** Copies of x0 that can be optimized, and how tensors like them are put into x0's form. */
function variables<X extends Variables>(x0: X): { params: Tensor[]; build: (tensors: readonly Tensor[]) => X } {
  const names = x0 instanceof Tensor || Array.isArray(x0) ? null : Object.keys(x0 as object);
  const given: unknown[] = x0 instanceof Tensor ? [x0] : Object.values(x0 as object);
  if (given.length === 0) throw new OptionError("minimize: x0 has no tensors");
  const params = given.map((value) => {
    if (!(value instanceof Tensor))
      throw new OptionError("minimize: x0 must be a tensor, an array or a record of tensors");
    if (!isFloat(value.dtype)) throw new OptionError(`minimize: x0 must be floats, not ${value.dtype}`);
    const param = copy(value);
    param.requiresGrad = true;
    return param;
  });
  const build = (tensors: readonly Tensor[]): X => {
    if (x0 instanceof Tensor) return tensors[0] as X;
    if (names === null) return [...tensors] as unknown as X;
    return Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as unknown as X;
  };
  return { params, build };
}

function check({
  maxSteps,
  toleranceGrad,
  toleranceChange,
}: Record<"maxSteps" | "toleranceGrad" | "toleranceChange", number>) {
  if (!(maxSteps >= 0)) throw new OptionError(`minimize: maxSteps must be 0 or more, got ${maxSteps}`);
  for (const [name, value] of Object.entries({ toleranceGrad, toleranceChange })) {
    if (!(value >= 0)) throw new OptionError(`minimize: ${name} must be 0 or more, got ${value}`);
  }
}

/** The values as they are now, on storage of their own. */
const copy = (x: Tensor): Tensor => x.detach().mul(1).realize();

const norm = (xs: readonly Tensor[]): Tensor =>
  xs
    .map((x) => x.to("float64").square().sum())
    .reduce((sum, x) => sum.add(x))
    .sqrt();

/** Reads scalars together: one computation. */
function numbers(scalars: readonly [Tensor, Tensor, Tensor, Tensor]): [number, number, number, number] {
  return [...stack(scalars.map((x) => x.to("float64"))).dataSync()] as [number, number, number, number];
}

const show = (x: number): string => `${Number(x.toPrecision(3))}`;
