import type { Backend, Code, Kernel, RunnableKernel } from "../kernel.js";
import { type FunctionBuilder, ModuleBuilder } from "./assembler.js";
import { emitMap, emitScatter } from "./map.js";
import { emitMatmul } from "./matmul.js";
import { MatmulFunctions } from "./product.js";
import { emitReduce } from "./reduce.js";

export { SCRATCH_BYTES } from "./product.js";

function emit(kernel: Kernel, matmul: MatmulFunctions): FunctionBuilder {
  switch (kernel.kind) {
    case "map":
      return emitMap(kernel);
    case "reduce":
      return emitReduce(kernel);
    case "scatter":
      return emitScatter(kernel);
    case "matmul":
      return emitMatmul(kernel, matmul);
  }
}

/** Where the scratch space begins if nobody says otherwise. */
export const SCRATCH = 64;

/**
 * The bytes of a WebAssembly module that exports kernel number i as `i`. See {@link instantiate}.
 *
 * @param wide - matmul's tiles are cut for an engine that joins neighbouring vectors
 */
export function assemble(kernels: readonly Kernel[], shared: boolean, wide = false): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  const matmul = new MatmulFunctions(module, wide);
  for (const [i, kernel] of kernels.entries()) module.add(emit(kernel, matmul), String(i));
  return module.encode(shared);
}

/**
 * Runs a module of {@link assemble} on a memory. Threads that share a memory need scratch space of their own each,
 * {@link SCRATCH_BYTES} bytes from the byte address `scratch` on.
 */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  scratch: number = SCRATCH,
): RunnableKernel[] {
  const { exports } = new WebAssembly.Instance(module, { e: { m: memory, s: scratch } });
  const out: RunnableKernel[] = [];
  for (let i = 0; String(i) in exports; i++) out.push(exports[i] as RunnableKernel);
  return out;
}

/** True for a memory that several threads can work in. */
export const isShared = ({ buffer }: WebAssembly.Memory): boolean =>
  typeof SharedArrayBuffer !== "undefined" && (buffer as ArrayBufferLike) instanceof SharedArrayBuffer;

const codes = new WeakMap<RunnableKernel, Code>();

function backendOf(name: string, wide: boolean): Backend {
  return {
    name,
    compile(kernels, memory) {
      const bytes = assemble(kernels, isShared(memory), wide);
      const made = instantiate(new WebAssembly.Module(bytes), memory);
      const module = { bytes, kernels: made.length };
      for (const [number, kernel] of made.entries()) codes.set(kernel, { module, number });
      return made;
    },
    codeOf: (kernel) => codes.get(kernel),
  };
}

/** Kernels as WebAssembly with 128-bit SIMD, generated and compiled at once. */
export const wasmBackend = backendOf("wasm", false);

/** The same for an engine that joins neighbouring vectors; see wide.ts. */
export const wideBackend = backendOf("wide", true);
