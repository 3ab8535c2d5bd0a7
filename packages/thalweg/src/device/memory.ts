import { DeviceError } from "../errors.js";
import { SCRATCH_BYTES } from "../kernels/wasm/backend.js";

const PAGE = 65536;
const MAX_PAGES = 65536;
/** Every block starts at and takes a multiple of this many bytes: a cache line. */
const ALIGN = 64;

/** A free stretch of memory. The list is sorted by address and neighbours are merged. */
interface Hole {
  start: number;
  bytes: number;
}

/**
 * The linear memory that kernels work in, and its allocator: recently freed blocks are handed out again by exact size
 * (a training loop asks for the same sizes again and again); the rest is first fit with merging of neighbours.
 *
 * Layout: 64 bytes of cells (the error cell among them), scratch space for matmul, then blocks.
 */
export class Memory {
  readonly wasm = make(Math.ceil((SCRATCH_BYTES + PAGE) / PAGE) + 16);
  /** Finishes the job that is under way, if there is one. Whoever looks at what the memory holds waits for it so. */
  finish: (() => void) | null = null;
  private views = viewsOf(this.wasm.buffer);
  /** Bytes in blocks that somebody holds; scratch space does not count. */
  bytesHeld = 0;
  private readonly recent = new Map<number, number[]>();
  private readonly holes: Hole[] = [];
  private top = (64 + SCRATCH_BYTES + ALIGN - 1) & -ALIGN;

  get float32(): Float32Array {
    this.finish?.();
    return this.views.float32;
  }
  get float64(): Float64Array {
    this.finish?.();
    return this.views.float64;
  }
  get int32(): Int32Array {
    this.finish?.();
    return this.views.int32;
  }
  get uint8(): Uint8Array {
    this.finish?.();
    return this.views.uint8;
  }

  /** Bytes of the whole memory, free or not. */
  get bytes(): number {
    return this.views.uint8.byteLength;
  }

  /** Reserves `bytes` (rounded up to 64) and returns their address, never 0. What they hold is undefined. */
  allocate(bytes: number): number {
    const size = roundUp(bytes);
    this.bytesHeld += size;
    const again = this.recent.get(size);
    if (again !== undefined && again.length > 0) return again.pop()!;
    return this.firstFit(size) ?? this.extend(size);
  }

  /** Gives back a block of {@link allocate}, named with the same number of bytes. */
  free(address: number, bytes: number): void {
    const size = roundUp(bytes);
    this.bytesHeld -= size;
    const list = this.recent.get(size);
    if (list === undefined) this.recent.set(size, [address]);
    else list.push(address);
  }

  /**
   * Reserves scratch space for a thread. Like the caller's, which stands before all blocks, it holds nobody's values and
   * so is not counted as held: when helpers start, no program has begun to hold more.
   */
  reserveScratch(): number {
    const address = this.allocate(SCRATCH_BYTES);
    this.bytesHeld -= roundUp(SCRATCH_BYTES);
    return address;
  }

  /** Gives back scratch space of {@link reserveScratch}. */
  freeScratch(address: number): void {
    this.bytesHeld += roundUp(SCRATCH_BYTES);
    this.free(address, SCRATCH_BYTES);
  }

  private firstFit(size: number): number | undefined {
    for (let i = 0; i < this.holes.length; i++) {
      const hole = this.holes[i]!;
      if (hole.bytes < size) continue;
      const address = hole.start;
      if (hole.bytes === size) this.holes.splice(i, 1);
      else {
        hole.start += size;
        hole.bytes -= size;
      }
      return address;
    }
    return undefined;
  }

  private extend(size: number): number {
    if (this.top + size > this.bytes && this.settle()) {
      const address = this.firstFit(size);
      if (address !== undefined) return address;
    }
    const address = this.top;
    if (address + size > this.bytes) this.grow(address + size - this.bytes);
    this.top = address + size;
    return address;
  }

  /** Merges the recently freed blocks into the holes; false if there were none. */
  private settle(): boolean {
    const all = [...this.holes];
    for (const [bytes, starts] of this.recent) for (const start of starts) all.push({ start, bytes });
    if (all.length === this.holes.length) return false;
    this.recent.clear();
    all.sort((a, b) => a.start - b.start);
    this.holes.length = 0;
    for (const hole of all) {
      const last = this.holes.at(-1);
      if (last !== undefined && last.start + last.bytes === hole.start) last.bytes += hole.bytes;
      else this.holes.push(hole);
    }
    const last = this.holes.at(-1);
    if (last !== undefined && last.start + last.bytes === this.top) {
      this.top = last.start;
      this.holes.pop();
    }
    return true;
  }

  private grow(missing: number): void {
    const pages = Math.ceil(missing / PAGE);
    // Growing by a quarter keeps the number of growths, after each of which the views are new, logarithmic.
    const generous = Math.min(Math.max(pages, this.bytes / PAGE / 4), MAX_PAGES - this.bytes / PAGE);
    try {
      this.wasm.grow(Math.ceil(Math.max(pages, generous)));
    } catch {
      try {
        this.wasm.grow(pages);
      } catch {
        const megabytes = (n: number) => `${Math.round(n / 2 ** 20)} MB`;
        throw new DeviceError(
          `out of memory: ${megabytes(missing)} more were needed on top of ${megabytes(this.bytes)}; ` +
            "WebAssembly can address 4 GB, and the browser or system may allow less",
        );
      }
    }
    this.views = viewsOf(this.wasm.buffer);
  }
}

const viewsOf = (buffer: ArrayBuffer) => ({
  float32: new Float32Array(buffer),
  float64: new Float64Array(buffer),
  int32: new Int32Array(buffer),
  uint8: new Uint8Array(buffer),
});

/** Memory that threads can share, where there is such a thing: in Node, and in pages that are isolated from others. */
function make(initial: number): WebAssembly.Memory {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  if (typeof SharedArrayBuffer !== "undefined" && isolated !== false) {
    try {
      return new WebAssembly.Memory({ initial, maximum: MAX_PAGES, shared: true });
    } catch {
      // A system without room for so much address space all at once.
    }
  }
  return new WebAssembly.Memory({ initial, maximum: MAX_PAGES });
}

const roundUp = (bytes: number): number => Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
