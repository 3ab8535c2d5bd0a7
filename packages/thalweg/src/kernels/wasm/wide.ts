/**
 * V8 can join neighbouring operations on 128 bits to one on 256 (`--experimental-wasm-revectorize`), which changes no bit of a
 * result. It calls that experimental, so it is never on unless somebody asks for it, and what it makes of our kernels is
 * compared with the oracle first.
 */
import { DeviceError } from "../../errors.js";
import { nodeModule } from "../../platform.js";
import * as E from "../expression.js";
import { javascriptBackend } from "../javascript.js";
import { argumentLayout, type Backend, extent, type MapKernel, type MatmulKernel } from "../kernel.js";
import { SCRATCH, SCRATCH_BYTES, wideBackend } from "./backend.js";

/** The first V8 that joins our kernels' vectors: that of Node 24. (Node 22 has the flag, but it does not join them.) */
const FIRST_V8 = 13;

let checked: Backend | null = null;

/** The backend with vectors of 256 bits; an error that says why where it cannot be had. */
export function requireWide(): Backend {
  if (checked !== null) return checked;
  const v8 = nodeModule("v8");
  const process = nodeModule("process");
  const refuse = (why: string): never => {
    throw new DeviceError(`configure: wide kernels cannot be had: ${why}. Leave \`wide\` out: results are the same.`);
  };
  if (v8 === null || process === null) return refuse("they need Node, since a page cannot set its engine's flags");
  if (process.arch !== "x64") return refuse(`they need an x64 processor, this one is ${process.arch}`);
  const version = Number.parseInt(process.versions.v8 ?? "0", 10);
  if (!(version >= FIRST_V8)) return refuse(`they need Node 24 or newer, this is ${process.version}`);
  v8.setFlagsFromString("--experimental-wasm-revectorize");
  // The check must meet the optimizing compiler's code, which ordinarily comes later and only where it pays.
  v8.setFlagsFromString("--no-liftoff");
  let failed: Checked | undefined;
  try {
    failed = checks.find((kernel) => !sameBits(kernel));
  } finally {
    v8.setFlagsFromString("--liftoff");
  }
  if (failed !== undefined) {
    v8.setFlagsFromString("--no-experimental-wasm-revectorize");
    return refuse(`this engine computes other bits with them (${failed.kind} over ${failed.loops.join(" × ")})`);
  }
  checked = wideBackend;
  return checked;
}

type Checked = MapKernel | MatmulKernel;

const checks: readonly Checked[] = (["float32", "float64"] as const).flatMap((dtype): Checked[] => {
  const access = (buffer: number, ...strides: number[]) => ({ buffer, dtype, offset: 0, strides });
  // Tiles of all heights, panels of all widths, sums of several blocks; operands as they lie and transposed.
  const product = (m: number, n: number, k: number, swapped: boolean): MatmulKernel => ({
    kind: "matmul",
    buffers: 3,
    scalars: [],
    loops: [m, n, k],
    dtype,
    a: swapped ? access(0, 1, 0, m) : access(0, k, 0, 1),
    b: swapped ? access(1, 0, k, 1) : access(1, 0, 1, n),
    c: access(2, n, 1, 0),
  });
  const [x, y] = [E.load(access(0, 1)), E.load(access(1, 1))];
  const value = E.div(E.sqrt(E.abs(E.sub(E.mul(x, y), x))), E.max(E.add(x, y), y));
  return [
    product(17, 39, 300, false),
    product(17, 39, 300, true),
    product(13, 16, 20, false),
    product(3, 10, 5, true),
    { kind: "map", buffers: 3, scalars: [], loops: [203], body: [{ access: access(2, 1), value }] },
  ];
});

/** Runs a kernel here and by the oracle. */
function sameBits(kernel: Checked): boolean {
  const room = 2 ** 14 * 8;
  const start = SCRATCH + SCRATCH_BYTES;
  const run = (backend: Backend): Uint8Array => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((start + 4 * room) / 65536) });
    const dtype = kernel.kind === "map" ? kernel.body[0]!.access.dtype : kernel.dtype;
    const floats = dtype === "float64" ? Float64Array : Float32Array;
    const at = (slot: number) => start + slot * room;
    for (const slot of [0, 1]) {
      const view = new floats(memory.buffer, at(slot), 2 ** 14);
      for (let i = 0; i < view.length; i++) view[i] = 4 + 3 * Math.sin(i * (slot + 1.7));
    }
    const args = at(3);
    new Int32Array(memory.buffer, args, argumentLayout(kernel).bytes / 4).set([at(0), at(1), at(2)]);
    backend.compile([kernel], memory)[0]!(args, 0, extent(kernel));
    return new Uint8Array(memory.buffer, at(2), room).slice();
  };
  const expected = run(javascriptBackend);
  return run(wideBackend).every((byte, i) => byte === expected[i]);
}
