import { configure, manualSeed, randn, type Tensor } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";
import { isStrided } from "../src/kernels/strided.js";
import { collect } from "../src/plan/key.js";
import { planOf } from "../src/plan/plan.js";
import { bitsOf } from "./support/counting.js";

// Folds that walk across the rows of their memory go along the rows instead; no bit may come out otherwise.

afterEach(() => configure({ backend: "wasm", threads: 1 }));

/** Whether a kernel of the plan for a value goes along rows. */
function goesAlongRows({ node }: Tensor): boolean {
  const graph = collect([node]);
  const { steps } = planOf(graph.nodes, [{ node: node.index, fate: "value" }]);
  return steps.some(({ kernel }) => kernel.kind === "reduce" && isStrided(kernel));
}

/** A matrix, a vector with one element for each of its rows, and one with one for each column. */
type Operation = (A: Tensor, rows: Tensor, columns: Tensor) => Tensor;
const operations: [string, Operation][] = [
  ["vector times matrix", (A, rows) => rows.matmul(A)],
  ["transposed matrix times vector", (A, rows) => A.t().matmul(rows)],
  ["sum of rows", (A) => A.sum(0)],
  ["sums of a transposed matrix's rows", (A) => A.t().sum(1)],
  ["the largest of each column", (A) => A.amax(0)],
  ["products of columns, then more", (A, _, columns) => A.mul(0.1).add(1).prod(0).mul(columns).add(columns)],
  ["two folds at once", (A, _, columns) => A.t().sum(1).add(A.t().square().sum(1)).mul(columns)],
  ["float64", (A, rows) => A.to("float64").realize().t().matmul(rows.to("float64"))],
  ["int32", (A) => A.mul(1000).to("int32").realize().sum(0)],
];

describe.each([
  ["rows that are no multiple of a group", 37, 256],
  ["columns that are no multiple of a strip", 64, 1091],
  ["more rows than a block of columns", 600, 260],
] as const)("%s, %i × %i", (_, m, n) => {
  test.each(operations)("%s", (_, operation) => {
    const run = (settings: Parameters<typeof configure>[0]): string => {
      configure(settings);
      manualSeed(m);
      const operands: [Tensor, Tensor, Tensor] = [randn([m, n]).realize(), randn([m]).realize(), randn([n]).realize()];
      const value = operation(...operands);
      expect(goesAlongRows(value)).toBe(true);
      return bitsOf(value);
    };
    const expected = run({ backend: "javascript" });
    expect(run({ backend: "wasm" })).toBe(expected);
    expect(run({ threads: 2 })).toBe(expected);
  });
});

test("more rows than a block of partial sums", () => {
  manualSeed(1);
  const A = randn([8192, 256]).realize();
  const v = randn([8192]).realize();
  const got = A.t().matmul(v);
  expect(goesAlongRows(got)).toBe(true);
  const [values, a, b] = [got.dataSync(), A.dataSync(), v.dataSync()];
  for (const column of [0, 100, 255]) {
    const partials = (from: number, to: number): number => {
      const sums = new Float32Array(16);
      for (let i = from; i < to; i++) sums[(i - from) % 16]! += Math.fround(a[i * 256 + column]! * b[i]!);
      for (let s = 8; s >= 1; s /= 2) for (let i = 0; i < s; i++) sums[i]! += sums[i + s]!;
      return sums[0]!;
    };
    // Two blocks, whose sums are folded in turn.
    expect(values[column]).toBe(Math.fround(partials(0, 4096) + partials(4096, 8192)));
  }
});

test("a matrix times a vector reads side by side as it is", () => {
  const A = randn([300, 300]).realize();
  expect(goesAlongRows(A.matmul(randn([300]).realize()))).toBe(false);
  expect(goesAlongRows(A.sum(1))).toBe(false);
});
