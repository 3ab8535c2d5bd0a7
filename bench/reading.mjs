/**
 * How fast data files are read, in megabytes a second: rows as cells, what is found in columns, and rows as numbers.
 *
 *     node bench/reading.mjs [FILE …]
 *
 * Without files: the cars, drawn again and again to 500,000 rows (`tools/datasets/large.mjs`), as CSV with commas, with quotes and
 * Windows' line ends, as JSON Lines, and as Parquet if pandas is there to write it; pandas reads the same files beside.
 */
import { execFileSync } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openTable, profile, TableEncoder } from "thalweg/tabular";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const python = process.env.PYTHON ?? "python3";
const folder = mkdtempSync(join(tmpdir(), "reading-"));

async function cars() {
  const [csv, quoted, lines, parquet] = ["cars.csv", "cars-quoted.csv", "cars.jsonl", "cars.parquet"].map((name) =>
    join(folder, name),
  );
  execFileSync(process.execPath, [here("../tools/datasets/large.mjs"), here("../examples/data/cars.csv"), csv]);
  const { columns, chunks } = await openTable(csv).then((source) => ({
    columns: source.columns,
    chunks: source.chunks(),
  }));
  const [q, l] = [quoted, lines].map((path) => createWriteStream(path));
  q.write(`${columns.join()}\r\n`);
  for await (const chunk of chunks) {
    for (let r = 0; r < chunk.length; r++) {
      const cells = chunk.columns.map((column) => column[r]);
      q.write(`${cells.map((cell) => `"${cell}"`).join()}\r\n`);
      const value = (cell) => (cell === "" ? null : Number.isNaN(Number(cell)) ? cell : Number(cell));
      l.write(`${JSON.stringify(Object.fromEntries(columns.map((name, c) => [name, value(cells[c])])))}\n`);
    }
  }
  await Promise.all([q, l].map((stream) => new Promise((done) => stream.end(done))));
  try {
    execFileSync(python, [
      "-c",
      "import sys, pandas; pandas.read_csv(sys.argv[1]).to_parquet(sys.argv[2])",
      csv,
      parquet,
    ]);
    return [csv, quoted, lines, parquet];
  } catch {
    return [csv, quoted, lines];
  }
}

async function seconds(work) {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Seconds that pandas takes, its start not counted; NaN without it. */
function pandas(path) {
  const read = path.endsWith(".jsonl")
    ? "read_json(f, lines=True)"
    : path.endsWith(".parquet")
      ? "read_parquet(f)"
      : "read_csv(f)";
  const program = `import sys, time, pandas\nf = sys.argv[1]\npandas.${read}\nt = time.time()\npandas.${read}\nprint(time.time() - t)`;
  try {
    return Number(execFileSync(python, ["-c", program, path], { stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return Number.NaN;
  }
}

try {
  const files = process.argv.length > 2 ? process.argv.slice(2) : await cars();
  const say = (cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
  say(["file", "MB", "cells, MB/s", "columns found, MB/s", "numbers, MB/s", "pandas, MB/s"]);
  say(["---", "---:", "---:", "---:", "---:", "---:"]);
  for (const path of files) {
    const source = await openTable(path);
    const megabytes = statSync(path).size / 1e6;
    let profiles = [];
    const passes = {
      cells: async () => {
        for await (const _ of source.chunks());
      },
      columns: async () => {
        profiles = await profile(source.columns, source.chunks());
      },
      numbers: async () => {
        const target = profiles.findLast(({ type }) => type === "number").name;
        const { encoder } = TableEncoder.fit(profiles, { target });
        for await (const chunk of source.chunks())
          encoder.compact(source.columns, chunk, source.name, true, () => true);
      },
    };
    const speeds = [];
    // The first time the engine compiles the code.
    for (const pass of Object.values(passes)) {
      await pass();
      speeds.push(megabytes / Math.min(await seconds(pass), await seconds(pass)));
    }
    say([basename(path), megabytes.toFixed(0), ...[...speeds, megabytes / pandas(path)].map((x) => x.toFixed(0))]);
  }
} finally {
  rmSync(folder, { recursive: true });
}
