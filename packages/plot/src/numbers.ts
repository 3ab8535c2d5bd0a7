/** A number as people read it: a few digits (5 unless given), no long runs of zeros, a real minus. */
export function digits(value: number, precision = 5): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return value.toLocaleString("en-US").replace("-", "−");
  const text =
    size >= 1e-4 && size < 1e7
      ? Number(value.toPrecision(precision)).toString()
      : value.toExponential(precision - 2).replace(/\.?0+e/, "e");
  return text.replaceAll("-", "−");
}

/** "1 step", "2 steps". */
export const count = (n: number, noun: string): string => `${digits(n)} ${noun}${n === 1 ? "" : "s"}`;

/** A share as a percentage: "0.4 %", "12 %". */
export function percent(share: number): string {
  const p = 100 * share;
  return `${p > 0 && p < 10 ? Number(p.toPrecision(2)) : Math.round(p)} %`;
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `text` with its end left out where it is longer than `length`. */
export const shorten = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`;
