import * as P from "../graph/primitive.js";
import { type Shape, stridesOf } from "../graph/shape.js";
import type { Access, Expr, Fold, Kernel, Store } from "../kernels/kernel.js";
import type { Group } from "./fuse.js";
import type { FoldShape, Item } from "./item.js";
import { CutLoop, type Loop, Lowering } from "./lower.js";
import type { Walk } from "./walk.js";

/** A kernel and what its slots stand for. */
export interface Emitted {
  readonly kernel: Kernel;
  /** The memory behind each buffer slot. */
  readonly buffers: readonly Item[];
  readonly scalars: readonly Item[];
  /** Values computed × points: what a run of the kernel is counted as in the statistics. */
  readonly operations: number;
}

/** The kernels of a group. */
export function emit(group: Group): Emitted[] {
  if (group.kind === "map") return [withCuts(mapLoops(group.size), (loops) => emitMap(group, loops))];
  if (group.kind === "reduce") return [withCuts(reduceLoops(group.fold!), (loops) => emitReduce(group, loops))];
  const item = group.item!;
  if (item.primitive === P.matmul) return emitProduct(item, group.epilogue[0]);
  if (item.primitive === P.cat) return emitCat(item);
  if (item.primitive === P.cumsum) return [emitCumsum(item)];
  return emitScatter(item);
}

/** Tries again with finer loops until every walk can be taken apart. */
function withCuts<T, L extends Loop>(start: readonly L[], attempt: (loops: readonly L[]) => T): T {
  let loops = start;
  for (;;) {
    try {
      return attempt(loops);
    } catch (signal) {
      if (!(signal instanceof CutLoop)) throw signal;
      loops = loops.flatMap((loop, l) => {
        if (l !== signal.loop) return [loop];
        const { inner } = signal;
        const outer = {
          ...loop,
          size: loop.size / inner,
          stride: loop.stride * inner,
          outStride: loop.outStride * inner,
        };
        return [outer, { ...loop, size: inner }];
      });
    }
  }
}

const loopOf = (size: number, stride: number, outStride = stride, rigid = false): Loop => ({
  size,
  stride,
  outStride,
  rigid,
});

/** One loop over all elements, to be cut where something is not contiguous: as few loops as can be. */
const mapLoops = (points: number): Loop[] => (points === 1 ? [] : [loopOf(points, 1)]);

function reduceLoops({ outer, length, inner, block }: FoldShape): Loop[] {
  const blocks = Math.max(1, Math.ceil(length / block));
  return [
    loopOf(outer, length * inner, blocks * inner),
    loopOf(blocks, block * inner, inner, true),
    loopOf(inner, 1),
    loopOf(Math.min(block, length), inner, 0, true),
  ].filter((loop, l) => l === 3 || loop.size !== 1);
}

function emitMap(group: Group, loops: readonly Loop[]): Emitted {
  const lowering = new Lowering(loops, new Set(group.body), new Map());
  const body = group.body.map((item) => store(lowering, item, lowering.whole));
  return mapKernel(lowering, loops, body, group.size);
}

function mapKernel(lowering: Lowering, loops: readonly Loop[], body: Store[], points: number): Emitted {
  const kernel: Kernel = { kind: "map", loops: loops.map((loop) => loop.size), body, ...slots(lowering) };
  return { kernel, buffers: lowering.buffers, scalars: lowering.scalars, operations: lowering.computed.size * points };
}

function emitReduce(group: Group, loops: readonly Loop[]): Emitted {
  const { length, inner, block } = group.fold!;
  const stored = new Set([...group.body, ...group.epilogue]);
  const lowering = new Lowering(loops, stored, new Map(group.folds.map((item, i) => [item, i])));
  const body = group.body.map((item) => store(lowering, item, lowering.whole));
  const folds = group.folds.map((item): Fold => {
    return {
      op: foldOps[item.primitive.name]!,
      type: item.dtype,
      value: lowering.value(item.srcs[0]!, lowering.whole),
    };
  });
  const stores = [...group.folds, ...group.epilogue].map((item) => store(lowering, item, lowering.kept));
  const serial = group.folds.some((item) => item.primitive === P.argmax || item.primitive === P.argmin);
  const tail = length % block;
  const blockLoop = length > block && tail !== 0 ? loops.findIndex((loop) => loop.rigid) : -1;
  const kernel: Kernel = {
    kind: "reduce",
    loops: loops.map((loop) => loop.size),
    order: serial ? "serial" : inner === 1 ? "lanes" : "columns",
    ...(blockLoop >= 0 ? { ragged: { loop: blockLoop, count: tail } } : {}),
    folds,
    body,
    stores,
    ...slots(lowering),
  };
  return {
    kernel,
    buffers: lowering.buffers,
    scalars: lowering.scalars,
    operations: lowering.computed.size * group.size,
  };
}

const foldOps: Readonly<Record<string, Fold["op"]>> = {
  sum: "sum",
  prod: "prod",
  max: "max",
  min: "min",
  argmax: "argmax",
  argmin: "argmin",
};

/** A loop of a product, along dimension `dim` of [...batch, m, n, k]. */
interface ProductLoop extends Loop {
  readonly dim: number;
}

/** A product, and what is computed from it in its place: in a kernel of its own if that does not go by rows and columns. */
function emitProduct(item: Item, last: Item | undefined): Emitted[] {
  if (last === undefined) return [emitMatmul(item)];
  try {
    return [emitMatmul(item, last)];
  } catch (signal) {
    if (!(signal instanceof NotByRows)) throw signal;
  }
  const behind = withCuts(mapLoops(last.size), (loops) => {
    const lowering = new Lowering(loops, new Set([last]), new Map());
    return mapKernel(lowering, loops, [store(lowering, last, lowering.whole)], last.size);
  });
  return [emitMatmul(item), behind];
}

/** Thrown where a value cannot be computed by rows and columns of a product. */
class NotByRows extends Error {}

/** The value that takes a product's place, from the sum. */
function emitEpilogue(item: Item, last: Item, beside: Lowering): Expr {
  const n = last.shape.at(-1)!;
  const loops = [loopOf(item.size / n, n), loopOf(n, 1)];
  const lowering = new Lowering(loops, new Set([last]), new Map([[item, 0]]), beside);
  try {
    return lowering.value(last, lowering.whole);
  } catch (signal) {
    throw signal instanceof CutLoop ? new NotByRows("the loops would have to be cut") : signal;
  }
}

function emitMatmul(item: Item, last?: Item): Emitted {
  const [left, right] = item.srcs as [Item, Item];
  const rank = item.shape.length;
  const sizes = [...item.shape, left.shape[rank - 1]!];
  const [m, n, k] = [rank - 2, rank - 1, rank];
  const batch = sizes.slice(0, -3).map((_, d) => d);
  // Operands may be views that take finer loops, such as windows.
  return withCuts(
    sizes.map((size, dim): ProductLoop => ({ ...loopOf(size, 1), dim })),
    (loops) => {
      const lowering = new Lowering(loops, new Set(), new Map());
      const walk = (shape: Shape, dims: readonly number[]): Walk => {
        const rows = stridesOf(shape);
        const strides = loops.map(({ dim, stride }) => (rows[dims.indexOf(dim)] ?? 0) * stride);
        return { offset: 0, strides };
      };
      const operand = (src: Item, dims: readonly number[]): Access => {
        const access = lowering.view(src, walk(src.shape, dims));
        if (access === null) throw new Error(`matmul's operand ${src.primitive.name} is not in memory`);
        return access;
      };
      const a = operand(left, [...batch, m, k]);
      const b = operand(right, [...batch, k, n]);
      const c = lowering.access(last ?? item, walk(item.shape, [...batch, m, n]));
      const value = last === undefined ? {} : { value: emitEpilogue(item, last, lowering) };
      const count = (dim: number) => loops.filter((loop) => loop.dim === dim).length;
      const kernel: Kernel = {
        kind: "matmul",
        loops: loops.map((loop) => loop.size),
        dtype: item.dtype as "float32" | "float64",
        parts: [count(m), count(n), count(k)],
        a,
        b,
        c,
        ...value,
        ...slots(lowering),
      };
      const operations = 2 * item.size * sizes[k]! + (last?.size ?? 0);
      return { kernel, buffers: lowering.buffers, scalars: lowering.scalars, operations };
    },
  );
}

/** Each source is written into its part of the result by a kernel of its own. */
function emitCat(item: Item): Emitted[] {
  const dim = item.attr![0]!;
  const inner = item.shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const total = item.shape[dim]!;
  let start = 0;
  const parts: Emitted[] = [];
  for (const src of item.srcs) {
    const length = src.shape[dim]!;
    const outer = src.size / (length * inner);
    const offset = start * inner;
    start += length;
    if (src.size === 0) continue;
    const loops = [loopOf(outer, length * inner, total * inner), loopOf(length * inner, 1)].filter((l) => l.size !== 1);
    parts.push(
      withCuts(loops, (cut) => {
        const lowering = new Lowering(cut, new Set(), new Map());
        const value = lowering.value(src, lowering.whole);
        const access = lowering.access(item, { offset, strides: cut.map((loop) => loop.outStride) });
        return mapKernel(lowering, cut, [{ access, value }], src.size);
      }),
    );
  }
  return parts;
}

function emitCumsum(item: Item): Emitted {
  const dim = item.attr![0]!;
  const length = item.shape[dim]!;
  const inner = item.shape.slice(dim + 1).reduce((a, b) => a * b, 1);
  const outer = item.size / (length * inner);
  const loops = [loopOf(outer, length * inner), loopOf(inner, 1), loopOf(length, inner, 0, true)];
  return withCuts(
    loops.filter((loop, l) => l === 2 || loop.size !== 1),
    (cut) => {
      const lowering = new Lowering(cut, new Set(), new Map());
      const value = lowering.value(item.srcs[0]!, lowering.whole);
      const access = lowering.access(item, lowering.whole);
      const kernel: Kernel = {
        kind: "reduce",
        loops: cut.map((loop) => loop.size),
        order: "serial",
        folds: [{ op: "sum", type: item.dtype, value }],
        body: [{ access, value: { kind: "folded", type: item.dtype, fold: 0 } }],
        stores: [],
        ...slots(lowering),
      };
      return { kernel, buffers: lowering.buffers, scalars: lowering.scalars, operations: item.size };
    },
  );
}

/** A copy of the base, then the values added to it one after another. */
function emitScatter(item: Item): Emitted[] {
  const [base, index, values] = item.srcs as [Item, Item, Item];
  const copied = withCuts(mapLoops(item.size), (loops) => {
    const lowering = new Lowering(loops, new Set(), new Map());
    const value = lowering.value(base, lowering.whole);
    const body = [{ access: lowering.access(item, lowering.whole), value }];
    return mapKernel(lowering, loops, body, item.size);
  });
  if (index.size === 0) return [copied];
  const added = withCuts(mapLoops(index.size), (loops): Emitted => {
    const lowering = new Lowering(loops, new Set(), new Map());
    const dim = item.attr![0]!;
    const rows = stridesOf(item.shape);
    let offset = 0;
    const strides = new Array<number>(loops.length).fill(0);
    lowering.apart(index, lowering.whole).forEach((c, d) => {
      if (d === dim) return;
      offset += c.offset * rows[d]!;
      for (let l = 0; l < strides.length; l++) strides[l]! += c.strides[l]! * rows[d]!;
    });
    const kernel: Kernel = {
      kind: "scatter",
      loops: loops.map((loop) => loop.size),
      access: lowering.access(item, { offset, strides }),
      index: lowering.value(index, lowering.whole),
      stride: rows[dim]!,
      size: item.shape[dim]!,
      value: lowering.value(values, lowering.whole),
      ...slots(lowering),
    };
    return { kernel, buffers: lowering.buffers, scalars: lowering.scalars, operations: index.size };
  });
  return [copied, added];
}

/** A store of an item's value; its memory is always contiguous. */
function store(lowering: Lowering, item: Item, walk: Walk): Store {
  if (item.primitive === P.assignRows) return storeRows(lowering, item, walk);
  const value = lowering.value(item, walk);
  return {
    access: { buffer: lowering.slot(item), dtype: item.dtype, offset: walk.offset, strides: walk.strides },
    value,
  };
}

/** A store of new rows into a table. */
function storeRows(lowering: Lowering, item: Item, walk: Walk): Store {
  const [rows, index] = item.srcs as [Item, Item];
  const stride = item.size / item.shape[0]!;
  const [row, column] = lowering.apart(rows, walk, [index.size, stride]) as [Walk, Walk];
  return {
    access: { buffer: lowering.slot(item), dtype: item.dtype, offset: column.offset, strides: column.strides },
    value: lowering.value(rows, walk),
    row: { index: lowering.value(index, row), stride, size: item.shape[0]! },
  };
}

function slots(lowering: Lowering): { buffers: number; scalars: Item["dtype"][] } {
  return { buffers: lowering.buffers.length, scalars: lowering.scalars.map((item) => item.dtype) };
}
