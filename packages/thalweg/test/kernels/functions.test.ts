import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { load } from "../../src/kernels/expression.js";
import { cos, erf, exp, expm1, log, log1p, pow, sigmoid, sin, tanh } from "../../src/kernels/functions.js";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import type { Expr, MapKernel } from "../../src/kernels/kernel.js";
import { Arena } from "./arena.js";

type Float = "float32" | "float64";
const FLOATS: readonly Float[] = ["float32", "float64"];
const UNARY = { exp, expm1, log, log1p, sin, cos, tanh, sigmoid, erf } as const;
const NAMES = [...(Object.keys(UNARY) as (keyof typeof UNARY)[]), "pow"] as const;
type Name = (typeof NAMES)[number];

/** The values of a function by the oracle, at arguments of a type. */
function compute(name: Name, type: Float, ...args: (readonly number[])[]): number[] {
  const arena = new Arena();
  const { length } = args[0]!;
  const inputs = args.map((values) => arena.place(type, values));
  const output = arena.allocate(type, length);
  const read = (buffer: number): Expr => load({ buffer, dtype: type, offset: 0, strides: [1] });
  const value = name === "pow" ? pow(read(0), read(1)) : UNARY[name](read(0));
  const kernel: MapKernel = {
    kind: "map",
    buffers: inputs.length + 1,
    scalars: [],
    loops: [length],
    body: [{ access: { buffer: inputs.length, dtype: type, offset: 0, strides: [1] }, value }],
  };
  arena.run(javascriptBackend, kernel, [...inputs, output]);
  return [...output];
}

const at = (name: Name, type: Float, ...args: number[]): number => compute(name, type, ...args.map((x) => [x]))[0]!;

interface Entry {
  readonly x: string;
  readonly y?: string;
  readonly value: string;
  readonly rest?: string;
}

function readTable(type: Float): Record<Name, Entry> {
  const url = new URL(`../fixtures/functions-${type}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as Record<Name, Entry>;
}

const bytes = (base64: string): ArrayBuffer => new Uint8Array(Buffer.from(base64, "base64")).buffer;
const decode = (type: Float, base64: string): number[] =>
  type === "float32" ? [...new Float32Array(bytes(base64))] : [...new Float64Array(bytes(base64))];

/** The unit in the last place of a format at a value. */
function ulp(value: number, bits: number, leastExponent: number): number {
  const cell = new DataView(new ArrayBuffer(8));
  cell.setFloat64(0, value);
  const exponent = ((cell.getUint32(0) >>> 20) & 0x7ff) - 1023;
  return 2 ** Math.max(exponent - bits + 1, leastExponent);
}

/** How far a result is from the exact value, which is `value` plus `rest` units of its last place. */
function errorInUlp(type: Float, got: number, value: number, rest: number): number {
  if (type === "float64") {
    if (!Number.isFinite(value)) return got === value ? 0 : Number.POSITIVE_INFINITY;
    return Math.abs((got - value) / ulp(value, 53, -1074) - rest);
  }
  // Results beyond the largest float32 are infinite; the next number up there would be 2^128.
  const bounded = Math.sign(got) * Math.min(Math.abs(got), 2 ** 128);
  if (Math.abs(value) >= 2 ** 128) return Math.abs(got) === Number.POSITIVE_INFINITY && got * value > 0 ? 0 : Infinity;
  return Math.abs(bounded - value) / ulp(value, 24, -149);
}

describe("elementary functions against exact values", () => {
  const measured: Record<string, Record<string, number>> = {};
  afterAll(() => {
    console.log("largest errors in ulp at the fixtures' points");
    console.table(measured);
  });

  for (const type of FLOATS) {
    const table = readTable(type);
    it.each(NAMES)(`${type} %s is at most 2 ulp off`, (name) => {
      const entry = table[name];
      const x = decode(type, entry.x);
      const y = entry.y === undefined ? undefined : decode(type, entry.y);
      const values = decode("float64", entry.value);
      const rests = entry.rest === undefined ? undefined : new Int8Array(bytes(entry.rest));
      const results = y === undefined ? compute(name, type, x) : compute(name, type, x, y);
      let worst = 0;
      let where = "";
      results.forEach((got, i) => {
        const error = errorInUlp(type, got, values[i]!, (rests?.[i] ?? 0) / 100);
        if (error <= worst) return;
        worst = error;
        where = `${name}(${x[i]}${y === undefined ? "" : `, ${y[i]}`}) = ${values[i]}, not ${got}`;
      });
      (measured[name] ??= {})[type] = Number(worst.toFixed(3));
      expect(x.length).toBeGreaterThan(800);
      expect(worst, where).toBeLessThanOrEqual(2);
    });
  }
});

describe("special values", () => {
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const cases: readonly (readonly [Name, ...number[]])[] = [
    // The last number is the result.
    ["exp", 0, 1],
    ["exp", -0, 1],
    ["exp", inf, inf],
    ["exp", -inf, 0],
    ["exp", 1e5, inf],
    ["exp", -1e5, 0],
    ["exp", nan, nan],
    ["expm1", 0, 0],
    ["expm1", -0, -0],
    ["expm1", inf, inf],
    ["expm1", -inf, -1],
    ["expm1", 1e30, inf],
    ["expm1", -1e30, -1],
    ["expm1", nan, nan],
    ["log", 1, 0],
    ["log", 0, -inf],
    ["log", -0, -inf],
    ["log", inf, inf],
    ["log", -inf, nan],
    ["log", -1, nan],
    ["log", -1e-40, nan],
    ["log", nan, nan],
    ["log1p", 0, 0],
    ["log1p", -0, -0],
    ["log1p", -1, -inf],
    ["log1p", -1.5, nan],
    ["log1p", inf, inf],
    ["log1p", -inf, nan],
    ["log1p", nan, nan],
    ["sin", 0, 0],
    ["sin", -0, -0],
    ["sin", inf, nan],
    ["sin", -inf, nan],
    ["sin", nan, nan],
    ["cos", 0, 1],
    ["cos", -0, 1],
    ["cos", inf, nan],
    ["cos", -inf, nan],
    ["cos", nan, nan],
    ["tanh", 0, 0],
    ["tanh", -0, -0],
    ["tanh", inf, 1],
    ["tanh", -inf, -1],
    ["tanh", 50, 1],
    ["tanh", nan, nan],
    ["sigmoid", 0, 0.5],
    ["sigmoid", -0, 0.5],
    ["sigmoid", inf, 1],
    ["sigmoid", -inf, 0],
    ["sigmoid", 1e30, 1],
    ["sigmoid", -1e30, 0],
    ["sigmoid", nan, nan],
    ["erf", 0, 0],
    ["erf", -0, -0],
    ["erf", inf, 1],
    ["erf", -inf, -1],
    ["erf", 7, 1],
    ["erf", -7, -1],
    ["erf", nan, nan],
    // Anything to the power 0, and 1 to any power.
    ["pow", 0, 0, 1],
    ["pow", nan, 0, 1],
    ["pow", inf, -0, 1],
    ["pow", -3, 0, 1],
    ["pow", 1, nan, 1],
    ["pow", 1, -inf, 1],
    ["pow", 1, 1e30, 1],
    ["pow", nan, 1, nan],
    ["pow", 2, nan, nan],
    ["pow", 0, nan, nan],
    ["pow", -inf, nan, nan],
    // Small whole powers are exact.
    ["pow", 2, 10, 1024],
    ["pow", 3, 2, 9],
    ["pow", -3, 3, -27],
    ["pow", -3, 2, 9],
    ["pow", 0.5, -1, 2],
    ["pow", 9, 0.5, 3],
    ["pow", -2, -1, -0.5],
    // Negative bases need whole exponents.
    ["pow", -2, 0.5, nan],
    ["pow", -1e-30, -1.5, nan],
    ["pow", -1, 16777215, -1],
    ["pow", -1, 1e20, 1],
    ["pow", -2, 1e20, inf],
    ["pow", -2, -1e20, 0],
    // Zeros.
    ["pow", 0, 3, 0],
    ["pow", -0, 3, -0],
    ["pow", -0, 2, 0],
    ["pow", -0, 0.5, 0],
    ["pow", 0, -3, inf],
    ["pow", -0, -3, -inf],
    ["pow", -0, -2, inf],
    ["pow", -0, -0.5, inf],
    ["pow", -0, -inf, inf],
    ["pow", 0, inf, 0],
    // Infinities.
    ["pow", -1, inf, 1],
    ["pow", -1, -inf, 1],
    ["pow", 0.5, inf, 0],
    ["pow", -0.5, inf, 0],
    ["pow", 0.5, -inf, inf],
    ["pow", -0.5, -inf, inf],
    ["pow", 2, inf, inf],
    ["pow", -2, inf, inf],
    ["pow", 2, -inf, 0],
    ["pow", -2, -inf, 0],
    ["pow", inf, 2, inf],
    ["pow", inf, 0.1, inf],
    ["pow", inf, -2, 0],
    ["pow", -inf, 3, -inf],
    ["pow", -inf, 2, inf],
    ["pow", -inf, 0.5, inf],
    ["pow", -inf, -3, -0],
    ["pow", -inf, -2, 0],
    ["pow", -inf, -0.5, 0],
    ["pow", inf, inf, inf],
    ["pow", inf, -inf, 0],
    // Overflow and underflow.
    ["pow", 1e30, 1e30, inf],
    ["pow", 1e-30, 1e30, 0],
    ["pow", -1e30, 1001, -inf],
    ["pow", -1e-30, 1001, -0],
  ];
  const rows = cases.map(([name, ...numbers]): [Name, number[]] => [name, numbers]);
  for (const type of FLOATS) {
    it.each(rows)(`${type} %s, arguments and result %o`, (name, numbers) => {
      const expected = numbers.at(-1)!;
      expect(at(name, type, ...numbers.slice(0, -1))).toBe(expected);
    });
  }
});

describe("what holds everywhere", () => {
  const edges = [0, -0, 1e300, -1e300, 1.7e308, 3.4e38, -3.4e38, 1e20, 2 ** 53, 2 ** 31, 1e-45, -5e-324];
  const numbers = {
    float32: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 200 }),
    float64: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 200 }),
  };
  const bounds = { sin: -1, cos: -1, tanh: -1, erf: -1, sigmoid: 0 } as const;
  for (const type of FLOATS) {
    const examples: [number[]][] = [[edges.filter((x) => type === "float64" || Math.abs(x) < 2 ** 128)]];
    it.each(["sin", "tanh", "erf"] as const)(`${type} %s is odd`, (name) => {
      // Far out, where nothing is left of the angle, the sine is not.
      const limit = name === "sin" ? 2 ** 45 : Number.POSITIVE_INFINITY;
      fc.assert(
        fc.property(numbers[type], (all) => {
          const x = all.filter((value) => Math.abs(value) <= limit);
          const negated = x.map((value) => -value);
          expect(compute(name, type, negated)).toEqual(compute(name, type, x).map((value) => -value));
        }),
        { examples },
      );
    });
    it.each(Object.entries(bounds) as [keyof typeof bounds, number][])(
      `${type} %s of any number lies in [%d, 1]`,
      (name, least) => {
        fc.assert(
          fc.property(numbers[type], (x) => compute(name, type, x).every((y) => y >= least && y <= 1)),
          { examples },
        );
      },
    );
  }

  it("refuses integers and mixed types", () => {
    const whole = load({ buffer: 0, dtype: "int32", offset: 0, strides: [1] });
    const float = load({ buffer: 0, dtype: "float32", offset: 0, strides: [1] });
    const double = load({ buffer: 0, dtype: "float64", offset: 0, strides: [1] });
    expect(() => exp(whole)).toThrow("exp does not exist for int32");
    expect(() => pow(float, double)).toThrow("pow does not exist for (float32, float64)");
  });
});
