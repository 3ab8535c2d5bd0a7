import { BYTES, type DType } from "../dtype.js";
import type { Node } from "../graph/node.js";
import type { Primitive } from "../graph/primitive.js";
import * as P from "../graph/primitive.js";
import { type Shape, sizeOf } from "../graph/shape.js";
import { oldOf } from "./change.js";
import { formulaOf } from "./formula.js";

/**
 * How many elements one kernel folds in a row. A longer fold is done in blocks, whose results are folded in turn: that
 * bounds rounding error and gives threads something to share. Part of the order of summation, so of every result.
 */
const LANES_BLOCK = 4096;
const COLUMNS_BLOCK = 512;

/** A fold of one loop: the input seen as [outer, length, inner], cut into blocks of `block` where it is longer. */
export interface FoldShape {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  readonly block: number;
}

/** A value in a plan: a node of the graph, or one of the steps that a node was taken apart into. */
export class Item {
  readonly size: number;
  /** The value gets memory (it is a result, or more than one kernel reads it, or its readers need it in memory). */
  stored = false;
  /** Must not be computed inside a reduce kernel: its walk does not fit a single reduced loop. */
  apart = false;
  /** A result of the plan, or a part of one. */
  wanted = false;
  /** For inputs: which one. */
  input = -1;
  /** For scalars: which one. */
  scalar = -1;
  /** For inputs that are views of storage. */
  strides: readonly number[] | null = null;
  /** For reductions. */
  fold: FoldShape | null = null;
  /** For assigns: the input whose storage is overwritten. */
  overwrites: Item | null = null;
  /** Basic operations at one point, those of sources without memory included. */
  weight = 0;
  readers: Item[] = [];

  constructor(
    readonly id: number,
    readonly primitive: Primitive,
    readonly dtype: DType,
    readonly shape: Shape,
    public srcs: readonly Item[],
    readonly attr: readonly number[] | null,
  ) {
    this.size = sizeOf(shape);
  }

  /** Points of the space over which the value is computed: for rows that become new in their places those rows' elements. */
  get points(): number {
    const { fold } = this;
    if (fold !== null) return fold.outer * fold.length * fold.inner;
    return this.primitive === P.assignRows ? this.srcs[0]!.size : this.size;
  }

  get bytes(): number {
    return this.size * BYTES[this.dtype];
  }

  get isInput(): boolean {
    return this.input >= 0;
  }
}

/** The items of a graph in an order in which every item stands behind its sources. */
export interface Items {
  readonly list: Item[];
  /** The item of each node, by the node's place in the walk. */
  readonly byNode: Item[];
  readonly inputs: Item[];
  readonly scalars: Item[];
}

/**
 * Turns nodes, in topological order with `node.index` their place, into items; takes long reductions apart.
 *
 * @param stored - the items that must be in contiguous memory, as far as that is known
 */
export function itemsOf(
  nodes: readonly Node[],
  isInput: (node: Node) => boolean,
  stored: ReadonlySet<number> = new Set(),
): Items {
  const list: Item[] = [];
  const byNode: Item[] = [];
  const inputs: Item[] = [];
  const scalars: Item[] = [];
  const make = (
    primitive: Primitive,
    dtype: DType,
    shape: Shape,
    srcs: readonly Item[],
    attr: readonly number[] | null = null,
  ) => {
    const item = new Item(list.length, primitive, dtype, shape, srcs, attr);
    list.push(item);
    return item;
  };
  const fold = (primitive: Primitive, dtype: DType, x: Item, dims: readonly number[], shape: Shape): Item => {
    const stages = foldStages(x.shape, dims, primitive === P.argmax || primitive === P.argmin);
    if (stages.length === 0) {
      // One element to choose from stands at 0.
      return primitive === P.argmax || primitive === P.argmin
        ? make(P.expand, "int32", shape, [make(P.position, "int32", [1], [], [0])])
        : make(P.reshape, dtype, shape, [x]);
    }
    let result = x;
    stages.forEach((stage, i) => {
      const blocks = Math.ceil(stage.length / stage.block);
      const last = i === stages.length - 1;
      const out = last ? shape : blocks > 1 ? [stage.outer, blocks, stage.inner] : [stage.outer, stage.inner];
      result = make(primitive, dtype, out, [result], dims);
      result.fold = stage;
    });
    return result;
  };
  /** For each application of a formula the results for those parameters that had their turn. */
  const results = new Map<Node, (readonly Item[])[]>();
  /** What is assigned by a formula. */
  const apply = ({ srcs: [application], attr, shape }: Node): Item => {
    const [formula, ...inputs] = application!.srcs as [Node, ...Node[]];
    const each = application!.attr![0]!;
    const place = attr![0]! - 1;
    const parameter = Math.floor(place / each);
    let known = results.get(application!);
    if (known === undefined) results.set(application!, (known = []));
    known[parameter] ??= write(formula, inputs.slice(parameter * each, (parameter + 1) * each), shape);
    return known[parameter]![place % each]!;
  };
  /** The values of a formula's inputs after it was applied. */
  const write = (formula: Node, inputs: readonly Node[], shape: Shape): readonly Item[] => {
    const { steps, outputs } = formulaOf(formula);
    const values = [...inputs, ...formula.srcs].map((src) => byNode[src.index]!);
    for (const { primitive, dtype, srcs } of steps) {
      values.push(
        make(
          primitive,
          dtype,
          shape,
          srcs.map((place) => values[place]!),
        ),
      );
    }
    return outputs.map((place) => values[place]!);
  };
  for (const node of nodes) {
    let item: Item;
    if (isInput(node)) {
      item = make(P.leaf, node.dtype, node.shape, []);
      item.input = inputs.length;
      item.strides = node.strides;
      inputs.push(item);
      // A view that some kernel cannot walk over is copied first: a second item, used if the view is to be stored.
      if (node.strides !== null) {
        const copy = make(P.detach, node.dtype, node.shape, [item]);
        if (stored.has(item.id)) item = copy;
      }
    } else if (node.primitive === P.scalar) {
      item = make(P.scalar, node.dtype, node.shape, []);
      item.scalar = scalars.length;
      scalars.push(item);
    } else if (node.primitive === P.chosen) {
      item = make(P.detach, node.dtype, node.shape, [byNode[node.srcs[0]!.index]!]);
    } else if (node.primitive.kind === "formula") {
      // It is written out for whoever is assigned a value by it.
      continue;
    } else if (node.primitive === P.assignBy) {
      item = make(P.assign, node.dtype, node.shape, [apply(node)]);
      item.overwrites = byNode[oldOf(node).index]!;
    } else {
      const srcs = node.srcs.map((src) => byNode[src.index]!);
      item =
        node.primitive.kind === "reduce"
          ? fold(node.primitive, node.dtype, srcs[0]!, node.attr!, node.shape)
          : make(node.primitive, node.dtype, node.shape, srcs, node.attr);
      if (node.primitive.kind === "assign") {
        item.overwrites = srcs[1]!;
        item.srcs = srcs.filter((_, s) => s !== 1);
      }
    }
    byNode[node.index] = item;
  }
  return { list, byNode, inputs, scalars };
}

/**
 * The folds of single loops that a reduction consists of, fixed by shape and dimensions alone. Neighbouring dimensions
 * of one kind count as one; the last reduced group is folded first; a long loop is folded in blocks first.
 */
function foldStages(shape: Shape, dims: readonly number[], whole: boolean): FoldShape[] {
  const groups: { reduced: boolean; size: number }[] = [];
  shape.forEach((size, d) => {
    if (size === 1) return;
    const reduced = dims.includes(d);
    const last = groups.at(-1);
    if (last !== undefined && last.reduced === reduced) last.size *= size;
    else groups.push({ reduced, size });
  });
  const stages: FoldShape[] = [];
  for (let g = groups.length - 1; g >= 0; g--) {
    if (!groups[g]!.reduced) continue;
    const outer = groups.slice(0, g).reduce((n, x) => n * x.size, 1);
    const inner = groups.slice(g + 1).reduce((n, x) => n * (x.reduced ? 1 : x.size), 1);
    let length = groups[g]!.size;
    const most = inner === 1 ? LANES_BLOCK : COLUMNS_BLOCK;
    while (!whole && length > most) {
      stages.push({ outer, length, inner, block: most });
      length = Math.ceil(length / most);
    }
    stages.push({ outer, length, inner, block: Math.max(length, 1) });
  }
  return stages;
}
