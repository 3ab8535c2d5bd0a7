import { BYTES } from "../dtype.js";
import type { Expr } from "../kernels/kernel.js";
import type { Emitted } from "./emit.js";
import { eachExpr, storesOf } from "./hazards.js";
import type { Item } from "./item.js";

/** Bytes that a kernel moves to and from memory: each value that it reads or writes once, what it looks up by index at most. */
export function bytesMoved({ kernel, buffers }: Emitted): number {
  const points = kernel.loops.reduce((a, b) => a * b, 1);
  const read = new Map<Item, number>();
  const written = new Map<Item, number>();
  const note = (map: Map<Item, number>, slot: number, lookedUp: boolean): void => {
    const item = buffers[slot]!;
    const bytes = lookedUp ? Math.min(item.bytes, points * BYTES[item.dtype]) : item.bytes;
    map.set(item, Math.max(map.get(item) ?? 0, bytes));
  };
  const visit = (expr: Expr): void => {
    if (expr.kind === "load" || expr.kind === "gather") note(read, expr.access.buffer, expr.kind === "gather");
  };
  if (kernel.kind === "matmul") {
    note(read, kernel.a.buffer, false);
    note(read, kernel.b.buffer, false);
    note(written, kernel.c.buffer, false);
    if (kernel.value !== undefined) eachExpr([kernel.value], visit);
  } else if (kernel.kind === "scatter") {
    eachExpr([kernel.index, kernel.value], visit);
    note(read, kernel.access.buffer, true);
    note(written, kernel.access.buffer, true);
  } else {
    const stores = storesOf(kernel);
    eachExpr(
      [
        ...stores.flatMap(({ value, row }) => (row === undefined ? [value] : [value, row.index])),
        ...(kernel.kind === "reduce" ? kernel.folds.map(({ value }) => value) : []),
      ],
      visit,
    );
    for (const { access, row } of stores) note(written, access.buffer, row !== undefined);
  }
  return [...read.values(), ...written.values()].reduce((a, b) => a + b, 0);
}

/** What any plan must move: every input read once, every result written once. */
export const leastBytes = (inputs: readonly Item[], results: readonly Item[]): number =>
  [...new Set(inputs), ...new Set(results)].reduce((sum, item) => sum + item.bytes, 0);

/** Bytes for people. */
export function showBytes(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 1e7 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(0)} MB`;
}
