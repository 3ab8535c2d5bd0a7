import { cat, type DType, dot, noGrad, optim, stack, type Tensor, tensor, where } from "thalweg";
import { bitsOf } from "./counting.js";

/** A value that a program starts from. */
export interface Leaf {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Among the values: NaN, infinities, zeros of both signs, huge and tiny numbers. */
  readonly wild: boolean;
  readonly seed: number;
}

/** One operation: on which of the values so far, and what decides about the rest. */
export interface Instruction {
  readonly name: string;
  readonly on: number;
  readonly seed: number;
}

/** A program over tensors that always makes sense: what does not fit is made to fit. */
export interface Program {
  readonly leaves: readonly Leaf[];
  readonly instructions: readonly Instruction[];
  /** After the forward pass: one more forward and backward pass for each, with a step of an optimizer between them. */
  readonly steps: number;
}

/** Numbers that follow from a seed. */
export class Chance {
  constructor(private state: number) {}

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  some(probability = 0.5): boolean {
    return this.next() < probability;
  }

  /** A random order of 0 … n - 1. */
  order(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }
}

/** No value gets larger than this. */
const MOST = 800;
const WILD = [Number.NaN, Infinity, -Infinity, 0, -0, 1e30, -1e30, 1e-30, -1e-40, 0.5, 1.5, 2.5, 2 ** 31, -(2 ** 31)];
const WILD_INTS = [0, -1, 2 ** 31 - 1, -(2 ** 31), 65536, 3];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const isFloat = (x: Tensor): boolean => x.dtype === "float32" || x.dtype === "float64";
const numeric = (x: Tensor): Tensor => (x.dtype === "bool" ? x.int() : x);
const floating = (x: Tensor): Tensor => (isFloat(x) ? x : x.float());

/**
 * The same values as a view of larger storage, with strides of its own: every other element of every dimension, turned
 * around, dimensions in reverse order.
 */
function viewOf(x: Tensor): Tensor {
  if (x.ndim === 0 || x.numel === 0) return x;
  const spread = x.shape.flatMap((n) => [n, 1]);
  const wide = x
    .flip(x.shape.map((_, d) => d))
    .reshape(spread)
    .pad(x.shape.flatMap(() => [0, 1, 0, 0]))
    .reshape(x.shape.map((n) => 2 * n));
  const storage = tensor(wide.T.dataSync(), { dtype: x.dtype }).reshape([...wide.shape].reverse());
  return x.shape.reduce((view, n, d) => view.slice(d, 0, 2 * n, 2), storage.T).flip(x.shape.map((_, d) => d));
}

function leafOf({ shape, dtype, wild, seed }: Leaf): Tensor {
  const chance = new Chance(seed);
  const draw = (): number => {
    if (dtype === "bool") return chance.below(2);
    if (dtype === "int32") return wild && chance.some(0.3) ? chance.pick(WILD_INTS) : chance.below(11) - 5;
    if (wild && chance.some(0.2)) return chance.pick(WILD);
    // Equal values and whole numbers make ties and exact zeros.
    return chance.some(0.3) ? chance.below(7) - 3 : (chance.next() + chance.next() - 1) * 3;
  };
  const data = Array.from({ length: sizeOf(shape) }, draw);
  return tensor(data, { dtype }).reshape(shape).detach();
}

/** The shape of two that broadcast together, or null. */
function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let d = 1; d <= rank; d++) {
    const [x, y] = [a[a.length - d] ?? 1, b[b.length - d] ?? 1];
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.unshift(x === 1 ? y : x);
  }
  return sizeOf(shape) <= MOST ? shape : null;
}

/** What an operation may draw upon. */
interface Scene {
  readonly chance: Chance;
  readonly values: readonly Tensor[];
}

type Operation = (x: Tensor, scene: Scene) => Tensor;

/** Another value that broadcasts with x (at worst a number of no dimensions), by chance transposed into place. */
function partner(x: Tensor, { chance, values }: Scene): Tensor {
  const fitting = values.filter((y) => broadcast(x.shape, y.shape) !== null);
  return fitting.length > 0 ? chance.pick(fitting) : x;
}

const NUMBERS = [0, 1, 2, -1, 0.5, -0.25, 3, 1e-3, 7];

const dimOf = (x: Tensor, chance: Chance): number => chance.below(x.ndim) - (chance.some() ? x.ndim : 0);

/** Some dimensions, one, or all. */
function dimsOf(x: Tensor, chance: Chance): number | number[] | undefined {
  if (x.ndim === 0 || chance.some(0.2)) return undefined;
  if (chance.some(0.4)) return dimOf(x, chance);
  return chance
    .order(x.ndim)
    .slice(0, 1 + chance.below(x.ndim))
    .sort();
}

const unary =
  (
    name:
      | "exp"
      | "expm1"
      | "log"
      | "log1p"
      | "sqrt"
      | "rsqrt"
      | "reciprocal"
      | "sin"
      | "cos"
      | "tanh"
      | "sigmoid"
      | "erf"
      | "floor"
      | "ceil"
      | "round"
      | "trunc"
      | "isnan"
      | "isfinite"
      | "logicalNot",
  ): Operation =>
  (x) =>
    x[name]();

const numericUnary =
  (name: "neg" | "abs" | "sign" | "square" | "relu"): Operation =>
  (x) =>
    numeric(x)[name]();

const binary =
  (
    name:
      | "add"
      | "sub"
      | "mul"
      | "div"
      | "maximum"
      | "minimum"
      | "eq"
      | "ne"
      | "lt"
      | "le"
      | "gt"
      | "ge"
      | "logicalAnd"
      | "logicalOr"
      | "logicalXor",
  ): Operation =>
  (x, scene) => {
    const { chance } = scene;
    if (chance.some(0.3)) return numeric(x)[name](chance.pick(NUMBERS));
    return numeric(x)[name](numeric(partner(x, scene)));
  };

const reduction =
  (name: "sum" | "prod" | "amax" | "amin" | "any" | "all"): Operation =>
  (x, { chance }) =>
    x[name](dimsOf(x, chance), { keepdim: chance.some() });

const floatReduction =
  (name: "mean" | "variance" | "std" | "logsumexp"): Operation =>
  (x, { chance }) =>
    floating(x)[name](dimsOf(x, chance), { keepdim: chance.some() });

/** Whole numbers from 0 to size - 1, computed from some value, of a shape. */
function indices(shape: readonly number[], size: number, { chance, values }: Scene): Tensor {
  const source = values.find((y) => y.numel >= sizeOf(shape) && sizeOf(shape) > 0);
  if (source === undefined || chance.some(0.3)) {
    return tensor(
      Array.from({ length: sizeOf(shape) }, () => chance.below(size)),
      { dtype: "int32" },
    ).reshape(shape);
  }
  const flat = numeric(source).reshape([source.numel]).slice(0, 0, sizeOf(shape)).int();
  return flat
    .clamp({ min: 0, max: size - 1 })
    .reshape(shape)
    .detach();
}

/** Every operation by name. */
const table: Readonly<Record<string, Operation>> = {
  neg: numericUnary("neg"),
  abs: numericUnary("abs"),
  sign: numericUnary("sign"),
  square: numericUnary("square"),
  relu: numericUnary("relu"),
  exp: unary("exp"),
  expm1: unary("expm1"),
  log: unary("log"),
  log1p: unary("log1p"),
  sqrt: unary("sqrt"),
  rsqrt: unary("rsqrt"),
  reciprocal: unary("reciprocal"),
  sin: unary("sin"),
  cos: unary("cos"),
  tanh: unary("tanh"),
  sigmoid: unary("sigmoid"),
  erf: unary("erf"),
  floor: unary("floor"),
  ceil: unary("ceil"),
  round: unary("round"),
  trunc: unary("trunc"),
  isnan: unary("isnan"),
  isfinite: unary("isfinite"),
  logicalNot: unary("logicalNot"),
  softplus: (x) => floating(x).softplus(),
  gelu: (x, { chance }) => floating(x).gelu({ approximate: chance.pick(["none", "tanh"]) }),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  maximum: binary("maximum"),
  minimum: binary("minimum"),
  eq: binary("eq"),
  ne: binary("ne"),
  lt: binary("lt"),
  le: binary("le"),
  gt: binary("gt"),
  ge: binary("ge"),
  logicalAnd: binary("logicalAnd"),
  logicalOr: binary("logicalOr"),
  logicalXor: binary("logicalXor"),
  pow: (x, scene) => {
    const { chance } = scene;
    if (!isFloat(x)) return numeric(x).pow(chance.pick([0, 1, 2, 3]));
    return chance.some() ? x.pow(chance.pick([0, 1, 2, 3, 0.5, -0.5, -1, 2.5, -3])) : x.pow(partner(x, scene));
  },
  clamp: (x, { chance }) => {
    const [min, max] = [chance.below(3) - 2, chance.below(3)];
    return numeric(x).clamp(chance.pick([{ min, max }, { min }, { max }]));
  },
  where: (x, scene) => {
    const condition = partner(x, scene).bool();
    const shape = broadcast(x.shape, condition.shape)!;
    const others = scene.values.filter((y) => broadcast(shape, y.shape) !== null);
    const other =
      others.length === 0 || scene.chance.some(0.3) ? scene.chance.pick(NUMBERS) : scene.chance.pick(others);
    return scene.chance.some() ? where(condition, x, other) : where(condition, other, x);
  },
  cast: (x, { chance }) => x.to(chance.pick<DType>(["float32", "float64", "int32", "bool"])),
  detach: (x) => x.detach(),
  clone: (x) => x.clone(),

  reshape: (x, { chance }) => {
    const n = x.numel;
    const divisors = Array.from({ length: n }, (_, i) => i + 1).filter((k) => n % k === 0);
    const first = chance.pick(divisors);
    return x.reshape(chance.pick([[n], [first, n / first], [-1, first], [1, n / first, 1, first], [first, -1, 1]]));
  },
  permute: (x, { chance }) => x.permute(chance.order(x.ndim)),
  transpose: (x, { chance }) => (x.ndim < 2 ? x.unsqueeze(0) : x.transpose(dimOf(x, chance), dimOf(x, chance))),
  unsqueeze: (x, { chance }) => (x.ndim > 4 ? x.flatten() : x.unsqueeze(chance.below(x.ndim + 1))),
  squeeze: (x, { chance }) => (x.ndim === 0 || chance.some() ? x.squeeze() : x.squeeze(dimOf(x, chance))),
  expand: (x, { chance }) => {
    const shape = x.shape.map((n) => (n === 1 && chance.some() ? chance.pick([2, 3, 5]) : n));
    if (chance.some() && x.ndim < 5) shape.unshift(chance.pick([1, 2, 3]));
    return sizeOf(shape) <= MOST ? x.expand(shape) : x;
  },
  flatten: (x) => x.flatten(),
  slice: (x, { chance }) => {
    if (x.ndim === 0) return x.unsqueeze(0);
    const d = dimOf(x, chance);
    const n = x.shape.at(d)!;
    const start = chance.below(n);
    return x.slice(d, start, start + 1 + chance.below(n - start), 1 + chance.below(3));
  },
  select: (x, { chance }) => {
    if (x.ndim === 0) return x;
    const d = dimOf(x, chance);
    return x.select(d, chance.below(x.shape.at(d)!));
  },
  unfold: (x, { chance }) => {
    if (x.ndim === 0 || x.ndim > 4) return x;
    const d = dimOf(x, chance);
    const n = x.shape.at(d)!;
    const windows = x.unfold(d, 1 + chance.below(Math.min(n, 3)), 1 + chance.below(2));
    return windows.numel <= MOST ? windows : x;
  },
  flip: (x, { chance }) => (x.ndim === 0 ? x : x.flip(dimsOf(x, chance) ?? 0)),
  pad: (x, { chance }) => {
    if (x.ndim === 0) return x;
    const pairs = x.shape.slice(chance.below(x.ndim)).reverse();
    // A cut may take all but one element; x itself if the result would be large.
    const padding = pairs.flatMap((n) => [chance.below(4) - Math.min(1, n - 1), chance.below(3)]);
    const grown = x.pad(padding, isFloat(x) && chance.some(0.3) ? 1.5 : 0);
    return grown.numel <= MOST ? grown : x.slice(0, 0, 1);
  },
  cat: (x, { chance, values }) => {
    if (x.ndim === 0) return stack([x, x]);
    const d = chance.below(x.ndim);
    const fits = (y: Tensor) => y.ndim === x.ndim && y.shape.every((n, i) => i === d || n === x.shape[i]);
    const others = values.filter(fits);
    const parts = [x, chance.pick(others), ...(chance.some() ? [chance.pick(others)] : [])];
    const total = parts.reduce((n, y) => n + y.numel, 0);
    return total <= MOST ? cat(chance.some() ? parts : parts.reverse(), d) : x;
  },
  stack: (x, { chance, values }) => {
    const others = values.filter((y) => String(y.shape) === String(x.shape));
    if (2 * x.numel > MOST || x.ndim > 4) return x.flatten();
    const other = chance.pick(others);
    return stack([x, other.to(x.dtype)], chance.below(x.ndim + 1));
  },
  split: (x, { chance }) => (x.ndim === 0 ? x : chance.pick(x.chunk(1 + chance.below(3), dimOf(x, chance)))),

  sum: reduction("sum"),
  prod: reduction("prod"),
  amax: reduction("amax"),
  amin: reduction("amin"),
  any: reduction("any"),
  all: reduction("all"),
  mean: floatReduction("mean"),
  variance: floatReduction("variance"),
  std: floatReduction("std"),
  logsumexp: floatReduction("logsumexp"),
  max: (x, { chance }) => (x.ndim === 0 ? x : chance.pick(Object.values(x.max(dimOf(x, chance)) as object))),
  min: (x, { chance }) => (x.ndim === 0 ? numeric(x).min() : x.min(dimOf(x, chance), { keepdim: true }).values),
  argmax: (x, { chance }) => (x.ndim === 0 || chance.some(0.2) ? x.argmax() : x.argmax(dimOf(x, chance))),
  argmin: (x, { chance }) => (x.ndim === 0 ? x.argmin() : x.argmin(dimOf(x, chance), { keepdim: chance.some() })),
  softmax: (x, { chance }) => (x.ndim === 0 ? floating(x) : floating(x).softmax(dimOf(x, chance))),
  logSoftmax: (x, { chance }) => (x.ndim === 0 ? floating(x) : floating(x).logSoftmax(dimOf(x, chance))),
  cumsum: (x, { chance }) => (x.ndim === 0 ? numeric(x) : x.cumsum(dimOf(x, chance))),
  norm: (x, { chance }) => floating(x).norm(chance.pick([1, 2, 3, Infinity, 0]), dimsOf(x, chance)),

  matmul: (x, { chance, values }) => {
    const left = x.ndim === 0 ? numeric(x).reshape([1]) : numeric(x);
    const k = left.shape.at(-1)!;
    const fits = (y: Tensor) => y.ndim > 0 && y.shape.at(y.ndim === 1 ? 0 : -2) === k && y.ndim <= 3;
    const right = [...values.filter(fits), left.ndim < 2 ? left : left.transpose(-1, -2)];
    const other = numeric(chance.pick(right));
    const batches = broadcast(left.shape.slice(0, -2), other.shape.slice(0, -2));
    const rows = left.ndim < 2 ? 1 : left.shape.at(-2)!;
    const columns = other.ndim < 2 ? 1 : other.shape.at(-1)!;
    if (batches === null || sizeOf(batches) * rows * columns > MOST) return left.mul(2);
    return left.matmul(other.to(left.dtype));
  },
  dot: (x) => {
    const flat = numeric(x).flatten();
    return dot(flat, flat.flip(0));
  },
  gather: (x, scene) => {
    if (x.ndim === 0) return x;
    const d = scene.chance.below(x.ndim);
    const shape = x.shape.map((n, i) => (i === d ? 1 + scene.chance.below(4) : 1 + scene.chance.below(n)));
    return sizeOf(shape) <= MOST ? x.gather(d, indices(shape, x.shape[d]!, scene)) : x;
  },
  indexSelect: (x, scene) => {
    if (x.ndim === 0) return x;
    const d = scene.chance.below(x.ndim);
    return x.indexSelect(d, indices([1 + scene.chance.below(3)], x.shape[d]!, scene));
  },
  scatterAdd: (x, scene) => {
    if (x.ndim === 0) return x;
    const base = numeric(x);
    const d = scene.chance.below(x.ndim);
    const shape = x.shape.map((n, i) => (i === d ? n : 1 + scene.chance.below(n)));
    const index = indices(shape, x.shape[d]!, scene);
    return base.mul(0.5).to(base.dtype).scatterAdd(d, index, base);
  },
  oneHot: (x, scene) => (x.numel > MOST / 4 ? x : indices(x.shape, 4, scene).oneHot(4)),
};

export const operationNames: readonly string[] = Object.keys(table);

/** What must not matter. */
export interface Circumstances {
  /** Decides what is read on the way. */
  readonly seed?: number;
  /** How likely a value is read as soon as it is recorded. Default 0. */
  readonly reading?: number;
  /** Inputs that no step changes are views with strides of their own. */
  readonly views?: boolean;
}

/** What a program computes: bits, with a name for each. Equal however it is run. */
export function run(
  { leaves, instructions, steps }: Program,
  { seed = 0, reading = 0, views = false }: Circumstances = {},
): string[] {
  const chance = new Chance(seed);
  const look = (x: Tensor | null): void => {
    if (x !== null && chance.some(reading)) x.dataSync();
  };
  const results: string[] = [];
  const inputs = leaves.map(leafOf);
  // Every other float is a parameter, the first one always.
  const params = inputs.filter(isFloat).filter((_, i) => i % 2 === 0);
  if (views) for (const [i, x] of inputs.entries()) if (!params.includes(x)) inputs[i] = viewOf(x);
  for (const p of params) p.requiresGrad = true;
  const optimizer = params.length > 0 ? new optim.RMSprop(params, { lr: 0.05, momentum: 0.5 }) : null;

  const forward = (): Tensor[] => {
    const values = [...inputs];
    instructions.forEach(({ name, on, seed }) => {
      const x = values[on % values.length]!;
      const made = table[name]!(x, { chance: new Chance(seed), values });
      look(made);
      values.push(made);
    });
    return values.slice(inputs.length);
  };

  noGrad(forward).forEach((x, i) => {
    results.push(`noGrad ${i} ${instructions[i]!.name} ${bitsOf(x)}`);
  });
  for (let step = 0; step < steps && optimizer !== null; step++) {
    const values = forward();
    const losses = values
      .filter((x) => x.requiresGrad)
      .map((x) =>
        x
          .mul(1 / x.numel)
          .sum()
          .double(),
      );
    const loss = losses.reduce((a, b) => a.add(b), tensor(0, { dtype: "float64" }));
    look(loss);
    optimizer.zeroGrad();
    if (loss.requiresGrad) loss.backward();
    for (const p of params) look(p.grad);
    if (chance.some(reading)) for (const x of values) look(x);
    if (step % 2 === 0)
      for (const [i, p] of params.entries()) if (p.grad) results.push(`gradient ${i} ${bitsOf(p.grad)}`);
    optimizer.step();
    for (const p of params) look(p);
    if (step === 0) {
      values.forEach((x, i) => {
        results.push(`after the step ${i} ${instructions[i]!.name} ${bitsOf(x)}`);
      });
    }
    look(loss);
  }
  for (const [i, p] of params.entries()) results.push(`parameter ${i} ${bitsOf(p)}`);
  return results;
}

/** Trains a program for some steps, the step being made by `make`; tells the bits of all its values at each of them. */
export function trained(
  { leaves, instructions }: Program,
  steps: number,
  make: <R>(step: () => R) => () => R,
): string[] {
  const inputs = leaves.map(leafOf);
  const params = inputs.filter(isFloat).filter((_, i) => i % 2 === 0);
  for (const p of params) p.requiresGrad = true;
  const optimizer = new optim.RMSprop(params, { lr: 0.05, momentum: 0.5 });
  const step = make(() => {
    const values = [...inputs];
    for (const { name, on, seed } of instructions)
      values.push(table[name]!(values[on % values.length]!, { chance: new Chance(seed), values }));
    const made = values.slice(inputs.length);
    const loss = made
      .filter((x) => x.requiresGrad)
      .map((x) => x.sum().double())
      .reduce((a, b) => a.add(b), tensor(0, { dtype: "float64" }));
    optimizer.zeroGrad();
    if (loss.requiresGrad) loss.backward();
    optimizer.step();
    return made;
  });
  const results: string[] = [];
  for (let i = 0; i < steps; i++)
    for (const [k, x] of step().entries()) results.push(`step ${i} value ${k} ${bitsOf(x)}`);
  for (const [i, p] of params.entries()) results.push(`parameter ${i} ${bitsOf(p)}`);
  return results;
}
