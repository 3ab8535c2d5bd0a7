/** The results as a table in the terminal and as bench/RESULTS.md. */
import { digits } from "./stats.mjs";

const COLUMNS = ["", "median", "quartiles", "against us", ""];

/** @param {import("./duel.mjs").Result} result @param {import("./duel.mjs").Row} row */
function cells({ unit }, row) {
  if (row.median === undefined) return [row.label, "", "", "", row.note ?? ""];
  return [
    row.label,
    `${digits(row.median)} ${unit}`,
    row.low === undefined ? "" : `${digits(row.low)} – ${digits(row.high)}`,
    row.ratio === undefined ? "" : `${digits(row.ratio)} ×`,
    row.rate ?? "",
  ];
}

const verdictLine = ({ text, value, met }, unit) => `${met ? "met" : "MISSED"}: ${text} (${digits(value)}${unit})`;
const verdictUnit = ({ id, unit }) => (["import", "first", "bundle"].includes(id) ? ` ${unit}` : " ×");

/** @param {import("./duel.mjs").Result} result */
export function terminalTable(result) {
  if (result.rows.length === 0) return `${result.title}\nNobody is there to run it.`;
  const rows = [COLUMNS, ...result.rows.map((row) => cells(result, row))];
  const widths = COLUMNS.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, c) => (c === 0 || c === 4 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join("  ")
      .trimEnd(),
  );
  return [result.title, ...lines, ...result.verdicts.map((v) => `  ${verdictLine(v, verdictUnit(result))}`)].join("\n");
}

/** @param {import("./duel.mjs").Result} result */
function markdownTable(result) {
  const head = ["", "median", "quartiles", "against us", ""];
  const rows = result.rows.map((row) => cells(result, row));
  return [
    `## ${result.title}`,
    "",
    ...[head, ["---", "---:", "---:", "---:", "---"], ...rows].map((row) => `| ${row.join(" | ")} |`),
    "",
    ...result.verdicts.map((v) => `- ${verdictLine(v, verdictUnit(result))}`),
    ...(result.verdicts.length ? [""] : []),
  ].join("\n");
}

function memoryTable({ loops, results }) {
  const mb = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
  const rows = results.flatMap(({ kind, early, steps, atEarly, atEnd }) => [
    `| ${loops[kind]} | ${early.toLocaleString("en")} | ${mb(atEarly.heap)} | ${mb(atEarly.wasm)} | ${atEarly.plans} |`,
    `| | ${steps.toLocaleString("en")} | ${mb(atEnd.heap)} | ${mb(atEnd.wasm)} | ${atEnd.plans} |`,
  ]);
  return [
    "## Memory over a long training loop",
    "",
    "The README's program (`node bench/memory.mjs`), after a full garbage collection.",
    "",
    "| the loop | steps | JavaScript heap | WebAssembly memory | plans compiled for it |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...rows,
    "",
  ].join("\n");
}

/**
 * @param {{ date: string; machine: string[]; missing: string[]; results: import("./duel.mjs").Result[]; memory?: Parameters<typeof memoryTable>[0] }} run
 */
export function markdown({ date, machine, missing, results, memory }) {
  return [
    "# Side by side",
    "",
    "Written by `npm run bench`. Every peer runs in a process of its own and gives the right numbers before it is",
    "timed; the peers take turns, round by round. *Against us* is a peer's time over Thalweg's (above 1: Thalweg is",
    "faster), the median of the rounds' own ratios. *Quartiles* are of all single runs. What we ask of ourselves and",
    "miss is printed as missed.",
    "",
    ...[`Measured ${date}`, ...machine, ...missing].map((line) => `- ${line}`),
    "",
    "To reproduce, from the repository's root:",
    "",
    "```sh",
    "npm ci && npm run build",
    "npm run bench:install       # TensorFlow.js, jax-js and the newer Node that jax-js needs, into bench/peers",
    "pip install torch numpy     # in any Python; name its interpreter in PYTHON if it is not python3",
    "npm run bench               # or: npm run bench -- --help",
    "```",
    "",
    ...results.map(markdownTable),
    ...(memory ? [memoryTable(memory)] : []),
  ].join("\n");
}
