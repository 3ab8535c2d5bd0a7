/** Old values that are still read while, or after, new ones are written over them. */
import { StaleError } from "../errors.js";
import * as P from "../graph/primitive.js";
import type { Access, Expr, Kernel, Store } from "../kernels/kernel.js";
import type { Emitted } from "./emit.js";
import type { Item } from "./item.js";
import { StoreItem } from "./lower.js";
import type { Result } from "./plan.js";

/**
 * Assigns that must not write over the old value where they are computed, because a later kernel (or the same one, at
 * other points) still reads it. They are computed aside and copied when everything has run.
 */
export function deferredAssigns(
  wanted: readonly Item[],
  results: readonly Result[],
  emitted: { at: number; kernel: Emitted }[],
): Set<Item> {
  const deferred = new Set<Item>();
  results.forEach((result, i) => {
    if (result.fate !== "assign") return;
    const item = wanted[i]!;
    const old = item.overwrites!;
    const writes = emitted.findIndex(({ kernel }) => kernel.buffers.includes(item) && writesTo(kernel, item));
    emitted.forEach(({ kernel }, at) => {
      if (at < writes || !kernel.buffers.includes(old)) return;
      if (at > writes || !readsOnlyInPlace(kernel, old, item)) {
        if (item.primitive === P.assignRows) storeRowsFirst(wanted);
        deferred.add(item);
      }
    });
  });
  return deferred;
}

/** A table is not written aside: instead, all new rows are computed before any of them is written. */
function storeRowsFirst(wanted: readonly Item[]): never {
  for (const { primitive, srcs } of wanted) {
    const rows = srcs[0];
    if (primitive === P.assignRows && !rows!.stored && !rows!.isInput) throw new StoreItem(rows!, false);
  }
  throw new StaleError(
    "step: a value recorded after this sparse step reads the table as it was before it; read that value before step()",
  );
}

/** Everything that a map or reduce kernel stores. */
export const storesOf = (kernel: Kernel): readonly Store[] =>
  kernel.kind === "map" ? kernel.body : kernel.kind === "reduce" ? [...kernel.body, ...kernel.stores] : [];

function writesTo({ kernel, buffers }: Emitted, item: Item): boolean {
  const slot = buffers.indexOf(item);
  if (kernel.kind === "matmul") return kernel.c.buffer === slot;
  if (kernel.kind === "scatter") return kernel.access.buffer === slot;
  return storesOf(kernel).some((store) => store.access.buffer === slot);
}

/**
 * True if a kernel reads the old value only at the element that it is about to overwrite. (A fold has finished before its
 * stores are made only for this kept point, so what it reads must be the same point.)
 */
function readsOnlyInPlace({ kernel, buffers }: Emitted, old: Item, written: Item): boolean {
  if (kernel.kind !== "map" && kernel.kind !== "reduce") return false;
  const slot = buffers.indexOf(old);
  const stores = storesOf(kernel);
  const target = stores.find(({ access }) => access.buffer === buffers.indexOf(written))!;
  const roots = stores.map(({ value }) => value);
  if (kernel.kind === "reduce") for (const fold of kernel.folds) roots.push(fold.value);
  let fine = true;
  eachExpr(roots, (expr) => {
    if ((expr.kind !== "load" && expr.kind !== "gather") || expr.access.buffer !== slot) return;
    const row = expr.kind === "gather" ? expr.index : undefined;
    if (!sameWalk(expr.access, target.access) || !isRow(row, target.row?.index)) fine = false;
  });
  return fine;
}

const sameWalk = (a: Access, b: Access): boolean => a.offset === b.offset && a.strides.join() === b.strides.join();

/** True if the row that is read is the one that is written, or any one (0) where none (-1) is. */
function isRow(read: Expr | undefined, written: Expr | undefined): boolean {
  if (read === written) return true;
  if (written === undefined || read?.kind !== "apply" || read.op !== "max") return false;
  const [index, least] = read.args as readonly [Expr, Expr];
  return index === written && least.kind === "constant" && least.value === 0;
}

/** Whether a kernel checks indices, and may note that one is out of bounds. */
export function checksIndices(kernel: Kernel): boolean {
  if (kernel.kind === "scatter") return true;
  const roots = storesOf(kernel).flatMap(({ value, row }) => (row === undefined ? [value] : [value, row.index]));
  if (kernel.kind === "reduce") for (const { value } of kernel.folds) roots.push(value);
  if (kernel.kind === "matmul" && kernel.value !== undefined) roots.push(kernel.value);
  let checks = false;
  eachExpr(roots, ({ kind }) => {
    if (kind === "gather") checks = true;
  });
  return checks;
}

/** Visits expressions and all that they are computed from, each once. */
export function eachExpr(roots: readonly Expr[], visit: (expr: Expr) => void): void {
  const seen = new Set<Expr>();
  const enter = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    visit(expr);
    if (expr.kind === "apply") expr.args.forEach(enter);
    else if (expr.kind === "gather") enter(expr.index);
  };
  roots.forEach(enter);
}
