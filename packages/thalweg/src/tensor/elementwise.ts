import { type DType, isFloat, promote, RANK } from "../dtype.js";
import { DeviceError, DTypeError, OptionError } from "../errors.js";
import { type Node, record, recording, scalarNode } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { broadcast, SCALAR, type Shape, sameShape } from "../graph/shape.js";
import { Tensor } from "./tensor.js";

/** What an operation takes beside a tensor: another tensor, or a number. */
export type Operand = Tensor | number | boolean;

/** The result's dtype by PyTorch's rule: a 0-dimensional tensor counts only if its kind (bool, int, float) is higher. */
function resultType(a: Tensor, b: Tensor): DType {
  const x = a.node.dtype;
  const y = b.node.dtype;
  if (x === y) return x;
  const xShape = a.node.shape.length;
  const yShape = b.node.shape.length;
  if ((xShape === 0) === (yShape === 0)) return promote(x, y);
  const [strong, weak] = xShape > 0 ? [x, y] : [y, x];
  return kindOf(weak) > kindOf(strong) ? weak : strong;
}

const kindOf = (dtype: DType): number => Math.min(RANK[dtype], 2);

/** The dtype of a tensor of `dtype` combined with a JavaScript number: 2 is a whole number, 2.5 is not. */
function withNumber(dtype: DType, value: number | boolean): DType {
  if (isFloat(dtype) || typeof value === "boolean") return dtype;
  if (!Number.isInteger(value)) return "float32";
  return dtype === "bool" ? "int32" : dtype;
}

export function castNode(node: Node, dtype: DType): Node {
  if (node.dtype === dtype) return node;
  if (node.primitive === P.scalar) {
    if (recording.capture !== null) recording.capture.copiedAt = recording.capture.nodes.length;
    return scalarNode(node.value!, dtype);
  }
  return record(P.cast, dtype, node.shape, [node]);
}

/** Both operands as nodes of one dtype. At least one is a tensor. */
function operands(operation: string, a: Operand, b: Operand): { dtype: DType; left: Node; right: Node } {
  if (a instanceof Tensor) {
    if (b instanceof Tensor) {
      const dtype = resultType(a, b);
      return { dtype, left: castNode(a.node, dtype), right: castNode(b.node, dtype) };
    }
    const value = numberOf(operation, b);
    const dtype = withNumber(a.node.dtype, b);
    return { dtype, left: castNode(a.node, dtype), right: scalarNode(value, dtype) };
  }
  const value = numberOf(operation, a);
  if (!(b instanceof Tensor)) throw new DTypeError(`${operation}: at least one operand must be a tensor`);
  const dtype = withNumber(b.node.dtype, a);
  return { dtype, left: scalarNode(value, dtype), right: castNode(b.node, dtype) };
}

function numberOf(operation: string, value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  throw new DTypeError(`${operation}: expected a tensor or a number, got ${describeValue(value)}`);
}

export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array (make it a tensor first: tensor([...]))";
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}

/** A binary operation whose result has the operands' dtype. */
export function arithmetic(primitive: P.Primitive, a: Operand, b: Operand): Tensor {
  // The common case first: recording is the whole cost of a small program.
  if (a instanceof Tensor) {
    const x = a.node;
    if (typeof b === "number" && x.dtype === "float32") {
      return new Tensor(record(primitive, "float32", x.shape, [x, scalarNode(b, "float32")]));
    }
    if (b instanceof Tensor && b.node.dtype === x.dtype && x.dtype !== "bool") {
      return new Tensor(record(primitive, x.dtype, broadcast(primitive.name, x.shape, b.node.shape), [x, b.node]));
    }
  }
  const { dtype, left, right } = operands(primitive.name, a, b);
  if (dtype === "bool") {
    const logical =
      primitive === P.add || primitive === P.maximum
        ? P.or
        : primitive === P.mul || primitive === P.minimum
          ? P.and
          : null;
    if (logical === null) {
      throw new DTypeError(`${primitive.name}: not defined for two tensors of bool; use logicalXor or to("int32")`);
    }
    return new Tensor(record(logical, "bool", broadcast(primitive.name, left.shape, right.shape), [left, right]));
  }
  return new Tensor(record(primitive, dtype, broadcast(primitive.name, left.shape, right.shape), [left, right]));
}

/** A comparison: the result is bool. */
function comparison(name: string, primitive: P.Primitive, a: Operand, b: Operand): Tensor {
  let { left, right } = operands(name, a, b);
  if (left.dtype === "bool") [left, right] = [castNode(left, "int32"), castNode(right, "int32")];
  return new Tensor(record(primitive, "bool", broadcast(name, left.shape, right.shape), [left, right]));
}

function logical(primitive: P.Primitive, name: string, a: Operand, b: Operand): Tensor {
  const left = a instanceof Tensor ? castNode(a.node, "bool") : scalarNode(numberOf(name, a) ? 1 : 0, "bool");
  const right = b instanceof Tensor ? castNode(b.node, "bool") : scalarNode(numberOf(name, b) ? 1 : 0, "bool");
  return new Tensor(record(primitive, "bool", broadcast(name, left.shape, right.shape), [left, right]));
}

/** A function of one tensor that keeps its dtype. */
function same(primitive: P.Primitive, x: Tensor): Tensor {
  if (x.node.dtype === "bool")
    throw new DTypeError(`${primitive.name}: not defined for bool; convert with to("int32")`);
  return new Tensor(record(primitive, x.node.dtype, x.node.shape, [x.node]));
}

/** A function of one tensor that gives floats: whole numbers become float32 first. */
function floating(primitive: P.Primitive, x: Tensor): Tensor {
  const node = isFloat(x.node.dtype) ? x.node : castNode(x.node, "float32");
  return new Tensor(record(primitive, node.dtype, node.shape, [node]));
}

/** Rounding leaves whole numbers as they are. */
const rounding = (primitive: P.Primitive, x: Tensor): Tensor => (isFloat(x.node.dtype) ? same(primitive, x) : x);

export const neg = (x: Tensor): Tensor => same(P.neg, x);
export const abs = (x: Tensor): Tensor => same(P.abs, x);
export const sign = (x: Tensor): Tensor => (x.node.dtype === "bool" ? x : same(P.sign, x));
export const square = (x: Tensor): Tensor => same(P.square, x);
export const relu = (x: Tensor): Tensor => same(P.relu, x);
export const exp = (x: Tensor): Tensor => floating(P.exp, x);
export const expm1 = (x: Tensor): Tensor => floating(P.expm1, x);
export const log = (x: Tensor): Tensor => floating(P.log, x);
export const log1p = (x: Tensor): Tensor => floating(P.log1p, x);
export const sqrt = (x: Tensor): Tensor => floating(P.sqrt, x);
export const rsqrt = (x: Tensor): Tensor => floating(P.rsqrt, x);
export const reciprocal = (x: Tensor): Tensor => floating(P.reciprocal, x);
export const sin = (x: Tensor): Tensor => floating(P.sin, x);
export const cos = (x: Tensor): Tensor => floating(P.cos, x);
export const tanh = (x: Tensor): Tensor => floating(P.tanh, x);
export const sigmoid = (x: Tensor): Tensor => floating(P.sigmoid, x);
export const erf = (x: Tensor): Tensor => floating(P.erf, x);
export const floor = (x: Tensor): Tensor => rounding(P.floor, x);
export const ceil = (x: Tensor): Tensor => rounding(P.ceil, x);
export const round = (x: Tensor): Tensor => rounding(P.round, x);
export const trunc = (x: Tensor): Tensor => rounding(P.trunc, x);

export const add = (a: Operand, b: Operand): Tensor => arithmetic(P.add, a, b);
export function sub(a: Operand, b: Operand): Tensor {
  if ((a instanceof Tensor && a.node.dtype === "bool") || (b instanceof Tensor && b.node.dtype === "bool")) {
    throw new DTypeError('sub: not defined for bool; use logicalXor, or to("int32")');
  }
  return arithmetic(P.sub, a, b);
}
export const mul = (a: Operand, b: Operand): Tensor => arithmetic(P.mul, a, b);
export const maximum = (a: Operand, b: Operand): Tensor => arithmetic(P.maximum, a, b);
export const minimum = (a: Operand, b: Operand): Tensor => arithmetic(P.minimum, a, b);

/** True division: whole numbers give float32. */
export function div(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && b instanceof Tensor && !isFloat(a.dtype) && !isFloat(b.dtype)) {
    return arithmetic(P.div, a.to("float32"), b.to("float32"));
  }
  if (a instanceof Tensor && !(b instanceof Tensor) && !isFloat(a.dtype)) return arithmetic(P.div, a.to("float32"), b);
  if (b instanceof Tensor && !(a instanceof Tensor) && !isFloat(b.dtype)) return arithmetic(P.div, a, b.to("float32"));
  return arithmetic(P.div, a, b);
}

/** x to the power of y. Common exponents become what they are: 2 a square, 0.5 a root, -1 a reciprocal. */
export function pow(x: Operand, y: Operand): Tensor {
  if (x instanceof Tensor && x.dtype === "bool") return pow(x.to("int32"), y);
  if (x instanceof Tensor && typeof y === "number") {
    if (y === 2) return square(x);
    if (y === 1) return mul(x, 1);
    if (y === 3) return mul(square(x), x);
    if (isFloat(x.dtype)) {
      if (y === 0.5) return sqrt(x);
      if (y === -0.5) return rsqrt(x);
      if (y === -1) return reciprocal(x);
    } else if (Number.isInteger(y)) {
      if (y < 0)
        throw new DTypeError(`pow: whole numbers to a negative power (${y}) are no whole numbers; use to("float32")`);
      let result = add(mul(x, 0), 1);
      for (let i = 0; i < y; i++) result = mul(result, x);
      return result;
    }
  }
  const { dtype, left, right } = operands("pow", x, y);
  if (isFloat(dtype)) return new Tensor(record(P.pow, dtype, broadcast("pow", left.shape, right.shape), [left, right]));
  // float64 holds every int32, so that whole powers that fit come out exact.
  const wide = [castNode(left, "float64"), castNode(right, "float64")] as const;
  const result = new Tensor(record(P.pow, "float64", broadcast("pow", left.shape, right.shape), wide));
  return round(result).to("int32");
}

export const eq = (a: Operand, b: Operand): Tensor => comparison("eq", P.eq, a, b);
export const ne = (a: Operand, b: Operand): Tensor => comparison("ne", P.ne, a, b);
export const lt = (a: Operand, b: Operand): Tensor => comparison("lt", P.lt, a, b);
export const le = (a: Operand, b: Operand): Tensor => comparison("le", P.le, a, b);
export const gt = (a: Operand, b: Operand): Tensor => comparison("gt", P.lt, b, a);
export const ge = (a: Operand, b: Operand): Tensor => comparison("ge", P.le, b, a);
export const logicalAnd = (a: Operand, b: Operand): Tensor => logical(P.and, "logicalAnd", a, b);
export const logicalOr = (a: Operand, b: Operand): Tensor => logical(P.or, "logicalOr", a, b);
export const logicalXor = (a: Operand, b: Operand): Tensor => logical(P.xor, "logicalXor", a, b);
export const logicalNot = (x: Tensor): Tensor => new Tensor(record(P.not, "bool", x.shape, [castNode(x.node, "bool")]));
export const isnan = (x: Tensor): Tensor => ne(x, x);
export const isfinite = (x: Tensor): Tensor =>
  lt(abs(x.dtype === "bool" ? x.to("int32") : x), Number.POSITIVE_INFINITY);

/** Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  if (condition.dtype !== "bool") {
    throw new DTypeError(`where: the condition must be bool, not ${condition.dtype}; compare it, or use to("bool")`);
  }
  let left: Node;
  let right: Node;
  if (a instanceof Tensor || b instanceof Tensor) ({ left, right } = operands("where", a, b));
  else [left, right] = [scalarNode(numberOf("where", a), "float32"), scalarNode(numberOf("where", b), "float32")];
  const shape = broadcast("where", condition.shape, broadcast("where", left.shape, right.shape));
  return new Tensor(record(P.where, left.dtype, shape, [condition.node, left, right]));
}

/** Limits every element to min … max; either may be left out. No gradient passes at the limits and beyond. */
export function clamp(x: Tensor, { min, max }: { min?: Operand; max?: Operand }): Tensor {
  if (min === undefined && max === undefined) throw new DTypeError("clamp: give min, max or both");
  let inside = eq(x, x);
  let limited: Tensor = x.detach();
  if (min !== undefined) {
    inside = logicalAnd(inside, gt(x, min));
    limited = maximum(limited, min);
  }
  if (max !== undefined) {
    inside = logicalAnd(inside, lt(x, max));
    limited = minimum(limited, max);
  }
  return where(inside, x, limited);
}

/** log(1 + eˣ), x itself above 20. */
export function softplus(x: Tensor): Tensor {
  const large = gt(x, 20);
  // The branch that is not taken must not overflow, or its gradient would be 0 · ∞.
  return where(large, x, log1p(exp(where(large, 20, x))));
}

/** x · Φ(x), the Gaussian error linear unit; `approximate: "tanh"` for the formula of its paper's code. */
export function gelu(x: Tensor, { approximate = "none" }: { approximate?: "none" | "tanh" } = {}): Tensor {
  if (approximate !== "none" && approximate !== "tanh")
    throw new OptionError(`gelu: approximate must be "none" or "tanh", not "${String(approximate)}"`);
  if (approximate === "none") return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
  const inner = mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
}

/** Devices that tensors can live on. WebGPU is to come. */
export type DeviceName = "cpu";

/** A tensor of another dtype, or on another device. */
export function to(x: Tensor, target: DType | DeviceName): Tensor {
  if (target === "cpu") return x;
  if (target in RANK) return x.node.dtype === target ? x : new Tensor(castNode(x.node, target));
  if (["webgpu", "gpu", "cuda", "mps", "wasm", "webgl"].includes(target)) {
    throw new DeviceError(`to: there is no device "${target}" here (there is: cpu)`);
  }
  throw new DTypeError(`to: there is no dtype "${target}" (there are: ${Object.keys(RANK).join(", ")})`);
}

/** The same number at every place of a shape. */
export function constant(shape: Shape, value: number, dtype: DType): Tensor {
  const node = scalarNode(value, dtype);
  return new Tensor(
    sameShape(shape, SCALAR) ? record(P.reshape, dtype, shape, [node]) : record(P.expand, dtype, shape, [node]),
  );
}
