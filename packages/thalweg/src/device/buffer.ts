import type { DType, TypedArray } from "../dtype.js";

/**
 * The storage of one tensor value: `length` elements in row-major order, which live on the JavaScript heap, in device
 * memory, or (until either is written) in both.
 *
 * This is what makes memory nobody's business: a buffer on the heap is the garbage collector's; one in device memory
 * can move to the heap when memory is wanted and it has not been used for a while, and from there it goes the same way.
 */
export class Buffer {
  /** The values on the heap, if they are there. Never written after it was set: {@link Device} replaces it. */
  host: TypedArray | null;
  /** Byte address in device memory, 0 if not there. */
  address = 0;
  /** The run of a plan that last used it on the device. */
  lastUsed = 0;
  /** True once a second tensor looks at this storage, which then must not be overwritten in place. */
  shared = false;

  constructor(
    readonly dtype: DType,
    readonly length: number,
    host: TypedArray | null,
  ) {
    this.host = host;
  }
}
