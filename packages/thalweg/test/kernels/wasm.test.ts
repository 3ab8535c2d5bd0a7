import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/dtype.js";
import * as E from "../../src/kernels/expression.js";
import * as F from "../../src/kernels/functions.js";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import {
  type Access,
  argumentLayout,
  type Backend,
  type BasicOp,
  ERROR_CELL,
  type Expr,
  extent,
  type Fold,
  type Kernel,
  type ReduceKernel,
  type RegisterType,
} from "../../src/kernels/kernel.js";
import { assemble, instantiate, SCRATCH_BYTES, wasmBackend, wideBackend } from "../../src/kernels/wasm/backend.js";
import {
  BITCASTS,
  CASTS,
  type Case,
  type CaseBuffer,
  difference,
  lay,
  OPS,
  Random,
  randomCase,
  result,
  run,
  SPECIAL,
} from "./randomKernel.js";

const RESERVED = 64;
const RESERVED_FOR_MATMUL = 64 + SCRATCH_BYTES;

/** Fails unless both backends leave the same bytes, however the range is cut. */
function agree(test: Case, reserved = RESERVED, backend: Backend = wasmBackend): void {
  const expected = run(javascriptBackend, test, reserved);
  const random = new Random(test.seed + 1);
  const cut = random.int(0, extent(test.kernel));
  for (const cuts of [[], [random.int(0, cut), cut]]) {
    const found = difference(test, expected, run(backend, test, reserved, cuts), reserved);
    if (found !== undefined) {
      expect.fail(`seed ${test.seed}, cuts ${cuts}: ${found}\n${JSON.stringify(test, bigints)}`);
    }
  }
}
const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

const access = (buffer: number, dtype: DType, ...strides: number[]): Access => ({ buffer, dtype, offset: 0, strides });
const load = (buffer: number, type: DType, ...strides: number[]): Expr => ({
  kind: "load",
  type,
  access: access(buffer, type, ...strides),
});
const apply = (op: BasicOp, type: RegisterType, ...args: Expr[]): Expr => ({ kind: "apply", op, type, args });
const constant = (type: RegisterType, value: number | bigint): Expr => ({ kind: "constant", type, value });

describe("every operation on every type gives the oracle's bits for special values", () => {
  const viaCast = (type: RegisterType, expr: Expr): Expr => (type === expr.type ? expr : apply("cast", type, expr));
  /** A value of any type read from a buffer: an int64 from the bits of a float64. */
  const operand = (buffer: number, type: RegisterType, ...strides: number[]): Expr =>
    type === "int64" ? apply("bitcast", "int64", load(buffer, "float64", ...strides)) : load(buffer, type, ...strides);
  const memoryType = (type: RegisterType): DType => (type === "int64" ? "float64" : type);

  const cases: [op: BasicOp, from: RegisterType, to: RegisterType, arity: number][] = [];
  for (const to of Object.keys(OPS) as RegisterType[]) {
    for (const op of new Set(OPS[to])) {
      if (op === "cast") for (const from of CASTS[to]) cases.push([op, from, to, 1]);
      else if (op === "bitcast") cases.push([op, BITCASTS[to]!, to, 1]);
      else if (["eq", "ne", "lt", "le"].includes(op)) {
        for (const from of ["float32", "float64", "int32", "int64"] as const) cases.push([op, from, to, 2]);
      } else {
        const unary = ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "round", "not", "shl", "shr"].includes(op);
        cases.push([op, to, to, unary ? 1 : 2]);
      }
    }
  }

  test.each(cases)("%s of %s to %s", (op, from, to, arity) => {
    const floats = SPECIAL.float64.filter((value) => !Number.isNaN(value));
    const bits = op === "bitcast" ? floats : SPECIAL.float64;
    const values =
      from === "int64" ? bits : SPECIAL[memoryType(from)].filter((v) => op !== "bitcast" || !Number.isNaN(v));
    const n = values.length;
    const a = operand(0, from, 1, 0);
    const b = operand(0, from, 0, 1);
    const amounts = from === "int64" ? [0, 1, 31, 32, 63] : [0, 1, 7, 31];
    const made: Expr[] =
      op === "shl" || op === "shr"
        ? amounts.map((amount) => apply(op, to, a, constant("int32", amount)))
        : op === "select"
          ? [apply(op, to, apply("lt", "bool", load(1, "int32", 0, 1), load(1, "int32", 1, 0)), a, b)]
          : [arity === 2 ? apply(op, to, a, b) : apply(op, to, b)];
    for (const made1 of made) {
      // An int64 is looked at as the two int32 halves of it.
      const halves: Expr[] =
        to === "int64"
          ? [viaCast("int32", made1), viaCast("int32", apply("shr", "int64", made1, constant("int32", 32)))]
          : [made1];
      const buffers: CaseBuffer[] = [
        { dtype: memoryType(from), length: n, address: 0, values },
        { dtype: "int32", length: n, address: 0 },
        ...halves.map((half) => ({ dtype: memoryType(half.type), length: n * n, address: 0 })),
      ];
      const body = halves.map((value, i) => ({ access: access(2 + i, memoryType(value.type), n, 1), value }));
      agree({
        kernel: { kind: "map", buffers: buffers.length, scalars: [], loops: [n, n], body },
        buffers,
        scalars: [],
        seed: n,
      });
    }
  });
});

test.each(["map", "reduce", "scatter"] as const)("random %s kernels give the oracle's bits", (kind) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => agree(randomCase(kind, seed))),
    { numRuns: 400 },
  );
});

describe("reductions of every size give the oracle's bits", () => {
  const folds: [Fold["op"], DType][] = [
    ["sum", "float32"],
    ["sum", "float64"],
    ["sum", "int32"],
    ["prod", "float32"],
    ["prod", "float64"],
    ["max", "float32"],
    ["min", "float64"],
    ["max", "int32"],
    ["min", "bool"],
  ];
  const reduce = (order: ReduceKernel["order"], n: number, seed: number, ragged?: ReduceKernel["ragged"]): Case => {
    const loops = [3, 5, n];
    const all = folds.map(
      ([op, type], i): Fold => ({
        op,
        type,
        value: load(i, type, 5 * n, order === "lanes" ? n : 1, order === "lanes" ? 1 : 5),
      }),
    );
    if (order === "serial") {
      for (const op of ["argmax", "argmin"] as const) {
        for (const i of [0, 1, 2, 8]) all.push({ op, type: "int32", value: all[i]!.value });
      }
    }
    const stores = all.map(({ type }, fold) => ({
      access: access(folds.length + fold, type, 5, 1),
      value: { kind: "folded", type, fold } as const,
    }));
    const inputs = folds.map(([, dtype]): CaseBuffer => ({ dtype, length: 15 * n, address: 0 }));
    const outputs = all.map(({ type }): CaseBuffer => ({ dtype: type, length: 15, address: 0 }));
    const buffers = [...inputs, ...outputs];
    const base = { buffers: buffers.length, scalars: [] };
    const kernel: Kernel = {
      ...base,
      kind: "reduce",
      loops,
      order,
      folds: all,
      body: [],
      stores,
      ...(ragged ? { ragged } : {}),
    };
    return { kernel, buffers, scalars: [], seed };
  };
  test.each(["lanes", "columns", "serial"] as const)("%s", (order) => {
    for (let n = 1; n <= 70; n++) {
      agree(reduce(order, n, n));
      agree(reduce(order, n, n + 100, { loop: n % 2, count: 1 + ((n * 7) % n) }));
    }
  });
});

/** A matmul whose operands have random strides, batches, offsets, and loops along rows, columns and steps. */
function matmulCase(seed: number): Case {
  const random = new Random(seed);
  const dtype = random.pick(["float32", "float64"] as const);
  const batch = Array.from({ length: random.pick([0, 0, 1, 2]) }, () => random.int(1, 3));
  const size = () => (random.chance(0.8) ? random.int(1, random.pick([4, 20, 40])) : random.pick([1, 16, 17, 32, 70]));
  const shape = random.pick(["any", "any", "any", "any", "deep", "wide", "tall"] as const);
  const cut = random.chance(0.4);
  const several = (whole: number) =>
    cut && random.chance(0.7)
      ? random.pick([
          [random.int(1, 3), Math.ceil(whole / 3)],
          [2, Math.ceil(whole / 6), 3],
          [whole, 1],
        ])
      : [whole];
  const steps = several(shape === "deep" ? random.pick([256, 257, 511, 513, 600]) : size());
  const columns = several(shape === "wide" ? random.pick([250, 505, 520, 1030]) : size());
  const rows = several(shape === "tall" ? random.pick([64, 127, 131, 260]) : size());
  const loops = [...batch, ...rows, ...columns, ...steps];
  const parts = [rows.length, columns.length, steps.length] as const;
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, l) => from + l);
  const outer = numbers(0, batch.length);
  const m = numbers(batch.length, parts[0]);
  const n = numbers(batch.length + parts[0], parts[1]);
  const k = numbers(batch.length + parts[0] + parts[1], parts[2]);
  const buffers: CaseBuffer[] = [];
  /** Strides along loops, innermost first: in that order one behind the other, or, of an operand, a little otherwise. */
  const place = (order: readonly number[], isOperand: boolean): Access => {
    const strides = loops.map(() => 0);
    let step = 1;
    let reach = 0;
    for (const l of isOperand && random.chance(0.15) ? random.shuffled(order) : order) {
      if (isOperand && l < batch.length && random.chance(0.4)) continue;
      // Neighbours that overlap are windows.
      strides[l] = isOperand && cut && random.chance(0.2) ? 1 : step;
      reach += strides[l]! * (loops[l]! - 1);
      step *= loops[l]!;
      if (isOperand && random.chance(0.2)) step += random.int(1, 3);
    }
    const offset = random.int(0, 3);
    buffers.push({ dtype, length: reach + offset + 2, address: 0 });
    return { buffer: buffers.length - 1, dtype, offset, strides };
  };
  const operand = (along: readonly number[], across: readonly number[]): Access => {
    const order = random.chance(0.5) ? [...along, ...across] : [...across, ...along];
    return place([...outer, ...order].reverse(), true);
  };
  const a = operand(m, k);
  const b = operand(k, n);
  const c = place([...outer, ...m, ...n].reverse(), false);
  const band = random.chance(0.4) ? { band: 16 * random.int(1, 4) } : {};
  const value = random.chance(0.4)
    ? { value: epilogueOf(random, dtype, loops, batch.length + parts[0], parts, buffers) }
    : {};
  const scalars = "value" in value ? [dtype] : [];
  const kernel: Kernel = {
    kind: "matmul",
    buffers: buffers.length,
    scalars,
    loops,
    parts,
    dtype,
    a,
    b,
    c,
    ...band,
    ...value,
  };
  return { kernel, buffers, scalars: scalars.map(() => random.real() - 0.5), seed };
}

/** A bias, a factor for each row, a number and an activation behind a product, in any combination. */
function epilogueOf(
  random: Random,
  dtype: "float32" | "float64",
  loops: readonly number[],
  before: number,
  [, columns]: readonly [number, number, number],
  buffers: CaseBuffer[],
): Expr {
  const product = (sizes: readonly number[]) => sizes.reduce((x, y) => x * y, 1);
  const [m, n] = [product(loops.slice(0, before)), product(loops.slice(before, before + columns))];
  const operand = (row: number, column: number, length: number): Expr => {
    buffers.push({ dtype, length: length + 1, address: 0 });
    return E.load({ buffer: buffers.length - 1, dtype, offset: 1, strides: [row, column] });
  };
  let value: Expr = E.folded(0, dtype);
  if (random.chance(0.7)) value = E.add(value, operand(0, 1, n));
  if (random.chance(0.3)) value = E.mul(value, operand(1, 0, m));
  if (random.chance(0.3)) value = E.add(value, operand(n, 1, m * n));
  if (random.chance(0.3)) value = E.mul(value, E.scalar(0, dtype));
  return random.pick([
    () => value,
    () => E.max(value, E.constant(dtype, 0)),
    () => F.tanh(value),
    () => E.mul(value, F.sigmoid(value)),
  ])();
}

test("random matmuls give the oracle's bits", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => agree(matmulCase(seed), RESERVED_FOR_MATMUL)),
    { numRuns: 150 },
  );
});

test("so do matmuls whose tiles are cut for vectors of 256 bits", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => agree(matmulCase(seed), RESERVED_FOR_MATMUL, wideBackend)),
    { numRuns: 50 },
  );
});

test("several kernels make one module, which runs on a shared memory with scratch space elsewhere", () => {
  const memory = new WebAssembly.Memory({ initial: 40, maximum: 100, shared: true });
  const scratch = 64 + SCRATCH_BYTES;
  const product = matmulCase(5);
  const kernels = [product.kernel, randomCase("map", 1).kernel, product.kernel];
  const made = instantiate(new WebAssembly.Module(assemble(kernels, true)), memory, scratch);
  expect(made).toHaveLength(3);
  const reserved = scratch + SCRATCH_BYTES;
  const args = lay(product, memory, reserved);
  const untouched = new Uint8Array(memory.buffer).slice(64, scratch);
  made[2]!(args, 0, extent(product.kernel));
  const touched = new Uint8Array(memory.buffer).slice(64, scratch).findIndex((byte, i) => byte !== untouched[i]);
  expect(touched).toBe(-1);
  const expected = run(javascriptBackend, product, reserved);
  const got = result(product, memory, reserved).slice(0, expected.length);
  expect(difference(product, expected, got, reserved)).toBeUndefined();
  expect(wasmBackend.compile([product.kernel], memory)).toHaveLength(1);
});

test.each(["gather", "scatter"] as const)("a %s out of bounds sets the error cell, one within does not", (kind) => {
  for (const [index, error] of [
    [2, 0],
    [3, 1],
    [-1, 1],
  ] as const) {
    const at = constant("int32", index);
    const base = { buffers: 2, scalars: [], loops: [9] };
    const kernel: Kernel =
      kind === "gather"
        ? {
            ...base,
            kind: "map",
            body: [
              {
                access: access(1, "float32", 1),
                value: {
                  kind: "gather",
                  type: "float32",
                  access: access(0, "float32", 0),
                  index: at,
                  stride: 1,
                  size: 3,
                },
              },
            ],
          }
        : {
            ...base,
            kind,
            access: access(0, "float32", 0),
            index: at,
            stride: 1,
            size: 3,
            value: load(1, "float32", 1),
          };
    const buffers: CaseBuffer[] = [
      { dtype: "float32", length: 3, address: 0 },
      { dtype: "float32", length: 9, address: 0 },
    ];
    const memory = new WebAssembly.Memory({ initial: 2 });
    const args = lay({ kernel, buffers, scalars: [], seed: 1 }, memory, RESERVED);
    expect(args % 8).toBe(0);
    expect(argumentLayout(kernel).bytes).toBe(8);
    wasmBackend.compile([kernel], memory)[0]!(args, 0, 9);
    expect(new Int32Array(memory.buffer)[ERROR_CELL / 4]).toBe(error);
    agree({ kernel, buffers, scalars: [], seed: 1 });
  }
});

test("points past the end of a loop are not looked at", () => {
  for (let n = 1; n <= 18; n++) {
    const gather = (...strides: number[]): Expr => ({
      kind: "gather",
      type: "float64",
      access: access(0, "float64", ...strides.map(() => 0)),
      index: { kind: "position", type: "int32", offset: 0, strides },
      stride: 1,
      size: n,
    });
    const buffers: CaseBuffer[] = [
      { dtype: "float64", length: n, address: 0 },
      { dtype: "float64", length: n, address: 0 },
    ];
    const base = { buffers: 2, scalars: [] };
    const folded: Expr = { kind: "folded", type: "float64", fold: 0 };
    const kernels: Kernel[] = [
      { ...base, kind: "map", loops: [n], body: [{ access: access(1, "float64", 1), value: gather(1) }] },
      { ...base, kind: "map", loops: [1, n], body: [{ access: access(1, "float64", 0, 1), value: gather(0, 1) }] },
      {
        ...base,
        kind: "reduce",
        loops: [n],
        order: "lanes",
        folds: [{ op: "sum", type: "float64", value: gather(1) }],
        body: [],
        stores: [{ access: access(1, "float64"), value: folded }],
      },
    ];
    for (const kernel of kernels) agree({ kernel, buffers, scalars: [], seed: n });
  }
});

test("a guarded access may begin before the memory's first byte", () => {
  for (const type of ["float32", "float64", "bool"] as const) {
    // With the last one a run of four points begins before the memory and ends within the buffer.
    for (const [stride, offset, below] of [
      [1, -203, 7],
      [2, -203, 7],
      [-1, 61, 7],
      [40, -100, 50],
    ] as const) {
      const guard = { offset, strides: [stride], below };
      const value: Expr = {
        kind: "load",
        type,
        access: { buffer: 0, dtype: type, offset, strides: [stride] },
        guards: [guard],
      };
      const kernel: Kernel = {
        kind: "map",
        buffers: 2,
        scalars: [],
        loops: [260],
        body: [{ access: access(1, type, 1), value }],
      };
      const buffers: CaseBuffer[] = [
        { dtype: type, length: below, address: 0 },
        { dtype: type, length: 260, address: 0 },
      ];
      agree({ kernel, buffers, scalars: [], seed: stride + 5 });
    }
  }
});
