/**
 * Makes a large table from a real one: its rows are drawn again and again, and their numbers blurred a little.
 *
 *     node tools/datasets/large.mjs FROM.csv TO.csv [--rows 500000 | --bytes 2e9] [--noise 0.02] [--seed 1]
 */
import { closeSync, openSync, writeSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { Generator } from "thalweg";
import { openTable, readTable } from "thalweg/tabular";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "500000" },
    bytes: { type: "string" },
    noise: { type: "string", default: "0.02" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help || positionals.length !== 2) {
  process.stdout.write(
    "node tools/datasets/large.mjs FROM.csv TO.csv [--rows N | --bytes N] [--noise SHARE] [--seed N]\n",
  );
  process.exit(values.help ? 0 : 2);
}
const [from, to] = positionals;
const { columns, chunk } = await readTable(await openTable(from));
const isNumber = chunk.columns.map((cells) => cells.every((cell) => cell === "" || Number.isFinite(Number(cell))));
const scales = chunk.columns.map((cells, c) => {
  if (!isNumber[c]) return 0;
  const numbers = cells.filter((cell) => cell !== "").map(Number);
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  // Numbers of few different values are counts or codes, and stay as they are.
  if (new Set(numbers).size <= 15) return 0;
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length) * Number(values.noise);
});
const generator = new Generator(Number(values.seed));
const most = values.bytes === undefined ? Number(values.rows) : Number.POSITIVE_INFINITY;
const bytes = values.bytes === undefined ? Number.POSITIVE_INFINITY : Number(values.bytes);
const file = openSync(to, "w");
let written = writeSync(file, `${columns.join()}\n`);
let lines = [];
let rows = 0;
for (; rows < most && written < bytes; rows++) {
  const r = Math.floor(generator.nextFloat() * chunk.length);
  lines.push(
    chunk.columns
      .map((cells, c) => {
        if (cells[r] === "" || scales[c] === 0)
          return /[",\n]/.test(cells[r]) ? `"${cells[r].replaceAll('"', '""')}"` : cells[r];
        // A sum of uniforms is near enough to a normal.
        const z = generator.nextFloat() + generator.nextFloat() + generator.nextFloat() - 1.5;
        return (Number(cells[r]) + 2 * z * scales[c]).toPrecision(7);
      })
      .join(),
  );
  if (lines.length === 5000) {
    written += writeSync(file, `${lines.join("\n")}\n`);
    lines = [];
  }
}
if (lines.length > 0) written += writeSync(file, `${lines.join("\n")}\n`);
closeSync(file);
process.stdout.write(`${to}: ${rows.toLocaleString("en")} rows, ${(written / 1e6).toFixed(0)} MB\n`);
