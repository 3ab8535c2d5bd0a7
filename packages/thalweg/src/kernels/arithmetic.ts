/** The basic operations of the kernel language on JavaScript's numbers: what each of them means, exactly. */
import type { BasicOp, RegisterType } from "./kernel.js";

/** To the nearest integer, halves to the even one. */
export function roundEven(x: number): number {
  const big = 2 ** 52;
  const size = Math.abs(x);
  if (!(size < big)) return x;
  const rounded = size + big - big;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}

const same = (x: number) => x;
const toInt32 = (x: number) => x | 0;
/** Towards zero; what is too large becomes the largest int32, and NaN becomes 0. */
const saturate32 = (x: number) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, x)) | 0;

function saturate64(x: number): bigint {
  if (Number.isNaN(x)) return 0n;
  if (x >= 2 ** 63) return 2n ** 63n - 1n;
  return x <= -(2 ** 63) ? -(2n ** 63n) : BigInt(Math.trunc(x));
}

/**
 * Rounds the exact result of an operation to its type. A float32 operation is the double operation rounded once more:
 * double has more than twice float32's bits, so that add, sub, mul, div and sqrt come out correctly rounded.
 */
const ROUND_TO = { float32: Math.fround, float64: same, int32: toInt32, bool: same } as const;

type NumberType = keyof typeof ROUND_TO;
export type Unary = (a: number) => number;
export type Binary = (a: number, b: number) => number;

const UNARY: Readonly<Partial<Record<BasicOp, Unary>>> = {
  neg: (a) => -a,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundEven,
  not: (a) => ~a,
};

const BINARY: Readonly<Partial<Record<BasicOp, Binary>>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  eq: (a, b) => (a === b ? 1 : 0),
  ne: (a, b) => (a !== b ? 1 : 0),
  lt: (a, b) => (a < b ? 1 : 0),
  le: (a, b) => (a <= b ? 1 : 0),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >> b,
};

/** An operation of one argument on numbers of a type; bools are 0 and 1. */
export function unary(op: BasicOp, type: NumberType): Unary | undefined {
  if (op === "not" && type === "bool") return (a) => 1 - a;
  const exact = UNARY[op];
  const round = ROUND_TO[type];
  return exact === undefined || round === same ? exact : (a) => round(exact(a));
}

/** An operation of two arguments of a type; comparisons give 0 or 1. */
export function binary(op: BasicOp, type: NumberType): Binary | undefined {
  if (op === "mul" && type === "int32") return Math.imul;
  const exact = BINARY[op];
  const round = ROUND_TO[type];
  return exact === undefined || round === same ? exact : (a, b) => round(exact(a, b));
}

/** Operations of one int64; what leaves 64 bits is cut off by the register that takes the result. */
export const UNARY_INT64: Readonly<Partial<Record<BasicOp, (a: bigint) => bigint>>> = {
  neg: (a) => -a,
  abs: (a) => (a < 0n ? -a : a),
  not: (a) => ~a,
};

export const BINARY_INT64: Readonly<Partial<Record<BasicOp, (a: bigint, b: bigint) => bigint>>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  min: (a, b) => (b - a > 0n ? a : b),
  max: (a, b) => (a - b > 0n ? a : b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
};

export const COMPARE_INT64: Readonly<Partial<Record<BasicOp, (a: bigint, b: bigint) => boolean>>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
};

/** The conversion between two types that are both not int64. */
export function conversion(from: NumberType, to: NumberType): Unary {
  if (to === "bool") return (x) => (x !== 0 ? 1 : 0);
  if (to === "float32") return Math.fround;
  return to === "int32" && from !== "bool" ? saturate32 : same;
}

export const int64FromNumber = saturate64;
/** An int64 as a number: exact or rounded for float64, the low 32 bits for int32. */
export const numberFromInt64 = (x: bigint, to: RegisterType): number =>
  Number(to === "int32" ? BigInt.asIntN(32, x) : x);
