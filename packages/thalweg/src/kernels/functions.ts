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

export const exp: Unary = dispatch("exp", float32.exp, float64.exp);
export const expm1: Unary = dispatch("expm1", narrow.expm1, float64.expm1);
export const log: Unary = dispatch("log", float32.log, float64.log);
export const log1p: Unary = dispatch("log1p", narrow.log1p, float64.log1p);
export const sin: Unary = dispatch("sin", narrow.sin, trigonometry.sin);
export const cos: Unary = dispatch("cos", narrow.cos, trigonometry.cos);
export const tanh: Unary = dispatch("tanh", float32.tanh, float64.tanh);
export const sigmoid: Unary = dispatch("sigmoid", float32.sigmoid, float64.sigmoid);
export const erf: Unary = dispatch("erf", narrow.erf, float64.erf);

export function pow(x: Expr, y: Expr): Expr {
  if (x.type !== y.type || (x.type !== "float32" && x.type !== "float64")) {
    throw new Error(`kernel function pow does not exist for (${x.type}, ${y.type})`);
  }
  return power.pow(x, y);
}
