import { Buffer } from "../device/device.js";
import { allocate, DTYPES, type DType, isFloat, RANK, type TypedArray } from "../dtype.js";
import { DTypeError, OptionError, ShapeError } from "../errors.js";
import { leafNode } from "../graph/node.js";
import { checkShape, type Shape, showShape, sizeOf } from "../graph/shape.js";
import { describeValue } from "./elementwise.js";
import {
  defaultGenerator,
  fillNormal,
  fillRandint,
  fillUniform,
  type Generator,
  randperm as permutation,
} from "./generator.js";
import { Tensor } from "./tensor.js";

export interface CreateOptions {
  /** Default "float32" (or what the data says, for {@link tensor}, {@link arange} and the …Like functions). */
  dtype?: DType | undefined;
  /** Whether backward passes compute a gradient for this tensor. Default false. Floats only. */
  requiresGrad?: boolean | undefined;
}

export interface RandomOptions extends CreateOptions {
  /** Where the random numbers come from. Default: the one that {@link manualSeed} seeds. */
  generator?: Generator | undefined;
}

/** Numbers or booleans, nested to any depth. */
export type NestedArray = number | boolean | readonly NestedArray[];

function make(data: TypedArray, shape: Shape, dtype: DType, requiresGrad = false): Tensor {
  const made = new Tensor(leafNode(new Buffer(dtype, data.length, data), shape));
  if (requiresGrad) made.requiresGrad = true;
  return made;
}

function checkDType(operation: string, dtype: DType): DType {
  if (!(dtype in RANK))
    throw new DTypeError(`${operation}: there is no dtype "${dtype}" (there are: ${DTYPES.join(", ")})`);
  return dtype;
}

/** An int32 is cut off a number, but no NaN, infinity or larger number is taken for one. */
function whole(operation: string, value: number): number {
  if (value > -(2 ** 31) - 1 && value < 2 ** 31) return value;
  throw new DTypeError(`${operation}: ${value} is no int32; use another dtype`);
}

/**
 * A tensor of the given values.
 *
 * @param data - a number, nested arrays of equal lengths, or a typed array (one dimension; copied)
 * @throws ShapeError if rows differ in length
 * @throws DTypeError if an element is neither a number nor a boolean
 */
export function tensor(data: NestedArray | ArrayBufferView, { dtype, requiresGrad }: CreateOptions = {}): Tensor {
  if (ArrayBuffer.isView(data)) return fromTypedArray(data, dtype, requiresGrad);
  const shape: number[] = [];
  let row: unknown = data;
  while (Array.isArray(row)) {
    shape.push(row.length);
    row = row[0];
  }
  const found = dtype ?? (typeof row === "boolean" ? "bool" : "float32");
  checkDType("tensor", found);
  const values = allocate(found, sizeOf(shape));
  let next = 0;
  const fill = (part: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof part !== "number" && typeof part !== "boolean") {
        throw Array.isArray(part)
          ? new ShapeError(`tensor: rows are nested to different depths (deeper than ${showShape(shape)} somewhere)`)
          : new DTypeError(`tensor: elements must be numbers or booleans, got ${describeValue(part)}`);
      }
      values[next++] =
        found === "bool" ? (part ? 1 : 0) : found === "int32" ? whole("tensor", Number(part)) : Number(part);
      return;
    }
    if (!Array.isArray(part) || part.length !== shape[depth]) {
      throw new ShapeError(
        `tensor: rows differ in length: dimension ${depth} has ${shape[depth]} elements in the first row and ` +
          `${Array.isArray(part) ? part.length : "no"} in another`,
      );
    }
    for (const inner of part) fill(inner, depth + 1);
  };
  fill(data, 0);
  return make(values, shape, found, requiresGrad);
}

function fromTypedArray(data: ArrayBufferView, dtype?: DType, requiresGrad?: boolean): Tensor {
  if (data instanceof DataView || data instanceof BigInt64Array || data instanceof BigUint64Array) {
    throw new DTypeError(`tensor: cannot take a ${data.constructor.name}; convert it to numbers first`);
  }
  const values = data as unknown as ArrayLike<number>;
  const natural: DType = data instanceof Float32Array ? "float32" : data instanceof Float64Array ? "float64" : "int32";
  const found = checkDType("tensor", dtype ?? natural);
  const copy = allocate(found, values.length);
  if (found === "bool") for (let i = 0; i < values.length; i++) copy[i] = values[i] !== 0 ? 1 : 0;
  else {
    if (found === "int32" && (natural !== "int32" || data instanceof Uint32Array))
      for (let i = 0; i < values.length; i++) whole("tensor", values[i]!);
    copy.set(values);
  }
  return make(copy, [values.length], found, requiresGrad);
}

function filled(
  operation: string,
  shape: Shape,
  value: number,
  { dtype = "float32", requiresGrad }: CreateOptions,
): Tensor {
  checkShape(operation, shape);
  const data = allocate(checkDType(operation, dtype), sizeOf(shape));
  if (value !== 0) data.fill(dtype === "bool" ? 1 : dtype === "int32" ? whole(operation, value) : value);
  return make(data, [...shape], dtype, requiresGrad);
}

export const zeros = (shape: Shape, options: CreateOptions = {}): Tensor => filled("zeros", shape, 0, options);
export const ones = (shape: Shape, options: CreateOptions = {}): Tensor => filled("ones", shape, 1, options);

/** Every element is `value`. */
export function full(shape: Shape, value: number | boolean, options: CreateOptions = {}): Tensor {
  const dtype = options.dtype ?? (typeof value === "boolean" ? "bool" : "float32");
  return filled("full", shape, Number(value), { ...options, dtype });
}

const like = (x: Tensor, options: CreateOptions): CreateOptions => ({ dtype: x.dtype, ...options });

export const zerosLike = (x: Tensor, options: CreateOptions = {}): Tensor => zeros(x.shape, like(x, options));
export const onesLike = (x: Tensor, options: CreateOptions = {}): Tensor => ones(x.shape, like(x, options));
export const fullLike = (x: Tensor, value: number | boolean, options: CreateOptions = {}): Tensor =>
  full(x.shape, value, like(x, options));
export const randLike = (x: Tensor, options: RandomOptions = {}): Tensor =>
  rand(x.shape, { ...options, ...like(x, options) });
export const randnLike = (x: Tensor, options: RandomOptions = {}): Tensor =>
  randn(x.shape, { ...options, ...like(x, options) });

/** start, start + step, … below end. `arange(end)` counts from 0. int32 if all three are whole numbers. */
export function arange(end: number, options?: CreateOptions): Tensor;
export function arange(start: number, end: number, options?: CreateOptions): Tensor;
export function arange(start: number, end: number, step: number, options?: CreateOptions): Tensor;
export function arange(...args: (number | CreateOptions | undefined)[]): Tensor {
  const numbers = args.filter((x): x is number => typeof x === "number");
  const options = args.find((x): x is CreateOptions => typeof x === "object") ?? {};
  const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]!] : (numbers as [number, number, number?]);
  if (step === 0 || !Number.isFinite(start) || !Number.isFinite(end) || (end - start) / step < 0) {
    throw new OptionError(`arange: cannot get from ${start} to ${end} in steps of ${step}`);
  }
  const dtype = options.dtype ?? ([start, end, step].every(Number.isInteger) ? "int32" : "float32");
  const data = allocate(checkDType("arange", dtype), Math.ceil((end - start) / step));
  for (let i = 0; i < data.length; i++) data[i] = start + i * step;
  return make(data, [data.length], dtype, options.requiresGrad);
}

/** `steps` numbers at equal distances, both ends included. */
export function linspace(start: number, end: number, steps: number, options: CreateOptions = {}): Tensor {
  if (!Number.isInteger(steps) || steps < 0)
    throw new OptionError(`linspace: steps must be a whole number of 0 or more, not ${steps}`);
  const dtype = checkDType("linspace", options.dtype ?? "float32");
  const data = allocate(dtype, steps);
  // float32 arithmetic from both ends, as PyTorch does it, so that the values are symmetric and equal to its own.
  const round = dtype === "float32" ? Math.fround : (x: number) => x;
  const step = steps > 1 ? round(round(round(end) - round(start)) / (steps - 1)) : 0;
  for (let i = 0; i < steps; i++) {
    data[i] = i < steps / 2 ? round(round(start) + round(step * i)) : round(round(end) - round(step * (steps - i - 1)));
  }
  return make(data, [steps], dtype, options.requiresGrad);
}

/** Ones on the diagonal. */
export function eye(n: number, m = n, options: CreateOptions = {}): Tensor {
  const shape = checkShape("eye", [n, m]);
  const dtype = checkDType("eye", options.dtype ?? "float32");
  const data = allocate(dtype, n * m);
  for (let i = 0; i < Math.min(n, m); i++) data[i * m + i] = 1;
  return make(data, shape, dtype, options.requiresGrad);
}

function randomFloats(operation: string, shape: Shape, dtype: DType): Float32Array | Float64Array {
  checkShape(operation, shape);
  if (!isFloat(checkDType(operation, dtype))) throw new DTypeError(`${operation}: gives floats, not ${dtype}`);
  return allocate(dtype, sizeOf(shape)) as Float32Array | Float64Array;
}

/** Uniform on [0, 1): the numbers that PyTorch's CPU generator gives. */
export function rand(
  shape: Shape,
  { dtype = "float32", requiresGrad, generator = defaultGenerator }: RandomOptions = {},
): Tensor {
  const data = randomFloats("rand", shape, dtype);
  fillUniform(generator, data);
  return make(data, [...shape], dtype, requiresGrad);
}

/** Standard normal: the numbers that PyTorch's CPU generator gives, to float32 rounding. */
export function randn(
  shape: Shape,
  { dtype = "float32", requiresGrad, generator = defaultGenerator }: RandomOptions = {},
): Tensor {
  const data = randomFloats("randn", shape, dtype);
  fillNormal(generator, data);
  return make(data, [...shape], dtype, requiresGrad);
}

/** int32, uniform on low … high - 1. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  checkShape("randint", shape);
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high) {
    throw new OptionError(`randint: expects whole numbers low < high, got ${low} and ${high}`);
  }
  const data = new Int32Array(sizeOf(shape));
  fillRandint(options.generator ?? defaultGenerator, data, low, high);
  const made = make(data, [...shape], "int32");
  return options.dtype === undefined || options.dtype === "int32" ? made : tensor(data, options).reshape(shape);
}

/** A random order of 0 … n - 1 (int32). */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new OptionError(`randperm: n must be a whole number of 0 or more, not ${n}`);
  const data = permutation(options.generator ?? defaultGenerator, n);
  return options.dtype === undefined || options.dtype === "int32" ? make(data, [n], "int32") : tensor(data, options);
}
