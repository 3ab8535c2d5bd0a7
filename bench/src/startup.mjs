/** What a fresh process and a page pay: import time, the first step and the whole of section 1's program, size of its bundle. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { peersFolder } from "./peers.mjs";
import { median, quantile } from "./stats.mjs";

const IMPORTS = {
  thalweg: ["--input-type=module", "-e", 'import "thalweg"'],
  pytorch: ["-c", "import torch"],
  tfjs: ["--input-type=module", "-e", 'import "@tensorflow/tfjs"; import "@tensorflow/tfjs-backend-wasm"'],
  jax: ["--input-type=module", "-e", 'import "@jax-js/jax"'],
};
const EMPTY = { pytorch: ["-c", ""], default: ["--input-type=module", "-e", ""] };
const PROGRAMS = { thalweg: "section1/thalweg.mjs", tfjs: "section1/tfjs.mjs", jax: "section1/jax.mjs" };

function wallTime(command, args) {
  const before = performance.now();
  const { status, stderr } = spawnSync(command, args, { cwd: peersFolder, encoding: "utf8" });
  const ms = performance.now() - before;
  if (status !== 0) throw new Error(stderr.trim().split("\n").at(-1) || `ended with ${status}`);
  return ms;
}

/**
 * Milliseconds that `argsOf` adds to an empty process, for each peer, in turns.
 * @param {import("./peers.mjs").Peer[]} peers
 */
function addedTimes(peers, argsOf, rounds, progress) {
  const entrants = peers.filter((peer) => argsOf(peer.name));
  const added = new Map(entrants.map(({ name }) => [name, /** @type {number[]} */ ([])]));
  const notes = new Map();
  // The first round brings the files into the system's cache and does not count.
  for (let round = -1; round < rounds; round++) {
    progress(`round ${Math.max(round + 1, 1)} of ${rounds}`);
    for (const { name, command } of entrants) {
      try {
        const empty = wallTime(command, EMPTY[name] ?? EMPTY.default);
        const full = wallTime(command, argsOf(name));
        if (round >= 0) added.get(name).push(full - empty);
      } catch (error) {
        notes.set(name, `failed: ${error.message}`);
      }
    }
  }
  const ours = added.get("thalweg");
  return entrants.map(({ name, title }) => {
    const times = added.get(name);
    if (notes.has(name)) return { key: name, label: title, note: notes.get(name) };
    const ratio = ours?.length ? median(times) / median(ours) : undefined;
    const spread = { low: quantile(times, 0.25), high: quantile(times, 0.75), runs: times.length };
    return { key: name, label: title, median: median(times), ...spread, ...(ratio ? { ratio } : {}) };
  });
}

const verdict = (rows, text, limit) => {
  const value = rows.find(({ key }) => key === "thalweg")?.median;
  return value === undefined ? [] : [{ text, value, met: value <= limit }];
};
const wrongOf = (id, rows) => rows.flatMap(({ key, note }) => (note ? [`${id}, ${key}: ${note}`] : []));

/** @returns {Promise<import("./duel.mjs").Result>} */
export async function importTime(peers, { rounds, progress }) {
  const id = "import";
  const rows = addedTimes(
    peers,
    (name) => IMPORTS[name],
    rounds,
    (text) => progress(`${id}: ${text}`),
  );
  const title = "Import in a fresh process, less an empty process";
  return { id, title, unit: "ms", rows, verdicts: verdict(rows, "at most 60 ms", 60), wrong: wrongOf(id, rows) };
}

/** Section 1's program, to the end or to its first loss: the same text with one epoch. */
const programOf = (name, epochs) => {
  if (!PROGRAMS[name]) return undefined;
  const text = readFileSync(join(peersFolder, PROGRAMS[name]), "utf8");
  if (!text.includes("epoch < 100;")) throw new Error(`${PROGRAMS[name]} does not train for 100 epochs`);
  const shorter = text.replace("epoch < 100;", `epoch < ${epochs};`).replace("losses[99]", "losses.at(-1)");
  return ["--input-type=module", "-e", shorter];
};

/** @returns {Promise<import("./duel.mjs").Result>} */
export async function firstStep(peers, { rounds, progress }) {
  const id = "first";
  const argsOf = (name) => programOf(name, 1);
  const rows = addedTimes(peers, argsOf, rounds, (text) => progress(`${id}: ${text}`));
  const title =
    "The README's program to the end of its first step in a fresh process, import included, less an empty process";
  return { id, title, unit: "ms", rows, verdicts: verdict(rows, "at most 150 ms", 150), wrong: wrongOf(id, rows) };
}

/** @returns {Promise<import("./duel.mjs").Result>} */
export async function wholeProgram(peers, { rounds, progress }) {
  const id = "program";
  const argsOf = (name) => programOf(name, 100);
  const rows = addedTimes(peers, argsOf, rounds, (text) => progress(`${id}: ${text}`));
  const title = "The same, all 100 epochs";
  return { id, title, unit: "ms", rows, verdicts: [], wrong: wrongOf(id, rows) };
}

/** The bundle that a page loads at once for section 1's program: minified, split, gzipped. */
export async function bundleSize(peers, { progress }) {
  const { rolldown } = await import("rolldown");
  const id = "bundle";
  const rows = [];
  for (const { name, title } of peers.filter((peer) => PROGRAMS[peer.name])) {
    progress(`${id}: ${title}`);
    try {
      const bundle = await rolldown({
        cwd: peersFolder,
        input: `./${PROGRAMS[name]}`,
        platform: "browser",
        resolve: { alias: { "@tensorflow/tfjs": join(peersFolder, "section1/tfjs-lean.mjs") } },
        logLevel: "silent",
      });
      const { output } = await bundle.generate({ format: "esm", minify: true });
      const loaded = staticallyLoaded(output);
      const sizes = loaded.map(({ code }) => ({ raw: code.length, gzip: gzipSync(code, { level: 9 }).length }));
      const total = (/** @type {"raw" | "gzip"} */ kind) => sizes.reduce((sum, size) => sum + size[kind], 0) / 1000;
      const extra = name === "tfjs" ? " and the .wasm file it loads beside it, not counted" : "";
      rows.push({
        key: name,
        label: title,
        median: total("gzip"),
        rate: `${total("raw").toFixed(0)} kB minified${extra}`,
      });
    } catch (error) {
      rows.push({ key: name, label: title, note: `failed: ${String(error.message).split("\n")[0]}` });
    }
  }
  const ours = rows.find(({ key }) => key === "thalweg")?.median;
  if (ours) for (const row of rows) if (row.median) row.ratio = row.median / ours;
  const title = "Bundle of the README's program for a page (Rolldown, Vite's bundler), minified and gzipped";
  return { id, title, unit: "kB", rows, verdicts: verdict(rows, "at most 60 kB", 60), wrong: wrongOf(id, rows) };
}

/** The chunks that the entry imports without `import()`. */
function staticallyLoaded(output) {
  const chunks = output.filter(({ type }) => type === "chunk");
  const loaded = new Set();
  const visit = (chunk) => {
    if (chunk === undefined || loaded.has(chunk)) return;
    loaded.add(chunk);
    for (const file of chunk.imports) visit(chunks.find(({ fileName }) => fileName === file));
  };
  visit(chunks.find(({ isEntry }) => isEntry));
  return [...loaded];
}
