/** Elementary functions in float32 arithmetic alone, which SIMD runs four at a time: those that training is full of. */
import { abs, add, bitcast, cast, div, le, lt, max, min, mul, neg, select, shl, shr, sub } from "../expression.js";
import type { Expr } from "../kernel.js";
import {
  BIAS,
  f32,
  horner,
  i32,
  nearestInteger,
  powerOf2,
  type ScaledExp,
  scale,
  sigmoidFromExp,
  withSignOf,
} from "./building.js";
import { EXP_FLOAT32, LN2_FLOAT32, LOG_FLOAT32, TANH_FLOAT32 } from "./coefficients.js";

const ONE = f32(1);

/** e^x for x not beyond 89: (1 + tail) · 2^n. */
function expUpTo89(x: Expr): ScaledExp {
  // e^-104 rounds to 0.
  const clamped = max(x, f32(-104));
  const { n, bits } = nearestInteger(clamped, Math.LOG2E, 2 * BIAS.float32);
  const tail = reducedExpm1(clamped, n);
  const sum = add(ONE, tail);
  return { e: scale(sum, bits), sum, tail };
}

/** e^r - 1 where x = n ln 2 + r and |r| <= ½ ln 2. */
function reducedExpm1(x: Expr, n: Expr): Expr {
  const high = sub(x, mul(n, f32(LN2_FLOAT32[0]!)));
  const low = mul(n, f32(LN2_FLOAT32[1]!));
  const r = sub(high, low);
  // The rounding of r hurts little in the small term; the large one is put together from exact parts.
  return add(high, sub(mul(mul(r, r), horner(EXP_FLOAT32, r)), low));
}

export const exp = (x: Expr): Expr => expUpTo89(min(x, f32(89))).e;

export const sigmoid = (x: Expr): Expr => sigmoidFromExp(x, expUpTo89(neg(abs(x))));

export function tanh(x: Expr): Expr {
  const size = min(abs(x), f32(10));
  const z = mul(size, size);
  const near = add(size, mul(mul(size, z), horner(TANH_FLOAT32, z)));
  const twice = add(size, size);
  const { n, bits } = nearestInteger(twice, Math.LOG2E, BIAS.float32);
  const e = mul(add(ONE, reducedExpm1(twice, n)), powerOf2(bits));
  const far = sub(ONE, div(f32(2), add(e, ONE)));
  return withSignOf(select(lt(size, f32(0.6)), near, far), x);
}

/** Bits of √½, so that what is left after taking them off has the exponent of x / √½. */
const SQRT_HALF = 0x3f3504f3;

export function log(x: Expr): Expr {
  const isTiny = lt(x, f32(2 ** -126));
  const bits = bitcast("int32", select(isTiny, mul(x, f32(2 ** 25)), x));
  const exponent = shr(sub(bits, i32(SQRT_HALF)), 23);
  const m = bitcast("float32", sub(bits, shl(exponent, 23)));
  const k = add(cast("float32", exponent), select(isTiny, f32(-25), f32(0)));

  // log m = log((1+s)/(1-s)) = 2s + s·R, and 2s = f - f²/2 + s·f²/2, of which only f is large.
  const f = sub(m, ONE);
  const s = div(f, add(m, ONE));
  const z = mul(s, s);
  const half = mul(mul(f32(0.5), f), f);
  const small = add(mul(s, add(half, mul(z, horner(LOG_FLOAT32, z)))), mul(k, f32(LN2_FLOAT32[1]!)));
  const y = add(mul(k, f32(LN2_FLOAT32[0]!)), sub(f, sub(half, small)));

  const finite = select(lt(x, f32(Infinity)), y, x);
  return select(le(x, f32(0)), select(lt(x, f32(0)), f32(NaN), f32(-Infinity)), finite);
}
