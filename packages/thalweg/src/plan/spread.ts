import type { Access, Expr, Guard, Kernel, MapKernel, ReduceKernel, Store } from "../kernels/kernel.js";
import { isStrided } from "../kernels/strided.js";
import { inBands } from "./products.js";
import { sharing, timeOf, worthSharing } from "./time.js";

/**
 * Kernels are shared along their outermost loop. Where that is short and the work is long, a longer loop (or a part of the
 * innermost one) is moved outwards: points of a map, and kept points of a fold, may come in any order; so may columns of a
 * product.
 */
export function spread(made: Kernel): Kernel {
  if (made.kind === "matmul") return inBands(made);
  if (made.kind !== "map" && made.kind !== "reduce") return made;
  const kernel = made.kind === "reduce" ? blocksOutside(made) : made;
  const loops = kernel.kind === "map" ? kernel.loops : kernel.loops.slice(0, -1);
  if (loops.length < 2 || loops[0]! >= sharing.enough || !worthSharing(timeOf(kernel))) return kernel;
  const inner = loops.length - 1;
  const strided = kernel.kind === "reduce" && isStrided(kernel);
  // Maps and folds of columns run four points of the innermost loop at a time, so that one stays.
  const runs = kernel.kind === "map" || kernel.order === "columns" || strided;
  const longest = loops.reduce((best, size, l) => (size > loops[best]! && !(runs && l === inner) ? l : best), 0);
  if (longest > 0 && loops[longest]! >= sharing.enough) {
    const first = <T>(list: readonly T[]): T[] => [
      list[longest]!,
      ...list.slice(0, longest),
      ...list.slice(longest + 1),
    ];
    return rearrange(kernel, first, first);
  }
  const cuts = runs ? divisor(loops[inner]!, strided ? sharing.strip : sharing.run) : 1;
  if (cuts < 2) return kernel;
  const run = loops[inner]! / cuts;
  return rearrange(
    kernel,
    (sizes) => [cuts, ...sizes.slice(0, inner), run, ...sizes.slice(inner + 1)],
    (strides) => [strides[inner]! * run, ...strides],
  );
}

/** A fold that would go along the rows of its memory if the loop over its blocks was not the innermost: with that outside. */
function blocksOutside(kernel: ReduceKernel): ReduceKernel {
  const inner = kernel.loops.length - 2;
  if (inner < 1 || isStrided(kernel)) return kernel;
  const swap = <T>(list: readonly T[]): T[] => [
    ...list.slice(0, inner - 1),
    list[inner]!,
    list[inner - 1]!,
    ...list.slice(inner + 1),
  ];
  const swapped = rearrange(kernel, swap, swap);
  return swapped.kind === "reduce" && isStrided(swapped) ? swapped : kernel;
}

/** The largest number of equal runs of `run` points at least. */
function divisor(size: number, run: number): number {
  let cuts = Math.min(sharing.most, Math.floor(size / run));
  while (cuts > 1 && size % cuts !== 0) cuts--;
  return cuts;
}

type Numbers = (list: readonly number[]) => number[];

/** The same kernel with its kept loops in another order: `sizes` says how that changes the loops, `moved` the strides. */
function rearrange(kernel: MapKernel | ReduceKernel, sizes: Numbers, moved: Numbers): MapKernel | ReduceKernel {
  const known = new Map<Expr, Expr>();
  const access = (a: Access): Access => ({ ...a, strides: moved(a.strides) });
  const guard = (g: Guard): Guard => ({ ...g, strides: moved(g.strides) });
  // Expressions are graphs: what is one object stays one.
  const value = (expr: Expr): Expr => {
    let made = known.get(expr);
    if (made === undefined) known.set(expr, (made = change(expr)));
    return made;
  };
  const change = (expr: Expr): Expr => {
    switch (expr.kind) {
      case "load":
        return {
          ...expr,
          access: access(expr.access),
          ...(expr.guards === undefined ? {} : { guards: expr.guards.map(guard) }),
        };
      case "gather":
        return { ...expr, access: access(expr.access), index: value(expr.index) };
      case "position":
        return { ...expr, strides: moved(expr.strides) };
      case "apply":
        return { ...expr, args: expr.args.map(value) };
      default:
        return expr;
    }
  };
  const store = ({ access: to, value: what, row }: Store): Store => ({
    access: access(to),
    value: value(what),
    ...(row === undefined ? {} : { row: { ...row, index: value(row.index) } }),
  });
  const body = kernel.body.map(store);
  const loops = sizes(kernel.loops);
  if (kernel.kind === "map") return { ...kernel, loops, body };
  const folds = kernel.folds.map((fold) => ({ ...fold, value: value(fold.value) }));
  // Behind the folds the reduced loop is not there, and one expression must not stand for both.
  known.clear();
  const stores = kernel.stores.map(store);
  if (kernel.ragged === undefined) return { ...kernel, loops, folds, body, stores };
  // The loop over blocks is found again by the stride that only it has.
  const mark = kernel.loops.map((_, l) => (l === kernel.ragged!.loop ? 1 : 0));
  const loop = moved(mark).indexOf(1);
  return { ...kernel, loops, folds, body, stores, ragged: { ...kernel.ragged, loop } };
}
