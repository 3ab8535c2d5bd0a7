/** JSON that keeps NaN and the infinities: as the text "NaN", "Infinity" or "-Infinity". */
export const toJSON = (value: unknown): string =>
  JSON.stringify(value, (_, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x));

const SPECIAL: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

export const fromJSON = (text: string): unknown =>
  JSON.parse(text, (_, x) => (typeof x === "string" && Object.hasOwn(SPECIAL, x) ? SPECIAL[x] : x));
