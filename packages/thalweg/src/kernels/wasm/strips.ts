/** Folds that go along the rows of their memory, with the results so far in scratch space; see ../strided.ts. */
import type { ReduceKernel } from "../kernel.js";
import { further } from "../strided.js";
import { Evaluator } from "./evaluator.js";
import { isWide, type Lowering, type Node } from "./lower.js";
import type { Count, Segment } from "./nest.js";
import { I32, V128, v128 } from "./opcodes.js";
import type { LoweredFold, Reduction } from "./reduce.js";

/** What the results so far of all folds may take: half of a first-level cache. */
const BYTES = 16384;
/** Rows that are folded at a time in order "columns", so that results so far are read and written once for all of them. */
const ROWS = 8;
const LANES = 16;

/** For each of the rows that are worked on at a time the folds' values there. */
export type Rows = readonly (readonly LoweredFold[])[];

/** Lowers the values of so many neighbouring rows as strips need. */
export function lowerRows(
  { folds, loops, order }: ReduceKernel,
  lowered: readonly LoweredFold[],
  lowering: Lowering,
): Rows {
  const reduced = loops.length - 1;
  return Array.from({ length: order === "lanes" ? LANES : ROWS }, (_, row) => {
    const known = new Map();
    return lowered.map((fold, i) => {
      const value = further(folds[i]!.value, reduced, row, known);
      return { ...fold, value: lowering.use(value, value.type) };
    });
  });
}

/** How many kept points one strip has, largest first. */
export function widths(order: ReduceKernel["order"], folds: readonly LoweredFold[]): number[] {
  const bytes = folds.reduce((sum, { value }) => sum + (isWide(value.type) ? 8 : 4), 0);
  const partials = order === "lanes" ? LANES : 1;
  const most = 2 ** Math.floor(Math.log2(BYTES / (bytes * partials)));
  return [...new Set([Math.min(1024, most), 256, 64, 16].filter((width) => width <= most))];
}

/** Folds `width` kept points. */
export function strip(r: Reduction, rows: Rows, width: number): void {
  const { nest, f, kept, folds, order, ragged } = r;
  const n = r.loops[kept + 1]!;
  const partials = order === "lanes" ? LANES : 1;
  const evaluator = new Evaluator(nest, r.pushFold, 4, kept);
  const along = (body: () => void) => {
    const segment: Segment = { points: 4, body };
    nest.loop(kept, { known: width }, [segment], true);
  };
  const parts = folds.map(({ value }) => evaluator.parts(value.type));
  const perColumns = 16 * parts.reduce((sum: number, one) => sum + one, 0) * partials;
  const first = parts.map((_, i) => 16 * parts.slice(0, i).reduce((sum: number, one) => sum + one, 0) * partials);
  /** Goes over the columns four at a time, with the address of their results so far. */
  const columns = (body: (at: number) => void) =>
    nest.scoped(() => {
      const at = nest.local(I32);
      f.globalGet(0);
      f.set(at);
      along(() => {
        body(at);
        f.increment(at, perColumns);
      });
    });
  const offset = (fold: number, partial: number, part: number) => first[fold]! + 16 * (parts[fold]! * partial + part);
  const load = (at: number, fold: number, partial: number): number[] =>
    Array.from({ length: parts[fold]! }, (_, part) => {
      const local = nest.local(V128);
      f.get(at);
      f.memory(v128.load, offset(fold, partial, part));
      f.set(local);
      return local;
    });
  const save = (at: number, fold: number, partial: number, locals: readonly number[]) => {
    locals.forEach((local, part) => {
      f.get(at);
      f.get(local);
      f.memory(v128.store, offset(fold, partial, part));
    });
  };

  columns((at) => {
    folds.forEach((fold, i) => {
      for (let partial = 0; partial < partials; partial++) {
        for (let part = 0; part < parts[i]!; part++) {
          f.get(at);
          r.pushIdentity(fold, 4);
          f.memory(v128.store, offset(i, partial, part));
        }
      }
    });
  });
  const some = (count: number): Segment => ({
    points: count,
    body: () => {
      const here = rows.slice(0, count);
      // What is the same for all columns is computed before them.
      for (const row of here) for (const { value } of row) ahead(evaluator, value);
      columns((at) => {
        if (partials === 1) {
          folds.forEach((_, i) => {
            const locals = load(at, i, 0);
            for (const row of here) nest.scoped(() => r.accumulate(row[i]!, evaluator, locals));
            save(at, i, 0, locals);
          });
          return;
        }
        here.forEach((row, partial) => {
          nest.scoped(() => {
            folds.forEach((_, i) => {
              const locals = load(at, i, partial);
              r.accumulate(row[i]!, evaluator, locals);
              save(at, i, partial, locals);
            });
          });
        });
      });
    },
  });
  const fill = (count: Count) => {
    const segments = [some(rows.length)];
    if (partials === 1) segments.push(some(1));
    else if ("known" in count && count.known % LANES > 0) segments.push(some(count.known % LANES));
    nest.loop(kept + 1, count, segments);
  };
  if (ragged === undefined) fill({ known: n });
  else {
    r.pushLast(ragged);
    f.if(
      undefined,
      () => fill({ known: ragged.count }),
      () => fill({ known: n }),
    );
  }
  columns((at) => {
    const results = folds.map((fold, i) => {
      const all = Array.from({ length: partials }, (_, partial) => load(at, i, partial));
      for (let half = partials / 2; half >= 1; half /= 2) {
        for (let partial = 0; partial < half; partial++) {
          all[partial]!.forEach((local, part) => {
            f.get(local);
            f.get(all[partial + half]![part]!);
            r.combine(fold, 4);
            f.set(local);
          });
        }
      }
      return all[0]!;
    });
    r.fold = (fold, _, part) => f.get(results[fold]![part]!);
    evaluator.store(r.stores);
  });
}

/** Computes now what of a value does not differ from column to column. */
function ahead(evaluator: Evaluator, node: Node): void {
  if (node.kind === "constant") return;
  if (evaluator.differs(node)) for (const arg of node.args) ahead(evaluator, arg);
  else for (let part = 0; part < evaluator.parts(node.type); part++) evaluator.local(node, part);
}
