import fc from "fast-check";
import { expect, test } from "vitest";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import { type Access, extent } from "../../src/kernels/kernel.js";
import { SCRATCH_BYTES, wasmBackend } from "../../src/kernels/wasm/backend.js";
import { type Case, type CaseBuffer, difference, Random, randomCase, run } from "./randomKernel.js";

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

const RESERVED_FOR_MATMUL = 64 + SCRATCH_BYTES;

/** A matmul whose operands have random strides, batches and offsets. */
function matmulCase(seed: number): Case {
  const random = new Random(seed);
  const dtype = random.pick(["float32", "float64"] as const);
  const batch = Array.from({ length: random.pick([0, 0, 1, 2]) }, () => random.int(1, 3));
  const size = () => (random.chance(0.8) ? random.int(1, random.pick([4, 20, 40])) : random.pick([1, 16, 17, 32, 70]));
  const [m, n, k] = [size(), size(), random.chance(0.15) ? random.pick([256, 257, 511, 513, 600]) : size()];
  const loops = [...batch, m, n, k];
  const last = loops.length - 1;
  const buffers: CaseBuffer[] = [];
  const operand = (unused: number, rowMajor: boolean): Access => {
    const used = loops.map((_, l) => l).filter((l) => l !== unused);
    const strides = loops.map(() => 0);
    let step = 1;
    const order = used.reverse();
    if (!rowMajor && random.chance(0.5)) order.splice(0, 2, order[1]!, order[0]!);
    for (const l of !rowMajor && random.chance(0.15) ? random.shuffled(order) : order) {
      if (!rowMajor && l < last - 2 && random.chance(0.4)) continue;
      strides[l] = step;
      step *= loops[l]!;
      if (!rowMajor && random.chance(0.2)) step += random.int(1, 3);
    }
    const offset = random.int(0, 3);
    buffers.push({ dtype, length: step + offset + 2, address: 0 });
    return { buffer: buffers.length - 1, dtype, offset, strides };
  };
  const a = operand(last - 1, false);
  const b = operand(last - 2, false);
  const c = operand(last, true);
  return { kernel: { kind: "matmul", buffers: 3, scalars: [], loops, dtype, a, b, c }, buffers, scalars: [], seed };
}

test("random matmuls give the oracle's bits", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => agree(matmulCase(seed), RESERVED_FOR_MATMUL)),
    { numRuns: 300 },
  );
});
