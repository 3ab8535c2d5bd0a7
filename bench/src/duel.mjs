/** Runs one case side by side: everybody is checked, warmed up, then timed in turns. */
import { setTimeout as sleep } from "node:timers/promises";
import { PeerProcess } from "./peers.mjs";
import { summarize } from "./stats.mjs";

/**
 * @typedef {{ key: string; label: string; note?: string; median?: number; low?: number; high?: number;
 *   runs?: number; ratio?: number; rate?: string }} Row
 * @typedef {{ text: string; value: number; met: boolean }} Verdict
 * @typedef {{ id: string; title: string; unit: string; rows: Row[]; verdicts: Verdict[]; wrong: string[] }} Result
 */

/** Time for an idle peer's threads to go to sleep, so that they do not spin beside the next one's work. */
const PAUSE_MS = 20;

/**
 * @param {import("./cases.mjs").Case} test
 * @param {import("./peers.mjs").Peer[]} peers
 * @param {{ rounds: number; budgetMs: number; warmMs: number; progress: (text: string) => void; pool: Map<string, PeerProcess> }} options
 *   `pool`: the processes that contestants share, by peer; the caller stops them.
 * @returns {Promise<Result>}
 */
export async function duel(test, peers, { progress, pool, ...limits }) {
  const rounds = Math.min(limits.rounds, test.rounds ?? Infinity);
  const usualMs = test.budgetMs ?? Infinity;
  const budgetMs = Math.min(limits.budgetMs, usualMs);
  const entrants = test.contestants
    .map((contestant) => ({ ...contestant, about: peers.find((peer) => peer.name === contestant.peer) }))
    .filter((contestant) => contestant.about);
  /** @type {Map<string, { process: PeerProcess; stop: () => void; times: number[][] }>} */
  const active = new Map();
  const answers = new Map();
  const notes = new Map();

  try {
    for (const { key, label, about, threads, shared, ...contestant } of entrants) {
      progress(`${test.title}: checking ${label}`);
      const process = (shared && pool.get(about.name)) || new PeerProcess(about, threads ? threadLimits(threads) : {});
      if (shared) pool.set(about.name, process);
      const stop = () => {
        if (!shared) process.stop();
      };
      try {
        const setup = {
          do: "setup",
          key,
          case: contestant.case ?? test.case,
          params: contestant.params ?? test.params,
        };
        answers.set(key, (await process.ask(setup)).check);
        // Engines compile what is hot in stages; give them the time, also where rounds are short.
        await process.ask({ do: "run", key, budgetMs: 4 * Math.max(budgetMs, Math.min(limits.warmMs, usualMs)) });
        active.set(key, { process, stop, times: [] });
      } catch (error) {
        stop();
        notes.set(key, `failed: ${error.message}`);
      }
    }
    const problems = test.verify(answers);
    for (const [key, problem] of problems) {
      notes.set(key, `wrong: ${problem}`);
      active.get(key)?.stop();
      active.delete(key);
    }

    for (let round = 0; round < rounds; round++) {
      progress(`${test.title}: round ${round + 1} of ${rounds}`);
      // Every other round backwards, so that nobody always runs after the same neighbour.
      const order = [...active];
      for (const [key, { process, times }] of round % 2 ? order.reverse() : order) {
        await sleep(PAUSE_MS);
        times.push((await process.ask({ do: "run", key, budgetMs })).times);
      }
    }
  } finally {
    for (const { stop } of active.values()) stop();
  }

  const ours = active.get("thalweg")?.times;
  const rows = entrants.map(({ key, label }) => {
    const times = active.get(key)?.times;
    if (!times) return { key, label, note: notes.get(key) };
    const figures = summarize(times, ours);
    return { key, label, ...figures, rate: test.rate?.(figures.median) };
  });
  const wrong = [...notes].map(([key, note]) => `${test.title}, ${key}: ${note}`);
  return { id: test.id, title: test.title, unit: "ms", rows, verdicts: judge(test.targets, rows), wrong };
}

/** The settings by which the numeric libraries below a peer learn how many threads they may use. */
export const threadLimits = (threads) => ({
  BENCH_THREADS: `${threads}`,
  OMP_NUM_THREADS: `${threads}`,
  MKL_NUM_THREADS: `${threads}`,
});

/** @param {import("./cases.mjs").Target[]} targets @param {Row[]} rows @returns {Verdict[]} */
function judge(targets, rows) {
  return targets.flatMap(({ against, atLeast, atMost }) => {
    const measured = rows.filter(({ key, ratio }) => against.includes(key) && ratio !== undefined);
    if (measured.length === 0) return [];
    const fastest = measured.reduce((a, b) => (a.ratio <= b.ratio ? a : b));
    if (atLeast !== undefined) {
      const text = `at least ${atLeast} times as fast as ${fastest.label}`;
      return [{ text, value: fastest.ratio, met: fastest.ratio >= atLeast }];
    }
    const value = 1 / fastest.ratio;
    return [{ text: `at most ${atMost} times the time of: ${fastest.label}`, value, met: value <= atMost }];
  });
}
