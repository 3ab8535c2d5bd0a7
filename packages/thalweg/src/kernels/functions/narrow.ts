/** Elementary functions of float32 computed in float64, where plain formulas are exact enough. */
import {
  add,
  and,
  bitcast,
  cast,
  div,
  eq,
  le,
  lt,
  max,
  min,
  mul,
  ne,
  select,
  shl,
  shr,
  sub,
  xor,
} from "../expression.js";
import type { Expr } from "../kernel.js";
import { BIAS, f64, floatFromInt64, horner, i64, nearestInteger, powerOf2, throughFloat64 } from "./building.js";
import {
  COS_NARROW,
  ERF_NARROW_DENOMINATOR,
  ERF_NARROW_NUMERATOR,
  EXP_NARROW,
  HALF_PI_NARROW,
  LOG_NARROW,
  SIN_NARROW,
} from "./coefficients.js";

const ONE = f64(1);
/** Bits of √½. */
const SQRT_HALF = 0x3fe6a09e667f3bcdn;

/** e^r - 1 for |r| <= ½ ln 2, keeping the sign of a zero. */
const smallExpm1 = (r: Expr): Expr => mul(r, add(ONE, mul(r, horner(EXP_NARROW, r))));

export const expm1 = (x: Expr): Expr =>
  throughFloat64(x, (wide) => {
    const clamped = min(max(wide, f64(-30)), f64(130));
    const { n, bits } = nearestInteger(clamped, Math.LOG2E, BIAS.float64);
    const tail = smallExpm1(sub(clamped, mul(n, f64(Math.LN2))));
    const power = powerOf2(bits);
    // Minus (1 - power), not plus (power - 1), which would turn -0 into 0.
    return sub(mul(power, tail), sub(ONE, power));
  });

/** x = 2^k · m with m in [√½, √2); x is a normal float64. */
function splitExponent(x: Expr): { exponent: Expr; m: Expr } {
  const bits = bitcast("int64", x);
  const exponent = shr(sub(bits, i64(SQRT_HALF)), 52);
  return { exponent, m: bitcast("float64", sub(bits, shl(exponent, 52))) };
}

/** log(1 + f) for 1 + f in [√½, √2), keeping the sign of a zero. */
function smallLog1p(f: Expr): Expr {
  const s = div(f, add(f, f64(2)));
  const z = mul(s, s);
  return mul(s, add(f64(2), mul(z, horner(LOG_NARROW, z))));
}

export const log1p = (x: Expr): Expr =>
  throughFloat64(x, (wide) => {
    const u = add(ONE, wide);
    const { exponent, m } = splitExponent(u);
    // Near 0, where 1 + x has lost digits of x, x itself is what is needed.
    const f = select(eq(exponent, i64(0n)), wide, sub(m, ONE));
    // Times -ln 2 of the opposite number, so that 0 adds -0 and leaves -0 as it is.
    const minusK = sub(f64(0), floatFromInt64(exponent, f64(0)));
    const y = add(smallLog1p(f), mul(minusK, f64(-Math.LN2)));
    const finite = select(lt(u, f64(Infinity)), y, wide);
    return select(le(u, f64(0)), select(lt(u, f64(0)), f64(NaN), f64(-Infinity)), finite);
  });

/** sin(x + quarter · π/2). */
const sine = (x: Expr, quarter: 0 | 1): Expr =>
  throughFloat64(x, (wide) => {
    const { n, bits } = nearestInteger(wide, 2 / Math.PI, quarter);
    const reduced = sub(sub(wide, mul(n, f64(HALF_PI_NARROW[0]!))), mul(n, f64(HALF_PI_NARROW[1]!)));
    // Far out, where n is no longer exact, the result still lies in [-1, 1].
    const r = min(max(reduced, f64(-Math.PI / 4)), f64(Math.PI / 4));
    const z = mul(r, r);
    const sin = mul(r, add(ONE, mul(z, horner(SIN_NARROW, z))));
    const cos = add(ONE, mul(z, add(f64(-0.5), mul(z, horner(COS_NARROW, z)))));
    const size = select(ne(and(bits, i64(1n)), i64(0n)), cos, sin);
    return bitcast("float64", xor(bitcast("int64", size), shl(and(bits, i64(2n)), 62)));
  });

export const sin = (x: Expr): Expr => sine(x, 0);
export const cos = (x: Expr): Expr => sine(x, 1);

export const erf = (x: Expr): Expr =>
  throughFloat64(x, (wide) => {
    // Beyond √15.5 the result rounds to 1.
    const edge = Math.sqrt(15.5);
    const clamped = min(max(wide, f64(-edge)), f64(edge));
    const z = mul(clamped, clamped);
    return div(mul(clamped, horner(ERF_NARROW_NUMERATOR, z)), horner(ERF_NARROW_DENOMINATOR, z));
  });

/** size^y in float32 for 0 < size < ∞; y may be infinite. `power.ts` sees to the rest. */
export const powerOfSize = (size: Expr, y: Expr): Expr =>
  throughFloat64(size, (wide) => {
    const { exponent, m } = splitExponent(wide);
    const fraction = mul(smallLog1p(sub(m, ONE)), f64(Math.LOG2E));
    const log2 = add(floatFromInt64(exponent, f64(0)), fraction);
    // 2^40 is already too large an exponent for every size but 1.
    const exponentOf2 = mul(min(max(cast("float64", y), f64(-(2 ** 40))), f64(2 ** 40)), log2);
    const product = min(max(exponentOf2, f64(-300)), f64(300));
    const { n, bits } = nearestInteger(product, 1, BIAS.float64);
    const tail = smallExpm1(mul(sub(product, n), f64(Math.LN2)));
    return mul(add(ONE, tail), powerOf2(bits));
  });
