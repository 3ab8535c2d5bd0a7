/** What the expansions of the elementary functions have in common. */
import { add, and, bitcast, cast, constant, div, lt, mul, or, select, shl, shr, sub, xor } from "../expression.js";
import type { Expr } from "../kernel.js";

export const f32 = (value: number): Expr => constant("float32", value);
export const f64 = (value: number): Expr => constant("float64", value);
export const i32 = (value: number): Expr => constant("int32", value);
export const i64 = (value: bigint): Expr => constant("int64", value);

/** The polynomial with these coefficients, lowest power first, by Horner's rule. */
export function horner(coefficients: readonly number[], x: Expr): Expr {
  const last = coefficients.length - 1;
  let value: Expr = constant(x.type, coefficients[last]!);
  for (let i = last - 1; i >= 0; i--) value = add(mul(value, x), constant(x.type, coefficients[i]!));
  return value;
}

/**
 * A float of this size has 1 as the unit of its last place: adding it rounds to an integer (halves to even), and the
 * integer then stands in the low bits of the sum.
 */
const MAGIC = { float32: 1.5 * 2 ** 23, float64: 1.5 * 2 ** 52 } as const;

/** Bits of 1.5 · 2^52; adding a small int64 gives the bits of that number plus the int64. */
const MAGIC_BITS = 0x4338000000000000n;

type Float = keyof typeof MAGIC;

/** `n`, the integer next to x · factor, as a float, and an integer whose low bits are those of n + bias. */
export function nearestInteger(x: Expr, factor: number, bias: number): { n: Expr; bits: Expr } {
  const type = x.type as Float;
  const magic = constant(type, MAGIC[type] + bias);
  const product = factor === 1 ? x : mul(x, constant(type, factor));
  const shifted = add(product, magic);
  return { n: sub(shifted, magic), bits: bitcast(type === "float32" ? "int32" : "int64", shifted) };
}

/** A small int64 as a float64, minus `origin`. */
export const floatFromInt64 = (x: Expr, origin: Expr): Expr =>
  sub(bitcast("float64", add(x, i64(MAGIC_BITS))), add64(MAGIC.float64, origin));

/** A constant plus an expression that is a constant or chosen among constants; both sums are exact. */
const add64 = (value: number, x: Expr): Expr =>
  x.kind === "constant" ? f64(value + (x.value as number)) : add(f64(value), x);

/** The exponent bias of a float type and how far its exponent stands to the left. */
export const BIAS = { float32: 127, float64: 1023 } as const;
const EXPONENT_AT = { int32: 23, int64: 52 } as const;

/** 2^n from an integer whose low bits are those of n + {@link BIAS}. */
export function powerOf2(bits: Expr): Expr {
  const type = bits.type as keyof typeof EXPONENT_AT;
  return bitcast(type === "int32" ? "float32" : "float64", shl(bits, EXPONENT_AT[type]));
}

/**
 * x · 2^n, rounded once, from an integer whose low bits are those of n + 2 · {@link BIAS}. In two factors, so that
 * results may be subnormal or infinite.
 */
export function scale(x: Expr, bits: Expr): Expr {
  const first = shr(bits, 1);
  return mul(mul(x, powerOf2(first)), powerOf2(sub(bits, first)));
}

/** The bits of the sign of x, other bits zero. */
const signBit = (bits: Expr): Expr => and(bits, bits.type === "int32" ? i32(-(2 ** 31)) : i64(-(2n ** 63n)));

const bitsOf = (x: Expr): Expr => bitcast(x.type === "float32" ? "int32" : "int64", x);

/** A value that is not negative, with the sign of another one. */
export const withSignOf = (x: Expr, sign: Expr): Expr => bitcast(x.type, or(bitsOf(x), signBit(bitsOf(sign))));

/** The sign of x where the sign of the other is plus, else the opposite sign. */
export const flipBySignOf = (x: Expr, sign: Expr): Expr => bitcast(x.type, xor(bitsOf(x), signBit(bitsOf(sign))));

/** The leading 26 bits of a float64: the product of two such is exact. */
export const leading26 = (x: Expr): Expr => bitcast("float64", and(bitcast("int64", x), i64(-(2n ** 27n))));

/** float32 computed in float64: rounded once more at the end. */
export const throughFloat64 = (x: Expr, compute: (wide: Expr) => Expr): Expr =>
  cast("float32", compute(cast("float64", x)));

/** An exponential e = sum · 2^n, where sum is 1 + tail rounded. */
export interface ScaledExp {
  readonly e: Expr;
  readonly sum: Expr;
  readonly tail: Expr;
}

/**
 * 1 / (1 + e^-x) from e = e^-|x|, which cannot overflow: p = e / (1 + e) where x is negative, else 1 - p. What the
 * rounding of `sum` and of 1 + e lost is put back into p, which would be more than 2 ulp off without it.
 */
export function sigmoidFromExp(x: Expr, { e, sum, tail }: ScaledExp): Expr {
  const one = constant(x.type, 1);
  const denominator = add(one, e);
  const p = div(e, denominator);
  const lost = sub(sub(tail, sub(sum, one)), sub(e, sub(denominator, one)));
  const exact = add(p, mul(p, lost));
  return select(lt(x, constant(x.type, 0)), exact, sub(one, exact));
}
