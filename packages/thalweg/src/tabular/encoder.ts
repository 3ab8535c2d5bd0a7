/** Turns rows of a table into numbers, and a model's outputs back into what the target column holds. */
import { booleanOf, dateOf, isMissing, numberOf, textOf } from "./cells.js";
import { DataFileError } from "./errors.js";
import type { ColumnProfile } from "./profile.js";
import type { Cell, Chunk } from "./source.js";

/** What is learnt: a number, one of two classes, or one of more. */
export type Task = "regression" | "binary" | "multiclass";

/** How one column becomes numbers. Each has one more where a missing value is marked. */
export type FeatureSpec =
  /** (x − mean) / std; 0 where the value is missing. Dates are days since 1970. */
  | {
      readonly column: string;
      readonly kind: "number" | "date";
      readonly mean: number;
      readonly std: number;
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
    };

export type TargetSpec =
  | { readonly column: string; readonly task: "regression"; readonly mean: number; readonly std: number }
  /** Classes by number; for "binary" the second is the one whose probability the model gives. */
  | { readonly column: string; readonly task: "binary" | "multiclass"; readonly classes: readonly string[] };

/** An encoder as plain data. */
export interface EncoderSpec {
  readonly version: 1;
  readonly features: readonly FeatureSpec[];
  readonly target: TargetSpec;
}

export interface EncoderOptions {
  readonly target: string;
  readonly task?: Task | undefined;
  /** Only these columns. Default: all that something can be learnt from. */
  readonly features?: readonly string[] | undefined;
  /** Not these. */
  readonly ignore?: readonly string[] | undefined;
  /** The file, for messages. */
  readonly file?: string;
}

/** Rows as numbers. */
export interface Encoded {
  /** Row by row, {@link TableEncoder.width} numbers each. */
  readonly x: Float32Array;
  /** Standardised values or 0 and 1 (float32), or classes (int32); empty if the target was not asked for. */
  readonly y: Float32Array | Int32Array;
  /** The numbers of the rows, in order: rows without a target are left out. */
  readonly rows: readonly number[];
}

/** Values of a category that get a place of their own, and how often a value must occur to get one where there are more. */
const MOST_PLACES = 50;
const LEAST_COUNT = 5;
const MOST_CLASSES = 100;
/** Whole numbers of up to so many different values are classes, unless the task is given. */
const FEW = 10;

/**
 * Fitted on the training rows' {@link profile}, and stored with the model: numbers and dates are standardised, categories get
 * a place for each value, missing values the mean and a mark.
 */
export class TableEncoder {
  /** Numbers in an encoded row. */
  readonly width: number;
  private readonly offsets: readonly number[];

  constructor(readonly spec: EncoderSpec) {
    let width = 0;
    this.offsets = spec.features.map((feature) => {
      const offset = width;
      width += widthOf(feature);
      return offset;
    });
    this.width = width;
  }

  get task(): Task {
    return this.spec.target.task;
  }

  /** Numbers that a model must give for a row. */
  get outputs(): number {
    const { target } = this.spec;
    return target.task === "multiclass" ? target.classes.length : 1;
  }

  /**
   * Chooses features and learns their scales.
   *
   * @param profiles - of the training rows
   * @returns the encoder, and notes in words on what was left out or taken for missing
   * @throws DataFileError if there is no such target, it is constant, or nothing is left to learn from
   */
  static fit(profiles: readonly ColumnProfile[], options: EncoderOptions): { encoder: TableEncoder; notes: string[] } {
    const { target: name, features: wanted, ignore = [], file = "the table" } = options;
    const byName = new Map(profiles.map((column) => [column.name, column]));
    for (const column of [name, ...(wanted ?? []), ...ignore]) {
      if (!byName.has(column)) throw new DataFileError(unknownColumn(file, column, [...byName.keys()]));
    }
    const notes: string[] = [];
    const target = targetOf(byName.get(name)!, options.task, file, notes);
    const features: FeatureSpec[] = [];
    for (const column of profiles) {
      if (column.name === name || ignore.includes(column.name)) continue;
      if (wanted !== undefined && !wanted.includes(column.name)) continue;
      const feature = featureOf(column, wanted !== undefined, notes);
      if (feature !== null) features.push(feature);
    }
    if (features.length === 0)
      throw new DataFileError(
        `${file}: no column is left to predict ${name} from${notes.map((note) => `\n  ${note}`).join("")}`,
      );
    return { encoder: new TableEncoder({ version: 1, features, target }), notes };
  }

  /**
   * Encodes rows of a table with these columns.
   *
   * @param withTarget - false for rows whose target is not known
   * @param keep - which rows of the file that the encoder was fitted on, by number. What its training rows did not hold is no
   *   mistake there: rows of another class are left out, cells of another kind count as missing
   * @throws DataFileError if a column is missing, or a cell is not what its column holds: with its place
   */
  encode(
    columns: readonly string[],
    chunk: Chunk,
    file: string,
    withTarget = true,
    keep?: (row: number) => boolean,
  ): Encoded {
    const { features, target } = this.spec;
    const cells = features.map(({ column }) => chunk.columns[indexOf(columns, column, file)]!);
    const targets = withTarget ? chunk.columns[indexOf(columns, target.column, file)]! : null;
    const classes = target.task === "regression" ? null : new Map(target.classes.map((label, i) => [label, i]));
    const rows: number[] = [];
    for (let r = 0; r < chunk.length; r++) {
      if (keep !== undefined && !keep(chunk.first + r)) continue;
      if (targets !== null && isMissing(targets[r]!)) continue;
      if (keep !== undefined && targets !== null && encodeTarget(target, classes, targets[r]!) === null) continue;
      rows.push(r);
    }
    const { width } = this;
    const x = new Float32Array(rows.length * width);
    features.forEach((feature, f) => {
      const column = cells[f]!;
      const place = placesOf(feature);
      for (let i = 0; i < rows.length; i++) {
        if (!fill(feature, place, column[rows[i]!]!, x, i * width + this.offsets[f]!) && keep === undefined) {
          const at = chunk.place(chunk.first + rows[i]!);
          const what = feature.kind === "boolean" ? "yes or no" : `a ${feature.kind}`;
          throw new DataFileError(
            `${file}, ${at}, column ${feature.column}: ${JSON.stringify(column[rows[i]!])} is not ${what}, as it was in training`,
          );
        }
      }
    });
    const y =
      target.task === "multiclass"
        ? new Int32Array(targets === null ? 0 : rows.length)
        : new Float32Array(targets === null ? 0 : rows.length);
    if (targets !== null) {
      rows.forEach((r, i) => {
        const value = encodeTarget(target, classes, targets[r]!);
        if (value === null) {
          const expected =
            classes === null
              ? "no number"
              : `none of the classes of training (${[...classes.keys()].slice(0, 10).join(", ")})`;
          throw new DataFileError(
            `${file}, ${chunk.place(chunk.first + r)}, column ${target.column}: ${JSON.stringify(targets[r])} is ${expected}`,
          );
        }
        y[i] = value;
      });
    }
    return { x, y, rows: rows.map((r) => chunk.first + r) };
  }

  /** What stands behind the columns of an encoded row: "origin = Japan", "year", "year is missing". */
  names(): string[] {
    return this.spec.features.flatMap((feature) => {
      const { column, kind, marked } = feature;
      const own =
        kind === "category"
          ? [...feature.values.map((value) => `${column} = ${value}`), ...(feature.other ? [`${column} = other`] : [])]
          : [column];
      return marked ? [...own, `${column} is missing`] : own;
    });
  }

  toJSON(): EncoderSpec {
    return this.spec;
  }
}

const widthOf = (feature: FeatureSpec): number =>
  (feature.kind === "category" ? feature.values.length + (feature.other ? 1 : 0) : 1) + (feature.marked ? 1 : 0);

function indexOf(columns: readonly string[], name: string, file: string): number {
  const index = columns.indexOf(name);
  if (index < 0) throw new DataFileError(unknownColumn(file, name, columns));
  return index;
}

/** Names a column that does not exist, and those that somebody may have meant. */
function unknownColumn(file: string, name: string, known: readonly string[]): string {
  const near = known
    .map((other) => [other, distance(name.toLowerCase(), other.toLowerCase())] as const)
    .filter(([other, d]) => d <= Math.max(1, name.length / 3) || other.toLowerCase().includes(name.toLowerCase()))
    .sort(([, a], [, b]) => a - b)
    .slice(0, 3)
    .map(([other]) => JSON.stringify(other));
  const hint =
    near.length > 0
      ? `did you mean ${near.join(" or ")}?`
      : `it has ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}`;
  return `${file} has no column ${JSON.stringify(name)}: ${hint}`;
}

/** How many letters must be changed, added, left out or swapped with their neighbour (the distance of Damerau and Levenshtein). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(
          row[j]! + 1,
          next[j - 1]! + 1,
          row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = row;
    row = next;
  }
  return row.at(-1)!;
}

function targetOf(column: ColumnProfile, task: Task | undefined, file: string, notes: string[]): TargetSpec {
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
    return { column: name, task: "regression", mean: column.mean, std: column.std };
  }
  if (more || values.length > MOST_CLASSES)
    throw new DataFileError(
      `${file}: the target ${name} has ${more ? "over 1000" : values.length} different values; at most ${MOST_CLASSES} classes can be learnt`,
    );
  if (chosen === "binary" && values.length !== 2)
    throw new DataFileError(
      `${file}: the target ${name} has ${values.length} different values, and the task "binary" needs 2`,
    );
  const classes = values.map(([value]) => value);
  const order = numeric
    ? (a: string, b: string) => numberOf(a) - numberOf(b)
    : (a: string, b: string) => (a < b ? -1 : 1);
  return {
    column: name,
    task: values.length === 2 && task !== "multiclass" ? "binary" : "multiclass",
    classes: classes.sort(order),
  };
}

function featureOf(column: ColumnProfile, asked: boolean, notes: string[]): FeatureSpec | null {
  const { name, type, missing, values } = column;
  const marked = missing > 0;
  if (column.strange > 0)
    notes.push(
      `${name}: ${column.strange === 1 ? "1 cell is" : `${column.strange} cells are`} no ${type} and count${column.strange === 1 ? "s" : ""} as missing, the first at ${column.firstStrange!.place}: ${JSON.stringify(column.firstStrange!.cell)}`,
    );
  const leaveOut = (why: string): null => {
    notes.push(`${name} is left out: ${why}`);
    return null;
  };
  switch (type) {
    case "empty":
      return leaveOut("it has no value in any row");
    case "constant":
      return leaveOut(`it is ${values[0]![0]} in all rows`);
    case "text":
      return leaveOut("it is text that hardly repeats");
    case "identifier":
      if (!asked || Number.isNaN(column.mean)) return leaveOut("it only names or counts the rows");
      return { column: name, kind: "number", mean: column.mean, std: column.std || 1, marked };
    case "number":
    case "date":
      return { column: name, kind: type, mean: column.mean, std: column.std || 1, marked };
    case "boolean":
      return { column: name, kind: "boolean", marked };
    case "category": {
      const frequent = values.filter(
        ([, count], i) => values.length <= MOST_PLACES || (i < MOST_PLACES && count >= LEAST_COUNT),
      );
      const own = frequent.map(([value]) => value).sort();
      return { column: name, kind: "category", values: own, other: own.length < values.length, marked };
    }
  }
}

/** Places of a category's values; empty for other kinds. */
const placesOf = (feature: FeatureSpec): ReadonlyMap<string, number> =>
  new Map(feature.kind === "category" ? feature.values.map((value, i) => [value, i]) : []);

/** Writes one cell's numbers; false if the cell is not of the feature's kind. */
function fill(
  feature: FeatureSpec,
  places: ReadonlyMap<string, number>,
  cell: Cell,
  x: Float32Array,
  at: number,
): boolean {
  if (isMissing(cell)) {
    if (feature.marked) x[at + widthOf(feature) - 1] = 1;
    return true;
  }
  switch (feature.kind) {
    case "number":
    case "date": {
      const value = feature.kind === "number" ? numberOf(cell) : dateOf(cell);
      if (!Number.isFinite(value)) return strange(feature, x, at);
      x[at] = (value - feature.mean) / feature.std;
      return true;
    }
    case "boolean": {
      const value = booleanOf(cell);
      if (value === null) return strange(feature, x, at);
      x[at] = value ? 1 : -1;
      return true;
    }
    case "category": {
      const place = places.get(textOf(cell)) ?? (feature.other ? feature.values.length : null);
      if (place !== null) x[at + place] = 1;
      return true;
    }
  }
}

/** A cell of another kind counts as missing where missing values were seen in training. */
function strange(feature: FeatureSpec, x: Float32Array, at: number): boolean {
  if (feature.marked) x[at + widthOf(feature) - 1] = 1;
  return feature.marked;
}

function encodeTarget(target: TargetSpec, classes: ReadonlyMap<string, number> | null, cell: Cell): number | null {
  if (target.task === "regression") {
    const value = numberOf(cell);
    return Number.isFinite(value) ? (value - target.mean) / target.std : null;
  }
  return classes!.get(textOf(cell)) ?? null;
}
