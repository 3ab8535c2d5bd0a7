/** A car with every value known. */
export interface Car {
  readonly name: string;
  /** Miles per US gallon. */
  readonly mpg: number;
  readonly cylinders: number;
  /** Cubic inches. */
  readonly displacement: number;
  readonly horsepower: number;
  /** Pounds. */
  readonly weight: number;
  /** Seconds from 0 to 60 miles per hour. */
  readonly acceleration: number;
  readonly year: number;
  readonly origin: string;
}

/** The columns that miles per gallon is predicted from. */
export const FEATURES = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year"] as const;

const TEXT = ["name", "origin"];
const COLUMNS = ["name", "mpg", ...FEATURES, "origin"];

/**
 * Reads `data/cars.csv`. A car with a missing value is left out, and `dropped` counts them.
 *
 * @throws Error if the header is not the one expected, or a number cannot be read, with the line.
 */
export function parseCars(csv: string): { cars: Car[]; dropped: number } {
  // No field of this file holds a comma or a quote, so lines and commas are all there is to its format.
  const [header = "", ...lines] = csv.trim().split(/\r?\n/);
  if (header !== COLUMNS.join(",")) throw new Error(`cars: expected the columns ${COLUMNS.join(",")}, got ${header}`);
  const rows = lines.map((line) => line.split(","));
  const complete = rows.filter((fields) => fields.every((field) => field !== ""));
  const cars = complete.map((fields) => {
    const entries = COLUMNS.map((column, i) => {
      const field = fields[i] ?? "";
      const value = TEXT.includes(column) ? field : Number(field);
      if (Number.isNaN(value))
        throw new Error(`cars: ${column} is "${field}" in "${fields.join(",")}"; expected a number`);
      return [column, value] as const;
    });
    return Object.fromEntries(entries) as unknown as Car;
  });
  return { cars, dropped: rows.length - complete.length };
}
