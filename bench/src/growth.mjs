/** How the cost of a step grows: with parameters, batch, layers, rows and threads; and memory with parameters. */
import { cpus } from "node:os";
import { threadLimits } from "./duel.mjs";
import { PeerProcess } from "./peers.mjs";
import { median, quantile } from "./stats.mjs";

/**
 * @typedef {{ label: string; params: Record<string, unknown>; per?: [count: number, of: string] }} Point
 * @typedef {{ title: string; case: string; points: Point[] }} Ladder
 */

const lr = 0.01;
const many = (/** @type {number} */ n) => n.toLocaleString("en");

/** One point for each size; `paramsOf` is what a peer is asked to set up. @returns {Point[]} */
const points = (sizes, of, paramsOf, per = (size) => size) =>
  sizes.map((size) => ({
    label: `${many(size)} ${of}${size === 1 ? "" : "s"}`,
    params: paramsOf(size),
    per: [per(size), of],
  }));

/** @type {Record<string, Ladder>} */
const LADDERS = {
  growth: {
    title: "One step of RMSProp against the number of parameters",
    case: "tensors",
    points: points([1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8], "parameter", (n) => ({ count: 1, n, lr })),
  },
  batch: {
    title: "Training step of a 784-128-128-10 network against the batch",
    case: "network",
    points: points([1, 4, 16, 64, 256, 1024], "picture", (batch) => ({ hidden: 128, batch, lr: 1e-4 })),
  },
  layers: {
    title: "Training step of a network of layers of 64 units, batch 32, against its hidden layers",
    case: "network",
    points: points([1, 2, 4, 8, 16, 32], "layer", (layers) => ({ hidden: 64, batch: 32, layers, lr: 1e-4 })),
  },
  rows: {
    title: "Step of a linear regression over 10 columns, all rows at once, against its rows",
    case: "regression",
    points: points([1e2, 1e3, 1e4, 1e5, 1e6], "row", (rows) => ({ rows, columns: 10, lr })),
  },
};

/** A case in a process of its own. @template T @param {(process: PeerProcess) => Promise<T>} use */
async function alone(peer, threads, use) {
  const process = new PeerProcess(peer, threads ? threadLimits(threads) : {});
  try {
    return await use(process);
  } finally {
    process.stop();
  }
}

const timeStep = (peer, test, params, { budgetMs, warmMs }, threads) =>
  alone(peer, threads, async (process) => {
    await process.ask({ do: "setup", key: "step", case: test, params });
    // As in duels: engines compile what is hot in stages, a step of many layers only after hundreds of runs.
    await process.ask({ do: "run", key: "step", budgetMs: 4 * Math.max(budgetMs, warmMs), minRuns: 20 });
    const { times } = await process.ask({ do: "run", key: "step", budgetMs, minRuns: 5 });
    return { median: median(times), low: quantile(times, 0.25), high: quantile(times, 0.75), runs: times.length };
  });

/** Megabytes that a case adds at its peak to what the process has needed before it. */
const peakOf = (peer, test, params, runs) =>
  alone(peer, 0, async (process) => {
    const { peak: before } = await process.ask({ do: "memory" });
    await process.ask({ do: "setup", key: "step", case: test, params });
    await process.ask({ do: "run", key: "step", budgetMs: 0, minRuns: runs });
    const { peak } = await process.ask({ do: "memory" });
    return { median: (peak - before) / 1e6, whole: peak / 1e6 };
  });

const beside = (peers) => peers.filter(({ name }) => name === "thalweg" || name === "pytorch");

/** A row for each peer at each point; what fails says so in its place. */
async function climb(id, points, peers, progress, measure, rateOf) {
  const rows = [];
  const wrong = [];
  for (const point of points) {
    let ours;
    for (const peer of beside(peers)) {
      const row = { key: `${peer.name} ${point.label}`, label: `${point.label}, ${peer.title}` };
      progress(`${id}: ${row.label}`);
      try {
        const found = await measure(peer, point);
        if (peer.name === "thalweg") ours = found.median;
        rows.push({ ...row, ...found, rate: rateOf(found, point), ...(ours ? { ratio: found.median / ours } : {}) });
      } catch (error) {
        rows.push({ ...row, note: `failed: ${error.message}` });
        wrong.push(`${id}, ${row.label}: ${error.message}`);
      }
    }
  }
  return { rows, wrong };
}

const ladder =
  (/** @type {string} */ id) =>
  /** @returns {Promise<import("./duel.mjs").Result>} */
  async (peers, { progress, ...limits }) => {
    const { title, case: test, points } = LADDERS[id];
    const measure = (peer, { params }) => timeStep(peer, test, params, limits);
    const rateOf = ({ median }, { per: [count, of] }) => {
      const each = (median * 1e6) / count;
      return each < 1e4
        ? `${each < 10 ? each.toFixed(2) : each.toFixed(0)} ns a ${of}`
        : `${(each / 1000).toFixed(0)} µs a ${of}`;
    };
    const found = await climb(id, points, peers, progress, measure, rateOf);
    return { id, title, unit: "ms", ...found, verdicts: [] };
  };

const TRAINED = points([1e4, 1e5, 1e6, 1e7, 5e7], "parameter", (n) => ({ n, lr }));

/** @returns {Promise<import("./duel.mjs").Result>} */
async function memoryGrowth(peers, { progress }) {
  const id = "space";
  const measure = (peer, { params }) => peakOf(peer, "valley", params, 20);
  const rateOf = ({ median }, { per: [count] }) => `${((median * 1e6) / count).toFixed(1)} bytes a parameter`;
  const found = await climb(id, TRAINED, peers, progress, measure, rateOf);
  const title = "Peak memory of 20 training steps against the number of parameters, less the process before them";
  return { id, title, unit: "MB", ...found, verdicts: [] };
}

/** @returns {Promise<import("./duel.mjs").Result>} */
async function peak(peers, { progress }) {
  const id = "peak";
  const measure = async (peer, { params }) => {
    const { median, whole } = await peakOf(peer, "convNet", params, 30);
    return { median: whole, added: median };
  };
  const found = await climb(
    id,
    [{ label: "64 pictures", params: { batch: 64, lr: 1e-3 } }],
    peers,
    progress,
    measure,
    (f) => {
      return `${f.added.toFixed(0)} MB of them since the library was imported`;
    },
  );
  const of = (name) => found.rows.find(({ key }) => key.startsWith(name))?.median;
  const [ours, torch] = [of("thalweg"), of("pytorch")];
  const text = "no more than PyTorch's";
  const verdicts = ours && torch ? [{ text, value: ours / torch, met: ours <= torch }] : [];
  const title = "Peak memory of the whole process that trains the convolutional network";
  return { id, title, unit: "MB", ...found, verdicts };
}

const THREADED = [
  { title: "RMSProp over 10 M parameters", case: "tensors", params: { count: 1, n: 1e7, lr } },
  { title: "matrix product 1024³", case: "matmul", params: { n: 1024 } },
  { title: "784-512-512-10 network's step, batch 128", case: "network", params: { hidden: 512, batch: 128, lr: 1e-4 } },
];

/** @returns {Promise<import("./duel.mjs").Result>} */
async function threads(peers, { progress, ...limits }) {
  const rows = [];
  const [thalweg] = peers.filter(({ name }) => name === "thalweg");
  for (const { title, case: test, params } of thalweg ? THREADED : []) {
    let one;
    for (let count = 1; count <= Math.min(cpus().length, 8); count *= 2) {
      const label = `${title}, ${count === 1 ? "1 thread" : `${count} threads`}`;
      progress(`threads: ${label}`);
      const found = await timeStep(thalweg, test, params, limits, count);
      one ??= found.median;
      rows.push({ key: label, label, ...found, rate: `${(one / found.median).toFixed(2)} times as fast as 1 thread` });
    }
  }
  return { id: "threads", title: "Against threads", unit: "ms", rows, verdicts: [], wrong: [] };
}

/** By the name that `--case` knows. */
export const growth = {
  ...Object.fromEntries(Object.keys(LADDERS).map((id) => [id, ladder(id)])),
  threads,
  space: memoryGrowth,
  peak,
};
