import fc from "fast-check";
import { expect, test } from "vitest";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import { extent } from "../../src/kernels/kernel.js";
import { wasmBackend } from "../../src/kernels/wasm/backend.js";
import { type Case, difference, Random, randomCase, run } from "./randomKernel.js";

const RESERVED = 64;

/** Fails unless both backends leave the same bytes, however the range is cut. */
function agree(test: Case, reserved = RESERVED): void {
  const expected = run(javascriptBackend, test, reserved);
  const random = new Random(test.seed + 1);
  const cut = random.int(0, extent(test.kernel));
  for (const cuts of [[], [cut], [random.int(0, cut), cut]]) {
    const found = difference(test, expected, run(wasmBackend, test, reserved, cuts), reserved);
    if (found !== undefined) {
      expect.fail(`seed ${test.seed}, cuts ${cuts}: ${found}\n${JSON.stringify(test, bigints)}`);
    }
  }
}
const bigints = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

test.each(["map", "reduce", "scatter"] as const)("random %s kernels give the oracle's bits", (kind) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => agree(randomCase(kind, seed))),
    { numRuns: 600 },
  );
});
