import { type Expr, extent, type Kernel, type MatmulKernel, matmulLoops } from "../kernels/kernel.js";

/** How threads share a kernel's range. */
export interface Share {
  /** How many entries of the outermost loop a thread takes at a time; 0 if one thread must do all. */
  readonly chunk: number;
  /** Roughly what the whole kernel takes on one thread. */
  readonly nanoseconds: number;
}

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

/**
 * How a kernel is cut for threads: from the kernel alone, whatever the machine. Parts are whole cache lines where the
 * outermost loop runs along memory.
 */
export function shareOf(kernel: Kernel, end: number): Share {
  const nanoseconds = timeOf(kernel);
  if (kernel.kind === "scatter") return { chunk: 0, nanoseconds };
  const granule = granuleOf(kernel);
  const parts = Math.min(
    sharing.most,
    Math.max(worthSharing(nanoseconds) ? 2 : 1, Math.floor(nanoseconds / sharing.part)),
  );
  return { chunk: Math.max(1, Math.ceil(end / parts / granule)) * granule, nanoseconds };
}

function rowsOf(kernel: MatmulKernel): number {
  const { rows, columns } = matmulLoops(kernel);
  return kernel.loops.slice(rows, columns).reduce((a, b) => a * b, 1);
}

export const worthSharing = (nanoseconds: number): boolean => nanoseconds >= sharing.least;

function granuleOf(kernel: Kernel): number {
  // Each part packs all of b for itself, so it should have rows enough.
  if (kernel.kind === "matmul") {
    const rows = rowsOf(kernel);
    // Small matrices stay whole.
    return rows < 128 && rows < extent(kernel) ? rows * Math.ceil(8 / rows) : Math.max(8, Math.ceil(rows / 64) * 8);
  }
  const kept = kernel.kind === "reduce" ? kernel.loops.length - 1 : kernel.loops.length;
  if (kept > 1) return 1;
  return kernel.kind === "reduce" && kernel.order !== "columns" ? 1 : 64;
}

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
