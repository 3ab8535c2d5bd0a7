import type { Node } from "../graph/node.js";
import { release } from "../plan/engine.js";
import { constant } from "./elementwise.js";
import { scatterAdd } from "./indexing.js";
import { expand, reshape } from "./movement.js";
import type { Tensor } from "./tensor.js";

/** The gradient of some rows of a table: row numbers [n] (a row may occur more than once) and gradients [n, …row]. */
export interface Rows {
  readonly rows: Tensor;
  readonly values: Tensor;
}

/** What is known of a table beside its dense gradient. */
interface Table {
  parts: (Rows & { gradient: { readonly node: Node } | null })[];
  /** Brings rows up to date before they are read, for update rules that move rows while nobody touches them. */
  lazy: { readonly before: (rows: Tensor) => void; readonly node: () => Node } | null;
}

// Few tensors are tables, so tables are kept aside and cost the others nothing.
const tables = new WeakMap<Tensor, Table>();

function tableOf(x: Tensor): Table {
  let table = tables.get(x);
  if (table === undefined) tables.set(x, (table = { parts: [], lazy: null }));
  return table;
}

/** Adds to a table's sparse gradient. */
export function addRows(x: Tensor, part: Rows): { readonly gradient: { readonly node: Node } | null } {
  const kept = { ...part, gradient: part.values };
  tableOf(x).parts.push(kept);
  return kept;
}

export const hasRows = (x: Tensor): boolean => (tables.get(x)?.parts.length ?? 0) > 0;

/** The sparse gradient, in the order in which backward passes added to it. */
export const rowsOf = (x: Tensor): readonly Rows[] => tables.get(x)?.parts ?? [];

/** Forgets the sparse gradient. */
export function dropRows(x: Tensor): void {
  const table = tables.get(x);
  if (table === undefined) return;
  for (const part of table.parts) {
    part.gradient = null;
    if (part.values.node.srcs.length === 0) release(part.values.node);
  }
  table.parts = [];
}

/** The whole gradient with its zeros, sparse and dense parts together; from then on it is dense. */
export function denseGradient(x: Tensor): Tensor {
  const { parts } = tableOf(x);
  let sum = x.gradient ?? constant(x.shape, 0, x.dtype);
  for (const { rows, values } of parts) {
    const n = rows.numel;
    const index = expand(reshape(rows, [n, ...x.shape.slice(1).map(() => 1)]), [n, ...x.shape.slice(1)]);
    sum = scatterAdd(sum, 0, index, values.detach());
    // The sum still has to read it.
    values.node.escaped = true;
  }
  dropRows(x);
  return sum;
}

/** Called before rows are read by an embedding with sparse gradient. */
export const beforeRows = (x: Tensor, rows: Tensor): void => tables.get(x)?.lazy?.before(rows);

/** The node to read rows from: they were brought up to date, the others need not be. */
export const rowNode = (x: Tensor): Node => tables.get(x)?.lazy?.node() ?? x.node;

/** Sets what brings a table's rows up to date, or null. */
export function setLazy(x: Tensor, lazy: Table["lazy"]): void {
  tableOf(x).lazy = lazy;
}
