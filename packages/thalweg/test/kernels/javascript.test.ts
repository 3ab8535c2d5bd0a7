import { describe, expect, it } from "vitest";
import type { DType } from "../../src/dtype.js";
import * as E from "../../src/kernels/expression.js";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import type {
  Access,
  Expr,
  Fold,
  MapKernel,
  MatmulKernel,
  ReduceKernel,
  ScatterKernel,
} from "../../src/kernels/kernel.js";
import { Arena } from "./arena.js";

const access = (buffer: number, dtype: DType, strides: readonly number[], offset = 0): Access => ({
  buffer,
  dtype,
  offset,
  strides,
});
const read = (buffer: number, dtype: DType, strides: readonly number[], offset = 0): Expr =>
  E.load(access(buffer, dtype, strides, offset));

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const F32 = (value: number) => E.constant("float32", value);
const F64 = (value: number) => E.constant("float64", value);
const I32 = (value: number) => E.constant("int32", value);
const I64 = (value: bigint) => E.constant("int64", value);
const B = (value: number) => E.constant("bool", value);

/** The value of an expression without loops, as stored in a buffer of its type. */
function evaluate(value: Expr): number {
  const arena = new Arena();
  const type = value.type as DType;
  const output = arena.allocate(type, 1);
  const kernel: MapKernel = {
    kind: "map",
    buffers: 1,
    scalars: [],
    loops: [],
    body: [{ access: access(0, type, []), value }],
  };
  arena.run(javascriptBackend, kernel, [output]);
  return output[0]!;
}

describe("basic operations", () => {
  it.each<[string, Expr, number]>([
    ["float32 sum rounds", E.add(F32(16777216), F32(1)), 16777216],
    ["float32 product rounds", E.mul(F32(0.1), F32(3)), Math.fround(Math.fround(0.1) * 3)],
    ["float32 overflow", E.mul(F32(1e38), F32(10)), inf],
    ["float32 quotient", E.div(F32(1), F32(3)), Math.fround(1 / 3)],
    ["float32 root", E.sqrt(F32(2)), Math.fround(Math.SQRT2)],
    ["root of a negative number", E.sqrt(F64(-1)), nan],
    ["minimum of zeros", E.min(F64(0), F64(-0)), -0],
    ["maximum of zeros", E.max(F32(-0), F32(0)), 0],
    ["minimum with NaN", E.min(F64(1), F64(nan)), nan],
    ["maximum with NaN", E.max(F32(nan), F32(1)), nan],
    ["int32 sum wraps", E.add(I32(2 ** 31 - 1), I32(1)), -(2 ** 31)],
    ["int32 product wraps", E.mul(I32(123456789), I32(987654321)), Math.imul(123456789, 987654321)],
    ["negated least int32", E.neg(I32(-(2 ** 31))), -(2 ** 31)],
    ["size of the least int32", E.abs(I32(-(2 ** 31))), -(2 ** 31)],
    ["negated int32 zero", E.neg(I32(0)), 0],
    ["negated float zero", E.neg(F64(0)), -0],
    ["round half down to even", E.round(F64(2.5)), 2],
    ["round half up to even", E.round(F32(3.5)), 4],
    ["round a negative half", E.round(F64(-0.5)), -0],
    ["round just below a half", E.round(F64(0.49999999999999994)), 0],
    ["round of large numbers", E.round(F64(2 ** 52 + 1)), 2 ** 52 + 1],
    ["round of infinity", E.round(F32(-inf)), -inf],
    ["floor", E.floor(F64(-1.5)), -2],
    ["ceil keeps the sign of zero", E.ceil(F64(-0.5)), -0],
    ["trunc", E.trunc(F32(-1.5)), -1],
    ["NaN equals nothing", E.eq(F64(nan), F64(nan)), 0],
    ["NaN differs from itself", E.ne(F64(nan), F64(nan)), 1],
    ["NaN is not less", E.le(F32(nan), F32(1)), 0],
    ["greater", E.gt(I32(2), I32(1)), 1],
    ["and of int32", E.and(I32(12), I32(10)), 8],
    ["or of bool", E.or(B(0), B(1)), 1],
    ["xor of bool", E.xor(B(1), B(1)), 0],
    ["not of bool", E.not(B(0)), 1],
    ["not of int32", E.not(I32(0)), -1],
    ["shift left drops bits", E.shl(I32(3), 31), -(2 ** 31)],
    ["shift right keeps the sign", E.shr(I32(-5), 1), -3],
    ["choice", E.select(B(0), F32(1), F32(2)), 2],
    ["float to int32 is towards zero", E.cast("int32", F64(-1.9)), -1],
    ["float to int32 saturates up", E.cast("int32", F64(1e300)), 2 ** 31 - 1],
    ["float to int32 saturates down", E.cast("int32", F32(-inf)), -(2 ** 31)],
    ["NaN to int32", E.cast("int32", F32(nan)), 0],
    ["NaN to bool", E.cast("bool", F32(nan)), 1],
    ["-0 to bool", E.cast("bool", F64(-0)), 0],
    ["bool to float", E.cast("float64", B(1)), 1],
    ["int32 to float32 rounds", E.cast("float32", I32(16777217)), 16777216],
    ["float64 to float32 rounds", E.cast("float32", F64(0.1)), Math.fround(0.1)],
    ["bits of float32", E.bitcast("int32", F32(-0)), -(2 ** 31)],
    ["float32 of bits", E.bitcast("float32", I32(0x3f800000)), 1],
    ["float64 of bits", E.bitcast("float64", I64(0x3ff0000000000000n)), 1],
    ["int64 sum", E.bitcast("float64", E.add(E.bitcast("int64", F64(1)), I64(1n << 52n))), 2],
    ["int64 sum wraps", E.lt(E.add(I64(2n ** 63n - 1n), I64(1n)), I64(0n)), 1],
    ["int64 shift right keeps the sign", E.cast("float64", E.shr(I64(-8n), 1)), -4],
    ["int64 shift left drops bits", E.cast("float64", E.shl(I64(3n), 63)), -(2 ** 63)],
    ["int64 from float64", E.cast("int32", E.cast("int64", F64(-(2 ** 31)))), -(2 ** 31)],
    ["int64 to int32 keeps the low bits", E.cast("int32", I64(2n ** 32n + 5n)), 5],
    ["a choice of int64", E.cast("float64", E.select(B(1), I64(7n), I64(8n))), 7],
  ])("%s", (_, expr, expected) => {
    expect(evaluate(expr)).toBe(expected);
  });
});

describe("map", () => {
  const map = (loops: readonly number[], buffers: number, value: Expr, to: Access): MapKernel => ({
    kind: "map",
    buffers,
    scalars: [],
    loops,
    body: [{ access: to, value }],
  });

  it("reads and writes by strides, and runs only the range it is given", () => {
    const arena = new Arena();
    const input = arena.place("float32", [1, 2, 3, 4, 5, 6]);
    const output = arena.place("float32", [0, 0, 0, 0, 0, 0]);
    const transpose = map([3, 2], 2, read(0, "float32", [1, 3]), access(1, "float32", [2, 1]));
    arena.run(javascriptBackend, transpose, [input, output], [], [1, 3]);
    expect([...output]).toEqual([0, 0, 2, 5, 3, 6]);
    arena.run(javascriptBackend, transpose, [input, output], [], [0, 1]);
    expect([...output]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("reads 0 where a guard does not hold, and memory is not touched there", () => {
    const arena = new Arena();
    const output = arena.allocate("float32", 4);
    const input = arena.place("float32", [7, 8]);
    const far = access(0, "float32", [2 ** 30], -(2 ** 30));
    const near = access(0, "float32", [1], -1);
    const inside = { offset: -1, strides: [1], below: 2 };
    const value = E.add(E.load(near, [inside]), E.load(far, [inside, { offset: 0, strides: [1], below: 2 }]));
    arena.run(javascriptBackend, map([4], 2, value, access(1, "float32", [1])), [input, output]);
    expect([...output]).toEqual([0, 14, 8, 0]);
  });

  it("takes scalars of every type, and tells where its loops stand", () => {
    const arena = new Arena();
    const output = arena.allocate("float64", 2);
    const types: readonly DType[] = ["float32", "int32", "bool", "float64"];
    const scalars = types.map((type, slot) => E.cast("float64", E.scalar(slot, type)));
    const value = [E.cast("float64", E.position(100, [10])), ...scalars].reduce((a, b) => E.add(a, b));
    const kernel = { ...map([2], 1, value, access(0, "float64", [1])), scalars: types };
    arena.run(javascriptBackend, kernel, [output], [0.5, -3, 1, 2 ** -30]);
    expect([...output]).toEqual([98.5 + 2 ** -30, 108.5 + 2 ** -30]);
  });

  it("computes all values of a point before it stores any", () => {
    const arena = new Arena();
    const a = arena.place("float32", [1, 2]);
    const b = arena.place("float32", [3, 4]);
    const [readA, readB] = [read(0, "float32", [1]), read(1, "float32", [1])];
    const swap: MapKernel = {
      ...map([2], 2, readB, access(0, "float32", [1])),
      body: [
        { access: access(0, "float32", [1]), value: readB },
        { access: access(1, "float32", [1]), value: readA },
      ],
    };
    arena.run(javascriptBackend, swap, [a, b]);
    expect([[...a], [...b]]).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });

  it.each([
    ["inside", [2, 0, 1], [30, 10, 20], false],
    ["below", [-1, 1, 1], [10, 20, 20], true],
    ["beyond", [0, 3, 2], [10, 10, 30], true],
  ] as const)("gathers: indices %s", (_, indices, expected, failed) => {
    const arena = new Arena();
    const table = arena.place("int32", [10, -1, 20, -1, 30]);
    const index = arena.place("int32", indices);
    const output = arena.allocate("int32", 3);
    const value = E.gather(access(0, "int32", [0]), read(1, "int32", [1]), 2, 3);
    arena.run(javascriptBackend, map([3], 3, value, access(2, "int32", [1])), [table, index, output]);
    expect([...output]).toEqual(expected);
    expect(arena.failed).toBe(failed);
  });

  it("sees memory that has grown since it was compiled", () => {
    const { memory } = new Arena();
    const body = [{ access: access(0, "int32", []), value: I32(5) }];
    const kernel: MapKernel = { kind: "map", buffers: 1, scalars: [], loops: [], body };
    const [run] = javascriptBackend.compile([kernel], memory);
    const end = memory.buffer.byteLength;
    memory.grow(1);
    new DataView(memory.buffer).setInt32(64, end, true);
    run!(64, 0, 1);
    expect(new DataView(memory.buffer).getInt32(end, true)).toBe(5);
  });

  it("refuses to write outside memory", () => {
    const arena = new Arena();
    const kernel = map([], 1, F32(1), access(0, "float32", [], 2 ** 28));
    expect(() => arena.run(javascriptBackend, kernel, [arena.allocate("float32", 1)])).toThrow("outside memory");
  });
});

describe("reduce", () => {
  const reduce = (order: ReduceKernel["order"], rows: number, n: number, fold: Fold): ReduceKernel => ({
    kind: "reduce",
    buffers: 2,
    scalars: [],
    loops: [rows, n],
    order,
    folds: [fold],
    body: [],
    stores: [{ access: access(1, fold.type, [1]), value: E.folded(0, fold.type) }],
  });
  function run(kernel: ReduceKernel, from: DType, values: readonly number[]): number[] {
    const arena = new Arena();
    const output = arena.allocate(kernel.folds[0]!.type, kernel.loops[0]!);
    arena.run(javascriptBackend, kernel, [arena.place(from, values), output]);
    return [...output];
  }

  it.each<[string, Fold["op"], DType, readonly number[], number]>([
    ["sum of int32 wraps", "sum", "int32", [2 ** 31 - 1, 1, 5], -(2 ** 31) + 5],
    ["prod", "prod", "float64", [2, 3, 4], 24],
    ["max of negatives", "max", "float32", [-3, -1, -2], -1],
    ["max with NaN", "max", "float32", [1, nan, 2], nan],
    ["min of zeros", "min", "float64", [0, -0, 0], -0],
    ["max of bool", "max", "bool", [0, 1, 0], 1],
    ["min of bool", "min", "bool", [1, 0, 1], 0],
    ["sum of nothing", "sum", "float32", [], 0],
    ["prod of nothing", "prod", "int32", [], 1],
    ["max of nothing", "max", "int32", [], -(2 ** 31)],
    ["min of nothing", "min", "float32", [], inf],
  ])("%s", (_, op, type, values, expected) => {
    for (const order of ["lanes", "serial", "columns"] as const) {
      const fold: Fold = { op, type, value: read(0, type, [values.length, 1]) };
      expect(run(reduce(order, 1, values.length, fold), type, values)).toEqual([expected]);
    }
  });

  it.each<[string, "argmax" | "argmin", readonly number[], number]>([
    ["first of equals", "argmax", [1, 3, 3, 2], 1],
    ["first NaN", "argmax", [1, nan, inf, nan], 1],
    ["NaN for argmin too", "argmin", [-inf, 0, nan], 2],
    ["least", "argmin", [2, -1, -1], 1],
    ["all infinite", "argmax", [-inf, -inf], 0],
  ])("%s", (_, op, values, expected) => {
    const fold: Fold = { op, type: "int32", value: read(0, "float32", [values.length, 1]) };
    expect(run(reduce("serial", 1, values.length, fold), "float32", values)).toEqual([expected]);
  });

  it("folds in the order that the kernel says", () => {
    // Written out: 16 partial sums, then halves added to halves.
    const n = 53;
    const values = Array.from({ length: n }, (_, j) => Math.fround(Math.sin(j) * 10 ** (j % 7)));
    const partial = new Float32Array(16);
    values.forEach((value, j) => {
      partial[j % 16]! += value;
    });
    for (const s of [8, 4, 2, 1]) {
      for (let i = 0; i < s; i++) partial[i]! += partial[i + s]!;
    }
    const serial = values.reduce((sum, value) => Math.fround(sum + value), 0);
    const fold: Fold = { op: "sum", type: "float32", value: read(0, "float32", [n, 1]) };
    expect(run(reduce("lanes", 1, n, fold), "float32", values)).toEqual([partial[0]]);
    expect(run(reduce("serial", 1, n, fold), "float32", values)).toEqual([serial]);
    expect(run(reduce("columns", 1, n, fold), "float32", values)).toEqual([serial]);
    expect(partial[0]).not.toBe(serial);
  });

  it("stops early in the last row of a ragged loop", () => {
    const fold: Fold = { op: "sum", type: "int32", value: read(0, "int32", [3, 1]) };
    const kernel = { ...reduce("lanes", 3, 3, fold), ragged: { loop: 0, count: 1 } };
    expect(run(kernel, "int32", [1, 2, 3, 4, 5, 6, 7, 8, 9])).toEqual([6, 15, 7]);
  });

  it("gives running values to the body in serial order, and stores a function of the fold", () => {
    const arena = new Arena();
    const input = arena.place("int32", [1, 2, 3, 4, 5, 6]);
    const running = arena.allocate("int32", 6);
    const total = arena.allocate("int32", 2);
    const kernel: ReduceKernel = {
      kind: "reduce",
      buffers: 3,
      scalars: [],
      loops: [2, 3],
      order: "serial",
      folds: [{ op: "sum", type: "int32", value: read(0, "int32", [3, 1]) }],
      body: [{ access: access(1, "int32", [3, 1]), value: E.folded(0, "int32") }],
      stores: [{ access: access(2, "int32", [1]), value: E.mul(E.folded(0, "int32"), I32(10)) }],
    };
    arena.run(javascriptBackend, kernel, [input, running, total]);
    expect([...running]).toEqual([1, 3, 6, 4, 9, 15]);
    expect([...total]).toEqual([60, 150]);
  });
});

describe("scatter", () => {
  it("adds, equal indices one after another, and reports others outside", () => {
    const arena = new Arena();
    const index = arena.place("int32", [0, 1, -1, 3, 2, 1]);
    const values = arena.place("float32", [1, 5, 50, 60, 3, 4]);
    const target = arena.place("float32", [100, -7, 0, -7, 100]);
    const kernel: ScatterKernel = {
      kind: "scatter",
      buffers: 3,
      scalars: [],
      loops: [6],
      access: access(2, "float32", [0]),
      index: read(0, "int32", [1]),
      stride: 2,
      size: 3,
      value: read(1, "float32", [1]),
    };
    arena.run(javascriptBackend, kernel, [index, values, target]);
    expect([...target]).toEqual([101, -7, 9, -7, 103]);
    expect(arena.failed).toBe(true);
  });
});

describe("matmul", () => {
  it.each([
    ["a vector's length", 1, 2, 3, 5],
    ["blocks of k", 2, 2, 2, 600],
    ["an empty sum", 1, 2, 2, 0],
  ] as const)("%s: sums block by block, for any range of rows", (_, batch, m, n, k) => {
    const arena = new Arena();
    const numbers = (length: number, seed: number) => Array.from({ length }, (_, i) => Math.fround(Math.sin(i * seed)));
    const a = arena.place("float32", numbers(batch * m * k, 1.3));
    // b is stored transposed, one for all batches.
    const b = arena.place("float32", numbers(n * k, 0.7));
    const c = arena.allocate("float32", batch * m * n);
    const kernel: MatmulKernel = {
      kind: "matmul",
      buffers: 3,
      scalars: [],
      loops: [batch, m, n, k],
      dtype: "float32",
      a: access(0, "float32", [m * k, k, 0, 1]),
      b: access(1, "float32", [0, 0, k, 1]),
      c: access(2, "float32", [m * n, n, 1, 0]),
    };
    arena.run(javascriptBackend, kernel, [a, b, c], [], [1, batch * m]);
    expect(c[0]).toBe(0);
    arena.run(javascriptBackend, kernel, [a, b, c], [], [0, 1]);

    const { fround } = Math;
    const expected = Array.from(c, (_, at) => {
      const [row, column] = [Math.floor(at / n), at % n];
      let result = 0;
      for (let from = 0; from < k; from += 256) {
        let sum = 0;
        for (let i = from; i < Math.min(k, from + 256); i++) {
          sum = fround(sum + fround(a[row * k + i]! * b[column * k + i]!));
        }
        result = from === 0 ? sum : fround(result + sum);
      }
      return result;
    });
    expect([...c]).toEqual(expected);
  });
});
