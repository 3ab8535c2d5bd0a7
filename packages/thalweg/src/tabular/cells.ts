/** What a cell says: nothing, a number, yes or no, a date. */
import type { Cell } from "./source.js";

/** Texts that stand for a missing value, whatever their case. */
const MISSING = new Set(["", "na", "n/a", "#n/a", "nan", "null", "none", "?", "-"]);

/** True for null and for the texts that files write where nothing is known: "", NA, N/A, NaN, null, None, ?, -. */
export function isMissing(cell: Cell): boolean {
  if (cell === null) return true;
  if (typeof cell === "number") return Number.isNaN(cell);
  if (typeof cell === "boolean" || cell.length > 6) return false;
  return MISSING.has(cell.trim().toLowerCase());
}

const PLAIN = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
// Not 0,532: a thousand never begins with a zero, but decimals behind a comma do.
const THOUSANDS = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/;

/** The number that a cell says, with a point before decimals and perhaps commas between thousands; NaN if it says none. */
export function numberOf(cell: Cell): number {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string") return Number.NaN;
  const text = cell.trim();
  if (PLAIN.test(text)) return Number(text);
  return THOUSANDS.test(text) ? Number(text.replaceAll(",", "")) : Number.NaN;
}

const YES = new Set(["true", "yes", "t", "y"]);
const NO = new Set(["false", "no", "f", "n"]);

/** Yes or no; null if a cell says neither. */
export function booleanOf(cell: Cell): boolean | null {
  if (typeof cell === "boolean") return cell;
  if (typeof cell !== "string") return null;
  const text = cell.trim().toLowerCase();
  return YES.has(text) ? true : NO.has(text) ? false : null;
}

const ISO = /^\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?$/;
const ENGLISH = /^(?:[A-Z][a-z]{2,8} \d{1,2},? \d{4}|\d{1,2} [A-Z][a-z]{2,8} \d{4})$/;

/** Days since 1970 of a date such as 2026-11-24, 2026/11/24 12:30 or Nov 24 2026 (as UTC); NaN if a cell is none. */
export function dateOf(cell: Cell): number {
  if (typeof cell !== "string") return Number.NaN;
  const text = cell.trim();
  if (!ISO.test(text) && !ENGLISH.test(text)) return Number.NaN;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) && text.includes(":");
  const milliseconds = Date.parse(zoned ? text : `${text.replaceAll("/", "-").replace("T", " ")} UTC`);
  return milliseconds / 86_400_000;
}

/** A cell's text, as it names a category. */
export const textOf = (cell: Cell): string => (typeof cell === "string" ? cell.trim() : String(cell));
