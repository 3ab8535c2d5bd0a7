/** What the columns of a table hold, found in one pass that keeps no rows. */
import { booleanOf, dateOf, isMissing, numberOf, textOf } from "./cells.js";
import type { Cell, Chunk } from "./source.js";

/**
 * - `number`: nearly all cells are numbers; `date`, `boolean` likewise.
 * - `category`: texts of which there are few different ones.
 * - `text`: texts that hardly ever repeat, of which nothing is learnt by their names.
 * - `identifier`: a different value in each row, or numbers that only count the rows.
 * - `constant`: one value in all rows; `empty`: none at all.
 */
export type ColumnType = "number" | "category" | "boolean" | "date" | "text" | "identifier" | "constant" | "empty";

export interface ColumnProfile {
  readonly name: string;
  readonly type: ColumnType;
  readonly rows: number;
  readonly missing: number;
  /** Of numbers, and of dates in days since 1970; NaN of others. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation (of the sample as it is: divided by the count). */
  readonly std: number;
  /** All numbers are whole. */
  readonly whole: boolean;
  /** Different values with their counts, the most frequent first; at most {@link MOST_VALUES} of them. */
  readonly values: readonly (readonly [value: string, count: number])[];
  /** There are more different values than `values` says. */
  readonly more: boolean;
  /** Cells of a column of numbers, dates or booleans that are something else, and the first of them. */
  readonly strange: number;
  readonly firstStrange: { readonly cell: string; readonly place: string } | null;
}

/** Different values that are counted; beyond it a column counts as text. */
export const MOST_VALUES = 1000;

/** Where this share of a column's cells is of one type, the others count as missing. */
const NEARLY_ALL = 0.98;

/** Gathers what a column holds. */
class Gatherer {
  private rows = 0;
  private missing = 0;
  private readonly numbers = new Moments();
  private readonly dates = new Moments();
  private booleans = 0;
  private whole = true;
  /** Numbers that go up by one from row to row, also where rows between are not looked at. */
  private counting = true;
  /** What such numbers are above the rows' own. */
  private offset = Number.NaN;
  private readonly values = new Map<string, number>();
  private more = false;
  private readonly firstNot: Record<"number" | "date" | "boolean", { cell: string; place: string } | null> = {
    number: null,
    date: null,
    boolean: null,
  };

  constructor(private readonly name: string) {}

  add(cell: Cell, row: number, place: () => string): void {
    this.rows++;
    if (isMissing(cell)) {
      this.missing++;
      this.counting = false;
      return;
    }
    const text = textOf(cell);
    const strange = (type: "number" | "date" | "boolean") => {
      this.firstNot[type] ??= { cell: alone(text), place: place() };
    };
    const number = numberOf(cell);
    if (Number.isFinite(number)) {
      this.numbers.add(number);
      this.whole &&= Number.isInteger(number);
      if (Number.isNaN(this.offset)) this.offset = number - row;
      this.counting &&= number - row === this.offset;
    } else strange("number");
    // A column of numbers has no dates: looking for them would cost more than all the rest.
    const date = Number.isNaN(number) ? dateOf(cell) : Number.NaN;
    if (Number.isNaN(date)) strange("date");
    else this.dates.add(date);
    if (booleanOf(cell) === null) strange("boolean");
    else this.booleans++;
    const count = this.values.get(text);
    if (count !== undefined) this.values.set(text, count + 1);
    else if (this.values.size < MOST_VALUES) this.values.set(alone(text), 1);
    else this.more = true;
  }

  result(): ColumnProfile {
    const { name, rows, missing, numbers, dates, booleans, more } = this;
    const present = rows - missing;
    const most = (count: number) => count === present || (present > 20 && count >= NEARLY_ALL * present);
    const distinct = this.values.size;
    const type = ((): ColumnType => {
      if (present === 0) return "empty";
      if (distinct === 1) return "constant";
      if (most(numbers.count)) return this.counting && this.whole && rows > 20 ? "identifier" : "number";
      if (most(dates.count)) return "date";
      if (most(booleans)) return "boolean";
      if (present > 20 && (more ? MOST_VALUES : distinct) === present) return "identifier";
      return more || (distinct > 50 && distinct > present / 2) ? "text" : "category";
    })();
    const { min, max, mean, std } = type === "date" ? dates : numbers;
    const typed = { number: numbers.count, date: dates.count, boolean: booleans };
    const known = type === "number" || type === "date" || type === "boolean" ? type : null;
    const strange = known === null ? 0 : present - typed[known];
    return {
      name,
      type,
      rows,
      missing: missing + strange,
      min,
      max,
      mean,
      std,
      whole: this.whole && numbers.count > 0,
      values: [...this.values].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
      more,
      strange,
      firstStrange: strange === 0 ? null : this.firstNot[known!],
    };
  }
}

/**
 * The same text on its own: engines keep a piece of a text as a reference into all of it, so that each value that is kept would
 * keep its whole block of the file.
 */
const alone = (text: string): string => ` ${text}`.slice(1);

/** Mean and deviation of numbers as they come, by B. P. Welford's recurrence (1962). */
class Moments {
  count = 0;
  min = Number.NaN;
  max = Number.NaN;
  mean = Number.NaN;
  private squares = 0;

  add(x: number): void {
    this.count++;
    if (this.count === 1) {
      this.min = this.max = this.mean = x;
      return;
    }
    if (x < this.min) this.min = x;
    if (x > this.max) this.max = x;
    const difference = x - this.mean;
    this.mean += difference / this.count;
    this.squares += difference * (x - this.mean);
  }

  get std(): number {
    return Math.sqrt(this.squares / this.count);
  }
}

export interface ProfileOptions {
  /** Which rows are looked at, by their number from 0. Default all. */
  readonly rows?: ((row: number) => boolean) | undefined;
}

/** Profiles of all columns, in the table's order. */
export async function profile(
  columns: readonly string[],
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
  { rows = () => true }: ProfileOptions = {},
): Promise<ColumnProfile[]> {
  const gatherers = columns.map((name) => new Gatherer(name));
  for await (const chunk of chunks) {
    for (let r = 0; r < chunk.length; r++) {
      if (!rows(chunk.first + r)) continue;
      const place = () => chunk.place(chunk.first + r);
      for (let c = 0; c < gatherers.length; c++) gatherers[c]!.add(chunk.columns[c]![r]!, chunk.first + r, place);
    }
  }
  return gatherers.map((gatherer) => gatherer.result());
}
