import type { DType } from "../dtype.js";
import * as E from "../kernels/expression.js";
import * as F from "../kernels/functions.js";
import type { Expr } from "../kernels/kernel.js";

type Rule = (x: Expr, y: Expr, z: Expr) => Expr;

const zero = (like: Expr) => E.constant(like.type, 0);
const one = (like: Expr) => E.constant(like.type, 1);

/** The expression of each elementwise primitive in the kernel language, by the primitive's name. */
export const expressions: Readonly<Record<string, Rule>> = {
  neg: (x) => E.neg(x),
  abs: (x) => E.abs(x),
  sign: (x) => E.select(E.lt(zero(x), x), one(x), E.select(E.lt(x, zero(x)), E.constant(x.type, -1), zero(x))),
  square: (x) => E.mul(x, x),
  sqrt: (x) => E.sqrt(x),
  rsqrt: (x) => E.div(one(x), E.sqrt(x)),
  reciprocal: (x) => E.div(one(x), x),
  exp: (x) => F.exp(x),
  expm1: (x) => F.expm1(x),
  log: (x) => F.log(x),
  log1p: (x) => F.log1p(x),
  sin: (x) => F.sin(x),
  cos: (x) => F.cos(x),
  tanh: (x) => F.tanh(x),
  sigmoid: (x) => F.sigmoid(x),
  erf: (x) => F.erf(x),
  relu: (x) => E.max(x, zero(x)),
  floor: (x) => E.floor(x),
  ceil: (x) => E.ceil(x),
  round: (x) => E.round(x),
  trunc: (x) => E.trunc(x),
  not: (x) => E.not(x),
  detach: (x) => x,
  add: (x, y) => E.add(x, y),
  sub: (x, y) => E.sub(x, y),
  mul: (x, y) => E.mul(x, y),
  div: (x, y) => E.div(x, y),
  pow: (x, y) => F.pow(x, y),
  maximum: (x, y) => E.max(x, y),
  minimum: (x, y) => E.min(x, y),
  eq: (x, y) => E.eq(x, y),
  ne: (x, y) => E.ne(x, y),
  lt: (x, y) => E.lt(x, y),
  le: (x, y) => E.le(x, y),
  and: (x, y) => E.and(x, y),
  or: (x, y) => E.or(x, y),
  xor: (x, y) => E.xor(x, y),
  where: (condition, x, y) => E.select(condition, x, y),
};

/** The value of another dtype. */
export const castTo = (dtype: DType, x: Expr): Expr => E.cast(dtype, x);

/** Roughly how many basic operations a primitive takes: what computing it twice would cost. */
export function weightOf(name: string): number {
  if (name in heavy) return heavy[name]!;
  return name === "cast" || name === "detach" ? 0 : 1;
}

const heavy: Readonly<Record<string, number>> = {
  exp: 20,
  expm1: 25,
  log: 25,
  log1p: 30,
  sin: 30,
  cos: 30,
  tanh: 25,
  sigmoid: 22,
  erf: 40,
  pow: 80,
  div: 3,
  sqrt: 3,
  rsqrt: 6,
  reciprocal: 3,
};
