import fc from "fast-check";
import { type Configuration, compile, configure, type DType, manualSeed, randn, type Tensor, tensor } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";
import { bitsOf } from "./support/counting.js";
import { operationNames, type Program, run, trained } from "./support/program.js";
import { type Line, lineNames, train } from "./support/training.js";

// The same programs each time; THALWEG_RUNS and THALWEG_SEED make a long search, or another one, of the same tests.
const numRuns = Number(process.env.THALWEG_RUNS ?? 20);
const seed = { seed: Number(process.env.THALWEG_SEED ?? 1) };

const AS_IT_COMES: Configuration = { backend: "wasm", eager: false, fuse: true };

/** The ways to run a program. What it computes does not depend on them. */
const WAYS: readonly [string, Configuration][] = [
  ["without fusion", { ...AS_IT_COMES, fuse: false }],
  ["eager", { ...AS_IT_COMES, eager: true }],
  ["in JavaScript", { ...AS_IT_COMES, backend: "javascript" }],
  ["in JavaScript, without fusion", { ...AS_IT_COMES, backend: "javascript", fuse: false }],
];

afterEach(() => configure(AS_IT_COMES));

const SIZES = [1, 1, 2, 3, 4, 5, 7, 13, 17];
const DTYPES: readonly DType[] = ["float32", "float32", "float64", "int32", "bool"];

const shape = fc
  .array(fc.constantFrom(...SIZES), { maxLength: 4 })
  .filter((sizes) => sizes.reduce((a, b) => a * b, 1) <= 400);

const leaf = (wild: boolean) =>
  fc.record({
    shape,
    dtype: fc.constantFrom(...DTYPES),
    wild: fc.constant(wild),
    seed: fc.nat(),
  });

const program = (wild: boolean, most: number, steps: number): fc.Arbitrary<Program> =>
  fc.record({
    leaves: fc.array(leaf(wild), { minLength: 1, maxLength: 4 }),
    instructions: fc.array(fc.record({ name: fc.constantFrom(...operationNames), on: fc.nat(100), seed: fc.nat() }), {
      minLength: 1,
      maxLength: most,
    }),
    steps: fc.constant(steps),
  });

describe("random programs compute the same bits whichever way they are run", () => {
  test.each([
    ["forward only, numbers of all kinds", program(true, 14, 0)],
    ["with backward passes and steps", program(false, 10, 2)],
    ["with backward passes and steps, numbers of all kinds", program(true, 8, 2)],
  ])("%s", (_, programs) => {
    fc.assert(
      fc.property(programs, fc.nat(), (one, readingSeed) => {
        configure(AS_IT_COMES);
        const expected = run(one);
        expect(run(one, { seed: readingSeed, reading: 0.3 }), "reading here and there").toEqual(expected);
        expect(run(one, { views: true }), "inputs are views").toEqual(expected);
        for (const [name, way] of WAYS) {
          configure(way);
          expect(run(one), name).toEqual(expected);
        }
      }),
      { numRuns, ...seed },
    );
  });

  test("through compile", () => {
    let followed = 0;
    fc.assert(
      fc.property(program(false, 10, 0), (one) => {
        fc.pre(one.leaves.some(({ dtype }) => dtype === "float32" || dtype === "float64"));
        configure(AS_IT_COMES);
        const expected = trained(one, 6, (step) => step);
        const got = trained(one, 6, (step) => {
          const made = compile(step);
          return () => {
            const result = made();
            followed += made.report.reason === null ? made.report.followed : 0;
            return result;
          };
        });
        expect(got).toEqual(expected);
      }),
      { numRuns: 2 * numRuns, ...seed },
    );
    expect(followed).toBeGreaterThan(numRuns);
  });

  test("every operation of the table runs by itself", () => {
    const leaves = (["float32", "float64", "int32", "bool"] as const).flatMap((dtype, i) => [
      { shape: [3, 1, 5], dtype, wild: true, seed: i },
      { shape: [5, 3], dtype, wild: false, seed: i + 10 },
    ]);
    for (const name of operationNames) {
      const instructions = leaves.map((_, i) => ({ name, on: i, seed: 77 * i }));
      configure(AS_IT_COMES);
      const expected = run({ leaves, instructions, steps: 1 });
      configure({ backend: "javascript" });
      expect(run({ leaves, instructions, steps: 1 }), name).toEqual(expected);
    }
  });
});

describe("random training scripts", () => {
  // What training is mostly made of comes up more often than the rest.
  const often = [
    "value",
    "value",
    "value",
    "loss",
    "loss",
    "backward",
    "backward",
    "step",
    "step",
    "zeroGrad",
    "total",
  ];
  const lines: fc.Arbitrary<Line[]> = fc.array(
    fc.record({ name: fc.constantFrom(...lineNames, ...often), seed: fc.nat() }),
    { minLength: 2, maxLength: 30 },
  );

  test("read the values that they would read if everything was computed at once", () => {
    fc.assert(
      fc.property(lines, (script) => {
        configure({ ...AS_IT_COMES, eager: true });
        const expected = train(script, { atOnce: true });
        for (const [way, reading] of [
          [AS_IT_COMES, 0],
          [AS_IT_COMES, 0.3],
          [{ ...AS_IT_COMES, eager: true }, 0],
          [{ ...AS_IT_COMES, fuse: false }, 0.1],
        ] as const) {
          configure(way);
          const got = train(script, { reading });
          const known = got.map((entry, i) =>
            entry.bits === "stale" && entry.mayBeStale ? { ...entry, bits: expected[i]?.bits } : entry,
          );
          expect(known).toEqual(expected);
        }
      }),
      { numRuns: 4 * numRuns, ...seed },
    );
  });
});

/** All ways to choose some of the dimensions. */
const subsets = (rank: number): number[][] =>
  Array.from({ length: 2 ** rank - 1 }, (_, bits) => [...Array(rank).keys()].filter((d) => ((bits + 1) >> d) & 1));

describe("long reductions", () => {
  const SHAPES = [[5000], [4096], [4097], [513], [3, 9000], [1300, 7], [600, 3, 40], [1, 4100, 1]];
  const cases = SHAPES.flatMap((shape) => subsets(shape.length).map((dims) => [shape, dims] as const));

  /** Σ over dims in float64 with compensation, for each kept point in row-major order; and Σ |x|. */
  function exact(x: Tensor, dims: readonly number[]): { sums: number[]; sizes: number[] } {
    const data = x.dataSync();
    const kept = x.shape.map((n, d) => (dims.includes(d) ? 1 : n));
    const points = kept.reduce((a, b) => a * b, 1);
    const sums = new Array<number>(points).fill(0);
    const sizes = new Array<number>(points).fill(0);
    const lost = new Array<number>(points).fill(0);
    for (let i = 0; i < data.length; i++) {
      let rest = i;
      let at = 0;
      let stride = 1;
      for (let d = x.ndim - 1; d >= 0; d--) {
        const index = rest % x.shape[d]!;
        rest = (rest - index) / x.shape[d]!;
        if (kept[d] !== 1) at += index * stride;
        stride *= kept[d]!;
      }
      const y = data[i]! - lost[at]!;
      const total = sums[at]! + y;
      lost[at] = total - sums[at]! - y;
      sums[at] = total;
      sizes[at]! += Math.abs(data[i]!);
    }
    return { sums, sizes };
  }

  test.each(cases)("sum of %j over %j is near the exact sum, and the same bits each way", (shape, dims) => {
    manualSeed(shape.length + 10 * dims.length);
    for (const dtype of ["float32", "float64"] as const) {
      const x = randn(shape, { dtype });
      const wanted = exact(x, dims);
      const compute = (): string[] => {
        // Inside other work, over a view, behind and in front of movements, with its gradient: one order of adding.
        const p = x.clone();
        p.requiresGrad = true;
        const sum = p.sum(dims);
        sum.mul(sum).sum().backward();
        const n = shape.length;
        const back = Array.from({ length: n }, (_, d) => n - 1 - d);
        return [
          sum,
          x.sum(dims),
          x.mul(1).sum(dims),
          x.neg().neg().sum(dims, { keepdim: true }).reshape(sum.shape),
          x.permute(back).clone().permute(back).sum(dims),
          p.grad!,
          x.variance(dims),
          x.amax(dims),
        ].map(bitsOf);
      };
      configure(AS_IT_COMES);
      const bits = compute();
      for (let i = 1; i < 5; i++) expect(bits[i], `way ${i} of writing it`).toBe(bits[0]);
      const got = x.sum(dims).dataSync();
      const epsilon = dtype === "float32" ? 2 ** -24 : 2 ** -53;
      const count = dims.reduce((n, d) => n * shape[d]!, 1);
      // Pairwise or blocked addition grows with the depth, not with the number: 64 is generous for any of these.
      const depth = Math.min(count, 64);
      wanted.sums.forEach((sum, i) => {
        expect(Math.abs(got[i]! - sum), `element ${i}`).toBeLessThanOrEqual(
          // The compensated sum in float64 is itself rounded.
          (depth * epsilon + 2 ** -51) * wanted.sizes[i]! + 1e-300,
        );
      });
      // The order of adding is the same for both dtypes: the long ones need not be seen twice.
      if (dtype === "float64" && x.numel > 20_000) continue;
      for (const [name, way] of WAYS.slice(0, 3)) {
        configure(way);
        expect(compute(), name).toEqual(bits);
      }
    }
  });

  test("a sum of ones counts far beyond where adding one by one would stop", () => {
    const n = 2 ** 24 + 3000;
    expect(tensor(new Float32Array(n).fill(1)).sum().item()).toBe(Math.fround(n));
    expect(tensor(new Float32Array(n).fill(1)).reshape([n, 1]).sum(0).item()).toBe(Math.fround(n));
  });

  test.each([
    [
      [2, 3, 700],
      [700, 5],
    ],
    [
      [1, 5000],
      [5000, 1],
    ],
    [
      [11, 1030],
      [1030, 13],
    ],
    [
      [5, 1, 9, 130],
      [4, 130, 11],
    ],
  ])("matmul of %j and %j is near the exact product, and the same bits each way", (a, b) => {
    for (const dtype of ["float32", "float64"] as const) {
      const x = randn(a, { dtype });
      const y = randn(b, { dtype });
      const compute = () => {
        const p = x.clone();
        p.requiresGrad = true;
        p.matmul(y).square().mean().backward();
        return [x.matmul(y), x.mul(2).matmul(y.mul(0.5)), p.grad!].map(bitsOf);
      };
      configure(AS_IT_COMES);
      const bits = compute();
      expect(bits[1]).toBe(bits[0]);
      for (const [name, way] of WAYS.slice(0, 3)) {
        configure(way);
        expect(compute(), name).toEqual(bits);
      }
      configure(AS_IT_COMES);
      const wide = x.double().unsqueeze(-1).mul(y.double().unsqueeze(-3)).sum(-2);
      const bound = x
        .double()
        .abs()
        .matmul(y.double().abs())
        .mul(dtype === "float32" ? 2 ** -19 : 2 ** -46);
      expect(x.matmul(y).double().sub(wide).abs().le(bound).all().item()).toBe(1);
    }
  });
});
