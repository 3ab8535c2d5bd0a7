/** The basic operations as instructions: one table for what is one instruction, a list for the casts. */
import type { BasicOp, RegisterType } from "../kernel.js";
import { F32, F64, f32, f32x4, f64, f64x2, I32, I64, i32, i32x4, i64, i64x2, type ValueType, v128 } from "./opcodes.js";

/** The scalar instruction (undefined: there is none) and the vector instruction of an operation. */
export type Pair = readonly [scalar: number | undefined, vector: number | undefined];
type Row = Partial<Record<RegisterType, Pair>>;

/** Operations by the type of their arguments. */
export const INSTRUCTIONS: Readonly<Partial<Record<BasicOp, Row>>> = {
  add: {
    float32: [f32.add, f32x4.add],
    float64: [f64.add, f64x2.add],
    int32: [i32.add, i32x4.add],
    int64: [i64.add, i64x2.add],
  },
  sub: {
    float32: [f32.sub, f32x4.sub],
    float64: [f64.sub, f64x2.sub],
    int32: [i32.sub, i32x4.sub],
    int64: [i64.sub, i64x2.sub],
  },
  mul: {
    float32: [f32.mul, f32x4.mul],
    float64: [f64.mul, f64x2.mul],
    int32: [i32.mul, i32x4.mul],
    int64: [i64.mul, i64x2.mul],
  },
  div: { float32: [f32.div, f32x4.div], float64: [f64.div, f64x2.div] },
  min: {
    float32: [f32.min, f32x4.min],
    float64: [f64.min, f64x2.min],
    int32: [undefined, i32x4.minS],
    bool: [i32.and, v128.and],
  },
  max: {
    float32: [f32.max, f32x4.max],
    float64: [f64.max, f64x2.max],
    int32: [undefined, i32x4.maxS],
    bool: [i32.or, v128.or],
  },
  neg: {
    float32: [f32.neg, f32x4.neg],
    float64: [f64.neg, f64x2.neg],
    int32: [undefined, i32x4.neg],
    int64: [undefined, i64x2.neg],
  },
  abs: {
    float32: [f32.abs, f32x4.abs],
    float64: [f64.abs, f64x2.abs],
    int32: [undefined, i32x4.abs],
    int64: [undefined, i64x2.abs],
  },
  sqrt: { float32: [f32.sqrt, f32x4.sqrt], float64: [f64.sqrt, f64x2.sqrt] },
  floor: { float32: [f32.floor, f32x4.floor], float64: [f64.floor, f64x2.floor] },
  ceil: { float32: [f32.ceil, f32x4.ceil], float64: [f64.ceil, f64x2.ceil] },
  trunc: { float32: [f32.trunc, f32x4.trunc], float64: [f64.trunc, f64x2.trunc] },
  round: { float32: [f32.nearest, f32x4.nearest], float64: [f64.nearest, f64x2.nearest] },
  eq: {
    float32: [f32.eq, f32x4.eq],
    float64: [f64.eq, f64x2.eq],
    int32: [i32.eq, i32x4.eq],
    int64: [i64.eq, i64x2.eq],
  },
  ne: {
    float32: [f32.ne, f32x4.ne],
    float64: [f64.ne, f64x2.ne],
    int32: [i32.ne, i32x4.ne],
    int64: [i64.ne, i64x2.ne],
  },
  lt: {
    float32: [f32.lt, f32x4.lt],
    float64: [f64.lt, f64x2.lt],
    int32: [i32.ltS, i32x4.ltS],
    int64: [i64.ltS, i64x2.ltS],
  },
  le: {
    float32: [f32.le, f32x4.le],
    float64: [f64.le, f64x2.le],
    int32: [i32.leS, i32x4.leS],
    int64: [i64.leS, i64x2.leS],
  },
  and: { bool: [i32.and, v128.and], int32: [i32.and, v128.and], int64: [i64.and, v128.and] },
  or: { bool: [i32.or, v128.or], int32: [i32.or, v128.or], int64: [i64.or, v128.or] },
  xor: { bool: [i32.xor, v128.xor], int32: [i32.xor, v128.xor], int64: [i64.xor, v128.xor] },
  not: { bool: [i32.eqz, v128.not], int32: [undefined, v128.not], int64: [undefined, v128.not] },
  shl: { int32: [i32.shl, i32x4.shl], int64: [i64.shl, i64x2.shl] },
  shr: { int32: [i32.shrS, i32x4.shrS], int64: [i64.shrS, i64x2.shrS] },
};

/** Casts between single values, keyed `from>to`. Those to bool compare with zero instead. */
export const SCALAR_CASTS: Readonly<Record<string, readonly number[]>> = {
  "bool>int32": [],
  "bool>int64": [i64.extendI32],
  "bool>float32": [f32.convertI32],
  "bool>float64": [f64.convertI32],
  "int32>int64": [i64.extendI32],
  "int32>float32": [f32.convertI32],
  "int32>float64": [f64.convertI32],
  "int64>int32": [i32.wrapI64],
  "int64>float64": [f64.convertI64],
  "float32>int32": [i32.truncSatF32],
  "float32>float64": [f64.promoteF32],
  "float64>int32": [i32.truncSatF64],
  "float64>int64": [i64.truncSatF64],
  "float64>float32": [f32.demoteF64],
};

/** Bit casts of single values; between vectors they are nothing at all. */
export const SCALAR_BITCASTS: Readonly<Record<string, number>> = {
  "float32>int32": i32.reinterpretF32,
  "int32>float32": f32.reinterpretI32,
  "float64>int64": i64.reinterpretF64,
  "int64>float64": f64.reinterpretI64,
};

/** What there is for each type of value: its WebAssembly type, memory instructions and lane instructions. */
export const TYPES: Readonly<
  Record<
    RegisterType,
    { value: ValueType; load: number; store: number; splat: number; extract: number; replace: number }
  >
> = {
  bool: {
    value: I32,
    load: i32.load8U,
    store: i32.store8,
    splat: i32x4.splat,
    extract: i32x4.extract,
    replace: i32x4.replace,
  },
  int32: {
    value: I32,
    load: i32.load,
    store: i32.store,
    splat: i32x4.splat,
    extract: i32x4.extract,
    replace: i32x4.replace,
  },
  int64: {
    value: I64,
    load: i64.load,
    store: i64.store,
    splat: i64x2.splat,
    extract: i64x2.extract,
    replace: i64x2.replace,
  },
  float32: {
    value: F32,
    load: f32.load,
    store: f32.store,
    splat: f32x4.splat,
    extract: f32x4.extract,
    replace: f32x4.replace,
  },
  float64: {
    value: F64,
    load: f64.load,
    store: f64.store,
    splat: f64x2.splat,
    extract: f64x2.extract,
    replace: f64x2.replace,
  },
};

/** The 16 bytes of a vector that holds `value` in each lane; of a bool, the mask. */
export function splatBytes(type: RegisterType, value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < 16; at += type === "float64" || type === "int64" ? 8 : 4) {
    if (type === "float32") view.setFloat32(at, Number(value), true);
    else if (type === "float64") view.setFloat64(at, Number(value), true);
    else if (type === "int64") view.setBigInt64(at, BigInt(value), true);
    else view.setInt32(at, type === "bool" ? -Number(value) : Number(value), true);
  }
  return bytes;
}

/** Shuffle that takes the given 32-bit lanes of two vectors (0 … 3 and 4 … 7). */
export const shuffle32 = (...lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
