import { OptionError } from "../errors.js";
import { tensor } from "../tensor/create.js";
import { stack } from "../tensor/movement.js";
import type { Tensor } from "../tensor/tensor.js";
import { restore, type SavedTensor } from "./slots.js";

/** A step and how much the gradient changed along it: what is known of the Hessian in one direction. */
interface Pair {
  readonly step: Tensor;
  readonly change: Tensor;
  /** step · change, above 0. */
  readonly curvature: number;
}

/** What is known after an iteration. Vectors are flat, over all parameters. */
export interface Memory {
  iterations: number;
  evaluations: number;
  /** Oldest first. */
  pairs: Pair[];
  /** The inverse Hessian where nothing is known of it, a number times the identity. */
  scale: number;
  direction: Tensor;
  /** How far the last iteration went along the direction. */
  stepSize: number;
  /** The gradient where the direction was taken. */
  gradient: Tensor;
}

/** Remembers the last step and the change of the gradient, unless the function curves the wrong way there. */
export function learn(memory: Memory, gradient: Tensor, historySize: number): void {
  const step = memory.direction.mul(memory.stepSize).realize();
  const change = gradient.sub(memory.gradient).realize();
  const [curvature, square] = stack([change.dot(step), change.dot(change)]).dataSync() as unknown as [number, number];
  if (!(curvature > 1e-10)) return;
  memory.pairs = [...memory.pairs, { step, change, curvature }].slice(-historySize);
  memory.scale = curvature / square;
}

/** −H g by the two-loop recursion: back through the pairs, and forth again. */
export function descent({ pairs, scale }: Memory, gradient: Tensor): Tensor {
  // Each vector is computed at once: as one expression, every new length of the history would be another plan.
  let q = gradient.neg().realize();
  const shares: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { step, change, curvature } = pairs[i]!;
    shares[i] = step.dot(q).item() / curvature;
    q = q.sub(change.mul(shares[i]!)).realize();
  }
  let d = q.mul(scale).realize();
  pairs.forEach(({ step, change, curvature }, i) => {
    const share = change.dot(d).item() / curvature;
    d = d.add(step.mul(shares[i]! - share)).realize();
  });
  return d;
}

/** The memory as named tensors; pairs are rows, oldest first. */
export function saveMemory(memory: Memory): Record<string, SavedTensor> {
  const { pairs, direction, gradient, iterations, evaluations, scale, stepSize } = memory;
  const save = (x: Tensor): SavedTensor => ({ dtype: x.dtype, shape: [...x.shape], data: x.dataSync() });
  const rows = (vectors: Tensor[]) =>
    save(vectors.length === 0 ? direction.narrow(0, 0, 0).reshape([0, direction.numel]) : stack(vectors));
  const numbers = (values: number[]) => save(tensor(Float64Array.from(values)));
  return {
    direction: save(direction),
    gradient: save(gradient),
    steps: rows(pairs.map(({ step }) => step)),
    gradientChanges: rows(pairs.map(({ change }) => change)),
    curvatures: numbers(pairs.map(({ curvature }) => curvature)),
    numbers: numbers([iterations, evaluations, scale, stepSize]),
  };
}

/** @throws OptionError if it is not a memory of such parameters */
export function loadMemory(saved: Record<string, SavedTensor>, params: readonly Tensor[]): Memory {
  const size = params.reduce((sum, p) => sum + p.numel, 0);
  const vectors = params.some((p) => p.dtype === "float64") ? "float64" : "float32";
  const load = (name: string, shape: readonly number[], dtype = vectors): Tensor => {
    const entry = saved[name];
    if (entry === undefined) throw new OptionError(`loadStateDict: ${name} is missing from LBFGS's state`);
    if (!Array.isArray(entry.shape) || `${entry.shape}` !== `${shape}` || entry.dtype !== dtype) {
      throw new OptionError(
        `loadStateDict: ${name} is ${entry.dtype} of shape [${entry.shape}], this optimizer's is ${dtype} of [${shape}]`,
      );
    }
    return restore(name, entry);
  };
  const count = saved.curvatures?.shape?.[0] ?? 0;
  const steps = load("steps", [count, size]);
  const changes = load("gradientChanges", [count, size]);
  const curvatures = load("curvatures", [count], "float64").dataSync();
  const [iterations, evaluations, scale, stepSize] = [...load("numbers", [4], "float64").dataSync()] as [
    number,
    number,
    number,
    number,
  ];
  const pairs = Array.from(curvatures, (curvature, i) => ({
    step: steps.select(0, i).realize(),
    change: changes.select(0, i).realize(),
    curvature,
  }));
  const [direction, gradient] = [load("direction", [size]), load("gradient", [size])];
  return { iterations, evaluations, pairs, scale, direction, stepSize, gradient };
}
