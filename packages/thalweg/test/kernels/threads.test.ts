import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crew } from "../../src/device/crew.js";
import { javascriptBackend } from "../../src/kernels/javascript.js";
import { extent, type Kernel } from "../../src/kernels/kernel.js";
import { wasmBackend } from "../../src/kernels/wasm/backend.js";
import { spread } from "../../src/plan/spread.js";
import { sharing } from "../../src/plan/time.js";
import { type Case, difference, lay, Random, randomCase, result, run } from "./randomKernel.js";

/** Room for a table of pieces, behind the cells. */
const PIECES = 64;
const RESERVED = PIECES + 2 ** 14;
const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });

describe.each([1, 2])("a caller and %i helpers", (helpers) => {
  let crew: Crew;

  beforeAll(async () => {
    crew = new Crew(memory, Array<number>(helpers).fill(0)); // None of these kernels needs scratch space.
    while (crew.size < helpers) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  afterAll(() => crew.stop());

  /** Lays a case in memory, and returns what runs it there with threads that share it, `chunk` entries at a time. */
  function prepare(one: Case, chunk: number): () => void {
    const args = lay(one, memory, RESERVED);
    const kernel = wasmBackend.compile([one.kernel], memory)[0]!;
    const end = extent(one.kernel);
    const cut: number[] = [];
    for (let from = 0; from < end; from += chunk) cut.push(args, from, Math.min(from + chunk, end));
    const pieces = Int32Array.from(cut);
    new Int32Array(memory.buffer, PIECES, pieces.length).set(pieces);
    const code = wasmBackend.codeOf!(kernel)!;
    const together = 1 + Math.floor(pieces.length / 3 / 8);
    const job = { kernel, whole: pieces, code, pieces, address: PIECES, together, nanoseconds: 1e6 };
    return () => {
      expect(crew.begin(job, code)).toBe(true);
      crew.finish();
    };
  }

  function shared(one: Case, chunk: number): Uint8Array {
    prepare(one, chunk)();
    return result(one, memory, RESERVED);
  }

  test.each(["map", "reduce"] as const)("leave the oracle's bits, whatever the parts of a random %s kernel", (kind) => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const one = randomCase(kind, seed);
        const end = extent(one.kernel);
        if (end === 0) return;
        const expected = run(javascriptBackend, one, RESERVED);
        const chunk = new Random(seed).int(1, Math.ceil(end / 2));
        const found = difference(one, expected, shared(one, chunk), RESERVED);
        if (found !== undefined) expect.fail(`seed ${seed}, ${chunk} at a time: ${found}`);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  // The small kernel takes some 50 µs, about what it takes to wake a helper; the long one some milliseconds.
  test.each([2 ** 17, 2 ** 20])("really share kernels of %i entries that come one after another", (n) => {
    const access = (buffer: number) => ({ buffer, dtype: "float32" as const, offset: 0, strides: [1] });
    const x = { kind: "load", type: "float32", access: access(0) } as const;
    const root = { kind: "apply", op: "sqrt", type: "float32", args: [x] } as const;
    const kernel: Kernel = {
      kind: "map",
      buffers: 2,
      scalars: [],
      loops: [n],
      body: [{ access: access(1), value: root }],
    };
    const buffers = [0, 1].map(() => ({ dtype: "float32" as const, length: n, address: 0 }));
    const one: Case = { kernel, buffers, scalars: [], seed: 3 };
    const expected = run(wasmBackend, one, RESERVED);
    const once = prepare(one, n / 64);
    const before = crew.helped;
    // On a busy machine a helper may get no turn for a while.
    const deadline = Date.now() + 60_000;
    do once();
    while (crew.helped === before && Date.now() < deadline);
    expect(crew.helped).toBeGreaterThan(before);
    expect(difference(one, expected, result(one, memory, RESERVED), RESERVED)).toBeUndefined();
  });
});

test("a kernel whose loops were moved for threads gives the bits of the one as it was planned", () => {
  const usual = { ...sharing };
  let changed = 0;
  try {
    Object.assign(sharing, { least: 0, run: 1 });
    for (const kind of ["map", "reduce"] as const) {
      fc.assert(
        fc.property(fc.nat(), fc.integer({ min: 2, max: 20 }), (seed, enough) => {
          sharing.enough = enough;
          const one = randomCase(kind, seed);
          const kernel = spread(one.kernel);
          if (kernel === one.kernel) return;
          changed++;
          const expected = run(javascriptBackend, one, RESERVED);
          for (const backend of [javascriptBackend, wasmBackend]) {
            const found = difference(one, expected, run(backend, { ...one, kernel }, RESERVED), RESERVED);
            if (found !== undefined) expect.fail(`seed ${seed}, enough ${enough}, ${backend.name}: ${found}`);
          }
        }),
        { numRuns: 300, seed: 1 },
      );
    }
  } finally {
    Object.assign(sharing, usual);
  }
  expect(changed).toBeGreaterThan(50);
});
