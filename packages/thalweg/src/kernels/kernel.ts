/**
 * The kernel language: what the plan hands to a backend, and all that a backend has to know.
 *
 * A kernel is one loop nest over an iteration space. At each point it evaluates expressions and stores them; a reduce
 * kernel also folds one loop. Every backend gives the same bits for the same kernel, because each basic operation is
 * an IEEE operation rounded to its type, and because the order of every sum is part of the language (see
 * {@link ReduceKernel.order}). Expressions are graphs: one object that stands in two places is computed once.
 */
import type { DType } from "../dtype.js";

/** Types of values in registers. `int64` occurs only inside the expansions of float64 functions. */
export type RegisterType = DType | "int64";

/** Where an element lies: `offset + Σ strides[l] · index[l]` elements past the base of buffer number `buffer`. */
export interface Access {
  readonly buffer: number;
  readonly dtype: DType;
  readonly offset: number;
  /** One stride per loop of the kernel, outermost first (in a reduce kernel the reduced loop is last). */
  readonly strides: readonly number[];
}

/** Holds where `0 <= offset + Σ strides[l] · index[l] < below`. Padding reads 0 where a guard does not hold. */
export interface Guard {
  readonly offset: number;
  readonly strides: readonly number[];
  readonly below: number;
}

/** Float and integer arithmetic; both arguments and the result have one type. int32 and int64 wrap around. */
export type ArithmeticOp = "add" | "sub" | "mul" | "div" | "min" | "max";
/** `neg`, `abs`, `sqrt` and rounding; `round` is to nearest even. `sqrt` and rounding take floats. */
export type UnaryOp = "neg" | "abs" | "sqrt" | "floor" | "ceil" | "trunc" | "round";
/** Two arguments of one type (float32, float64, int32, int64), a bool as result. False if either is NaN, but for `ne`. */
export type CompareOp = "eq" | "ne" | "lt" | "le";
/** On bool, int32 and int64. `not` takes one argument. */
export type LogicOp = "and" | "or" | "xor" | "not";
/** Shifts of int32 or int64 by a `constant` second argument of type int32; `shr` keeps the sign. */
export type ShiftOp = "shl" | "shr";

/**
 * A basic operation applied to expressions.
 * - `min`, `max`: IEEE 754-2019 minimum and maximum (NaN wins, -0 < +0), as Math.min and as WebAssembly's f32.min.
 * - `select`: arguments (bool, a, b), gives `a` where the first holds, else `b`.
 * - `cast`: converts the value. To bool: `x != 0`. From bool: 0 or 1. Float to int32 or int64: towards zero,
 *   saturating, NaN to 0. float64 to float32 rounds to nearest even. int64 only from/to float64 (for values exactly
 *   representable on both sides) and int32.
 * - `bitcast`: same bits as another type: float32 ↔ int32, float64 ↔ int64.
 * - int32 `div` does not exist.
 */
export type BasicOp = ArithmeticOp | UnaryOp | CompareOp | LogicOp | ShiftOp | "select" | "cast" | "bitcast";

export type Expr = LoadExpr | GatherExpr | ScalarExpr | ConstantExpr | PositionExpr | ApplyExpr | FoldedExpr;

/** Reads memory; 0 where one of the guards does not hold (memory outside is then not touched). */
export interface LoadExpr {
  readonly kind: "load";
  readonly type: DType;
  readonly access: Access;
  readonly guards?: readonly Guard[];
}

/**
 * Reads element `access + index · stride` of a buffer, `index` being a computed int32. Where `index` is not in
 * 0 … size-1 the backend writes 1 to the int32 at {@link ERROR_CELL} and reads element `access + 0` instead.
 */
export interface GatherExpr {
  readonly kind: "gather";
  readonly type: DType;
  readonly access: Access;
  readonly index: Expr;
  readonly stride: number;
  readonly size: number;
}

/** A number handed over at run time, at {@link argumentLayout}'s place for scalar number `slot`. */
export interface ScalarExpr {
  readonly kind: "scalar";
  readonly type: DType;
  readonly slot: number;
}

/** A number that is part of the kernel's code (coefficients of functions). A bigint for int64; 0 or 1 for bool. */
export interface ConstantExpr {
  readonly kind: "constant";
  readonly type: RegisterType;
  readonly value: number | bigint;
}

/** The int32 `offset + Σ strides[l] · index[l]`: where the loops stand. */
export interface PositionExpr {
  readonly kind: "position";
  readonly type: "int32";
  readonly offset: number;
  readonly strides: readonly number[];
}

export interface ApplyExpr {
  readonly kind: "apply";
  readonly type: RegisterType;
  readonly op: BasicOp;
  readonly args: readonly Expr[];
}

/**
 * The value of fold number `fold` of a reduce kernel, or the sum of a matmul. In `stores` it is the finished fold. In `body` it is allowed in
 * kernels of order "serial" only, and there it is the running value with the current point included (cumulative sums).
 */
export interface FoldedExpr {
  readonly kind: "folded";
  readonly type: DType;
  readonly fold: number;
}

export interface Store {
  readonly access: Access;
  readonly value: Expr;
  /** In a map kernel: which row of the buffer is meant. */
  readonly row?: Row;
}

/**
 * A store goes to element `access + index · stride`, `index` being a computed int32; where that is not in 0 … size-1 nothing
 * is stored, and nothing reported. No two points may store to one element, and a value may read the buffer only at the
 * element that its point stores to, so that the order of the points does not matter.
 */
export interface Row {
  readonly index: Expr;
  readonly stride: number;
  readonly size: number;
}

interface KernelBase {
  /** How many buffers the argument block names. */
  readonly buffers: number;
  /** Types of the argument block's scalars. */
  readonly scalars: readonly DType[];
}

/** Evaluates and stores at every point of `loops` (sizes, outermost first; none at all means a single point). */
export interface MapKernel extends KernelBase {
  readonly kind: "map";
  readonly loops: readonly number[];
  readonly body: readonly Store[];
}

/**
 * A fold of `value` over the reduced loop. The identities are 0, 1, -∞ (int32: -2³¹; bool: false), +∞ (int32: 2³¹-1;
 * bool: true). `max` and `min` of floats are those of {@link BasicOp}. `argmax` and `argmin` give the int32 position
 * along the reduced loop of the first extreme value, a NaN counting as more extreme than any number; they occur in
 * kernels of order "serial" only. `type` is the type of the result, and for all but argmax and argmin that of `value`.
 */
export interface Fold {
  readonly op: "sum" | "prod" | "max" | "min" | "argmax" | "argmin";
  readonly type: DType;
  readonly value: Expr;
}

/**
 * Folds one loop. `loops` are the kept loops, outermost first, followed by the reduced loop, which is last: strides in
 * `body` and in the folds' values have `loops.length` entries; strides in `stores` have one fewer.
 */
export interface ReduceKernel extends KernelBase {
  readonly kind: "reduce";
  readonly loops: readonly number[];
  /**
   * In which order the elements j = 0 … n-1 of the reduced loop are folded, for each kept point:
   * - `lanes`: there are 16 partial folds, all starting at the identity; element j is folded into partial j mod 16, in
   *   the order of j. Then for s = 8, 4, 2, 1: partial[i] = partial[i] op partial[i + s] for i < s. Result: partial[0].
   * - `serial`: one partial starting at the identity, in the order of j, meant for one kept point after another.
   * - `columns`: the same order as `serial`, but meant to be run for many points of the last kept loop at a time.
   */
  readonly order: "lanes" | "serial" | "columns";
  /** Where the kept loop number `loop` is at its last index, the reduced loop has `count` elements, not `n`. */
  readonly ragged?: { readonly loop: number; readonly count: number };
  readonly folds: readonly Fold[];
  /** Stored at every point, before the fold of that point is finished. */
  readonly body: readonly Store[];
  /** Stored once per kept point, after the folds. */
  readonly stores: readonly Store[];
}

/**
 * For every point of `loops` in row-major order: `target[index · stride + access] += value`.
 * Strictly serial, so that two points with one index add in order. Indices outside 0 … size-1 set {@link ERROR_CELL}
 * and are left out.
 */
export interface ScatterKernel extends KernelBase {
  readonly kind: "scatter";
  readonly loops: readonly number[];
  readonly access: Access;
  readonly index: Expr;
  readonly stride: number;
  readonly size: number;
  readonly value: Expr;
}

/** How many steps of k a matmul sums before it adds the sum to the result. Part of the order of summation. */
export const MATMUL_BLOCK = 256;

/**
 * `c[…batch, i, j] = Σ_k a[…batch, i, k] · b[…batch, k, j]`, loops being `[...batch, ...rows, ...columns, ...steps]`: rows,
 * columns and steps of k may each be walked by several loops, whose indices i, j and k count in row-major order, so that
 * an operand may be a view that no single stride describes, such as the windows of a convolution.
 * The strides of `a`, `b` and `c` have one entry per loop, zero for the loops that they do not depend on; a and b may
 * have any strides, c is row-major over [...batch, m, n].
 * The order of summation: k is cut into blocks of {@link MATMUL_BLOCK}; within a block a sum starts at 0 and adds the
 * rounded products a·b in the order of k; the first block's sum is the result so far, and each later block's sum is
 * added to the result so far, in order. `dtype` is float32 or float64.
 */
export interface MatmulKernel extends KernelBase {
  readonly kind: "matmul";
  readonly loops: readonly number[];
  readonly dtype: "float32" | "float64";
  /** How many loops rows, columns and steps have. Default: one each. */
  readonly parts?: readonly [rows: number, columns: number, steps: number];
  /**
   * How many columns a band has, a multiple of 16: the kernel's range then goes over the rows of all batches for the first band
   * of columns, then for the next one, so that a part of it need not have all columns. Default: one band. Changes no bit.
   */
  readonly band?: number;
  readonly a: Access;
  readonly b: Access;
  readonly c: Access;
  /**
   * What is stored in the sum's place: a value of type `dtype` computed from it, which is fold number 0. Strides in it have two
   * entries: for the row, of all batches together, and for the column. It does not read `c`'s buffer. Default: the sum.
   */
  readonly value?: Expr;
}

export type Kernel = MapKernel | ReduceKernel | ScatterKernel | MatmulKernel;

/** Byte address of the int32 that a kernel sets to 1 when an index is out of bounds. Nothing else lives below 64. */
export const ERROR_CELL = 16;

/**
 * The argument block, at a byte address that is a multiple of 8: one int32 byte address per buffer, then, from the next
 * multiple of 8, one 8-byte cell per scalar, which holds it in its own type (int32 and bool as int32).
 */
export function argumentLayout(kernel: Pick<Kernel, "buffers" | "scalars">): { scalars: number; bytes: number } {
  const scalars = (kernel.buffers * 4 + 7) & ~7;
  return { scalars, bytes: scalars + kernel.scalars.length * 8 };
}

/**
 * A kernel made ready for a memory. Runs the points whose outermost loop index lies in `begin … end-1`: the first entry
 * of `loops` (for a reduce kernel: of its kept loops; for a matmul the rows of all batches together, batch · m, for each band
 * of columns). A kernel without such a loop runs whole for (0, 1). However a range is cut, the bits are the same.
 */
export type RunnableKernel = (args: number, begin: number, end: number) => void;

/** Makes kernels runnable on a memory: the JavaScript oracle and WebAssembly are two of these. */
export interface Backend {
  readonly name: string;
  compile(kernels: readonly Kernel[], memory: WebAssembly.Memory): RunnableKernel[];
  /** What another thread needs to run a kernel on the same memory; nothing if only this one can. */
  codeOf?(kernel: RunnableKernel): Code | undefined;
}

/** A WebAssembly module that imports the memory as `e.m` and exports kernels by their numbers. */
export interface KernelModule {
  readonly bytes: Uint8Array;
  readonly kernels: number;
}

/** One kernel of a module. */
export interface Code {
  readonly module: KernelModule;
  readonly number: number;
}

/** The loops of a matmul by what they walk along. */
export function matmulLoops({ loops, parts = [1, 1, 1] }: Pick<MatmulKernel, "loops" | "parts">) {
  const steps = loops.length - parts[2];
  const columns = steps - parts[1];
  const rows = columns - parts[0];
  return { rows, columns, steps };
}

/** The sizes of a matmul: rows of all batches together, columns, steps, and how many bands the columns make. */
export function matmulSizes(kernel: MatmulKernel): { rows: number; n: number; k: number; bands: number } {
  const { loops, band } = kernel;
  const { columns, steps } = matmulLoops(kernel);
  const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
  const n = product(loops.slice(columns, steps));
  return {
    rows: product(loops.slice(0, columns)),
    n,
    k: product(loops.slice(steps)),
    bands: band === undefined ? 1 : Math.ceil(n / band),
  };
}

/** How far a kernel's range goes: the `end` of a whole run. */
export function extent(kernel: Kernel): number {
  const { loops } = kernel;
  if (kernel.kind === "matmul") {
    const { rows, bands } = matmulSizes(kernel);
    return rows * bands;
  }
  const outer = kernel.kind === "reduce" ? loops.slice(0, -1) : loops;
  return outer.length > 0 ? outer[0]! : 1;
}
