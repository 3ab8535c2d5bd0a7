import { allocate, BYTES, type TypedArray } from "../dtype.js";
import { type Backend, ERROR_CELL, type Kernel, type RunnableKernel } from "../kernels/kernel.js";
import { wasmBackend } from "../kernels/wasm/backend.js";
import { Buffer } from "./buffer.js";
import { Memory } from "./memory.js";
import { Threads } from "./threads.js";

/** Heap values up to this many bytes are copied into a plan's memory at each run and need no block of their own. */
export const SMALL = 4096;

/** Heap values above this many bytes are given up once they are in device memory. */
const LARGE = 2 ** 20;

/** A buffer is idle if this many plans have run since one used it. */
const IDLE = 4;
/** Device memory, and how many buffers, may be idle. */
const IDLE_BYTES = 8 * 2 ** 20;
const IDLE_BUFFERS = 1000;
/** How often idle buffers are looked for: after so many placed buffers, or so many bytes. */
const SWEEP_BUFFERS = 1000;
const SWEEP_BYTES = 8 * 2 ** 20;

/** Where values live and kernels run: one memory, one backend, and the buffers that are in that memory now. */
export class Device {
  readonly memory = new Memory();
  readonly threads = new Threads(this.memory);
  backend: Backend = wasmBackend;
  /** Counts runs of plans: the clock by which idle buffers are found. */
  clock = 0;
  private readonly resident = new Set<Buffer>();
  /** Buffers and bytes placed since idle ones were looked for. */
  private placed = 0;
  private placedBytes = 0;
  private arenaAddress = 0;
  private arenaBytes = 0;

  compile(kernels: readonly Kernel[]): RunnableKernel[] {
    return this.backend.compile(kernels, this.memory.wasm);
  }

  /** The address of a buffer's values in device memory, moved there if need be. */
  locate(buffer: Buffer): number {
    buffer.lastUsed = this.clock;
    if (buffer.address !== 0) return buffer.address;
    const { host } = buffer;
    this.place(buffer);
    if (host !== null) {
      this.write(buffer.address, host);
      // Large values are moved, small ones are cheaper to have in both places.
      if (host.byteLength > LARGE) buffer.host = null;
    }
    return buffer.address;
  }

  /** Gives a buffer a block in device memory, to be filled by a kernel; the heap's copy, if any, is void. */
  place(buffer: Buffer): number {
    if (buffer.address === 0) {
      const bytes = buffer.length * BYTES[buffer.dtype];
      this.placedBytes += bytes;
      if (++this.placed > SWEEP_BUFFERS || this.placedBytes > SWEEP_BYTES) this.sweep();
      buffer.address = this.memory.allocate(bytes);
      this.resident.add(buffer);
    }
    buffer.lastUsed = this.clock;
    return buffer.address;
  }

  /** Memory for the temporary values of a plan: one stretch for all plans, since none outlives its run. */
  arena(bytes: number): number {
    if (bytes > this.arenaBytes) {
      if (this.arenaBytes > 0) this.memory.free(this.arenaAddress, this.arenaBytes);
      this.arenaBytes = Math.ceil(bytes * 1.25);
      this.arenaAddress = this.memory.allocate(this.arenaBytes);
    }
    return this.arenaAddress;
  }

  /** A copy of a buffer, in device memory. */
  copy(buffer: Buffer): Buffer {
    const made = new Buffer(buffer.dtype, buffer.length, null);
    const from = this.locate(buffer);
    const to = this.place(made);
    this.memory.uint8.copyWithin(to, from, from + buffer.length * BYTES[buffer.dtype]);
    return made;
  }

  /** A heap copy of values in device memory. */
  copyOut(address: number, buffer: Buffer): TypedArray {
    const { memory } = this;
    const { dtype, length } = buffer;
    switch (dtype) {
      case "float32":
        return memory.float32.slice(address >>> 2, (address >>> 2) + length);
      case "float64":
        return memory.float64.slice(address / 8, address / 8 + length);
      case "int32":
        return memory.int32.slice(address >>> 2, (address >>> 2) + length);
      case "bool":
        return memory.uint8.slice(address, address + length);
    }
  }

  /** Copies heap values to a byte address. */
  write(address: number, values: TypedArray): void {
    const { memory } = this;
    if (values instanceof Float32Array) memory.float32.set(values, address >>> 2);
    else if (values instanceof Float64Array) memory.float64.set(values, address / 8);
    else if (values instanceof Int32Array) memory.int32.set(values, address >>> 2);
    else memory.uint8.set(values, address);
  }

  /** The values of a buffer as a typed array, which must not be written to. */
  read(buffer: Buffer): TypedArray {
    if (buffer.host !== null) return buffer.host;
    return buffer.address === 0 ? allocate(buffer.dtype, buffer.length) : this.copyOut(buffer.address, buffer);
  }

  /** Gives a buffer's device memory back; its values there are lost. */
  release(buffer: Buffer): void {
    if (buffer.address === 0) return;
    this.memory.free(buffer.address, buffer.length * BYTES[buffer.dtype]);
    buffer.address = 0;
    this.resident.delete(buffer);
  }

  /** True if a kernel met an index out of bounds since the last call. */
  takeError(): boolean {
    const { int32 } = this.memory;
    const cell = ERROR_CELL >>> 2;
    if (int32[cell] === 0) return false;
    int32[cell] = 0;
    return true;
  }

  /**
   * Moves idle buffers to the heap while they hold too much. Which of them are garbage is not known here, and need not
   * be: on the heap the collector finds out, at once and without finalizers, also in a loop that never awaits.
   */
  private sweep(): void {
    this.placed = 0;
    this.placedBytes = 0;
    const before = this.clock - IDLE;
    const idle: Buffer[] = [];
    let bytes = 0;
    for (const buffer of this.resident) {
      if (buffer.lastUsed >= before) continue;
      idle.push(buffer);
      bytes += buffer.length * BYTES[buffer.dtype];
    }
    if (bytes <= IDLE_BYTES && idle.length <= IDLE_BUFFERS) return;
    // The longest idle go first, until half of what may be idle is left: there is no point in sweeping all the time.
    idle.sort((a, b) => a.lastUsed - b.lastUsed);
    let left = idle.length;
    for (const buffer of idle) {
      if (bytes <= IDLE_BYTES / 2 && left <= IDLE_BUFFERS / 2) return;
      bytes -= buffer.length * BYTES[buffer.dtype];
      left--;
      buffer.host ??= this.copyOut(buffer.address, buffer);
      this.release(buffer);
    }
  }
}

let current: Device | undefined;

/** The device, made at its first use so that importing costs nothing. */
export function device(): Device {
  current ??= new Device();
  return current;
}

export { Buffer };
