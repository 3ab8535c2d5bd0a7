import { type Expr, type Kernel, type MatmulKernel, matmulSizes } from "../kernels/kernel.js";

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
  /** The same for folds that go along the rows of their memory: a row's part is then a page. */
  strip: 1024,
};

export const worthSharing = (nanoseconds: number): boolean => nanoseconds >= sharing.least;

/** Roughly how many nanoseconds a kernel takes on one thread: a guess, for a core that computes 4 values at a time. */
export function timeOf(kernel: Kernel): number {
  if (kernel.kind === "matmul") return timeOfProduct(kernel);
  const points = kernel.loops.reduce((a, b) => a * b, 1);
  if (kernel.kind === "scatter") return points;
  const values = kernel.body.flatMap(({ value, row }) => (row === undefined ? [value] : [value, row.index]));
  if (kernel.kind === "map") return (points * (workOf(values) + 2 * values.length)) / 24;
  const folds = kernel.folds.map(({ value }) => value);
  const work = workOf([...values, ...folds]) + 2 * (values.length + folds.length);
  return (points * work * (kernel.order === "serial" ? 4 : 1)) / 24;
}

/** Columns are computed by panels of eight, and copying the rows costs what four more would. */
function timeOfProduct(kernel: MatmulKernel): number {
  const { rows, n, k } = matmulSizes(kernel);
  const products = rows * k * (Math.ceil(n / 8) * 8 + 4) * (kernel.dtype === "float64" ? 2 : 1);
  return products / 20 + (kernel.value === undefined ? 0 : (rows * n * workOf([kernel.value])) / 24);
}

/** Basic operations and loads for one point, weighed. */
function workOf(roots: readonly Expr[]): number {
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
  for (const root of roots) visit(root);
  return work;
}
