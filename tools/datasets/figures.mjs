/**
 * Trains on each data set with no option but the target, beside scikit-learn's comparable models on the same rows, and prints
 * a table:
 *
 *     node tools/datasets/figures.mjs
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openTable, readTable, validationRows } from "thalweg/tabular";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "figures-"));
const large = join(folder, "cars-500k.csv");
execFileSync(process.execPath, [here("large.mjs"), here("../../examples/data/cars.csv"), large, "--rows", "500000"]);

const sets = [
  ["cars", "mpg"],
  ["diabetes", "progression"],
  ["penguins", "species"],
  ["penguins", "body_mass"],
  ["iris", "species"],
  ["wine", "cultivar"],
  ["breast-cancer", "diagnosis"],
  [large, "mpg"],
];
process.stdout.write(
  "| data, target | rows | | thalweg train | trivial | scikit-learn linear | scikit-learn MLP | time |\n| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n",
);
for (const [name, target] of sets) {
  const file = name === large ? large : here(`../../examples/data/${name}.csv`);
  const out = join(folder, `${basename(file)}-${target}`);
  const begun = performance.now();
  execFileSync(process.execPath, [
    here("../../packages/cli/bin/thalweg.js"),
    "train",
    file,
    "--target",
    target,
    "--out",
    out,
    "--quiet",
  ]);
  const seconds = (performance.now() - begun) / 1000;
  const { metrics, baseline, task } = JSON.parse(readFileSync(join(out, "evaluation.json"), "utf8"));
  const { chunk } = await readTable(await openTable(file));
  const pick = validationRows(0.2, 0);
  const validation = Array.from({ length: chunk.length }, (_, row) => row).filter(pick);
  const input = JSON.stringify({ file, target, task, validation });
  const theirs = JSON.parse(
    execFileSync(process.env.PYTHON ?? "python3", [here("baselines.py")], { input, maxBuffer: 1e9 }).toString(),
  );
  for (const metric of Object.keys(theirs.linear)) {
    const figures = [metrics[metric], baseline[metric], theirs.linear[metric], theirs.mlp[metric]];
    process.stdout.write(
      `| ${basename(file)}, ${target} | ${chunk.length.toLocaleString("en")} | ${metric} | ${figures.map((x) => x.toFixed(4)).join(" | ")} | ${seconds.toFixed(1)} s |\n`,
    );
  }
}
rmSync(folder, { recursive: true });
