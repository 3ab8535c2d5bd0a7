/** Elementary functions in float64. */
import { abs, add, bitcast, div, eq, le, lt, max, min, mul, neg, select, shl, shr, sub } from "../expression.js";
import type { Expr } from "../kernel.js";
import {
  BIAS,
  f64,
  floatFromInt64,
  horner,
  i64,
  nearestInteger,
  powerOf2,
  type ScaledExp,
  scale,
  sigmoidFromExp,
  withSignOf,
} from "./building.js";
import {
  ERF_LARGE_DENOMINATOR,
  ERF_LARGE_NUMERATOR,
  ERF_SMALL_DENOMINATOR,
  ERF_SMALL_NUMERATOR,
  EXP_FLOAT64,
  LN2_FLOAT64,
  LOG_FLOAT64,
  TANH_FLOAT64_DENOMINATOR,
  TANH_FLOAT64_NUMERATOR,
} from "./coefficients.js";

const ONE = f64(1);
const TWO = f64(2);

/** e^r - 1 - r for |r| <= ½ ln 2: r·c / (2 - c) with c = r - r²·P(r²), as r coth(r/2) = 2 + r²·P(r²). */
export function expTail(r: Expr): Expr {
  const z = mul(r, r);
  const c = sub(r, mul(z, horner(EXP_FLOAT64, z)));
  return div(mul(r, c), sub(TWO, c));
}

/** x = n ln 2 + high - low, where high - low is at most ½ ln 2 in size and `r` is it rounded. */
function reduce(x: Expr, bias: number): { high: Expr; low: Expr; r: Expr; bits: Expr } {
  const { n, bits } = nearestInteger(x, Math.LOG2E, bias);
  const high = sub(x, mul(n, f64(LN2_FLOAT64[0]!)));
  const low = mul(n, f64(LN2_FLOAT64[1]!));
  return { high, low, r: sub(high, low), bits };
}

/** e^x for x not beyond 710. */
function expUpTo710(x: Expr): ScaledExp {
  // e^-746 rounds to 0.
  const { high, low, r, bits } = reduce(max(x, f64(-746)), 2 * BIAS.float64);
  const tail = add(sub(expTail(r), low), high);
  const sum = add(ONE, tail);
  return { e: scale(sum, bits), sum, tail };
}

export const exp = (x: Expr): Expr => expUpTo710(min(x, f64(710))).e;

export const sigmoid = (x: Expr): Expr => sigmoidFromExp(x, expUpTo710(neg(abs(x))));

export function expm1(x: Expr): Expr {
  // Half of the result, so that 2^1024 is not needed on the way to the largest results.
  const { high, low, r, bits } = reduce(min(max(x, f64(-60)), f64(710)), BIAS.float64 - 1);
  const power = powerOf2(bits);
  const tail = add(expTail(r), sub(sub(high, r), low));
  const half = add(add(sub(power, f64(0.5)), mul(power, r)), mul(power, tail));
  return select(lt(abs(x), f64(2 ** -54)), x, add(half, half));
}

/** e^x for |x| <= 700. */
function expInside(x: Expr): Expr {
  const { high, low, r, bits } = reduce(x, BIAS.float64);
  return mul(add(ONE, add(sub(expTail(r), low), high)), powerOf2(bits));
}

export function tanh(x: Expr): Expr {
  const size = min(abs(x), f64(22));
  const z = mul(size, size);
  const isNear = lt(size, f64(0.6));
  // Near 0: x + x · quotient; else 1 - 2 / (e^2x + 1).
  const numerator = select(isNear, mul(z, horner(TANH_FLOAT64_NUMERATOR, z)), TWO);
  const denominator = select(isNear, horner(TANH_FLOAT64_DENOMINATOR, z), add(expInside(add(size, size)), ONE));
  const quotient = div(numerator, denominator);
  return withSignOf(select(isNear, add(size, mul(size, quotient)), sub(ONE, quotient)), x);
}

/** Bits of √½. */
const SQRT_HALF = 0x3fe6a09e667f3bcdn;

/** The logarithm of (1 + f) · 2^k, plus a small correction. */
function assembleLog(f: Expr, k: Expr, correction?: Expr): Expr {
  const s = div(f, add(f, TWO));
  const z = mul(s, s);
  // log(1 + f) = 2s + s·R, and 2s = f - f²/2 + s·f²/2, of which only f is large.
  const half = mul(mul(f64(0.5), f), f);
  const rest = mul(k, f64(LN2_FLOAT64[1]!));
  const low = correction === undefined ? rest : add(rest, correction);
  const small = add(mul(s, add(half, mul(z, horner(LOG_FLOAT64, z)))), low);
  return add(mul(k, f64(LN2_FLOAT64[0]!)), sub(f, sub(half, small)));
}

/** Puts the logarithm's special values in place: `x` is what it is taken of, `infinite` what +∞ and NaN give. */
function withEdges(x: Expr, y: Expr, infinite: Expr): Expr {
  const finite = select(lt(x, f64(Infinity)), y, infinite);
  return select(le(x, f64(0)), select(lt(x, f64(0)), f64(NaN), f64(-Infinity)), finite);
}

export function log(x: Expr): Expr {
  const isTiny = lt(x, f64(2 ** -1022));
  const bits = bitcast("int64", select(isTiny, mul(x, f64(2 ** 54)), x));
  const exponent = shr(sub(bits, i64(SQRT_HALF)), 52);
  const m = bitcast("float64", sub(bits, shl(exponent, 52)));
  const k = floatFromInt64(exponent, select(isTiny, f64(54), f64(0)));
  return withEdges(x, assembleLog(sub(m, ONE), k), x);
}

export function log1p(x: Expr): Expr {
  const u = add(ONE, x);
  const bits = bitcast("int64", u);
  const exponent = shr(sub(bits, i64(SQRT_HALF)), 52);
  const m = bitcast("float64", sub(bits, shl(exponent, 52)));
  const isNear = eq(exponent, i64(0n));
  // What 1 + x lost by rounding, relative to it. Near 0 nothing is: there x itself is used.
  const back = sub(u, ONE);
  const lost = add(sub(ONE, sub(u, back)), sub(x, back));
  const correction = select(isNear, f64(0), div(lost, u));
  const y = assembleLog(select(isNear, x, sub(m, ONE)), floatFromInt64(exponent, f64(0)), correction);
  return select(lt(abs(x), f64(2 ** -54)), x, withEdges(u, y, x));
}

export function erf(x: Expr): Expr {
  const size = abs(x);
  const z = mul(x, x);
  const near = add(x, mul(x, div(horner(ERF_SMALL_NUMERATOR, z), horner(ERF_SMALL_DENOMINATOR, z))));
  // Beyond 6 the result rounds to 1.
  const clamped = min(size, f64(6));
  const ratio = div(horner(ERF_LARGE_NUMERATOR, clamped), horner(ERF_LARGE_DENOMINATOR, clamped));
  const far = withSignOf(sub(ONE, mul(expInside(neg(mul(clamped, clamped))), ratio)), x);
  return select(lt(size, ONE), near, far);
}
