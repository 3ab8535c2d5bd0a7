/** Dates in cells, read by our own rules: `Date.parse` takes what each engine likes. */
import type { Cell } from "./source.js";

/** Which comes first where day and month are both numbers and the year stands last. */
export type DateOrder = "day first" | "month first";

const TIME = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?: ?([AaPp])\.?[Mm]\.?)?`;
const ZONE = String.raw`(Z|[+-]\d{2}(?::?\d{2})?)?`;
/** 2026-11-24, 2026/11/24 12:30, 2026-11-24T12:30:00.5+01:00 (ISO 8601's calendar dates, and slashes). */
const YEAR_FIRST = new RegExp(String.raw`^(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:(?:T| +)${TIME} ?${ZONE})?$`);
/** 11/24/2026, 24.11.2026, 24-11-2026 12:30, 11/24/2026 1:30 PM. */
const YEAR_LAST = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:,? +${TIME})?$`);
/** Nov 24 2026, November 24, 2026. */
const MONTH_NAMED = /^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})$/;
/** 24 November 2026, 24-Nov-2026. */
const DAY_NAMED = /^(\d{1,2})([ -])([A-Za-z]{3,9})\.?\2(\d{4})$/;

const MONTHS = "january february march april may june july august september october november december".split(" ");

/**
 * Days since 1970 of the date that a cell says, as UTC where it names no zone; NaN if it says none.
 *
 * @param order - how a date such as 11/24/2026 is read; without it, it is none
 */
export function dateOf(cell: Cell, order: DateOrder | null = null): number {
  if (typeof cell !== "string") return Number.NaN;
  const text = cell.trim();
  // Most texts are no dates, and seen to be none by their length or their last character.
  if (text.length < 8 || text.length > 40 || !"0123456789ZMm.".includes(text.at(-1)!)) return Number.NaN;
  const iso = YEAR_FIRST.exec(text);
  if (iso !== null) {
    const [, year, , month, day, hour, minute, second, fraction, half, zone] = iso;
    return (
      dayOf(Number(year), Number(month), Number(day)) + timeOf(hour, minute, second, fraction, half) - zoneOf(zone)
    );
  }
  const last = order === null ? null : YEAR_LAST.exec(text);
  if (last !== null) {
    const [, first, , second, year, ...time] = last;
    const [day, month] = order === "day first" ? [first, second] : [second, first];
    return dayOf(Number(year), Number(month), Number(day)) + timeOf(...time);
  }
  const english = MONTH_NAMED.exec(text);
  if (english !== null) return dayOf(Number(english[3]), monthOf(english[1]!), Number(english[2]));
  const british = DAY_NAMED.exec(text);
  return british === null ? Number.NaN : dayOf(Number(british[4]), monthOf(british[3]!), Number(british[1]));
}

/** A month by its English name or the first three letters (or more) of it; NaN if it is none. */
function monthOf(name: string): number {
  const index = MONTHS.findIndex((month) => month.startsWith(name.toLowerCase()));
  return index < 0 ? Number.NaN : index + 1;
}

/** Days since 1970 of a date of the Gregorian calendar (H. Hinnant's days_from_civil); NaN if there is no such day. */
function dayOf(year: number, month: number, day: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= longest)) return Number.NaN;
  // Years from March on, so that the day that some years lack comes last.
  const y = month <= 2 ? year - 1 : year;
  const sinceMarch = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + sinceMarch - 719468;
}

/** A time as a part of a day; NaN if there is no such time. */
function timeOf(hour?: string, minute?: string, second = "0", fraction = "0", half?: string): number {
  if (hour === undefined) return 0;
  let h = Number(hour);
  if (half !== undefined) {
    if (h < 1 || h > 12) return Number.NaN;
    h = (h % 12) + (half.toLowerCase() === "p" ? 12 : 0);
  }
  // A second 60 is one that is put in now and then.
  if (h > 23 || Number(minute) > 59 || Number(second) > 60) return Number.NaN;
  return (h * 3600 + Number(minute) * 60 + Number(`${second}.${fraction}`)) / 86_400;
}

/** How far a zone is ahead of UTC, as a part of a day. */
function zoneOf(zone = "Z"): number {
  if (zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", ""));
  return ((zone.startsWith("-") ? -1 : 1) * minutes) / 1440;
}
