/**
 * Initialisers, as `torch.nn.init`: each fills a tensor in place, with the numbers that PyTorch draws after the same
 * `manualSeed`, and returns it.
 */

import { isFloat } from "../dtype.js";
import { DTypeError, OptionError, ShapeError } from "../errors.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import { defaultGenerator, fillNormal, fillUniform, type Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { orthonormal } from "./orthonormal.js";
import { type Floats, setValues } from "./parameter.js";

export interface RandomInit {
  /** Where the random numbers come from. Default: the one that `manualSeed` seeds. */
  generator?: Generator | undefined;
}

/** Which of a weight's two sides keeps its variance: inputs (forward pass) or outputs (backward pass). */
export type FanMode = "fanIn" | "fanOut";

export type Nonlinearity = "linear" | "conv1d" | "conv2d" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/** New values for a tensor of floats, made by a function, in the tensor's place. */
function fill(operation: string, x: Tensor, make: (values: Floats) => void): Tensor {
  if (!isFloat(x.dtype)) throw new DTypeError(`init.${operation}: expects a tensor of floats, got ${x.dtype}`);
  const values = x.dtype === "float64" ? new Float64Array(x.numel) : new Float32Array(x.numel);
  make(values);
  setValues(x, values);
  return x;
}

/** Uniform on [a, b]. */
export function uniform(
  x: Tensor,
  { a = 0, b = 1, generator = defaultGenerator }: { a?: number; b?: number } & RandomInit = {},
): Tensor {
  return fill("uniform", x, (values) => fillUniform(generator, values, a, b));
}

export function normal(
  x: Tensor,
  { mean = 0, std = 1, generator = defaultGenerator }: { mean?: number; std?: number } & RandomInit = {},
): Tensor {
  return fill("normal", x, (values) => fillNormal(generator, values, mean, std));
}

/** Normal, cut off outside [a, b]: what falls outside is drawn again. */
export function truncNormal(
  x: Tensor,
  {
    mean = 0,
    std = 1,
    a = -2,
    b = 2,
    generator = defaultGenerator,
  }: { mean?: number; std?: number; a?: number; b?: number } & RandomInit = {},
): Tensor {
  if (!(a < b) || !(std > 0)) {
    throw new OptionError(`init.truncNormal: expects a < b and std > 0, got a = ${a}, b = ${b}, std = ${std}`);
  }
  return fill("truncNormal", x, (values) => drawTruncated(values, { mean, std, a, b, generator }));
}

export const constant = (x: Tensor, value: number): Tensor =>
  fill("constant", x, (values) => {
    values.fill(value);
  });
export const zeros = (x: Tensor): Tensor => constant(x, 0);
export const ones = (x: Tensor): Tensor => constant(x, 1);

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export function eye(x: Tensor): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`init.eye: expects a matrix, got shape ${showShape(x.shape)}`);
  const [rows, columns] = x.shape as [number, number];
  return fill("eye", x, (values) => {
    for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  });
}

/** Uniform on ±gain · √(6 / (fanIn + fanOut)). Source: X. Glorot, Y. Bengio (2010). */
export function xavierUniform(x: Tensor, { gain = 1, ...random }: { gain?: number } & RandomInit = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd("xavierUniform", x, gain);
  return uniform(x, { a: -bound, b: bound, ...random });
}

/** Normal with standard deviation gain · √(2 / (fanIn + fanOut)). Source: X. Glorot, Y. Bengio (2010). */
export function xavierNormal(x: Tensor, { gain = 1, ...random }: { gain?: number } & RandomInit = {}): Tensor {
  return normal(x, { std: xavierStd("xavierNormal", x, gain), ...random });
}

export interface KaimingOptions extends RandomInit {
  /** The negative slope of the leaky ReLU that follows. Default 0. */
  a?: number | undefined;
  /** Default "fanIn". */
  mode?: FanMode | undefined;
  /** Default "leakyRelu". */
  nonlinearity?: Nonlinearity | undefined;
}

/** Uniform on ±gain · √(3 / fan). Source: K. He et al. (2015). */
export function kaimingUniform(x: Tensor, options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingStd("kaimingUniform", x.shape, options);
  return uniform(x, { a: -bound, b: bound, generator: options.generator ?? defaultGenerator });
}

/** Normal with standard deviation gain / √fan. Source: K. He et al. (2015). */
export function kaimingNormal(x: Tensor, options: KaimingOptions = {}): Tensor {
  const std = kaimingStd("kaimingNormal", x.shape, options);
  return normal(x, { std, generator: options.generator ?? defaultGenerator });
}

/**
 * A (semi-)orthogonal matrix, uniform among all such; dimensions behind the first count as one. Source: A. Saxe et al.
 * (2013), with the signs of F. Mezzadri (2007).
 */
export function orthogonal(
  x: Tensor,
  { gain = 1, generator = defaultGenerator }: { gain?: number } & RandomInit = {},
): Tensor {
  if (x.ndim < 2)
    throw new ShapeError(`init.orthogonal: expects 2 dimensions or more, got shape ${showShape(x.shape)}`);
  if (x.numel === 0) return x;
  const rows = x.shape[0]!;
  return fill("orthogonal", x, (values) => {
    fillNormal(generator, values);
    values.set(orthonormal(values, rows, values.length / rows).map((value) => value * gain));
  });
}

/** The factor by which a nonlinearity wants the weights before it larger, to keep the variance. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case "linear":
    case "conv1d":
    case "conv2d":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope * slope));
    case "selu":
      return 3 / 4;
    default:
      throw new OptionError(`init.calculateGain: no gain is known for "${String(nonlinearity)}"`);
  }
}

/** How many inputs one output of a weight [out, in, …kernel] has, and how many outputs one input. */
export function fans(operation: string, shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError(`init.${operation}: a weight of shape ${showShape(shape)} has no inputs and outputs to count`);
  }
  const kernel = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * kernel, fanOut: shape[0]! * kernel };
}

function xavierStd(operation: string, x: Tensor, gain: number): number {
  const { fanIn, fanOut } = fans(operation, x.shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

function kaimingStd(
  operation: string,
  shape: Shape,
  { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" }: KaimingOptions,
): number {
  if (mode !== "fanIn" && mode !== "fanOut")
    throw new OptionError(`init.${operation}: mode must be "fanIn" or "fanOut", not "${String(mode)}"`);
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(operation, shape)[mode]);
}

/**
 * What PyTorch's Linear and convolutions start from: weights by {@link kaimingUniform} with a = √5, which is uniform on
 * ±1/√fanIn.
 */
export function drawWeight(values: Floats, shape: Shape, generator: Generator = defaultGenerator): void {
  const bound = Math.sqrt(3) * kaimingStd("kaimingUniform", shape, { a: Math.sqrt(5) });
  fillUniform(generator, values, -bound, bound);
}

/** And biases: uniform on ±1/√fanIn of the weight. */
export function drawBias(values: Floats, weight: Shape, generator: Generator = defaultGenerator): void {
  const { fanIn } = fans("uniform", weight);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  fillUniform(generator, values, -bound, bound);
}

interface Truncated extends Required<RandomInit> {
  mean: number;
  std: number;
  a: number;
  b: number;
  generator: Generator;
}

/**
 * Normals where most of them fall into [a, b]; else, since nearly all would be rejected, uniforms of [a, b] that are kept
 * with the probability of the density there relative to its peak. Every round draws for all places, as PyTorch's does.
 */
function drawTruncated(values: Floats, { mean, std, a, b, generator }: Truncated): void {
  const round = values instanceof Float32Array ? Math.fround : (x: number) => x;
  const drawn = values.slice();
  let open: number[] = Array.from(values, (_, i) => i);
  const accept = (keep: (i: number) => boolean): void => {
    open = open.filter((i) => {
      values[i] = drawn[i]!;
      return !keep(i);
    });
  };
  if (normalShare((b - mean) / std) - normalShare((a - mean) / std) > 0.3) {
    const [low, high] = [round(a), round(b)];
    while (open.length > 0) {
      fillNormal(generator, drawn, mean, std);
      accept((i) => drawn[i]! >= low && drawn[i]! <= high);
    }
    return;
  }
  const peak = -0.5 * ((Math.min(Math.max(mean, a), b) - mean) / std) ** 2;
  const chance = values.slice();
  const logDensity = (x: number): number => {
    const distance = round(round(x - round(mean)) / round(std));
    return round(round(round(distance * distance) * -0.5) - round(peak));
  };
  while (open.length > 0) {
    fillUniform(generator, drawn, a, b);
    fillUniform(generator, chance);
    accept((i) => round(Math.log(chance[i]!)) <= logDensity(drawn[i]!));
  }
}

/** Φ(x), by the series of its density: only compared with 0.3, so a dozen digits are plenty. */
function normalShare(x: number): number {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-16 * Math.abs(sum) && n < 400; n++) sum += term *= (x * x) / (2 * n + 1);
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
