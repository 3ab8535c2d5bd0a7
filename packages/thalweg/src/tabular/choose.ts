/** What becomes of each column, by what the training rows hold in it. */
import { OptionError } from "../errors.js";
import { numberOf } from "./cells.js";
import { DataFileError } from "./errors.js";
import type { ColumnProfile } from "./profile.js";
import type { FeatureSpec, TargetSpec, Task } from "./spec.js";

/** Up to so many values of a category have a place each. Where there are more, a place needs rows to be learnt from: */
const FREE_PLACES = 50;
/** so many for one of the most frequent {@link FREE_PLACES} values, */
const LEAST_COUNT = 5;
/** and so many for any other. */
const ENOUGH = 20;
/** Where there are more than so many, they have vectors or nothing. */
const MOST_PLACES = 1000;
const MOST_CLASSES = 100;
/** Whole numbers of up to so many different values are classes, unless the task is given. */
const FEW = 10;

/** @throws DataFileError if it cannot be learnt */
export function targetOf(column: ColumnProfile, task: Task | undefined, file: string, notes: string[]): TargetSpec {
  const { name, type, values, more } = column;
  if (type === "empty") throw new DataFileError(`${file}: the target ${name} has no value in any row`);
  if (type === "constant")
    throw new DataFileError(
      `${file}: the target ${name} is ${values[0]![0]} in all rows, so there is nothing to learn`,
    );
  const numeric = type === "number" || (type === "identifier" && !Number.isNaN(column.mean));
  const few = numeric && column.whole && !more && values.length <= FEW;
  const found: Task = numeric && !few ? "regression" : values.length === 2 ? "binary" : "multiclass";
  const chosen = task ?? found;
  if (task === undefined && few)
    notes.push(
      `${name} has ${values.length} different whole numbers, which are taken as classes; the task "regression" takes them as numbers`,
    );
  noteDecimal(column, notes);
  if (column.missing > 0) notes.push(`${column.missing} of ${column.rows} rows have no ${name} and are left out`);
  if (chosen === "regression") {
    if (!numeric) {
      const wrong = column.values.find(([value]) => Number.isNaN(numberOf(value)));
      throw new DataFileError(
        `${file}, column ${name}: ${JSON.stringify(wrong?.[0])} is no number, and regression needs numbers`,
      );
    }
    if (column.strange > 0)
      throw new DataFileError(
        `${file}, ${column.firstStrange!.place}, column ${name}: ${JSON.stringify(column.firstStrange!.cell)} is no number, and regression needs numbers`,
      );
    return { column: name, task: "regression", mean: column.mean, std: column.std, ...decimalOf(column) };
  }
  if (more || values.length > MOST_CLASSES)
    throw new DataFileError(
      `${file}: the target ${name} has ${more ? "over " : ""}${values.length} different values; at most ${MOST_CLASSES} classes can be learnt`,
    );
  if (chosen === "binary" && values.length !== 2)
    throw new DataFileError(
      `${file}: the target ${name} has ${values.length} different values, and the task "binary" needs 2`,
    );
  const classes = values.map(([value]) => value);
  const order = numeric
    ? (a: string, b: string) => numberOf(a, column.decimal) - numberOf(b, column.decimal)
    : (a: string, b: string) => (a < b ? -1 : 1);
  return {
    column: name,
    task: values.length === 2 && task !== "multiclass" ? "binary" : "multiclass",
    classes: classes.sort(order),
  };
}

/** What was said of a column. */
export interface Wish {
  /** It is named among the features. */
  readonly asked: boolean;
  /** Whether its values get vectors, if they are names; a number for vectors of so many numbers. */
  readonly vectors: "auto" | "always" | "never" | number;
}

/** @returns null if nothing is to be learnt from the column; a note says why */
export function featureOf(column: ColumnProfile, { asked, vectors }: Wish, notes: string[]): FeatureSpec | null {
  const { name, type, missing, values } = column;
  const marked = missing > 0;
  const scale = { mean: column.mean, std: column.std || 1 };
  if (column.strange > 0)
    notes.push(
      `${name}: ${column.strange === 1 ? "1 cell is" : `${column.strange} cells are`} no ${type} and count${column.strange === 1 ? "s" : ""} as missing, the first at ${column.firstStrange!.place}: ${JSON.stringify(column.firstStrange!.cell)}`,
    );
  if (column.ambiguous !== null)
    notes.push(
      `${name} is not taken as dates: ${JSON.stringify(column.ambiguous)} may begin with the day or with the month, and no cell says which; written as 2026-02-01 they are`,
    );
  if (type === "date" && column.order !== null) notes.push(`${name}: dates are read with the ${column.order}`);
  noteDecimal(column, notes);
  const leaveOut = (why: string): null => {
    notes.push(`${name} is left out: ${why}`);
    return null;
  };
  const isWanted = vectors === "always" || typeof vectors === "number";
  if (isWanted && ["number", "date", "boolean"].includes(type))
    throw new OptionError(
      `embed names ${name}, a column of ${type}s; tell profile that it holds names: { names: ["${name}"] }`,
    );
  switch (type) {
    case "empty":
      return leaveOut("it has no value in any row");
    case "constant":
      return leaveOut(`it is ${values[0]![0]} in all rows`);
    case "text":
      if (isWanted && !column.more) return vectorOf(column, vectors, notes);
      return leaveOut(column.more ? "it has too many different values" : "it is text that hardly repeats");
    case "identifier":
      if (!asked || Number.isNaN(column.mean)) return leaveOut("it only names or counts the rows");
      return { column: name, kind: "number", ...scale, marked };
    case "number":
      return { column: name, kind: type, ...scale, ...decimalOf(column), marked };
    case "date":
      return { column: name, kind: type, ...scale, ...(column.order === null ? {} : { order: column.order }), marked };
    case "boolean":
      return { column: name, kind: "boolean", marked };
    case "category": {
      if (isWanted || (vectors === "auto" && values.length > FREE_PLACES)) return vectorOf(column, vectors, notes);
      if (values.length > MOST_PLACES)
        return leaveOut(
          `it has ${values.length} different values, too many for a place each; vectors can be learnt of them (embed)`,
        );
      const hasPlace = (count: number, rank: number) =>
        values.length <= FREE_PLACES || count >= (rank < FREE_PLACES ? LEAST_COUNT : ENOUGH);
      const frequent = values.filter(([, count], rank) => hasPlace(count, rank));
      const own = frequent.map(([value]) => value).sort();
      return { column: name, kind: "category", values: own, other: own.length < values.length, marked };
    }
  }
}

/** Numbers in a vector, if nobody says how many. */
const usualSize = (values: number): number => Math.max(2, Math.round(1.6 * values ** 0.25));

function vectorOf({ name, values, missing }: ColumnProfile, size: Wish["vectors"], notes: string[]): FeatureSpec {
  const own = values.filter(([, count]) => count > 1).map(([value]) => value);
  const length = typeof size === "number" ? size : usualSize(own.length);
  const rare = values.length - own.length;
  notes.push(
    `${name}: ${own.length} values have a learnt vector of ${length} numbers each${rare === 0 ? "" : `; ${rare} that occur once share one`}`,
  );
  return { column: name, kind: "vector", values: own.sort(), size: length, marked: missing > 0 };
}

const decimalOf = ({ decimal }: ColumnProfile) => (decimal === "." ? {} : { decimal });

function noteDecimal({ name, type, decimal, values }: ColumnProfile, notes: string[]): void {
  if (type !== "number" || decimal === ".") return;
  const shown = values.find(([value]) => Number.isNaN(numberOf(value))) ?? values[0]!;
  notes.push(`${name}: numbers have a comma before decimals, such as ${shown[0]}`);
}
