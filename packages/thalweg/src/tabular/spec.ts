/** How columns become numbers, as plain data that is stored with a model. */
import type { Decimal } from "./cells.js";
import type { DateOrder } from "./dates.js";

/** What is learnt: a number, one of two classes, or one of more. */
export type Task = "regression" | "binary" | "multiclass";

/** How one column becomes numbers. Each has one more where a missing value is marked. */
export type FeatureSpec =
  /** (x − mean) / std; 0 where the value is missing. Dates are days since 1970. */
  | {
      readonly column: string;
      readonly kind: "number";
      readonly mean: number;
      readonly std: number;
      /** Of texts; a point unless it is said. */
      readonly decimal?: Decimal;
      readonly marked: boolean;
    }
  | {
      readonly column: string;
      readonly kind: "date";
      readonly mean: number;
      readonly std: number;
      /** Of dates such as 11/24/2026, where there were some. */
      readonly order?: DateOrder;
      readonly marked: boolean;
    }
  /** −1 or 1; 0 where the value is missing. */
  | { readonly column: string; readonly kind: "boolean"; readonly marked: boolean }
  /** A 1 in the place of the value, 0 in the others; `other` has a place for values that are rare or new. */
  | {
      readonly column: string;
      readonly kind: "category";
      readonly values: readonly string[];
      readonly other: boolean;
      readonly marked: boolean;
    }
  /**
   * The number of the value, by which the network finds its vector of so many learnt numbers. Behind the values' vectors there is one
   * for values that are rare or new, and where `marked` one for a missing value (there is no mark beside the number).
   */
  | {
      readonly column: string;
      readonly kind: "vector";
      readonly values: readonly string[];
      readonly size: number;
      readonly marked: boolean;
    };

/** A category whose values have vectors. */
export type VectorSpec = Extract<FeatureSpec, { kind: "vector" }>;

export type TargetSpec =
  | {
      readonly column: string;
      readonly task: "regression";
      readonly mean: number;
      readonly std: number;
      readonly decimal?: Decimal;
    }
  /** Classes by number; for "binary" the second is the one whose probability the model gives. */
  | { readonly column: string; readonly task: "binary" | "multiclass"; readonly classes: readonly string[] };

/** An encoder as plain data. */
export interface EncoderSpec {
  readonly version: 1;
  readonly features: readonly FeatureSpec[];
  readonly target: TargetSpec;
}

/** Numbers that a feature becomes. */
export function widthOf(feature: FeatureSpec): number {
  if (feature.kind === "vector") return 1;
  const own = feature.kind === "category" ? feature.values.length + (feature.other ? 1 : 0) : 1;
  return own + (feature.marked ? 1 : 0);
}

/** Vectors of a feature: of its values, of others, of missing ones. */
export const vectorsOf = ({ values, marked }: VectorSpec): number => values.length + 1 + (marked ? 1 : 0);
