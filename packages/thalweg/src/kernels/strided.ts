import { BYTES } from "../dtype.js";
import type { Access, Expr, ReduceKernel } from "./kernel.js";

/** From so many bytes on, neighbours along a loop are as good as on different pages. */
const FAR = 1024;
/** So many elements must be folded, for so many kept points, for another order of the loops to pay. */
const LONG = 32;
const WIDE = 64;

/**
 * Whether a fold walks across the rows of its memory: its elements lie far apart along the reduced loop, and side by side
 * along the innermost kept one, as where rows are added up. Then it goes along the rows, with the results so far of
 * many kept points in scratch space. That changes when an element is folded, never what it is folded into.
 */
export function isStrided({ loops, order, folds, body, ragged }: ReduceKernel): boolean {
  const reduced = loops.length - 1;
  const kept = reduced - 1;
  if (order === "serial" || kept < 0 || body.length > 0 || loops[reduced]! < LONG || loops[kept]! < WIDE) return false;
  if (ragged?.loop === kept) return false;
  let across = false;
  const suits = (expr: Expr): boolean => {
    if (expr.kind === "apply") return expr.args.every(suits);
    if (expr.kind !== "load") return expr.kind === "scalar" || expr.kind === "constant";
    const { strides, dtype } = expr.access;
    if (expr.guards !== undefined && expr.guards.length > 0) return false;
    if (strides[kept] === 0) return true;
    if (strides[kept] !== 1) return false;
    if (Math.abs(strides[reduced]!) * BYTES[dtype] >= FAR) across = true;
    return true;
  };
  return folds.every(({ op, value }) => op !== "argmax" && op !== "argmin" && suits(value)) && across;
}

/** An expression as it is `by` points further along a loop. */
export function further(expr: Expr, loop: number, by: number, known = new Map<Expr, Expr>()): Expr {
  const found = known.get(expr);
  if (found !== undefined) return found;
  let made = expr;
  const move = (access: Access): Access => ({ ...access, offset: access.offset + by * access.strides[loop]! });
  if (expr.kind === "load" && expr.access.strides[loop] !== 0) made = { ...expr, access: move(expr.access) };
  else if (expr.kind === "apply") {
    const args = expr.args.map((arg) => further(arg, loop, by, known));
    if (args.some((arg, a) => arg !== expr.args[a])) made = { ...expr, args };
  }
  known.set(expr, made);
  return made;
}
