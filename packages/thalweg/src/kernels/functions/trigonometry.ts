/** Sine and cosine in float64. */
import { abs, add, and, bitcast, eq, le, max, min, mul, ne, select, shl, sub, xor } from "../expression.js";
import type { Expr } from "../kernel.js";
import { f64, horner, i64, nearestInteger } from "./building.js";
import { COS_FLOAT64, HALF_PI, SIN_FLOAT64 } from "./coefficients.js";

/**
 * x - n π/2 as a sum r + tail, for |n| up to 2^20. The products of n with the first three parts of π/2 are exact; each
 * difference loses something only where it is not small beside what it was taken from, and that loss is kept.
 */
function reduce(x: Expr, n: Expr): { r: Expr; tail: Expr } {
  const first = sub(x, mul(n, f64(HALF_PI[0]!)));
  const secondPart = mul(n, f64(HALF_PI[1]!));
  const second = sub(first, secondPart);
  const secondLoss = sub(sub(first, second), secondPart);
  const thirdPart = mul(n, f64(HALF_PI[2]!));
  const third = sub(second, thirdPart);
  const thirdLoss = sub(sub(second, third), thirdPart);
  const rest = sub(add(secondLoss, thirdLoss), mul(n, f64(HALF_PI[3]!)));
  const r = add(third, rest);
  return { r, tail: add(sub(third, r), rest) };
}

/** sin(x + quarter · π/2). */
function sine(x: Expr, quarter: 0 | 1): Expr {
  const { n, bits } = nearestInteger(x, 2 / Math.PI, quarter);
  const reduced = reduce(x, n);
  // Far out, where n is no longer exact, the result still lies in [-1, 1].
  const edge = Math.PI / 4;
  const r = min(max(reduced.r, f64(-edge)), f64(edge));
  const tail = select(le(abs(x), f64(2 ** 22)), reduced.tail, f64(0));
  const z = mul(r, r);

  // sin(r + t) = sin r + t cos r, nearly: r + (r³·S + t (1 - r²/2)).
  const half = mul(f64(0.5), z);
  const weight = sub(f64(1), half);
  const sin = add(r, add(mul(mul(z, r), horner(SIN_FLOAT64, z)), mul(tail, weight)));
  // cos(r + t) = cos r - t sin r, nearly; what 1 - r²/2 loses by rounding is added again.
  const lost = sub(sub(f64(1), weight), half);
  const cos = add(weight, add(lost, sub(mul(mul(z, z), horner(COS_FLOAT64, z)), mul(r, tail))));

  const size = select(ne(and(bits, i64(1n)), i64(0n)), cos, sin);
  return bitcast("float64", xor(bitcast("int64", size), shl(and(bits, i64(2n)), 62)));
}

/** The reduction turns -0 into 0. */
export const sin = (x: Expr): Expr => select(eq(x, f64(0)), x, sine(x, 0));
export const cos = (x: Expr): Expr => sine(x, 1);
