/** Turns rows of a table into numbers, and a model's outputs back into what the target column holds. */
import { OptionError } from "../errors.js";
import { booleanOf, isMissing, numberOf, textOf } from "./cells.js";
import { featureOf, targetOf } from "./choose.js";
import { unknownColumn } from "./columnNames.js";
import { dateOf } from "./dates.js";
import { DataFileError } from "./errors.js";
import type { ColumnProfile } from "./profile.js";
import type { Cell, Chunk } from "./source.js";
import {
  type EncoderSpec,
  type FeatureSpec,
  type TargetSpec,
  type Task,
  type VectorSpec,
  vectorsOf,
  widthOf,
} from "./spec.js";

/**
 * Which categories have a learnt vector for each value: "auto" for those of many values, "none", or columns with the size of
 * their vectors (null: by the number of values).
 */
export type Embed = "auto" | "none" | Readonly<Record<string, number | null>>;

export interface EncoderOptions {
  readonly target: string;
  readonly task?: Task | undefined;
  /** Only these columns. Default: all that something can be learnt from. */
  readonly features?: readonly string[] | undefined;
  /** Not these. */
  readonly ignore?: readonly string[] | undefined;
  /**
   * Which categories have vectors. Default "auto". Columns that look like numbers must be known as names to {@link profile}.
   */
  readonly embed?: Embed | undefined;
  /** The file, for messages. */
  readonly file?: string;
}

/** Rows with one number for each feature, from which {@link TableEncoder.expand} makes what a network reads. */
export interface CompactRows {
  /** Row by row: what a number, a date or a boolean becomes; of categories the value's place. NaN where there is nothing. */
  readonly values: Float32Array;
  /** Standardised values or 0 and 1 (float32), or classes (int32); empty if the target was not asked for. */
  readonly y: Float32Array | Int32Array;
  /** The numbers of the rows, in order: rows without a target are left out. */
  readonly rows: readonly number[];
}

/** Rows as a network reads them. */
export interface Encoded extends Omit<CompactRows, "values"> {
  /** Row by row, {@link TableEncoder.width} numbers each. */
  readonly x: Float32Array;
}

/** The place of a category's value that has none. */
const NO_PLACE = -1;

/**
 * Fitted on the training rows' {@link profile}, and stored with the model: numbers and dates are standardised, categories get
 * a place for each value, missing values the mean and a mark.
 */
export class TableEncoder {
  /** Numbers in an encoded row: first the {@link plain} ones, then a value's number for each of {@link vectors}. */
  readonly width: number;
  /** How many of them a network reads as they are. */
  readonly plain: number;
  /** Categories whose values have vectors, in the order of their numbers in a row. */
  readonly vectors: readonly VectorSpec[];
  /** Where each feature's numbers begin in a row. */
  private readonly starts: readonly number[];

  constructor(readonly spec: EncoderSpec) {
    const { features } = spec;
    this.vectors = features.filter((feature) => feature.kind === "vector");
    this.width = features.reduce((sum, feature) => sum + widthOf(feature), 0);
    this.plain = this.width - this.vectors.length;
    let plain = 0;
    let vectors = this.plain;
    this.starts = features.map((feature) => {
      if (feature.kind === "vector") return vectors++;
      plain += widthOf(feature);
      return plain - widthOf(feature);
    });
  }

  /** Numbers that reach a network's first layer: the plain ones, and the vectors. */
  get inputs(): number {
    return this.vectors.reduce((sum, { size }) => sum + size, this.plain);
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
   * @throws DataFileError if there is no such target, it is constant, or nothing is left to learn from; OptionError if `embed`
   *   names columns that are not used, or are not names
   */
  static fit(profiles: readonly ColumnProfile[], options: EncoderOptions): { encoder: TableEncoder; notes: string[] } {
    const { target: name, features: wanted, ignore = [], embed = "auto", file = "the table" } = options;
    const embedded = typeof embed === "string" ? {} : embed;
    const byName = new Map(profiles.map((column) => [column.name, column]));
    for (const column of [name, ...(wanted ?? []), ...ignore, ...Object.keys(embedded)]) {
      if (!byName.has(column)) throw new DataFileError(unknownColumn(file, column, [...byName.keys()]));
    }
    for (const column of Object.keys(embedded)) {
      if (column === name || ignore.includes(column) || wanted?.includes(column) === false)
        throw new OptionError(`embed names ${column}, from which nothing is to be learnt`);
    }
    const notes: string[] = [];
    const target = targetOf(byName.get(name)!, options.task, file, notes);
    const features: FeatureSpec[] = [];
    for (const column of profiles) {
      if (column.name === name || ignore.includes(column.name)) continue;
      if (wanted !== undefined && !wanted.includes(column.name)) continue;
      const own = Object.hasOwn(embedded, column.name) ? (embedded[column.name] ?? "always") : "never";
      const vectors = embed === "auto" ? embed : own;
      const feature = featureOf(column, { asked: wanted !== undefined, vectors }, notes);
      if (feature !== null) features.push(feature);
    }
    if (features.length === 0)
      throw new DataFileError(
        `${file}: no column is left to predict ${name} from${notes.map((note) => `\n  ${note}`).join("")}`,
      );
    return { encoder: new TableEncoder({ version: 1, features, target }), notes };
  }

  /** {@link compact} rows, expanded. */
  encode(...input: Parameters<TableEncoder["compact"]>): Encoded {
    const { values, y, rows } = this.compact(...input);
    const x = new Float32Array(rows.length * this.width);
    for (let i = 0; i < rows.length; i++) this.expand(values, i, x, i);
    return { x, y, rows };
  }

  /**
   * Reads rows of a table with these columns.
   *
   * @param withTarget - false for rows whose target is not known
   * @param keep - which rows of the file that the encoder was fitted on, by number. What its training rows did not hold is no
   *   mistake there: rows of another class are left out, cells of another kind count as missing
   * @throws DataFileError if a column is missing, or a cell is not what its column holds: with its place
   */
  compact(
    columns: readonly string[],
    chunk: Chunk,
    file: string,
    withTarget = true,
    keep?: (row: number) => boolean,
  ): CompactRows {
    const { features, target } = this.spec;
    const cells = features.map(({ column }) => chunk.columns[indexOf(columns, column, file)]!);
    const targets = withTarget ? chunk.columns[indexOf(columns, target.column, file)]! : null;
    const classes = target.task === "regression" ? null : new Map(target.classes.map((label, i) => [label, i]));
    const rows: number[] = [];
    for (let r = 0; r < chunk.length; r++) {
      if (keep !== undefined && !keep(chunk.first + r)) continue;
      if (targets !== null && isMissing(targets[r]!)) continue;
      if (keep !== undefined && targets !== null && targetValue(target, classes, targets[r]!) === null) continue;
      rows.push(r);
    }
    const count = features.length;
    const values = new Float32Array(rows.length * count);
    features.forEach((feature, f) => {
      const column = cells[f]!;
      const places = placesOf(feature);
      for (let i = 0; i < rows.length; i++) {
        const cell = column[rows[i]!]!;
        const value = isMissing(cell) ? Number.NaN : featureValue(feature, places, cell);
        // A cell of another kind counts as missing where missing values were seen in training.
        if (value === null && keep === undefined && !feature.marked) {
          const at = chunk.place(chunk.first + rows[i]!);
          const what = feature.kind === "boolean" ? "yes or no" : `a ${feature.kind}`;
          throw new DataFileError(
            `${file}, ${at}, column ${feature.column}: ${JSON.stringify(cell)} is not ${what}, as it was in training`,
          );
        }
        values[i * count + f] = value ?? Number.NaN;
      }
    });
    const known = targets === null ? 0 : rows.length;
    const y = target.task === "multiclass" ? new Int32Array(known) : new Float32Array(known);
    for (let i = 0; i < known; i++) {
      const cell = targets![rows[i]!]!;
      const value = targetValue(target, classes, cell);
      if (value === null) {
        const expected =
          classes === null
            ? "no number"
            : `none of the classes of training (${[...classes.keys()].slice(0, 10).join(", ")})`;
        throw new DataFileError(
          `${file}, ${chunk.place(chunk.first + rows[i]!)}, column ${target.column}: ${JSON.stringify(cell)} is ${expected}`,
        );
      }
      y[i] = value;
    }
    return { values, y, rows: rows.map((r) => chunk.first + r) };
  }

  /**
   * Writes a compact row as a network reads it.
   *
   * @param x - zeros where the row goes
   */
  expand(values: Float32Array, from: number, x: Float32Array, to: number): void {
    const { features } = this.spec;
    const start = to * this.width;
    for (let f = 0; f < features.length; f++) {
      const feature = features[f]!;
      const value = values[from * features.length + f]!;
      const at = start + this.starts[f]!;
      if (Number.isNaN(value)) {
        // The last of the vectors is that of missing values, or of others where none was missing.
        if (feature.kind === "vector") x[at] = vectorsOf(feature) - 1;
        else if (feature.marked) x[at + widthOf(feature) - 1] = 1;
      } else if (feature.kind !== "category") x[at] = value;
      else if (value !== NO_PLACE) x[at + value] = 1;
    }
  }

  /** What stands behind the columns of an encoded row: "origin = Japan", "year", "year is missing"; "city" for a city's number. */
  names(): string[] {
    const plain = this.spec.features.flatMap((feature) => {
      const { column, kind, marked } = feature;
      if (kind === "vector") return [];
      const own =
        kind === "category"
          ? [...feature.values.map((value) => `${column} = ${value}`), ...(feature.other ? [`${column} = other`] : [])]
          : [column];
      return marked ? [...own, `${column} is missing`] : own;
    });
    return [...plain, ...this.vectors.map(({ column }) => column)];
  }

  toJSON(): EncoderSpec {
    return this.spec;
  }
}

function indexOf(columns: readonly string[], name: string, file: string): number {
  const index = columns.indexOf(name);
  if (index < 0) throw new DataFileError(unknownColumn(file, name, columns));
  return index;
}

/** Places of a category's values; empty for other kinds. */
const placesOf = (feature: FeatureSpec): ReadonlyMap<string, number> =>
  new Map("values" in feature ? feature.values.map((value, i) => [value, i]) : []);

/** What a cell that is there becomes; null if it is not of the feature's kind. */
function featureValue(feature: FeatureSpec, places: ReadonlyMap<string, number>, cell: Cell): number | null {
  switch (feature.kind) {
    case "number":
    case "date": {
      const value = feature.kind === "number" ? numberOf(cell, feature.decimal) : dateOf(cell, feature.order);
      return Number.isFinite(value) ? (value - feature.mean) / feature.std : null;
    }
    case "boolean": {
      const value = booleanOf(cell);
      return value === null ? null : value ? 1 : -1;
    }
    case "category":
      return places.get(textOf(cell)) ?? (feature.other ? feature.values.length : NO_PLACE);
    case "vector":
      return places.get(textOf(cell)) ?? feature.values.length;
  }
}

function targetValue(target: TargetSpec, classes: ReadonlyMap<string, number> | null, cell: Cell): number | null {
  if (target.task === "regression") {
    const value = numberOf(cell, target.decimal);
    return Number.isFinite(value) ? (value - target.mean) / target.std : null;
  }
  return classes!.get(textOf(cell)) ?? null;
}
