/** Powers: the logarithm to twice the precision of float64, and C99's special cases. */
import {
  abs,
  add,
  and,
  bitcast,
  constant,
  div,
  eq,
  lt,
  max,
  min,
  mul,
  ne,
  not,
  or,
  select,
  shl,
  shr,
  sub,
  trunc,
  xor,
} from "../expression.js";
import type { Expr } from "../kernel.js";
import { BIAS, f64, flipBySignOf, floatFromInt64, horner, i64, leading26, nearestInteger, scale } from "./building.js";
import { LN2_SPLIT, LOG_POW, LOG2_OF_3_HALVES, TWO_THIRDS_LOG2E } from "./coefficients.js";
import { expTail } from "./float64.js";
import { powerOfSize as narrowPowerOfSize } from "./narrow.js";

const ONE = f64(1);
const THREE = f64(3);
/** Bits of √¾. */
const SQRT_3_QUARTERS = 0x3febb67ae8584caan;

/** A number as a sum of two: `high` has 26 bits, `low` is small beside it. */
interface Pair {
  readonly high: Expr;
  readonly low: Expr;
}

/**
 * 3/2 · log(m / c) for |s| <= 0.1011, s = (m - c) / (m + c), as s (3 + s² + s⁴·R), with an error of about 2^-67.
 * Products are exact where both factors are leading parts; the rest is carried beside them.
 */
function scaledLog(m: Expr, c: Expr): Pair {
  const f = sub(m, c);
  const d = add(m, c);
  const dHigh = leading26(d);
  const dLow = sub(m, sub(dHigh, c));
  const reciprocal = div(ONE, d);
  const s = mul(f, reciprocal);
  const sHigh = leading26(s);
  const sLow = mul(reciprocal, sub(sub(f, mul(sHigh, dHigh)), mul(sHigh, dLow)));

  const z = mul(s, s);
  const zHigh = mul(sHigh, sHigh);
  const rest = add(mul(mul(z, z), horner(LOG_POW, z)), mul(sLow, add(sHigh, s)));
  const sumHigh = leading26(add(add(THREE, zHigh), rest));
  const sumLow = sub(rest, sub(sub(sumHigh, THREE), zHigh));

  const product = mul(sHigh, sumHigh);
  const productRest = add(mul(sLow, sumHigh), mul(sumLow, s));
  const high = leading26(add(product, productRest));
  return { high, low: sub(productRest, sub(high, product)) };
}

/** log₂ of a positive finite float64. */
function log2(x: Expr): Pair {
  const isTiny = lt(x, f64(2 ** -1022));
  const bits = bitcast("int64", select(isTiny, mul(x, f64(2 ** 54)), x));
  const exponent = shr(sub(bits, i64(SQRT_3_QUARTERS)), 52);
  const m = bitcast("float64", sub(bits, shl(exponent, 52)));
  const k = floatFromInt64(exponent, select(isTiny, f64(54), f64(0)));

  // m is in [√¾, √3); near 3/2 it is compared with that instead of 1.
  const isNearOne = lt(m, f64(Math.sqrt(1.5)));
  const log = scaledLog(m, select(isNearOne, ONE, f64(1.5)));
  const base = select(isNearOne, f64(0), f64(LOG2_OF_3_HALVES[0]!));
  const baseLow = select(isNearOne, f64(0), f64(LOG2_OF_3_HALVES[1]!));

  const [factorHigh, factorLow] = TWO_THIRDS_LOG2E as readonly [number, number];
  const main = mul(log.high, f64(factorHigh));
  const rest = add(add(mul(log.high, f64(factorLow)), mul(log.low, f64(factorHigh + factorLow))), baseLow);
  const high = leading26(add(add(add(main, rest), base), k));
  return { high, low: sub(rest, sub(sub(sub(high, k), base), main)) };
}

/** size^y in float64 for 0 < size < ∞; y may be infinite. */
function powerOfSize(size: Expr, y: Expr): Expr {
  const log = log2(size);
  // 2^65 is already too large an exponent for every size but 1, and keeps the products finite.
  const bounded = min(max(y, f64(-(2 ** 65))), f64(2 ** 65));
  const yHigh = leading26(bounded);
  const product = mul(yHigh, log.high);
  const productRest = add(mul(sub(bounded, yHigh), log.high), mul(bounded, log.low));

  const main = min(max(product, f64(-1100)), f64(1100));
  const rest = select(eq(main, product), productRest, f64(0));
  const { n, bits } = nearestInteger(add(main, rest), 1, 2 * BIAS.float64);

  // 2^(main - n + rest) = e^(high + low)
  const fraction = sub(main, n);
  const sum = add(fraction, rest);
  const sumHigh = leading26(sum);
  const sumLow = sub(rest, sub(sumHigh, fraction));
  const high = mul(sumHigh, f64(LN2_SPLIT[0]!));
  const low = add(mul(sumLow, f64(Math.LN2)), mul(sumHigh, f64(LN2_SPLIT[1]!)));
  const r = add(high, low);
  return scale(add(ONE, add(add(expTail(r), low), high)), bits);
}

export function pow(x: Expr, y: Expr): Expr {
  const { type } = x;
  const number = (value: number) => constant(type, value);
  const size = abs(x);
  const power = type === "float32" ? narrowPowerOfSize(size, y) : powerOfSize(size, y);

  const isInteger = eq(trunc(y), y);
  const half = mul(y, number(0.5));
  const isOdd = and(isInteger, ne(trunc(half), half));
  const defined = select(and(lt(x, number(0)), not(isInteger)), number(NaN), power);
  // Zero and infinity give zero or infinity.
  const extreme = select(xor(lt(number(1), size), lt(y, number(0))), number(Infinity), number(0));
  const isExtreme = or(eq(size, number(0)), eq(size, number(Infinity)));
  const signed = flipBySignOf(select(isExtreme, extreme, defined), select(isOdd, x, number(1)));
  // 1 to any power and anything to the power 0 is 1, even where the other one is NaN.
  const isUndefined = or(ne(x, x), ne(y, y));
  return select(or(eq(x, number(1)), eq(y, number(0))), number(1), select(isUndefined, number(NaN), signed));
}
