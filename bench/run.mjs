/** `npm run bench`: Thalweg beside its peers, on this machine, now. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cases } from "./src/cases.mjs";
import { duel } from "./src/duel.mjs";
import { growth } from "./src/growth.mjs";
import { findPeers, nodeVersion, peerSpecs } from "./src/peers.mjs";
import { picture } from "./src/picture.mjs";
import { markdown, terminalTable } from "./src/report.mjs";
import { bundleSize, firstStep, importTime, wholeProgram } from "./src/startup.mjs";

const others = { ...growth, import: importTime, first: firstStep, program: wholeProgram, bundle: bundleSize };
const ids = [...new Set(cases.map(({ id }) => id)), ...Object.keys(others), "memory"];
const peerNames = peerSpecs()
  .map(({ name }) => name)
  .filter((name) => name !== "copy");

const HELP = `npm run bench -- [options]

Runs Thalweg side by side with PyTorch, TensorFlow.js (wasm) and jax-js, checks that all of them give the
same numbers, and prints a table. A full run also writes bench/RESULTS.md and docs/bench.svg.

  --case NAME    only this case; may be repeated: ${ids.join(", ")}
  --peers LIST   only these, comma-separated: ${peerNames.join(", ")}
  --quick        few short rounds: a look, not a measurement
  --rounds N     N rounds of 100 ms instead of 7 of 250 ms, where time is short; RESULTS.md then says so
  --one-node     run every JavaScript peer under the newer Node that jax-js needs
  --help         this text

The peers are optional: \`npm run bench:install\` fetches the JavaScript ones (about 450 MB, half of it a
newer Node for jax-js) into bench/peers. PyTorch is looked for in python3, or in the interpreter that the
variable PYTHON names.`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      case: { type: "string", multiple: true },
      peers: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      "one-node": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const peers = values.peers?.split(",").map((name) => name.trim());
  for (const name of peers ?? []) if (!peerNames.includes(name)) throw new Error(`--peers ${name}: no such peer`);
  for (const name of values.case ?? []) if (!ids.includes(name)) throw new Error(`--case ${name}: no such case`);
  const fewer = values.rounds === undefined ? undefined : Number(values.rounds);
  if (fewer !== undefined && !(Number.isInteger(fewer) && fewer > 0)) throw new Error(`--rounds ${values.rounds}`);
  const [rounds, budgetMs] = values.quick ? [3, 60] : fewer !== undefined ? [fewer, 100] : [7, 250];
  return { ...values, peers, rounds, budgetMs, fewer, wanted: values.case ?? ids, oneNode: values["one-node"] };
}

/** On a terminal the line rewrites itself; elsewhere each case says once that it begins. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
  else if (/checking Thalweg|round 1 /.test(text)) process.stderr.write(`${text}\n`);
}
const clearProgress = () => process.stderr.isTTY && process.stderr.write("\r\x1b[2K");

function machineLines(there) {
  const [{ model }] = cpus();
  const load = loadavg()[0];
  return [
    `${model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform} ${process.arch}` +
      (load > 0.7 ? `, busy with something else at the start (load ${load.toFixed(1)})` : ""),
    `Node ${nodeVersion(process.execPath)}`,
    ...there
      .filter(({ name }) => name !== "copy")
      .map(({ name, title, version, command }) =>
        name !== "pytorch" && command !== process.execPath
          ? `${title} ${version}, on Node ${nodeVersion(command)}`
          : `${title} ${version}`,
      ),
  ];
}

function measureMemory(quick) {
  progress("memory: checking Thalweg");
  const script = fileURLToPath(new URL("memory.mjs", import.meta.url));
  const args = [script, "--json", "--steps", quick ? "5000" : "100000"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`memory: ${stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(stdout);
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(HELP);

  const { there, missing } = await findPeers(options.peers, options);
  const machine = machineLines(there);
  const absent = missing.map(({ title, reason, get }) => `${title} is not there (${reason}). To get it: ${get}`);
  console.log([...machine, ...absent].join("\n"));

  const { rounds, budgetMs, fewer } = options;
  if (fewer !== undefined) machine.push(`A short run: ${rounds} rounds of ${budgetMs} ms, usual are 7 of 250 ms`);
  const measure = { rounds, budgetMs, warmMs: options.quick ? 60 : 250, progress, pool: new Map() };
  const results = [];
  const show = (result) => {
    clearProgress();
    results.push(result);
    console.log(`\n${terminalTable(result)}`);
  };
  try {
    for (const test of cases) if (options.wanted.includes(test.id)) show(await duel(test, there, measure));
  } finally {
    for (const process of measure.pool.values()) process.stop();
  }
  for (const [id, run] of Object.entries(others)) if (options.wanted.includes(id)) show(await run(there, measure));

  const usable = there.some(({ name }) => name === "thalweg");
  const memory = usable && options.wanted.includes("memory") ? measureMemory(options.quick) : undefined;
  clearProgress();
  if (memory) {
    console.log("\nMemory over a long training loop");
    for (const { kind, early, steps, atEarly, atEnd } of memory.results) {
      const figures = ({ heap, wasm, plans }) =>
        `heap ${(heap / 1e6).toFixed(2)} MB, WebAssembly ${(wasm / 1e6).toFixed(2)} MB, ${plans} plans`;
      console.log(
        `  ${memory.loops[kind]}: after ${early} steps ${figures(atEarly)}; after ${steps} ${figures(atEnd)}`,
      );
    }
  }

  if (!options.case && !options.peers && !options.quick && usable) {
    // The benchmark alone is a load of up to one thread for each core.
    const load = loadavg()[1];
    if (load > cpus().length)
      machine.push(`Load over the last five minutes ${load.toFixed(1)}: cores were shared with others`);
    const date = new Date().toISOString().slice(0, 10);
    const text = markdown({ date, machine, missing: absent, results, memory });
    writeFileSync(new URL("RESULTS.md", import.meta.url), text);
    const drawn = picture(results, `${cpus().length} cores · Node ${process.versions.node.split(".")[0]} · ${date}`);
    if (drawn) writeFileSync(new URL("../docs/bench.svg", import.meta.url), drawn);
    console.log(`\nWritten: bench/RESULTS.md${drawn ? " and docs/bench.svg" : ""}`);
  }
  const wrong = results.flatMap((result) => result.wrong);
  if (wrong.length) {
    console.error(`\nNot right:\n${wrong.join("\n")}`);
    process.exitCode = 1;
  }
}

main().catch((error) => {
  clearProgress();
  console.error(error.message);
  process.exitCode = 1;
});
