/**
 * Our own elementary functions, as expansions into basic operations, so that every backend gives the same bits on every
 * machine. Each takes a float32 or float64 expression and gives one of the same type; anything else throws. They have
 * no branches (both sides of a choice are computed), no table and no fused multiply-add. Special values are those of
 * C99. The errors named are the largest found in the unit of the last place: over every 29th float32, and over some
 * three million float64 against 113-bit arithmetic.
 *
 * exp, log, tanh and sigmoid of float32 are float32 arithmetic throughout; the other functions of float32 are computed
 * in float64 and rounded, and so are hardly more than half a unit off. Coefficients: `functions/coefficients.ts`.
 */
import * as float32 from "./functions/float32.js";
import * as float64 from "./functions/float64.js";
import * as narrow from "./functions/narrow.js";
import * as power from "./functions/power.js";
import * as trigonometry from "./functions/trigonometry.js";
import type { Expr } from "./kernel.js";

type Unary = (x: Expr) => Expr;

function dispatch(name: string, forFloat32: Unary, forFloat64: Unary): Unary {
  return (x) => {
    if (x.type === "float32") return forFloat32(x);
    if (x.type === "float64") return forFloat64(x);
    throw new Error(`kernel function ${name} does not exist for ${x.type}`);
  };
}

/**
 * e^x. With n the integer next to x / ln 2 and r = x - n ln 2 (ln 2 in two parts), e^r is 1 + r + r²·P(r) in float32 and
 * 1 + r + r·c / (2 - c), c = r - r²·P(r²), in float64; the scaling by 2^n is in two factors, which keeps subnormal
 * results. Error: float32 0.92, float64 0.87.
 */
export const exp: Unary = dispatch("exp", float32.exp, float64.exp);
/** e^x - 1, exact for small x too: reduced as {@link exp}, then 2^n·(e^r - 1) + (2^n - 1). Error: 0.51, 1.28. */
export const expm1: Unary = dispatch("expm1", narrow.expm1, float64.expm1);
/**
 * The natural logarithm; -∞ at 0, NaN below. x = 2^k·m with m in [√½, √2); with s = (m - 1) / (m + 1),
 * log m = 2s + s³·P(s²). Subnormal arguments are scaled first. Error: 0.83, 0.78.
 */
export const log: Unary = dispatch("log", float32.log, float64.log);
/**
 * log(1 + x), exact for small x too: as {@link log} of 1 + x, with x itself in the place of m - 1 near 0 and, in float64,
 * what 1 + x lost by rounding added again. Error: 0.51, 0.79.
 */
export const log1p: Unary = dispatch("log1p", narrow.log1p, float64.log1p);
/**
 * The sine of x in radians. The nearest multiple of π/2 is taken off in two (float32) or four (float64) parts, and
 * polynomials give sine and cosine of the rest. Error: 0.51, 0.78 for |x| <= 2^20. Further out the absolute error grows
 * with x, from 2^26 (float32) and 2^20 (float64) on, until nothing is left of the angle; the result stays in [-1, 1].
 */
export const sin: Unary = dispatch("sin", narrow.sin, trigonometry.sin);
/** The cosine of x in radians; method, limits and errors are those of {@link sin}. */
export const cos: Unary = dispatch("cos", narrow.cos, trigonometry.cos);
/**
 * The hyperbolic tangent: x + x³·P(x²) for |x| < 0.6 (P is rational in float64), else 1 - 2 / (e^2|x| + 1) with the sign
 * of x. Error: 1.32, 1.29.
 */
export const tanh: Unary = dispatch("tanh", float32.tanh, float64.tanh);
/**
 * 1 / (1 + e^-x), as e / (1 + e) or 1 minus that from e = e^-|x|, and with what two roundings lost put back. Small
 * results keep their precision, subnormal ones included. Error: 1.46, 1.35.
 */
export const sigmoid: Unary = dispatch("sigmoid", float32.sigmoid, float64.sigmoid);
/**
 * The error function 2/√π ∫₀ˣ e^(-t²) dt: x times a rational function of x² (float32; float64 for |x| < 1), beyond that
 * 1 - e^(-x²)·R(|x|) with the sign of x. Error: 0.52, 1.23.
 */
export const erf: Unary = dispatch("erf", narrow.erf, float64.erf);

/**
 * x^y, both of one type: 2^(y·log₂|x|), in float64 with a logarithm and a product of about 67 bits by Dekker's splitting
 * into numbers of 26 bits. All of C99's cases: x^0 = 1^y = 1 even for NaN, whole powers of negative numbers, NaN for
 * their other powers, zeros and infinities with their signs. Error: 0.51, 0.88.
 */
export function pow(x: Expr, y: Expr): Expr {
  if (x.type !== y.type || (x.type !== "float32" && x.type !== "float64")) {
    throw new Error(`kernel function pow does not exist for (${x.type}, ${y.type})`);
  }
  return power.pow(x, y);
}
