/** The number types a tensor can hold. */
export type DType = "float32" | "float64" | "int32" | "bool";

/** The typed array that holds values of a dtype on the JavaScript side. Booleans are bytes, 0 or 1. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Bytes that one element takes in memory. */
export const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, bool: 1 };

/** Order of promotion: bool, int32, float32, float64. */
export const RANK: Readonly<Record<DType, number>> = { bool: 0, int32: 1, float32: 2, float64: 3 };

export const DTYPES: readonly DType[] = ["bool", "int32", "float32", "float64"];

export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float64";

/** A new typed array of `length` zeros that holds `dtype`. */
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "bool":
      return new Uint8Array(length);
  }
}

/** The wider of two dtypes. */
export const promote = (a: DType, b: DType): DType => (RANK[a] >= RANK[b] ? a : b);
