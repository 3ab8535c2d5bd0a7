import type { DType, TypedArray } from "../dtype.js";
import type { SavedTensor } from "../optim/slots.js";
import { tensor } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";
import { type FileDType, type FileEntry, parse, SafetensorsError, write } from "./header.js";

/** Tensors by name, and what else a file says. */
export interface Decoded {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

const FILE_DTYPES: Readonly<Record<DType, FileDType>> = {
  float32: "F32",
  float64: "F64",
  int32: "I32",
  bool: "BOOL",
};

/**
 * Tensors and text as the bytes of a safetensors file, which Python's `safetensors` and others read.
 *
 * @param metadata - text by name; the format knows nothing else
 */
export function encode(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text !== "string") throw new SafetensorsError(`metadata: ${JSON.stringify(name)} must be a string`);
  }
  return write({ entries: Object.entries(tensors).map(([name, x]) => entryOf(name, x)), metadata });
}

/** A tensor, or one that was saved as plain data, as it stands in a file. */
export function entryOf(name: string, x: Tensor | SavedTensor): FileEntry {
  const data = x instanceof Tensor ? x.dataSync() : x.data;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype: FILE_DTYPES[x.dtype], shape: [...x.shape], bytes };
}

/**
 * The tensors of a safetensors file. float32, float64, int32 and bool are read as they are, float16 and bfloat16 as
 * float32, and whole numbers of other sizes as int32.
 *
 * @throws SafetensorsError if the file is cut short, damaged or no safetensors file, or a whole number does not fit
 */
export function decode(bytes: Uint8Array): Decoded {
  const { entries, metadata } = parse(bytes);
  return {
    tensors: Object.fromEntries(entries.map((entry) => [entry.name, tensorOf(entry)])),
    metadata: { ...metadata },
  };
}

/** The elements of an entry as a tensor. */
export function tensorOf({ name, dtype, shape, bytes }: FileEntry): Tensor {
  // A copy begins at a multiple of any element's size, which the file's bytes need not.
  const { buffer } = bytes.slice();
  const [data, as] = readers[dtype](buffer, name);
  const flat = tensor(data, { dtype: as });
  return shape.length === 1 ? flat : flat.reshape(shape).detach();
}

type Reader = (bytes: ArrayBuffer, name: string) => [TypedArray, DType];

const whole =
  (array: new (bytes: ArrayBuffer) => Iterable<number | bigint>): Reader =>
  (bytes, name) => [
    Int32Array.from(new array(bytes), (x) => {
      const value = Number(x);
      if (value !== value << 0) {
        throw new SafetensorsError(`${JSON.stringify(name)} has the value ${x}, which does not fit into int32`);
      }
      return value;
    }),
    "int32",
  ];

const readers: Readonly<Record<FileDType, Reader>> = {
  F32: (bytes) => [new Float32Array(bytes), "float32"],
  F64: (bytes) => [new Float64Array(bytes), "float64"],
  I32: (bytes) => [new Int32Array(bytes), "int32"],
  BOOL: (bytes) => [new Uint8Array(bytes), "bool"],
  U8: whole(Uint8Array),
  I8: whole(Int8Array),
  U16: whole(Uint16Array),
  I16: whole(Int16Array),
  U32: whole(Uint32Array),
  I64: whole(BigInt64Array),
  U64: whole(BigUint64Array),
  F16: (bytes) => [Float32Array.from(new Uint16Array(bytes), fromHalf), "float32"],
  // bfloat16 is the upper half of a float32.
  BF16: (bytes) => [new Float32Array(Uint32Array.from(new Uint16Array(bytes), (x) => x << 16).buffer), "float32"],
};

/** A float16's value: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
