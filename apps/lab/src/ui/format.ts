/** A number in few characters: four digits, and powers of ten where they are shorter. */
export function short(x: number, digitsShown = 4): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "NaN" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  if (x === 0 || (size < 1e5 && size >= 1e-3)) return String(Number(x.toPrecision(digitsShown))).replace("-", "−");
  const [digits, power] = x.toExponential(2).split("e");
  const ten = `10${superscript(String(Number(power)))}`;
  const factor = Number(digits);
  return factor === 1 ? ten : `${String(factor).replace("-", "−")}·${ten}`;
}

/** A number as TeX, in brackets where a sign would meet an operator. */
export function tex(x: number, inside = false): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "\\text{NaN}" : x > 0 ? "\\infty" : "-\\infty";
  const size = Math.abs(x);
  let text: string;
  if (x !== 0 && (size >= 1e5 || size < 1e-3)) {
    const [digits, power] = x.toExponential(2).split("e");
    text = `${digits}\\cdot 10^{${Number(power)}}`;
  } else text = String(Number(x.toPrecision(4)));
  return inside && x < 0 ? `(${text})` : text;
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = {
  "-": "⁻",
  ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((c, i) => [String(i), c])),
};
const superscript = (digits: string): string => [...digits].map((c) => SUPERSCRIPTS[c] ?? c).join("");
