import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OptionError } from "../src/errors.js";
import {
  defaultGenerator,
  fillBernoulli,
  fillNormal,
  fillRandint,
  fillUniform,
  Generator,
  manualSeed,
  randperm,
} from "../src/tensor/generator.js";
import fixture from "./fixtures/random.json" with { type: "json" };

interface Call {
  op: string;
  n: number;
  dtype?: string;
  at: number[];
  values: (number | string)[];
  checksum?: number;
  sumOfSquares?: number;
  from?: number;
  to?: number;
  mean?: number;
  std?: number;
  low?: number;
  high?: number;
  p?: number;
}

function run(generator: Generator, call: Call): Float32Array | Float64Array | Int32Array {
  const floats = () => (call.dtype === "float64" ? new Float64Array(call.n) : new Float32Array(call.n));
  switch (call.op) {
    case "rand":
    case "uniform": {
      const array = floats();
      fillUniform(generator, array, call.from, call.to);
      return array;
    }
    case "randn":
    case "normal": {
      const array = floats();
      fillNormal(generator, array, call.mean, call.std);
      return array;
    }
    case "randint": {
      const array = new Int32Array(call.n);
      fillRandint(generator, array, call.low!, call.high!);
      return array;
    }
    case "bernoulli": {
      const array = new Int32Array(call.n);
      fillBernoulli(generator, array, call.p!);
      return array;
    }
    case "randperm":
      return randperm(generator, call.n);
    default:
      throw new Error(`no such call: ${call.op}`);
  }
}

function checksum(array: Float32Array | Float64Array | Int32Array): number {
  let h = 0;
  for (const word of new Uint32Array(array.buffer)) h = (Math.imul(h, 31) + word) >>> 0;
  return h;
}

describe("PyTorch's streams", () => {
  for (const program of fixture.programs) {
    test(`${program.name}, seed ${program.seed}`, () => {
      const generator = new Generator(BigInt(program.seed));
      for (const call of program.calls as Call[]) {
        const got = run(generator, call);
        const values = call.at.map((i) => got[i]!);
        const expected = call.values.map(Number);
        const label = `${call.op} ${call.n} ${call.dtype ?? ""}`;
        if (call.checksum !== undefined) {
          expect(values, label).toEqual(got instanceof Float32Array ? expected.map(Math.fround) : expected);
          expect(checksum(got), label).toBe(call.checksum);
          continue;
        }
        const tolerance = call.dtype === "float64" ? 1e-14 : 1e-6;
        values.forEach((value, i) => {
          const error = Math.abs(value - expected[i]!) / Math.max(Math.abs(expected[i]!), call.std ?? 1);
          expect(error, `${label} [${call.at[i]}]: ${value}, PyTorch ${expected[i]}`).toBeLessThanOrEqual(tolerance);
        });
        const sum = Array.from(got).reduce((total, value) => total + value * value, 0);
        expect(Math.abs(sum - call.sumOfSquares!) / Math.max(1, sum), label).toBeLessThanOrEqual(tolerance);
      }
    });
  }
});

describe("Generator", () => {
  test("starts from PyTorch's default seed", () => {
    expect(String(new Generator().initialSeed)).toBe(fixture.defaultSeed[0]);
  });

  test.each(fixture.initialSeeds as [string, string][])("seed %s is kept as %s", (seed, initial) => {
    expect(String(new Generator(BigInt(seed)).initialSeed)).toBe(initial);
    expect(String(new Generator().manualSeed(Number(BigInt.asIntN(32, BigInt(seed)))).initialSeed)).toBe(
      String(BigInt.asUintN(64, BigInt.asIntN(32, BigInt(seed)))),
    );
  });

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 64, -(2 ** 63) * 1.5, 2n ** 64n, -(2n ** 63n) - 1n])(
    "refuses the seed %s and keeps its place",
    (seed) => {
      const generator = new Generator(3);
      const before = generator.getState();
      expect(() => generator.manualSeed(seed)).toThrow(OptionError);
      expect(generator.getState()).toEqual(before);
    },
  );

  test("manualSeed seeds the default generator and forgets the kept normal", () => {
    fillNormal(defaultGenerator, new Float32Array(1));
    expect(manualSeed(5)).toBe(defaultGenerator);
    expect(defaultGenerator.getState()).toEqual(new Generator(5).getState());
  });

  test("a state that went through JSON continues the stream, kept normal included", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 1500 }),
        fc.integer({ min: 0, max: 15 }),
        (seed, words, normals) => {
          const generator = new Generator(seed);
          fillUniform(generator, new Float32Array(words));
          fillNormal(generator, new Float64Array(normals));
          const copy = new Generator().setState(JSON.parse(JSON.stringify(generator.getState())));
          const [a, b] = [new Float64Array(9), new Float64Array(9)];
          fillNormal(generator, a);
          fillNormal(copy, b);
          expect(b).toEqual(a);
          expect(copy.initialSeed).toBe(generator.initialSeed);
          expect(randperm(copy, 700)).toEqual(randperm(generator, 700));
        },
      ),
      { numRuns: 40 },
    );
  });

  test("a state is a copy: going on does not change it", () => {
    const generator = new Generator(1);
    const state = generator.getState();
    const text = JSON.stringify(state);
    randperm(generator, 2000);
    expect(JSON.stringify(state)).toBe(text);
    generator.setState(state);
    randperm(generator, 2000);
    expect(JSON.stringify(state)).toBe(text);
  });

  const good = new Generator(9).getState();
  test.each<[string, unknown]>([
    ["nothing", null],
    ["a number", 3],
    ["another algorithm", { ...good, algorithm: "philox" }],
    ["a seed that is a number", { ...good, seed: 9 }],
    ["a seed of 65 bits", { ...good, seed: String(2n ** 64n) }],
    ["a seed that is no number", { ...good, seed: "9e3" }],
    ["too few words", { ...good, words: good.words.slice(1) }],
    ["a word that is too large", { ...good, words: [2 ** 32, ...good.words.slice(1)] }],
    ["a negative word", { ...good, words: [...good.words.slice(1), -1] }],
    ["a broken word", { ...good, words: [...good.words.slice(1), 0.5] }],
    ["words that are all zero", { ...good, words: good.words.map(() => 0) }],
    ["a position past the end", { ...good, position: 625 }],
    ["a broken position", { ...good, position: 1.5 }],
    ["no position", { ...good, position: undefined }],
    ["a kept normal that is text", { ...good, cachedNormal: "1" }],
    ["no word on the kept normal", { ...good, cachedNormal: undefined }],
    ["a kept normal that is NaN", { ...good, cachedNormal: Number.NaN }],
  ])("refuses %s as its state and stays as it was", (_, state) => {
    const generator = new Generator(4);
    fillNormal(generator, new Float32Array(3));
    const before = generator.getState();
    expect(() => generator.setState(state as typeof good)).toThrow(OptionError);
    expect(generator.getState()).toEqual(before);
  });
});

describe("fillers refuse what PyTorch refuses, and take nothing from the stream", () => {
  const floats = new Float32Array(4);
  test.each<[string, (g: Generator) => unknown]>([
    ["uniform with from > to", (g) => fillUniform(g, floats, 1, 0)],
    ["uniform to infinity", (g) => fillUniform(g, floats, 0, Number.POSITIVE_INFINITY)],
    ["uniform wider than float32", (g) => fillUniform(g, floats, -3e38, 3e38)],
    ["uniform of NaN", (g) => fillUniform(g, floats, Number.NaN, 1)],
    ["normal with std < 0", (g) => fillNormal(g, floats, 0, -1)],
    ["normal with std NaN", (g) => fillNormal(g, floats, 0, Number.NaN)],
    ["randint of nothing", (g) => fillRandint(g, new Int32Array(1), 3, 3)],
    ["randint of fractions", (g) => fillRandint(g, new Int32Array(1), 0.5, 3)],
    ["randint past int32", (g) => fillRandint(g, new Int32Array(1), 0, 2 ** 31 + 1)],
    ["randperm of -1", (g) => randperm(g, -1)],
    ["randperm of 1.5", (g) => randperm(g, 1.5)],
    ["bernoulli with p > 1", (g) => fillBernoulli(g, floats, 1.1)],
    ["bernoulli with p NaN", (g) => fillBernoulli(g, floats, Number.NaN)],
  ])("%s", (_, fill) => {
    const generator = new Generator(0);
    const before = generator.getState();
    expect(() => fill(generator)).toThrow(OptionError);
    expect(generator.getState()).toEqual(before);
  });
});

test("normals are finite for every word, also where the radius comes from the smallest and largest uniforms", () => {
  const array = new Float64Array(16);
  for (const words of [0, 0xffffffff]) {
    const state = { ...new Generator(0).getState(), words: Array<number>(624).fill(words || 1), position: 0 };
    for (const target of [array, new Float32Array(16), new Float32Array(2)]) {
      fillNormal(new Generator().setState(state), target);
      expect([...target].every(Number.isFinite)).toBe(true);
    }
  }
});
