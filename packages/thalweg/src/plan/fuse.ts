import * as P from "../graph/primitive.js";
import { weightOf } from "./expressions.js";
import type { FoldShape, Item } from "./item.js";

/** Items that one kernel computes. Kernels run in the order of their groups. */
export interface Group {
  readonly kind: "map" | "reduce" | "special";
  /** Points of the iteration space. */
  readonly size: number;
  readonly fold: FoldShape | null;
  /** Stored at each point of the iteration space. */
  readonly body: Item[];
  /** Folds (of a reduce group). */
  readonly folds: Item[];
  /** Stored once per kept point, computed from the folds; stored in the place of a product. */
  readonly epilogue: Item[];
  /** The item of a special group. */
  readonly item: Item | null;
}

/** More memory streams than this in one kernel do not run faster together. */
const MOST_STREAMS = 16;
/** Above this many operations, computing a value in two kernels costs more than storing it once. */
const DEAR = 8;
/** A value this deep without memory is stored, to bound the size of kernels. */
const DEEPEST = 256;

/**
 * Decides what is stored: results, operands of kernels that need memory, folds, and values that several kernels would
 * compute again at a high price. Everything else is computed inside its readers.
 */
export function chooseStored(list: readonly Item[], results: readonly Item[], forced: ReadonlySet<number>): void {
  for (const item of list) {
    item.readers = [];
    item.wanted = false;
    const { kind } = item.primitive;
    if (item.isInput || item.scalar >= 0) item.stored = false;
    else if (forced.has(item.id)) item.stored = true;
    else item.stored = isSpecial(item) || kind === "reduce" || kind === "assign";
  }
  for (const item of results) {
    item.wanted = true;
    if (!item.isInput) item.stored = true;
  }
  for (const item of list) {
    // A matmul's operands are in memory, be it behind movements; so are the tables of a gather and a scatter.
    if (item.primitive === P.matmul) for (const src of item.srcs) storeOperand(src);
    else if (item.primitive === P.gather) storeOperand(item.srcs[0]!);
    // What is read several times for each point is computed once.
    else if (item.primitive === P.overlap && !item.srcs[0]!.isInput) item.srcs[0]!.stored = true;
  }
  const depth = new Map<Item, number>();
  for (const item of list) {
    let weight = weightOf(item.primitive.name);
    let deepest = 0;
    for (const src of item.srcs) {
      if (src.stored || src.isInput) continue;
      weight = Math.min(weight + src.weight, 10_000);
      deepest = Math.max(deepest, depth.get(src) ?? 0);
    }
    item.weight = weight;
    if (deepest + 1 > DEEPEST && item.scalar < 0 && !item.isInput) {
      item.stored = true;
    }
    depth.set(item, item.stored ? 0 : deepest + 1);
  }
  // From results to sources: which stored items compute this one inside themselves?
  for (let i = list.length - 1; i >= 0; i--) {
    const item = list[i]!;
    if (!item.stored && worthStoring(item)) item.stored = true;
    const readers = item.stored ? [item] : item.readers;
    for (const src of item.srcs) {
      for (const reader of readers)
        if (!src.readers.includes(reader) && src.readers.length < 64) src.readers.push(reader);
    }
  }
}

/** Has a kernel, or kernels, of its own. */
const isSpecial = ({ primitive }: Item): boolean => primitive.kind === "special" && primitive !== P.gather;

/** Stores the value behind movements that cost nothing. */
function storeOperand(item: Item): void {
  if (item.isInput || item.stored) return;
  if (P.isView(item.primitive)) storeOperand(item.srcs[0]!);
  else item.stored = true;
}

function worthStoring(item: Item): boolean {
  if (item.isInput || item.scalar >= 0 || item.readers.length < 2 || item.weight < DEAR) return false;
  if (item.primitive.kind === "movement") return false;
  // Readers over the same points will mostly share a kernel, where the value is computed once anyway; not so where one
  // of them is a fold, on which the others may depend.
  return item.readers.some(
    (reader) => reader.fold !== null || reader.points !== item.size || reader.primitive === P.cat,
  );
}

/** What an item reads from memory, and whether only at the same point (by row-major order). */
interface Reads {
  readonly aligned: Set<Item>;
  readonly elsewhere: Set<Item>;
}

/** Puts stored items into groups; the order of the groups is an order in which they can run. */
export function group(list: readonly Item[], fuse = true): Group[] {
  const groups: Group[] = [];
  const place = new Map<Item, number>();
  for (const item of list) {
    if (!item.stored || item.size === 0) continue;
    if (isSpecial(item)) {
      place.set(
        item,
        groups.push({ kind: "special", size: item.size, fold: null, body: [], folds: [], epilogue: [], item }) - 1,
      );
      continue;
    }
    const reads = readsOf(item);
    // The group must not run before anything that the item reads; a group that computes something the item reads at
    // the same point will do.
    let first = 0;
    for (const read of reads.elsewhere) if (place.has(read)) first = Math.max(first, place.get(read)! + 1);
    for (const read of reads.aligned) if (place.has(read)) first = Math.max(first, place.get(read)!);
    let at = fuse ? productBefore(groups, first, item, reads) : -1;
    for (let g = groups.length - 1; fuse && g >= first && at < 0; g--) {
      const rows = item.primitive === P.assignRows;
      if (rows ? joinsRows(groups[g]!, item) : joins(groups, g, item, reads, place)) at = g;
    }
    if (at < 0) at = open(groups, item);
    place.set(item, at);
  }
  return groups;
}

function open(groups: Group[], item: Item): number {
  const { fold } = item;
  const made: Group = fold
    ? {
        kind: "reduce",
        size: item.points,
        fold,
        body: [],
        folds: [item],
        epilogue: [],
        item: null,
      }
    : { kind: "map", size: item.points, fold: null, body: [item], folds: [], epilogue: [], item: null };
  return groups.push(made) - 1;
}

/** Adds the item to group number g if it can and should be computed there. */
function joins(groups: Group[], g: number, item: Item, reads: Reads, place: ReadonlyMap<Item, number>): boolean {
  const target = groups[g]!;
  if (target.kind === "special") return false;
  const inBody: Item[] = [];
  const behind: Item[] = [];
  for (const read of reads.aligned) {
    if (place.get(read) !== g) continue;
    (target.folds.includes(read) || target.epilogue.includes(read) ? behind : inBody).push(read);
  }
  const isPosition = item.primitive === P.argmax || item.primitive === P.argmin;
  if (item.fold !== null) {
    if (behind.length > 0 || item.points !== target.size) return false;
    if (target.kind === "reduce") {
      if (!sameFold(target.fold!, item.fold) || isPosition !== target.folds.some(isArg)) return false;
      if (inBody.length === 0 && !shares(target, reads)) return false;
      target.folds.push(item);
      return true;
    }
    // A map kernel becomes the body of the reduce kernel that reads what it stores.
    if (inBody.length === 0 || isPosition || target.body.some((member) => member.apart)) return false;
    groups[g] = { ...target, kind: "reduce", fold: item.fold, folds: [item] };
    return true;
  }
  if (behind.length > 0) {
    if (inBody.length > 0 || item.size !== target.folds[0]!.size || streams(target) > MOST_STREAMS) return false;
    target.epilogue.push(item);
    return true;
  }
  if (item.size !== target.size || streams(target) > MOST_STREAMS) return false;
  if (target.kind === "reduce" && (item.apart || target.folds.some(isArg))) return false;
  if (inBody.length === 0 && !shares(target, reads)) return false;
  target.body.push(item);
  return true;
}

/**
 * The group of the product that an item is computed from, if the item can take the product's place: nothing else reads the
 * product, and what else the item reads is there before it runs. Else -1.
 */
function productBefore(groups: readonly Group[], g: number, item: Item, reads: Reads): number {
  const { item: product, epilogue } = groups[g] ?? { item: null, epilogue: [] };
  if (product?.primitive !== P.matmul || epilogue.length > 0 || item.primitive.kind !== "elementwise") return -1;
  const fits = item.dtype === product.dtype && item.size === product.size && reads.aligned.has(product);
  if (!fits || reads.elsewhere.has(product) || product.wanted || product.readers.length > 1) return -1;
  groups[g]!.epilogue.push(item);
  return g;
}

/**
 * Rows that become new in their places are computed together, and with nothing else: another value that reads the old rows
 * would read them while they change. Rows that were computed before have a kernel of their own each, which copies them.
 */
function joinsRows(target: Group, item: Item): boolean {
  const together = [item, ...target.body].every(
    ({ primitive, srcs }) => primitive === P.assignRows && srcs[1] === item.srcs[1] && !srcs[0]!.stored,
  );
  if (!together || target.kind !== "map" || target.size !== item.points) return false;
  target.body.push(item);
  return true;
}

const isArg = (item: Item): boolean => item.primitive === P.argmax || item.primitive === P.argmin;

function sameFold(a: FoldShape, b: FoldShape): boolean {
  return a.outer === b.outer && a.length === b.length && a.inner === b.inner && a.block === b.block;
}

/** True if a member of the group reads something large at the same points. */
function shares(target: Group, reads: Reads): boolean {
  for (const member of [...target.body, ...target.folds]) {
    for (const read of readsOf(member).aligned) if (read.size === target.size && reads.aligned.has(read)) return true;
  }
  return false;
}

function streams(target: Group): number {
  const all = new Set<Item>();
  for (const member of [...target.body, ...target.folds, ...target.epilogue]) {
    all.add(member);
    const reads = readsOf(member);
    for (const read of reads.aligned) all.add(read);
    for (const read of reads.elsewhere) all.add(read);
  }
  return all.size;
}

const known = new WeakMap<Item, Reads>();

/** What an item reads when everything that is not stored is computed inside it. */
export function readsOf(item: Item): Reads {
  const already = known.get(item);
  if (already !== undefined) return already;
  const reads: Reads = { aligned: new Set(), elsewhere: new Set() };
  const seen = new Set<string>();
  const visit = (src: Item, aligned: boolean): void => {
    if (src.scalar >= 0) return;
    if (src.stored || src.isInput) {
      (aligned && src.primitive !== P.assignRows ? reads.aligned : reads.elsewhere).add(src);
      return;
    }
    const key = `${src.id}:${aligned}`;
    if (seen.has(key)) return;
    seen.add(key);
    sources(src, aligned);
  };
  const sources = (reader: Item, aligned: boolean): void => {
    const { primitive } = reader;
    const { points } = reader;
    reader.srcs.forEach((src, i) => {
      const same = src.size === points;
      const straight =
        primitive.kind === "elementwise" ||
        primitive.kind === "reduce" ||
        primitive === P.reshape ||
        primitive.kind === "assign" ||
        (primitive === P.expand && same) ||
        (primitive === P.gather && i === 1);
      visit(src, aligned && same && straight);
    });
  };
  if (item.isInput) reads.elsewhere.add(item);
  else sources(item, true);
  known.set(item, reads);
  return reads;
}
