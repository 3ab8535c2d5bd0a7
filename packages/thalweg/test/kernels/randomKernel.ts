/** Random kernels with memory to run them on, for comparing backends bit by bit. */
import { BYTES, DTYPES, type DType } from "../../src/dtype.js";
import {
  type Access,
  argumentLayout,
  type Backend,
  type BasicOp,
  type Expr,
  extent,
  type Fold,
  type Guard,
  type Kernel,
  type RegisterType,
  type Store,
} from "../../src/kernels/kernel.js";

/** Numbers from a seed (mulberry32). */
export class Random {
  constructor(private state: number) {}
  /** A number in 0 … 1. */
  real(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  /** An integer in `low … high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.real() * (high - low + 1));
  }
  chance(probability: number): boolean {
    return this.real() < probability;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
}

/** Values at the edges of each type, which every operation has to get right. */
export const SPECIAL: Readonly<Record<DType, readonly number[]>> = {
  float32: [
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    3.25e-3,
    1e10,
    -3e9,
    2147483647,
    -2147483648,
    4294967296,
    16777217,
    1e-40,
    -1e-45,
    3.4028234663852886e38,
    -3.4028234663852886e38,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    0.1,
    -7.7,
  ],
  float64: [
    0,
    -0,
    1,
    -1,
    0.5,
    1.5,
    -1.5,
    2.5,
    -2.5,
    3.25e-3,
    1e10,
    -3e9,
    2147483647.5,
    -2147483648.5,
    2 ** 53,
    -(2 ** 62),
    2 ** 63,
    1e300,
    -1e300,
    1e-310,
    -5e-324,
    3.5e38,
    1e-46,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    0.1,
    -7.7,
    9007199254740994,
    1.0000000596046448,
  ],
  int32: [0, 1, -1, 2, 3, 5, -7, 31, 100, 65535, 16777217, -16777219, 2147483647, -2147483648, -2147483647],
  bool: [0, 1],
};

/** A buffer of a case. */
export interface CaseBuffer {
  readonly dtype: DType;
  length: number;
  address: number;
  /** The values it starts with, as far as they are given; the rest is filled with special values. */
  values?: readonly number[];
}

/** A kernel and all that it needs to run. */
export interface Case {
  readonly kernel: Kernel;
  readonly buffers: readonly CaseBuffer[];
  readonly scalars: readonly number[];
  readonly seed: number;
}

const CANARY = 0xa5;

/** Lays a case out in a new memory, behind the first `reserved` bytes. Returns the address of the argument block. */
export function lay(test: Case, memory: WebAssembly.Memory, reserved: number): number {
  const { kernel, buffers, scalars, seed } = test;
  const random = new Random(seed ^ 0x5bd1e995);
  const layout = argumentLayout(kernel);
  let top = reserved + 8;
  const args = (top + 7) & ~7;
  top = args + layout.bytes;
  for (const buffer of buffers) {
    // Addresses are aligned for their type and for nothing more.
    buffer.address = Math.ceil((top + 5) / BYTES[buffer.dtype]) * BYTES[buffer.dtype];
    top = buffer.address + buffer.length * BYTES[buffer.dtype];
  }
  const pages = Math.ceil((top + 64) / 65536);
  const have = memory.buffer.byteLength / 65536;
  if (pages > have) memory.grow(pages - have);
  const view = new DataView(memory.buffer);
  new Uint8Array(memory.buffer).fill(CANARY);
  new Uint8Array(memory.buffer, 0, 64).fill(0);
  const write = (dtype: DType, at: number, value: number) => {
    if (dtype === "float32") view.setFloat32(at, value, true);
    else if (dtype === "float64") view.setFloat64(at, value, true);
    else if (dtype === "int32") view.setInt32(at, value, true);
    else view.setUint8(at, value);
  };
  buffers.forEach(({ dtype, length, address, values }, b) => {
    view.setInt32(args + 4 * b, address, true);
    const tame = random.chance(0.5);
    for (let i = 0; i < length; i++) {
      const value = values?.[i] ?? (tame ? random.pick(tameValues(dtype, random)) : random.pick(SPECIAL[dtype]));
      write(dtype, address + i * BYTES[dtype], value);
    }
  });
  kernel.scalars.forEach((dtype, s) => {
    view.setFloat64(args + layout.scalars + 8 * s, 0, true);
    write(dtype === "bool" ? "int32" : dtype, args + layout.scalars + 8 * s, scalars[s]!);
  });
  return args;
}

const tameValues = (dtype: DType, random: Random): number[] =>
  dtype === "bool" ? [0, 1] : dtype === "int32" ? [random.int(-5, 40)] : [(random.real() - 0.5) * 20];

/**
 * Runs a case on a fresh memory and returns the memory's bytes, every NaN in a buffer of floats made the same one, and
 * the bytes below `reserved` left out but for the error cell. The range is cut at the given points.
 */
export function run(backend: Backend, test: Case, reserved: number, cuts: readonly number[] = []): Uint8Array {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(reserved / 65536) + 1 });
  const args = lay(test, memory, reserved);
  const [kernel] = backend.compile([test.kernel], memory);
  const points = [0, ...cuts, extent(test.kernel)];
  for (let i = 1; i < points.length; i++) kernel!(args, points[i - 1]!, points[i]!);
  return result(test, memory, reserved);
}

/** The memory after a run, made comparable. */
export function result(test: Case, memory: WebAssembly.Memory, reserved: number): Uint8Array {
  for (const { dtype, address, length } of test.buffers) {
    if (dtype !== "float32" && dtype !== "float64") continue;
    const view = new DataView(memory.buffer, address, length * BYTES[dtype]);
    for (let i = 0; i < length; i++) {
      if (dtype === "float32" && Number.isNaN(view.getFloat32(4 * i, true))) view.setUint32(4 * i, 0x7fc00000, true);
      if (dtype === "float64" && Number.isNaN(view.getFloat64(8 * i, true))) {
        view.setBigUint64(8 * i, 0x7ff8000000000000n, true);
      }
    }
  }
  const bytes = new Uint8Array(memory.buffer);
  const out = bytes.slice(reserved - 64);
  out.set(bytes.subarray(0, 64));
  return out;
}

/** The first place where two results differ, described for people; undefined if there is none. */
export function difference(test: Case, expected: Uint8Array, got: Uint8Array, reserved: number): string | undefined {
  let at = 0;
  while (at < expected.length && expected[at] === got[at]) at++;
  if (at === expected.length) return undefined;
  if (at < 64) return `byte ${at} of the cells: ${got[at]} instead of ${expected[at]}`;
  const address = at + reserved - 64;
  for (const [b, { dtype, address: start, length }] of test.buffers.entries()) {
    const element = Math.floor((address - start) / BYTES[dtype]);
    if (element < 0 || element >= length) continue;
    const read = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const place = start + element * BYTES[dtype] - reserved + 64;
      if (dtype === "float32") return view.getFloat32(place, true);
      if (dtype === "float64") return view.getFloat64(place, true);
      return dtype === "int32" ? view.getInt32(place, true) : view.getUint8(place);
    };
    return `buffer ${b} (${dtype}), element ${element}: ${read(got)} instead of ${read(expected)}`;
  }
  return `byte ${address}, outside of all buffers`;
}

/** What all expressions of a kernel share. */
class Block {
  readonly buffers: CaseBuffer[] = [];
  readonly scalars: DType[] = [];
  readonly scalarValues: number[] = [];
  /** Buffers that are stored to, and therefore not read but at the very element that is stored. */
  readonly written = new Set<number>();
}

/** Builds random expressions and stores over some loops. */
class Builder {
  readonly buffers: CaseBuffer[];

  constructor(
    private readonly random: Random,
    private readonly loops: readonly number[],
    private readonly block: Block,
    /** Expressions made so far, which may be used again. */
    private readonly pool: Expr[] = [],
  ) {
    this.buffers = block.buffers;
  }

  buffer(dtype: DType): number {
    return this.buffers.push({ dtype, length: 1, address: 0 }) - 1;
  }

  /** Makes a buffer long enough for an access to which up to `more` elements are added. */
  private cover(access: Access, loops: readonly number[], more = 0): Access {
    let low = Math.min(0, more);
    let high = Math.max(0, more);
    access.strides.forEach((stride, l) => {
      const way = stride * Math.max(0, loops[l]! - 1);
      if (way < 0) low += way;
      else high += way;
    });
    const offset = this.random.int(0, 3) - low;
    const buffer = this.buffers[access.buffer]!;
    buffer.length = Math.max(buffer.length, offset + high + 1 + this.random.int(0, 2));
    return { ...access, offset };
  }

  /** An access that reaches different elements at different points. */
  injective(dtype: DType, loops: readonly number[], buffer = this.buffer(dtype)): Access {
    const strides = loops.map(() => 0);
    let step = this.random.chance(0.7) ? 1 : this.random.int(1, 3);
    const order = loops.map((_, l) => l).reverse();
    for (const l of this.random.chance(0.6) ? order : this.random.shuffled(order)) {
      strides[l] = this.random.chance(0.15) ? -step : step;
      step *= Math.max(1, loops[l]!) + (this.random.chance(0.2) ? 1 : 0);
    }
    return this.cover({ buffer, dtype, offset: 0, strides }, loops);
  }

  /** An access that reads. */
  private reading(dtype: DType, more = 0): Access {
    const { random, loops } = this;
    const old = this.buffers.flatMap((buffer, b) => (buffer.dtype === dtype && !this.block.written.has(b) ? [b] : []));
    const buffer = old.length > 0 && random.chance(0.3) ? random.pick(old) : this.buffer(dtype);
    if (random.chance(0.5) && more === 0) return this.injective(dtype, loops, buffer);
    const strides = loops.map(() => (random.chance(0.4) ? 0 : random.pick([1, 1, 1, 2, 3, 5, -1, -2])));
    return this.cover({ buffer, dtype, offset: 0, strides }, loops, more);
  }

  store(loops: readonly number[], depth: number): Store {
    const dtype = this.random.pick(DTYPES);
    const access = this.injective(dtype, loops);
    this.block.written.add(access.buffer);
    // In place, as an update rule does it.
    if (loops.length === this.loops.length && this.random.chance(0.3)) {
      this.pool.push({ kind: "load", type: dtype, access });
    }
    return { access, value: this.expr(dtype, depth) };
  }

  /** A load that is guarded as padding is. */
  private guarded(type: DType): Expr {
    const { random, loops } = this;
    const guards: Guard[] = [];
    const buffer = this.buffer(type);
    const strides = loops.map(() => 0);
    let offset = random.int(0, 2);
    let step = 1;
    for (let g = random.int(1, 2); g > 0; g--) {
      const own = loops.map(() => (random.chance(0.5) ? 0 : random.pick([1, 1, 1, 2, -1])));
      const guard = { offset: random.int(-3, 4), strides: own, below: random.int(1, 9) };
      guards.push(guard);
      own.forEach((stride, l) => {
        strides[l]! += stride * step;
      });
      offset += guard.offset * step;
      step *= guard.below;
    }
    this.buffers[buffer]!.length = step + 2;
    return { kind: "load", type, access: { buffer, dtype: type, offset, strides }, guards };
  }

  private gather(type: DType, depth: number): Expr {
    const { random } = this;
    const size = random.int(1, 9);
    const stride = random.pick([1, 1, 2, 3, -1]);
    const access = this.reading(type, (size - 1) * stride);
    const strides = this.loops.map(() => random.pick([0, 0, 1]));
    const near: Expr = { kind: "position", type: "int32", offset: random.int(-1, 1), strides };
    const index = random.chance(0.7) ? near : this.expr("int32", depth);
    return { kind: "gather", type, access, index, stride, size };
  }

  leaf(type: RegisterType, depth: number): Expr {
    const { random, loops } = this;
    if (type === "int64") {
      if (random.chance(0.3)) {
        const value = random.pick([0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 1n << 52n, 0x3ff0000000000000n]);
        return { kind: "constant", type, value };
      }
      return { kind: "apply", type, op: "cast", args: [this.expr(random.pick(["int32", "float64"]), depth - 1)] };
    }
    const kind = random.int(0, 12);
    if (kind === 0) return { kind: "constant", type, value: constant(type, random) };
    if (kind === 1) {
      this.block.scalarValues.push(random.pick(SPECIAL[type]));
      return { kind: "scalar", type, slot: this.block.scalars.push(type) - 1 };
    }
    if (kind === 2 && type === "int32") {
      const strides = loops.map(() => random.int(-3, 3));
      return { kind: "position", type, offset: random.int(-9, 9), strides };
    }
    if (kind <= 4) return this.guarded(type);
    if (kind <= 6 && depth > 0) return this.gather(type, depth - 1);
    return { kind: "load", type, access: this.reading(type) };
  }

  expr(type: RegisterType, depth: number): Expr {
    const { random } = this;
    const again = this.pool.filter((expr) => expr.type === type);
    if (again.length > 0 && random.chance(0.25)) return random.pick(again);
    const made = depth <= 0 ? this.leaf(type, depth) : this.apply(type, depth - 1);
    this.pool.push(made);
    return made;
  }

  private apply(type: RegisterType, depth: number): Expr {
    const { random } = this;
    const op = random.pick(OPS[type]);
    if (op === undefined || random.chance(0.15)) return this.leaf(type, depth);
    const make = (...args: Expr[]): Expr => ({ kind: "apply", type, op, args });
    switch (op) {
      case "cast": {
        const from = random.pick(CASTS[type]);
        return make(this.expr(from, depth));
      }
      case "bitcast": {
        const from = BITCASTS[type]!;
        const value = this.expr(from, depth);
        if (from === "int32" || from === "int64") return make(value);
        // The bits of a NaN are nobody's business.
        const zero: Expr = { kind: "constant", type: from, value: 1.5 };
        const number: Expr = { kind: "apply", type: "bool", op: "eq", args: [value, value] };
        return make({ kind: "apply", type: from, op: "select", args: [number, value, zero] });
      }
      case "select":
        return make(this.expr("bool", depth), this.expr(type, depth), this.expr(type, depth));
      case "eq":
      case "ne":
      case "lt":
      case "le": {
        const of = random.pick(["float32", "float64", "int32", "int64"] as const);
        return make(this.expr(of, depth), this.expr(of, depth));
      }
      case "shl":
      case "shr":
        return make(this.expr(type, depth), {
          kind: "constant",
          type: "int32",
          value: random.int(0, type === "int64" ? 63 : 31),
        });
      default:
        return UNARY.has(op) ? make(this.expr(type, depth)) : make(this.expr(type, depth), this.expr(type, depth));
    }
  }
}

const UNARY: ReadonlySet<BasicOp> = new Set(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "not"]);
const INTEGER: readonly BasicOp[] = ["add", "sub", "mul", "min", "max", "neg", "abs"];
const BITS: readonly BasicOp[] = ["and", "or", "xor", "not"];
const FLOAT: readonly BasicOp[] = [...INTEGER, "div", "sqrt", "floor", "ceil", "trunc", "round"];
const COMMON: readonly BasicOp[] = ["select", "cast", "cast"];
/** Operations by the type of their result. */
export const OPS: Readonly<Record<RegisterType, readonly BasicOp[]>> = {
  float32: [...FLOAT, ...COMMON, "bitcast"],
  float64: [...FLOAT, ...COMMON, "bitcast"],
  int32: [...INTEGER, ...BITS, ...COMMON, "shl", "shr", "bitcast"],
  int64: [...INTEGER, ...BITS, ...COMMON, "shl", "shr", "bitcast"],
  bool: [...BITS, "eq", "ne", "lt", "le", ...COMMON],
};
/** What can be cast to a type. */
export const CASTS: Readonly<Record<RegisterType, readonly RegisterType[]>> = {
  float32: ["bool", "int32", "float64", "float32"],
  float64: ["bool", "int32", "float32", "int64", "float64"],
  int32: ["bool", "float32", "float64", "int64", "int32"],
  int64: ["int32", "float64"],
  bool: ["int32", "float32", "float64", "bool"],
};
/** What can be taken for a type bit by bit. */
export const BITCASTS: Readonly<Partial<Record<RegisterType, RegisterType>>> = {
  float32: "int32",
  int32: "float32",
  float64: "int64",
  int64: "float64",
};

function constant(type: DType, random: Random): number {
  const value = random.pick(SPECIAL[type]);
  return type === "float32" ? Math.fround(value) : value;
}

const kept = (random: Random): number[] => {
  const depth = random.pick([0, 1, 1, 2, 2, 3]);
  return Array.from({ length: depth }, (_, l) =>
    l === depth - 1 ? random.int(1, depth === 1 ? 40 : 23) : random.int(1, 4),
  );
};

/** A random case of one kind of kernel; the same one for the same seed. */
export function randomCase(kind: Exclude<Kernel["kind"], "matmul">, seed: number): Case {
  const random = new Random(seed);
  const loops = kept(random);
  if (kind === "reduce") loops.push(random.chance(0.03) ? 0 : random.int(1, random.pick([6, 20, 70])));
  else if (random.chance(0.03) && loops.length > 0) loops[random.int(0, loops.length - 1)] = 0;
  const block = new Block();
  const builder = new Builder(random, loops, block);
  const finish = (kernel: Kernel): Case => ({
    kernel: { ...kernel, buffers: block.buffers.length, scalars: block.scalars },
    buffers: block.buffers,
    scalars: block.scalarValues,
    seed,
  });
  const base = { buffers: 0, scalars: [] };
  const depth = () => random.int(0, 4);
  const stores = (low: number, high: number, over: readonly number[]): Store[] =>
    Array.from({ length: random.int(low, high) }, () => builder.store(over, depth()));

  if (kind === "map") return finish({ ...base, kind, loops, body: stores(1, 3, loops) });
  if (kind === "scatter") {
    const size = random.int(1, 12);
    const dtype = random.pick(["float32", "float64", "int32"] as const);
    const stride = random.pick([1, 2, -1]);
    const strides = loops.map(() => random.pick([0, 0, 1]));
    const buffer = builder.buffer(dtype);
    const reach = strides.reduce((sum, each, l) => sum + each * Math.max(0, loops[l]! - 1), 0);
    const back = stride < 0 ? size - 1 : 0;
    block.buffers[buffer]!.length = reach + (size - 1) * Math.abs(stride) + 2;
    block.written.add(buffer);
    const index: Expr = random.chance(0.5)
      ? { kind: "position", type: "int32", offset: -1, strides: loops.map(() => random.int(0, 1)) }
      : builder.leaf("int32", 0);
    const value = builder.expr(dtype, depth());
    const access = { buffer, dtype, offset: back, strides };
    return finish({
      ...base,
      kind,
      loops,
      access,
      index,
      stride,
      size,
      value,
    });
  }
  const order = random.pick(["lanes", "serial", "columns"] as const);
  const outer = loops.slice(0, -1);
  const folds: Fold[] = Array.from({ length: random.int(1, 3) }, () => {
    const type = random.pick(DTYPES);
    const ops: Fold["op"][] = type === "bool" ? ["max", "min"] : ["sum", "prod", "max", "min"];
    if (order === "serial") ops.push("argmax", "argmin");
    const op = random.pick(ops);
    const value = builder.expr(type, depth());
    return { op, type: op === "argmax" || op === "argmin" ? "int32" : type, value };
  });
  const folded = folds.map(({ type }, fold): Expr => ({ kind: "folded", type, fold }));
  const body = random.chance(0.5)
    ? stores(1, 2, loops).map((store): Store => {
        const running = folds.findIndex(({ type }) => type === store.access.dtype);
        return order === "serial" && running >= 0 && random.chance(0.6) ? { ...store, value: folded[running]! } : store;
      })
    : [];
  const after = afterFolds(block, random, outer, folded);
  const ragged =
    outer.length > 0 && random.chance(0.3)
      ? { loop: random.int(0, outer.length - 1), count: random.int(1, Math.max(1, loops.at(-1)!)) }
      : undefined;
  // A shorter last stretch is within what the accesses cover.
  const fits = ragged !== undefined && ragged.count <= loops.at(-1)!;
  return finish({ ...base, kind, loops, order, ...(fits ? { ragged } : {}), folds, body, stores: after });
}

/** Stores of finished folds, on their own and in small expressions. */
function afterFolds(block: Block, random: Random, outer: readonly number[], folded: readonly Expr[]): Store[] {
  const builder = new Builder(random, outer, block, [...folded]);
  const out = folded.map((value): Store => {
    const access = builder.injective(value.type as DType, outer);
    block.written.add(access.buffer);
    return { access, value };
  });
  for (let extra = random.int(0, 2); extra > 0; extra--) out.push(builder.store(outer, random.int(1, 3)));
  return out;
}
