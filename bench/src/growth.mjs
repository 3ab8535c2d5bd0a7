/** How the cost of a step grows with the number of parameters, and what threads do about it. */
import { cpus } from "node:os";
import { threadLimits } from "./duel.mjs";
import { PeerProcess } from "./peers.mjs";
import { median, quantile } from "./stats.mjs";

const SIZES = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const THREADED = 1e7;
const lr = 0.01;

/** Times one step of RMSProp over so many parameters in one tensor, in a process of its own. */
async function timeStep(peer, n, budgetMs, threads) {
  const process = new PeerProcess(peer, threads ? threadLimits(threads) : {});
  try {
    await process.ask({ do: "setup", key: "step", case: "tensors", params: { count: 1, n, lr } });
    await process.ask({ do: "run", key: "step", budgetMs: 2 * budgetMs, minRuns: 20 });
    const { times } = await process.ask({ do: "run", key: "step", budgetMs, minRuns: 5 });
    return times;
  } finally {
    process.stop();
  }
}

const figures = (times) => ({
  median: median(times),
  low: quantile(times, 0.25),
  high: quantile(times, 0.75),
  runs: times.length,
});

/** @returns {Promise<import("./duel.mjs").Result>} */
export async function growth(peers, { budgetMs, progress }) {
  const rows = [];
  const wrong = [];
  const there = peers.filter(({ name }) => name === "thalweg" || name === "pytorch");
  for (const n of SIZES) {
    let ours;
    for (const peer of there) {
      const row = { key: `${peer.name}${n}`, label: `${n.toLocaleString("en")} parameters, ${peer.title}` };
      progress(`growth: ${row.label}`);
      try {
        const found = figures(await timeStep(peer, n, budgetMs));
        if (peer.name === "thalweg") ours = found.median;
        const each = (found.median * 1e6) / n;
        const rate = `${each < 10 ? each.toFixed(2) : each.toFixed(0)} ns a parameter`;
        rows.push({ ...row, ...found, rate, ...(ours ? { ratio: found.median / ours } : {}) });
      } catch (error) {
        rows.push({ ...row, note: `failed: ${error.message}` });
        wrong.push(`growth, ${row.label}: ${error.message}`);
      }
    }
  }
  return {
    id: "growth",
    title: "One step of RMSProp against the number of parameters",
    unit: "ms",
    rows,
    verdicts: [],
    wrong,
  };
}

/** @returns {Promise<import("./duel.mjs").Result>} */
export async function threads(peers, { budgetMs, progress }) {
  const rows = [];
  const [thalweg] = peers.filter(({ name }) => name === "thalweg");
  let one;
  for (let count = 1; thalweg && count <= Math.min(cpus().length, 8); count *= 2) {
    const label = count === 1 ? "1 thread" : `${count} threads`;
    progress(`threads: ${label}`);
    const found = figures(await timeStep(thalweg, THREADED, budgetMs, count));
    one ??= found.median;
    rows.push({ key: label, label, ...found, rate: `${(one / found.median).toFixed(2)} times as fast as 1 thread` });
  }
  const title = `One step of RMSProp over ${THREADED.toLocaleString("en")} parameters against threads`;
  return { id: "threads", title, unit: "ms", rows, verdicts: [], wrong: [] };
}
