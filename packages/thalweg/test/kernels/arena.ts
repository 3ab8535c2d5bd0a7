/** A memory to run kernels on, and typed arrays put into it. */
import type { TypedArray } from "../../src/dtype.js";
import { BYTES, type DType } from "../../src/dtype.js";
import { argumentLayout, type Backend, ERROR_CELL, extent, type Kernel } from "../../src/kernels/kernel.js";

export class Arena {
  readonly memory: WebAssembly.Memory;
  private used = 64;

  constructor(pages = 4) {
    this.memory = new WebAssembly.Memory({ initial: pages });
  }

  /** Numbers as they lie in memory. */
  static view(dtype: DType, values: readonly number[]): TypedArray {
    return new CONSTRUCTORS[dtype](values);
  }

  /** Room for `length` elements, as a view. */
  allocate<T extends DType>(dtype: T, length: number): Views[T] {
    const at = this.used;
    this.used += Math.ceil((length * BYTES[dtype] + 16) / 16) * 16;
    return new CONSTRUCTORS[dtype](this.memory.buffer, at, length) as Views[T];
  }

  place<T extends DType>(dtype: T, values: readonly number[]): Views[T] {
    const view = this.allocate(dtype, values.length);
    view.set(values);
    return view;
  }

  /** Runs a kernel on views of this memory; scalars are written in the types that the kernel says. */
  run(
    backend: Backend,
    kernel: Kernel,
    buffers: readonly TypedArray[],
    scalars: readonly number[] = [],
    range: readonly [number, number] = [0, extent(kernel)],
  ): void {
    const layout = argumentLayout(kernel);
    const args = this.allocate("float64", layout.bytes / 8).byteOffset;
    const view = new DataView(this.memory.buffer);
    buffers.forEach((buffer, i) => {
      view.setInt32(args + 4 * i, buffer.byteOffset, true);
    });
    scalars.forEach((value, i) => {
      const at = args + layout.scalars + 8 * i;
      const type = kernel.scalars[i]!;
      if (type === "float32") view.setFloat32(at, value, true);
      else if (type === "float64") view.setFloat64(at, value, true);
      else view.setInt32(at, value, true);
    });
    const [runnable] = backend.compile([kernel], this.memory);
    runnable!(args, ...range);
  }

  /** Whether a kernel met an index out of bounds. */
  get failed(): boolean {
    return new DataView(this.memory.buffer).getInt32(ERROR_CELL, true) === 1;
  }
}

interface Views {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  bool: Uint8Array;
}

const CONSTRUCTORS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;
