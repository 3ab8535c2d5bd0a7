import { describe, expect, test } from "vitest";
import type { DType, TypedArray } from "../../src/dtype.js";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import type { Access, Expr, MapKernel } from "../../src/kernels/kernel.js";
import { wasmBackend } from "../../src/kernels/wasm/backend.js";
import { Arena } from "./arena.js";

// A kernel that reads rows of a table by their numbers and writes them in their places, -1 standing for no row.

const access = (buffer: number, dtype: DType, ...strides: number[]): Access => ({ buffer, dtype, offset: 0, strides });
const load = (buffer: number, type: DType, ...strides: number[]): Expr => ({
  kind: "load",
  type,
  access: access(buffer, type, ...strides),
});

/**
 * table[row] ← 3 · table[row] + change, for n rows of so many elements (for bools: table or change). For rows of the table's
 * second half the first row's change is taken.
 */
function update(dtype: DType, rows: number, n: number, width: number): MapKernel {
  const index = load(1, "int32", 1, 0);
  const zero: Expr = { kind: "constant", type: "int32", value: 0 };
  const old: Expr = {
    kind: "gather",
    type: dtype,
    access: access(0, dtype, 0, 1),
    index: { kind: "apply", type: "int32", op: "max", args: [index, zero] },
    stride: width,
    size: rows,
  };
  const own = load(2, dtype, width, 1);
  const first: Expr = {
    kind: "gather",
    type: dtype,
    access: access(2, dtype, 0, 1),
    index: zero,
    stride: width,
    size: n,
  };
  const half: Expr = { kind: "constant", type: "int32", value: rows / 2 };
  const inFirstHalf: Expr = { kind: "apply", type: "bool", op: "lt", args: [index, half] };
  const change: Expr = { kind: "apply", type: dtype, op: "select", args: [inFirstHalf, own, first] };
  const three: Expr = { kind: "constant", type: dtype, value: 3 };
  const value: Expr =
    dtype === "bool"
      ? { kind: "apply", type: dtype, op: "or", args: [old, change] }
      : {
          kind: "apply",
          type: dtype,
          op: "add",
          args: [{ kind: "apply", type: dtype, op: "mul", args: [old, three] }, change],
        };
  const row = { index, stride: width, size: rows };
  return {
    kind: "map",
    loops: [n, width],
    body: [
      { access: access(0, dtype, 0, 1), value, row },
      // A constant, into another table.
      { access: access(3, dtype, 0, 1), value: dtype === "bool" ? { ...three, value: 1 } : three, row },
    ],
    buffers: 4,
    scalars: [],
  };
}

/** The kernel with its loops in the other order: neighbouring points stand in different rows. */
function transposed({ loops, body, ...rest }: MapKernel): MapKernel {
  const turn = <T>(x: T): T =>
    JSON.parse(JSON.stringify(x), (key, value: unknown) =>
      key === "strides" ? [...(value as number[])].reverse() : value,
    ) as T;
  return { ...rest, loops: [...loops].reverse(), body: turn(body) };
}

const bits = (x: TypedArray): Uint8Array => new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

describe.each(["float32", "float64", "int32", "bool"] as const)("rows written in place, %s", (dtype) => {
  test.each([
    ["one element wide", 50, 9, 1],
    ["odd", 50, 9, 7],
    ["whole vectors", 50, 9, 8],
    ["of a table so large that they are fetched ahead", 9000, 37, 64],
    ["fetched ahead, odd", 9000, 37, 33],
  ])("%s", (_, rows, n, width) => {
    const numbers = Int32Array.from({ length: n }, (_, i) =>
      i % 5 === 3 ? -1 : i % 11 === 7 ? rows : (i * 13) % rows,
    );
    const number = (i: number) => (dtype === "bool" ? i % 2 : (i % 97) - 40);
    const start = Array.from({ length: rows * width }, (_, i) => number(i));
    const change = Array.from({ length: n * width }, (_, i) => number(3 * i + 1));
    const expected = [...start];
    numbers.forEach((row, i) => {
      if (row < 0 || row >= rows) return;
      for (let j = 0; j < width; j++) {
        const at = row * width + j;
        const added = change[(row < rows / 2 ? i : 0) * width + j]!;
        expected[at] = dtype === "bool" ? expected[at]! | added : 3 * expected[at]! + added;
      }
    });
    const wanted = bits(Arena.view(dtype, expected));
    const kernel = update(dtype, rows, n, width);
    for (const [backend, one] of [
      [javascriptBackend, kernel],
      [wasmBackend, kernel],
      [javascriptBackend, transposed(kernel)],
      [wasmBackend, transposed(kernel)],
    ] as const) {
      for (const cut of [0, Math.floor(one.loops[0]! / 2)]) {
        const arena = new Arena(200);
        const table = arena.place(dtype, start);
        const others = arena.allocate(dtype, rows * width);
        // The gather of a row that is not there is reported, and computes nothing that is stored.
        const buffers = [table, arena.place("int32", [...numbers]), arena.place(dtype, change), others];
        arena.run(backend, one, buffers, [], [0, cut]);
        arena.run(backend, one, buffers, [], [cut, one.loops[0]!]);
        expect(Buffer.compare(bits(table), wanted)).toBe(0);
        const touched = new Set([...numbers].filter((row) => row >= 0 && row < rows));
        expect(Array.from(others).filter((x) => x !== 0).length).toBe(touched.size * width);
      }
    }
  });
});
