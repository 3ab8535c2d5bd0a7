import * as P from "../graph/primitive.js";
import { type Shape, stridesOf } from "../graph/shape.js";
import * as E from "../kernels/expression.js";
import type { Access, Expr, Guard } from "../kernels/kernel.js";
import { castTo, expressions } from "./expressions.js";
import type { Item } from "./item.js";
import { type Coordinates, putTogether, sumOf, takeApart, unbroadcast, type Walk } from "./walk.js";

/** One loop of a kernel under construction, with its stride in the row-major order of the space that it walks over. */
export interface Loop {
  readonly size: number;
  readonly stride: number;
  /** For the kept loops of a reduce kernel: the stride in the row-major order of the result. */
  readonly outStride: number;
  /** A loop that must stay as it is (the reduced one, and that over its blocks). */
  readonly rigid: boolean;
}

/** Thrown to start a kernel again with one loop cut in two. */
export class CutLoop extends Error {
  constructor(
    readonly loop: number,
    readonly inner: number,
  ) {
    super("cut a loop");
  }
}

/** Thrown to start a plan again with an item stored in memory (and, if `apart`, outside reduce kernels). */
export class StoreItem extends Error {
  constructor(
    readonly item: Item,
    readonly apart: boolean,
  ) {
    super(`store item ${item.id} (${item.primitive.name})`);
  }
}

/**
 * Writes down the expressions of one kernel: what an item's value is at the point where the loops stand, down to loads
 * from memory. Movements are folded into the walks on the way.
 */
export class Lowering {
  /** Memory that the kernel uses, in the order of its slots. */
  readonly buffers: Item[];
  /** Scalars that the kernel uses, in the order of their slots. */
  readonly scalars: Item[];
  /** Items computed here, for counting the work. */
  readonly computed = new Set<Item>();
  private readonly memo = new Map<Item, Map<string, Expr>>();

  /**
   * @param loops - the kernel's loops
   * @param inside - stored items that this kernel computes itself, so that it need not load them
   * @param folded - the number of the fold that computes an item, for reading results behind the loop
   * @param beside - writes expressions of the same kernel over other loops
   */
  constructor(
    private readonly loops: readonly Loop[],
    private readonly inside: ReadonlySet<Item>,
    private readonly folded: ReadonlyMap<Item, number>,
    beside?: Lowering,
  ) {
    this.buffers = beside?.buffers ?? [];
    this.scalars = beside?.scalars ?? [];
  }

  /** The walk over the kernel's own space, in row-major order. */
  get whole(): Walk {
    return { offset: 0, strides: this.loops.map((loop) => loop.stride) };
  }

  /** The walk over a reduce kernel's result, along the kept loops. */
  get kept(): Walk {
    return { offset: 0, strides: this.loops.slice(0, -1).map((loop) => loop.outStride) };
  }

  /** The value of an item at the point that a walk leads to. */
  value(item: Item, walk: Walk): Expr {
    const fold = this.folded.get(item);
    if (fold !== undefined) return E.folded(fold, item.dtype);
    if (item.scalar >= 0) return this.scalar(item);
    const key = `${walk.offset}:${walk.strides.join()}`;
    let known = this.memo.get(item);
    if (known === undefined) this.memo.set(item, (known = new Map()));
    let expr = known.get(key);
    if (expr === undefined) {
      expr = item.stored && !this.inside.has(item) ? this.load(item, walk) : this.compute(item, walk);
      known.set(key, expr);
    }
    return expr;
  }

  /** Where a walk over an item's elements lies in its memory. */
  access(item: Item, walk: Walk): Access {
    if (item.strides === null) return this.place(item, walk);
    return this.place(item, putTogether(this.apart(item, walk), item.strides, walk.strides.length));
  }

  /** Memory behind movements, as matmul wants its operands: null if the item is not simply a view of memory. */
  view(item: Item, walk: Walk): Access | null {
    if (item.isInput || item.stored) return this.access(item, walk);
    if (!P.isView(item.primitive)) return null;
    return this.view(item.srcs[0]!, this.through(item, walk));
  }

  /** The coordinates of a walk in an item's shape, after cutting loops if that is what it takes. */
  apart(item: Item, walk: Walk, shape: Shape = item.shape): Coordinates {
    const sizes = this.loops.slice(0, walk.strides.length).map((loop) => loop.size);
    const parts = takeApart(walk, shape, sizes);
    // In a reduce kernel it would still not fit, even computed beside the fold.
    if (parts === null)
      throw new StoreItem(
        item,
        this.loops.some((loop) => loop.rigid),
      );
    if (!("loop" in parts)) return parts;
    if (this.loops[parts.loop]!.rigid) throw new StoreItem(item, true);
    throw new CutLoop(parts.loop, parts.inner);
  }

  slot(item: Item): number {
    let slot = this.buffers.indexOf(item);
    if (slot < 0) slot = this.buffers.push(item) - 1;
    return slot;
  }

  private place(item: Item, walk: Walk): Access {
    return { buffer: this.slot(item), dtype: item.dtype, offset: walk.offset, strides: walk.strides };
  }

  private scalar(item: Item): Expr {
    let slot = this.scalars.indexOf(item);
    if (slot < 0) slot = this.scalars.push(item) - 1;
    return E.scalar(slot, item.dtype);
  }

  private load(item: Item, walk: Walk): Expr {
    return E.load(this.access(item, walk));
  }

  private compute(item: Item, walk: Walk): Expr {
    const { primitive, srcs } = item;
    if (item.isInput) return this.load(item, walk);
    if (primitive.kind === "assign") return this.value(srcs[0]!, walk);
    this.computed.add(item);
    if (primitive === P.pad) return this.padded(item, walk);
    if (primitive === P.overlap) return this.overlapped(item, walk);
    if (primitive.kind === "movement") return this.value(srcs[0]!, this.through(item, walk));
    if (primitive === P.gather) return this.gathered(item, walk);
    if (primitive === P.position) {
      const at = this.apart(item, walk)[item.attr![0]!]!;
      return E.position(at.offset, at.strides);
    }
    if (primitive.kind !== "elementwise") throw new StoreItem(item, false);
    const args = srcs.map((src) => this.operand(src, item, walk));
    if (primitive === P.cast) return castTo(item.dtype, args[0]!);
    return expressions[primitive.name]!(args[0]!, args[1]!, args[2]!);
  }

  /** The value of an elementwise item's source, which may have to be broadcast. */
  private operand(src: Item, item: Item, walk: Walk): Expr {
    if (src.size === item.size || src.scalar >= 0) return this.value(src, walk);
    const loops = walk.strides.length;
    if (src.size === 1) return this.value(src, { offset: 0, strides: new Array<number>(loops).fill(0) });
    const coordinates = unbroadcast(this.apart(item, walk), src.shape, loops);
    return this.value(src, putTogether(coordinates, stridesOf(src.shape), loops));
  }

  /** The walk over a movement's source that gives the walk over its result. */
  private through(item: Item, walk: Walk): Walk {
    const src = item.srcs[0]!;
    if (item.primitive === P.reshape) return walk;
    const loops = walk.strides.length;
    const rows = stridesOf(src.shape);
    if (item.primitive === P.expand) {
      if (src.size === 1) return { offset: 0, strides: new Array<number>(loops).fill(0) };
      if (src.size === item.size) return walk;
      return putTogether(unbroadcast(this.apart(item, walk), src.shape, loops), rows, loops);
    }
    const at = this.apart(item, walk);
    if (item.primitive === P.permute) {
      const order = item.attr!;
      return putTogether(
        at,
        order.map((d) => rows[d]!),
        loops,
      );
    }
    if (item.primitive === P.unfold) {
      const [dim, , dilation] = item.attr as [number, number, number];
      const inside = at.at(-1)!;
      const sources = at.slice(0, -1).map((c, d) => (d === dim ? sumOf(c, inside, dilation) : c));
      return putTogether(sources, rows, loops);
    }
    // slice
    const moved = at.map((c, d) => {
      const start = item.attr![2 * d]!;
      const step = item.attr![2 * d + 1]!;
      return { offset: start + step * c.offset, strides: c.strides.map((s) => s * step) };
    });
    return putTogether(moved, rows, loops);
  }

  private padded(item: Item, walk: Walk): Expr {
    const src = item.srcs[0]!;
    if (src.scalar < 0 && !src.isInput && !src.stored) throw new StoreItem(src, false);
    const loops = walk.strides.length;
    const guards: Guard[] = [];
    const moved = this.apart(item, walk).map((c, d) => {
      const before = item.attr![d]!;
      const inside = { offset: c.offset - before, strides: c.strides };
      if (item.shape[d] !== src.shape[d]) guards.push({ ...inside, below: src.shape[d]! });
      return inside;
    });
    const strides = src.strides ?? stridesOf(src.shape);
    return E.load(this.place(src, putTogether(moved, strides, loops)), guards);
  }

  private overlapped(item: Item, walk: Walk): Expr {
    const src = item.srcs[0]!;
    if (!src.isInput && !src.stored) throw new StoreItem(src, false);
    const [dim, size, dilation] = item.attr as [number, number, number];
    const at = this.apart(item, walk);
    const strides = src.strides ?? stridesOf(src.shape);
    const still = new Array<number>(walk.strides.length).fill(0);
    const parts = Array.from({ length: size }, (_, k): Expr => {
      const window = { ...at[dim]!, offset: at[dim]!.offset - k * dilation };
      const moved = [...at.map((c, d) => (d === dim ? window : c)), { offset: k, strides: still }];
      const guards = size > 1 ? [{ ...window, below: src.shape[dim]! }] : [];
      return E.load(this.place(src, putTogether(moved, strides, still.length)), guards);
    });
    return parts.reduce((sum, part) => E.add(sum, part));
  }

  private gathered(item: Item, walk: Walk): Expr {
    const [values, index] = item.srcs as [Item, Item];
    if (!values.isInput && !values.stored) throw new StoreItem(values, false);
    const dim = item.attr![0]!;
    const strides = values.strides ?? stridesOf(values.shape);
    const others = strides.map((s, d) => (d === dim ? 0 : s));
    const at = putTogether(this.apart(item, walk), others, walk.strides.length);
    return E.gather(this.place(values, at), this.value(index, walk), strides[dim]!, values.shape[dim]!);
  }
}
