/** What a cell says: nothing, a number, yes or no; dates are in dates.ts. */
import type { Cell } from "./source.js";

/** Most cells are numbers, and seen to be at their first character: what looks closer is passed by. */
function startsWithDigit(text: string): boolean {
  const c = text.charCodeAt(0);
  return c >= 48 && c <= 57;
}

/** Texts that stand for a missing value, whatever their case. */
const MISSING = new Set(["", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-"]);

/** True for null and for the texts that files write where nothing is known: "", NA, N/A, NaN, null, None, ?, -. */
export function isMissing(cell: Cell): boolean {
  if (cell === null) return true;
  if (typeof cell === "number") return Number.isNaN(cell);
  if (typeof cell === "boolean" || cell.length > 6 || startsWithDigit(cell)) return false;
  return MISSING.has(cell.trim().toLowerCase());
}

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
// Not 0,532: a thousand never begins with a zero, but decimals behind a comma do.
const THOUSANDS = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/;

/** Which sign stands before decimals. */
export type Decimal = "." | ",";

/**
 * The number that a cell says; NaN if it says none.
 *
 * @param decimal - with a point before decimals there may be commas between thousands: 1,234.5. With a comma it is the other way
 *   round, 1.234,5, and what can only be meant with a point is still read so
 */
export function numberOf(cell: Cell, decimal: Decimal = "."): number {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string") return Number.NaN;
  if (decimal === ",") {
    const number = commaNumberOf(cell);
    if (!Number.isNaN(number)) return number;
  }
  // Nearly all numbers begin with two digits, or are one: they need no closer look. (0x10 is none.)
  if (startsWithDigit(cell) && !(cell.charCodeAt(1) > 57)) {
    const number = Number(cell);
    if (!Number.isNaN(number)) return number;
  }
  const text = cell.trim();
  if (PLAIN.test(text)) return Number(text);
  return THOUSANDS.test(text) ? Number(text.replaceAll(",", "")) : Number.NaN;
}

const COMMA = /^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)(?:,\d+)?(?:[eE][+-]?\d+)?$/;

/** The number that a text says with a comma before decimals and perhaps points between thousands; NaN if it says none. */
export function commaNumberOf(cell: Cell): number {
  const text = typeof cell === "string" ? cell.trim() : "";
  return COMMA.test(text) ? Number(text.replaceAll(".", "").replace(",", ".")) : Number.NaN;
}

const YES = new Set(["true", "yes", "t", "y"]);
const NO = new Set(["false", "no", "f", "n"]);

/** Yes or no; null if a cell says neither. */
export function booleanOf(cell: Cell): boolean | null {
  if (typeof cell === "boolean") return cell;
  if (typeof cell !== "string" || startsWithDigit(cell)) return null;
  const word = cell.trim();
  if (word.length > 5) return null;
  const text = word.toLowerCase();
  return YES.has(text) ? true : NO.has(text) ? false : null;
}

/** A cell's text, as it names a category. */
export const textOf = (cell: Cell): string => (typeof cell === "string" ? cell.trim() : String(cell));
