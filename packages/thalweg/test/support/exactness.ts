import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

/** How far one rule came from its oracle. */
export interface Exactness {
  /** The rule's name as in `optim`, with what tells it from its relatives if need be: "RMSprop", "RMSprop (sparse)". */
  rule: string;
  /** The options that were tried, for people: "lr, betas, amsgrad, 32 combinations". */
  options: string;
  /** The program it was compared with: "PyTorch 2.15.0". */
  oracle: string;
  /** Largest relative deviation measured in float32; null where it was not tried. */
  float32: number | null;
  /** Largest relative deviation measured in float64; null where it was not tried. */
  float64: number | null;
}

const file = fileURLToPath(new URL("../../../../docs/exactness.md", import.meta.url));

/** How much worse than documented a deviation may be. */
const slack = 4;
/** A documented 0 still allows rounding once. */
const rounding = { float32: 2 ** -24, float64: 2 ** -53 };

const introduction = `# How exact the rules are

Each rule makes the same steps as another program, from the same parameters with the same gradients, in which numbers
from 1e-6 to 1e4 and zeros stand side by side. The deviation is that of a parameter's value from the other program's,
relative to the largest that this element has been so far (for Adafactor and Muon in float32, whose elements are mixed,
that any element of the parameter has been), and the largest of all elements, steps and options is shown.

This table is written by the tests (\`UPDATE_DOCS=1 npx vitest run\`), and they fail if a rule becomes less exact than it
says.
`;

const head = ["| rule | options tried | oracle | float32 | float64 |", "| --- | --- | --- | --- | --- |"];

const cells = (row: string): string[] =>
  row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

const rowsOf = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(head.length)
    .map(cells);

function read(): string[][] {
  try {
    return rowsOf(readFileSync(file, "utf8"));
  } catch {
    return []; // not written yet
  }
}

const shown = (deviation: number | null): string => (deviation === null ? "–" : deviation.toExponential(1));

/** Test files run side by side, so only one at a time may change the table. */
function alone(change: () => void): void {
  const lock = `${file}.lock`;
  for (let tries = 0; ; tries++) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (tries === 200) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
  try {
    change();
  } finally {
    rmdirSync(lock);
  }
}

/**
 * States in a test how exact a rule was found to be. With the environment variable `UPDATE_DOCS=1` the row goes into
 * docs/exactness.md (a rule has one row per oracle); otherwise the row must be there, with the same options, and the
 * deviation must not be more than 4 times what it says. Call it in a test of its own, after those that measure:
 *
 * ```ts
 * test("is as exact as docs/exactness.md says", () => {
 *   record({ rule: "Adam", options: "lr, betas, amsgrad", oracle: `PyTorch ${fixture.torch}`, float32: 2e-7, float64: 1e-16 });
 * });
 * ```
 */
export function record({ rule, options, oracle, float32, float64 }: Exactness): void {
  const isSame = (row: string[]): boolean => row[0] === rule && row[2] === oracle;
  if (process.env.UPDATE_DOCS === "1") {
    alone(() => {
      const rows = read().filter((row) => !isSame(row));
      rows.push([rule, options, oracle, shown(float32), shown(float64)]);
      // By code units, so that the order is the same on every machine.
      const lines = rows.map((row) => `| ${row.join(" | ")} |`).sort((a, b) => (a < b ? -1 : 1));
      writeFileSync(file, [introduction, ...head, ...lines, ""].join("\n"));
    });
    return;
  }
  const row = read().find(isSame);
  if (row === undefined) {
    expect.fail(`docs/exactness.md has no row for ${rule} against ${oracle}: run the tests with UPDATE_DOCS=1`);
  }
  expect(options, "the options tried, as docs/exactness.md has them").toBe(row[1]);
  for (const [dtype, deviation, cell] of [
    ["float32", float32, row[3]],
    ["float64", float64, row[4]],
  ] as const) {
    if (deviation === null) expect(cell).toBe("–");
    else {
      const allowed = Math.max(slack * Number(cell), rounding[dtype]);
      expect(deviation, `${rule} in ${dtype}, documented as ${cell}`).toBeLessThanOrEqual(allowed);
    }
  }
}
