/** What the columns of a table hold, found in one pass that keeps no rows. */
import { booleanOf, commaNumberOf, type Decimal, isMissing, numberOf, textOf } from "./cells.js";
import { type DateOrder, dateOf } from "./dates.js";
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
  /** What stands before decimals of numbers. */
  readonly decimal: Decimal;
  /** How dates such as 11/24/2026 are read; null where there are none. */
  readonly order: DateOrder | null;
  /** The first of such dates, in a column that is not taken as dates because all may be read either way. */
  readonly ambiguous: string | null;
  /**
   * Different values with their counts, the most frequent first. If there are more than are counted, the first
   * {@link MOST_VALUES} of them, and counts up to where another came.
   */
  readonly values: readonly (readonly [value: string, count: number])[];
  /** There are more different values than are counted: {@link MOST_VALUES}, of texts that repeat {@link MOST_NAMES}. */
  readonly more: boolean;
  /** Cells of a column of numbers, dates or booleans that are something else, and the first of them. */
  readonly strange: number;
  readonly firstStrange: { readonly cell: string; readonly place: string } | null;
}

/** Different values that are counted of numbers, dates and booleans. */
export const MOST_VALUES = 1000;
/** Different values that are counted of texts, such as cities; where there are more, a column counts as text. */
export const MOST_NAMES = 65_536;
/** So many letters in all, so that long texts take little memory; */
const MOST_LETTERS = 4 * 2 ** 20;
/** and no more than so many values if nearly all cells so far were another one: such texts hardly repeat. */
const MANY = 16_384;

/** A user that comes in ten rows of a million comes seldom among the first ones, but some do. */
const HARDLY_REPEATS = 0.95;

/** Where this share of a column's cells is of one type, the others count as missing. */
const NEARLY_ALL = 0.98;

const ORDERS = ["day first", "month first"] as const satisfies readonly DateOrder[];

/** Kinds that all cells of a column should be of. */
type Known = "number" | "boolean" | DateOrder;

/** Gathers what a column holds. */
class Gatherer {
  private rows = 0;
  private missing = 0;
  private readonly numbers = new Numbers();
  /** The same cells read with a comma before decimals; null once one cannot be. */
  private commas: Numbers | null = new Numbers();
  /** Some cell is a number only so. */
  private onlyComma = false;
  /** Dates, where they are read with the day first, and with the month first. */
  private readonly dates = { "day first": new Moments(), "month first": new Moments() };
  private firstEitherWay: string | null = null;
  private booleans = 0;
  /** Numbers that go up by one from row to row, also where rows between are not looked at. */
  private counting = true;
  /** What such numbers are above the rows' own. */
  private offset = Number.NaN;
  private values = new Map<string, number>();
  private letters = 0;
  private more = false;
  /** The first cell that is no number, no date of this order, neither yes nor no. */
  private readonly firstNot: Partial<Record<Known, { cell: string; place: string }>> = {};

  /** @param named - the cells are names, whatever they look like */
  constructor(
    private readonly name: string,
    private readonly named: boolean,
  ) {}

  add(cell: Cell, row: number, place: () => string, commas: boolean): void {
    this.rows++;
    if (isMissing(cell)) {
      this.missing++;
      this.counting = false;
      return;
    }
    const number = numberOf(cell);
    if (Number.isFinite(number)) {
      this.numbers.add(number);
      if (Number.isNaN(this.offset)) this.offset = number - row;
      this.counting &&= number - row === this.offset;
    } else this.strange("number", cell, place);
    if (!commas) this.commas = null;
    if (this.commas !== null) this.addComma(commaNumberOf(cell), Number.isNaN(number));
    this.addDate(cell, number, place);
    if (booleanOf(cell) === null) this.strange("boolean", cell, place);
    else this.booleans++;
    // Where there are more values than are kept, their counts say nothing any more.
    if (!this.more) this.count(textOf(cell));
  }

  private strange(type: Known, cell: Cell, place: () => string): void {
    this.firstNot[type] ??= { cell: alone(textOf(cell)), place: place() };
  }

  private count(text: string): void {
    const count = this.values.get(text);
    if (count !== undefined) this.values.set(text, count + 1);
    else if (this.values.size < MOST_VALUES || this.isWorthwhile()) {
      this.values.set(alone(text), 1);
      this.letters += text.length;
    } else {
      this.more = true;
      this.values = new Map([...this.values].slice(0, MOST_VALUES));
    }
  }

  /** Whether more values than a few are to be counted: of names that repeat. */
  private isWorthwhile(): boolean {
    const { size } = this.values;
    if (size >= MOST_NAMES || this.letters >= MOST_LETTERS) return false;
    const present = this.rows - this.missing;
    if (size >= MANY && size > HARDLY_REPEATS * present) return false;
    const dates = Math.max(...ORDERS.map((order) => this.dates[order].count));
    return this.named || Math.max(this.numbers.count, this.commas?.count ?? 0, dates, this.booleans) < present / 2;
  }

  /** The sort of names: of few different ones, or of ones that hardly repeat. */
  private sortOfNames(): ColumnType {
    const present = this.rows - this.missing;
    const distinct = this.values.size;
    if (present > 20 && !this.more && distinct === present) return "identifier";
    return this.more || (distinct > 50 && distinct > present / 2) ? "text" : "category";
  }

  private addComma(number: number, only: boolean): void {
    if (Number.isNaN(number)) this.commas = null;
    else this.commas!.add(number);
    this.onlyComma ||= only;
  }

  private addDate(cell: Cell, number: number, place: () => string): void {
    // A column of numbers has no dates: looking for them would cost more than all the rest.
    const date = Number.isNaN(number) ? dateOf(cell) : Number.NaN;
    let ways = 0;
    for (const order of ORDERS) {
      const ordered = Number.isNaN(date) && Number.isNaN(number) ? dateOf(cell, order) : date;
      if (Number.isNaN(ordered)) {
        this.strange(order, cell, place);
        continue;
      }
      this.dates[order].add(ordered);
      ways++;
    }
    if (ways === 2 && Number.isNaN(date)) this.firstEitherWay ??= alone(textOf(cell));
  }

  result(): ColumnProfile {
    const { name, rows, missing, booleans, more } = this;
    const present = rows - missing;
    const most = (count: number) => count === present || (present > 20 && count >= NEARLY_ALL * present);
    const distinct = this.values.size;
    const decimal: Decimal = !this.named && this.commas !== null && this.onlyComma ? "," : ".";
    const numbers = decimal === "," ? this.commas! : this.numbers;
    const [dayFirst, monthFirst] = ORDERS.map((order) => this.dates[order].count) as [number, number];
    // As many dates whichever comes first: all are written otherwise, or nothing says which it is.
    const order: DateOrder = dayFirst >= monthFirst ? "day first" : "month first";
    const areDates = most(this.dates[order].count) && this.dates[order].count > 0;
    const isAmbiguous = !this.named && areDates && dayFirst === monthFirst && this.firstEitherWay !== null;
    const type = ((): ColumnType => {
      if (present === 0) return "empty";
      if (distinct === 1) return "constant";
      if (this.named) return this.sortOfNames();
      const counts = decimal === "." && this.counting && numbers.whole && rows > 20;
      if (most(numbers.count)) return counts ? "identifier" : "number";
      if (areDates && !isAmbiguous) return "date";
      if (most(booleans)) return "boolean";
      return this.sortOfNames();
    })();
    const dates = this.dates[order];
    const { min, max, mean, std } = type === "date" ? dates : numbers;
    const [count, known]: [number, Known | null] =
      type === "number"
        ? [numbers.count, "number"]
        : type === "date"
          ? [dates.count, order]
          : type === "boolean"
            ? [booleans, "boolean"]
            : [present, null];
    const strange = present - count;
    return {
      name,
      type,
      rows,
      missing: missing + strange,
      min,
      max,
      mean,
      std,
      whole: numbers.whole && numbers.count > 0,
      decimal,
      order: type === "date" && dayFirst !== monthFirst ? order : null,
      ambiguous: isAmbiguous ? this.firstEitherWay : null,
      values: [...this.values].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
      more,
      strange,
      firstStrange: strange === 0 ? null : this.firstNot[known!]!,
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

class Numbers extends Moments {
  /** All are whole. */
  whole = true;

  override add(x: number): void {
    super.add(x);
    this.whole &&= Number.isInteger(x);
  }
}

export interface ProfileOptions {
  /** Which rows are looked at, by their number from 0. Default all. */
  readonly rows?: ((row: number) => boolean) | undefined;
  /** Columns of names, also where they look like numbers or dates: numbers of products, postal codes. Default none. */
  readonly names?: readonly string[] | undefined;
}

/** Profiles of all columns, in the table's order. */
export async function profile(
  columns: readonly string[],
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
  { rows = () => true, names = [] }: ProfileOptions = {},
): Promise<ColumnProfile[]> {
  const gatherers = columns.map((name) => new Gatherer(name, names.includes(name)));
  for await (const chunk of chunks) {
    const kept: number[] = [];
    for (let r = 0; r < chunk.length; r++) if (rows(chunk.first + r)) kept.push(r);
    let row = 0;
    const place = () => chunk.place(row);
    gatherers.forEach((gatherer, c) => {
      const cells = chunk.columns[c]!;
      for (const r of kept) {
        row = chunk.first + r;
        gatherer.add(cells[r]!, row, place, chunk.commas === true);
      }
    });
  }
  return gatherers.map((gatherer) => gatherer.result());
}
