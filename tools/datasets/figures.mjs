/**
 * Trains on each data set with no option but the target, beside scikit-learn's comparable models, measures all of them on rows that
 * none has seen, and prints a table:
 *
 *     node tools/datasets/figures.mjs [--splits 5] [--only cars] [--embed none] [--alone] [FILE.csv=TARGET …]
 *
 * With --alone scikit-learn, which takes long where a column has many values, is left out.
 *
 * A fifth of the rows are kept aside as test rows, by a hash of the split's number; both programs get the others as one file.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openTable, readTable, validationRows } from "thalweg/tabular";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    splits: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    embed: { type: "string" },
    alone: { type: "boolean", default: false },
  },
});
const embed = options.embed === undefined ? [] : ["--embed", options.embed];
const shipped = (name) => here(`../../examples/data/${name}.csv`);
const folder = mkdtempSync(join(tmpdir(), "figures-"));
const large = join(folder, "cars-500k.csv");

const SETS =
  positionals.length > 0
    ? positionals.map((text) => text.split("="))
    : [
        [shipped("cars"), "mpg"],
        [shipped("diabetes"), "progression"],
        [shipped("penguins"), "species"],
        [shipped("penguins"), "body_mass"],
        [shipped("iris"), "species"],
        [shipped("wine"), "cultivar"],
        [shipped("breast-cancer"), "diagnosis"],
        [large, "mpg"],
      ].filter(([file]) => basename(file).includes(options.only));

/** Splits of a set of so many rows: one of the large one, since it takes a minute, and its figures hardly move. */
const splitsOf = (rows) => (rows > 100_000 ? 1 : Number(options.splits));

/** Rows kept aside in one split: the hash that `train` splits by, under a seed that no run has. */
const testRows = (split) => validationRows(0.2, 1_000_000 + split);

/** Writes the rows of a table in two files. */
function divide({ columns, chunk }, split, name) {
  const isTest = testRows(split);
  const field = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = { train: [columns.map(field).join()], test: [columns.map(field).join()] };
  for (let r = 0; r < chunk.length; r++)
    lines[isTest(r) ? "test" : "train"].push(chunk.columns.map((cells) => field(cells[r])).join());
  return Object.entries(lines).map(([part, text]) => {
    const path = join(folder, `${name}-${split}-${part}.csv`);
    writeFileSync(path, `${text.join("\n")}\n`);
    return path;
  });
}

function thalweg(...args) {
  const command = [here("../../packages/cli/bin/thalweg.js"), ...args, "--json", "--quiet"];
  return JSON.parse(execFileSync(process.execPath, command, { maxBuffer: 1e9, stdio: ["ignore", "pipe", "inherit"] }));
}

/** The figures of scikit-learn's models on the same files. */
function scikitLearn(sets) {
  const python = [process.env.PYTHON ?? "python3", [here("baselines.py")]];
  return JSON.parse(execFileSync(...python, { input: JSON.stringify({ sets }), maxBuffer: 1e9 }));
}

/** Mean and standard deviation over splits; of one split its figure. */
function over(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const digits = mean > 20 ? 1 : 4;
  if (values.length === 1) return mean.toFixed(digits);
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
  return `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
}

const say = (cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
try {
  if (SETS.some(([file]) => file === large))
    execFileSync(process.execPath, [here("large.mjs"), shipped("cars"), large, "--rows", "500000"]);
  const others = options.alone ? [] : ["linear", "MLP", "MLP, early stopping"];
  say(["data, target", "rows", "", "thalweg train", "trivial", ...others]);
  say(["---", "---:", "---", "---:", "---:", ...others.map(() => "---:")]);
  let version = "";
  for (const [file, target] of SETS) {
    const table = await readTable(await openTable(file));
    const name = basename(file, ".csv");
    const ours = [];
    const asked = [];
    for (let split = 0; split < splitsOf(table.chunk.length); split++) {
      const [train, test] = divide(table, split, name);
      const run = join(folder, `${name}-${target}-${split}`);
      thalweg("train", train, "--target", target, "--seed", String(split), "--out", run, ...embed);
      ours.push(thalweg("evaluate", run, test).evaluation);
      const { network } = JSON.parse(readFileSync(join(run, "run.json"), "utf8"));
      asked.push({ train, test, target, task: ours[0].task, hidden: network.hidden });
    }
    const theirs = options.alone ? null : scikitLearn(asked);
    version = theirs === null ? "left out" : theirs.version;
    for (const metric of Object.keys(theirs?.sets[0].linear ?? ours[0].metrics)) {
      const figures = [
        ours.map(({ metrics }) => metrics[metric]),
        ours.map(({ baseline }) => baseline[metric]),
        ...(theirs === null ? [] : ["linear", "mlp", "stopped"]).map((model) =>
          theirs.sets.map((set) => set[model][metric]),
        ),
      ];
      say([`${basename(file)}, ${target}`, table.chunk.length.toLocaleString("en"), metric, ...figures.map(over)]);
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  process.stdout.write(`\n${date}, scikit-learn ${version}, Node ${process.versions.node}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
