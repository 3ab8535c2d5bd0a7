/** Rows of large tables: stores to rows that an index names, and fetching rows before they are read. */
import { BYTES } from "../../dtype.js";
import { address, contiguous, delta, lanes, pushBytes, step } from "./access.js";
import type { Evaluator } from "./evaluator.js";
import { type LoweredStore, level, type Node } from "./lower.js";
import { I32, i32, i32x4, V128, v128 } from "./opcodes.js";
import { TYPES } from "./operations.js";

type StoreTo = NonNullable<LoweredStore["row"]>;

/** Locals that hold whether a row exists (null: it does), and how many bytes it lies from the table's start. */
interface RowAt {
  readonly exists: number | null;
  readonly start: number;
}

/** Finds out about the row with the number on the stack. */
function locate(e: Evaluator, index: number, { size, scale }: StoreTo): { exists: number; start: number } {
  const { f } = e.nest;
  const at = { exists: e.nest.local(I32), start: e.nest.local(I32) };
  f.get(index);
  f.i32(size);
  f.op(i32.ltU);
  f.set(at.exists);
  f.get(index);
  f.i32(scale);
  f.op(i32.mul);
  f.set(at.start);
  return at;
}

const known = new WeakMap<StoreTo, RowAt>();

/**
 * Emits a loop that makes stores, before it what is to be known of the rows that do not change in it. Where nothing but
 * rows of one number is stored, and nothing in the loop can fail, it is left out if there is no such row.
 */
export function aroundRows(e: Evaluator, stores: readonly LoweredStore[], loop: number, emit: () => void): void {
  const located = new Map<string, { exists: number; start: number }>();
  for (const { row } of stores) {
    if (row === null || level(row.index) >= loop) continue;
    const key = `${row.index.id}:${row.size}:${row.scale}`;
    const at = located.get(key) ?? locate(e, e.local(row.index), row);
    located.set(key, at);
    known.set(row, at);
  }
  const { row: first } = stores[0]!;
  const together = first !== null && stores.every(({ row }) => row?.index === first.index && row.size === first.size);
  const there = together ? (known.get(first)?.exists ?? null) : null;
  const values = stores.map(({ value }) => value);
  if (there === null || mayFail(values, loop)) emit();
  else {
    for (const { row } of stores) known.set(row!, { ...known.get(row!)!, exists: null });
    e.nest.f.get(there);
    e.nest.f.if(undefined, () => choosing(e, choiceIn(values, loop), emit));
  }
  for (const { row } of stores) if (row !== null) known.delete(row);
}

/** A choice that holds for all of a loop, where one that is not made need not be fetched. */
function choiceIn(nodes: readonly Node[], loop: number, seen = new Set<Node>()): Node | undefined {
  for (const node of nodes) {
    if (seen.has(node) || level(node) < loop) continue;
    seen.add(node);
    const [condition, ...ways] = node.args;
    const fetched = ways.some((way) => way.kind === "gather" && level(way) >= loop);
    if (node.kind === "apply" && node.op === "select" && level(condition!) < loop && fetched) return node;
    const found = choiceIn(node.args, loop, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Emits a loop once for each way that a choice may go. */
function choosing(e: Evaluator, choice: Node | undefined, emit: () => void): void {
  if (choice === undefined) emit();
  else {
    const { f, chosen } = e.nest;
    const going = (way: number) => () => {
      chosen.set(choice, choice.args[way]!);
      emit();
      chosen.delete(choice);
    };
    e.push(choice.args[0]!);
    f.if(undefined, going(1), going(2));
  }
}

/** Whether indices are checked within a loop. */
function mayFail(nodes: readonly Node[], loop: number, seen = new Set<Node>()): boolean {
  return nodes.some((node) => {
    if (seen.has(node) || level(node) < loop) return false;
    seen.add(node);
    return node.kind === "checked" || mayFail(node.args, loop, seen);
  });
}

/** Stores a value, which has been computed, to the rows that exist. */
export function storeRow(e: Evaluator, store: LoweredStore, row: StoreTo): void {
  const { place, dtype, value } = store;
  const { f } = e.nest;
  const induction = e.nest.induction(place.induction);
  const ifThere = ({ exists, start }: RowAt, body: (base: number) => void): void => {
    const there = () => {
      const base = f.local(I32);
      f.get(induction);
      f.get(start);
      f.op(i32.add);
      f.set(base);
      body(base);
      f.release(base);
    };
    if (exists === null) there();
    else {
      f.get(exists);
      f.if(undefined, there);
    }
  };
  const apart = e.differs(row.index);
  const here = apart ? undefined : (known.get(row) ?? locate(e, e.single.local(row.index), row));
  if (e.width === 1) {
    const what = e.local(value);
    ifThere(here!, (base) => {
      const offset = address(e, base, delta(place));
      f.get(what);
      f.memory(TYPES[dtype].store, offset);
    });
    return;
  }
  const opcode = dtype === "bool" ? v128.store8Lane : dtype === "float64" ? v128.store64Lane : v128.store32Lane;
  const start = delta(place) + e.shift * step(e, place);
  for (let part = 0; part < e.parts(dtype); part++) {
    let what = e.local(value, part);
    if (dtype === "bool") {
      pushBytes(e, value);
      what = e.nest.local(V128);
      f.set(what);
    }
    const storeLane = (base: number, point: number, lane: number) => {
      const offset = address(e, base, start + point * step(e, place));
      f.get(what);
      f.memoryLane(opcode, offset, lane);
    };
    const points = lanes(e, dtype, part);
    if (here === undefined) {
      points.forEach((point, lane) => {
        const index = e.nest.local(I32);
        f.get(e.local(row.index));
        f.lane(i32x4.extract, point);
        f.set(index);
        ifThere(locate(e, index, row), (base) => storeLane(base, point, lane));
      });
    } else if (dtype !== "bool" && contiguous(e, place, dtype)) {
      ifThere(here, (base) => {
        const offset = address(e, base, start + 16 * part);
        f.get(what);
        f.memory(v128.store, offset);
      });
    } else {
      ifThere(here, (base) => {
        for (const [lane, point] of points.entries()) storeLane(base, point, lane);
      });
    }
  }
}

const LINE = 64;
/** Tables up to this many bytes are in the processor's cache anyway. */
const CACHED = 2 ** 19;
/** So many lines are fetched at once, of at most so many rows. */
const MOST_LINES = 128;
const MOST_ROWS = 16;

type Gather = Extract<Node, { kind: "load" | "gather" }>;

/** Rows of large tables that a kernel reads from the second loop from the inside on. */
export interface Ahead {
  /** How many rows are fetched before they are worked on. */
  readonly rows: number;
  readonly gathers: readonly Gather[];
  /** Bytes of one row of each. */
  readonly bytes: readonly number[];
}

/**
 * Rows that lie anywhere in a large table have to come from memory, which takes hundreds of cycles, and while the
 * arithmetic of one row fills the processor's window it does not see the reads of the next ones. So the lines of some
 * rows are touched one right after another, and come together, before any of them is worked on. Null where that is no use.
 */
export function rowsAhead(roots: readonly Node[], loops: readonly number[]): Ahead | null {
  const inner = loops.length - 1;
  if (inner === 0) return null;
  const found = new Map<string, Gather>();
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    node.args.forEach(visit);
    if (node.kind !== "gather" || node.dtype === "bool") return;
    const checked = node.args[0]!;
    if (checked.kind !== "checked" || level(checked) !== inner - 1) return;
    if (checked.size * checked.scale <= CACHED) return;
    const step = node.place.induction.strides[inner];
    if (step !== BYTES[node.dtype] && step !== 0) return;
    found.set(`${node.place.induction.buffer}:${checked.args[0]!.id}`, node);
  };
  roots.forEach(visit);
  const gathers = [...found.values()];
  const bytes = gathers.map(({ dtype, place }) =>
    place.induction.strides[inner] === 0 ? BYTES[dtype] : Math.min(loops[inner]! * BYTES[dtype], MOST_LINES * LINE),
  );
  const lines = bytes.reduce((n, size) => n + Math.ceil(size / LINE), 0);
  const rows = Math.min(MOST_ROWS, Math.floor(MOST_LINES / lines));
  return gathers.length > 0 && rows > 1 ? { rows, gathers, bytes } : null;
}

/** Where what was read is written to, so that no compiler leaves the reading out: a cell that nobody looks at. */
const NOWHERE = 32;

/** Reads something of every line of a row. */
export function touchRow(e: Evaluator, { gathers, bytes }: Ahead): void {
  const { f } = e.nest;
  const all = f.local(I32);
  gathers.forEach((gather, i) => {
    const base = f.local(I32);
    f.get(e.nest.induction(gather.place.induction));
    e.push(gather.args[0]!);
    f.op(i32.add);
    f.set(base);
    for (let at = 0; at < bytes[i]!; at += LINE) {
      const offset = address(e, base, delta(gather.place) + at);
      f.memory(i32.load, offset);
      if (i > 0 || at > 0) {
        f.get(all);
        f.op(i32.or);
      }
      f.set(all);
    }
    f.release(base);
  });
  f.i32(NOWHERE);
  f.get(all);
  f.memory(i32.store);
  f.release(all);
}
