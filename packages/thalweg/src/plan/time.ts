import type { Expr, Kernel } from "../kernels/kernel.js";

/** From when on kernels are shared, and in how many parts, which never changes what they compute. */
export const sharing = {
  /** Kernels of fewer nanoseconds stay on one thread: waking another takes about as long. */
  least: 40_000,
  /** What a part should take at least, in nanoseconds. */
  part: 20_000,
  /** How many parts are enough. */
  most: 128,
  /** With fewer entries than this in the outermost loop, a longer one is moved there (see spread.ts). */
  enough: 32,
  /** How many points of the innermost loop stay together at least. */
  run: 256,
};

export const worthSharing = (nanoseconds: number): boolean => nanoseconds >= sharing.least;

/** Roughly how many nanoseconds a kernel takes on one thread: a guess, for a core that computes 4 values at a time. */
export function timeOf(kernel: Kernel): number {
  const points = kernel.loops.reduce((a, b) => a * b, 1);
  if (kernel.kind === "matmul") return (points * (kernel.dtype === "float64" ? 2 : 1)) / 20;
  if (kernel.kind === "scatter") return points;
  const seen = new Set<Expr>();
  let work = 0;
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "apply") {
      const heavy = expr.op === "div" || expr.op === "sqrt" ? 4 : 1;
      work += expr.type === "float64" || expr.type === "int64" ? 2 * heavy : heavy;
      for (const arg of expr.args) visit(arg);
    } else if (expr.kind === "load") work += 2;
    else if (expr.kind === "gather") {
      work += 8;
      visit(expr.index);
    }
  };
  for (const { value, row } of kernel.body) {
    visit(value);
    if (row !== undefined) visit(row.index);
  }
  work += 2 * kernel.body.length;
  if (kernel.kind === "reduce") {
    for (const { value } of kernel.folds) visit(value);
    work += 2 * kernel.folds.length;
    if (kernel.order === "serial") work *= 4;
  }
  return (points * work) / 24;
}
