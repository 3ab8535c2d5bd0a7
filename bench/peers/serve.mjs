/**
 * The half of the conversation that every JavaScript peer shares: one process, a case for each key, told by
 * lines of JSON on stdin what to set up and how long to run, answering in lines of JSON on stdout.
 */
import { createInterface } from "node:readline";

/**
 * A prepared case: `check` computes what the benchmark verifies, `run` does the work that is timed once, after what
 * `before` does, which is not.
 * @typedef {{ check: () => unknown; before?: () => unknown; run: () => unknown }} Prepared
 */

/**
 * @param {{ version: () => string; info?: () => unknown }} about
 * @param {Record<string, (params: Record<string, unknown>) => Prepared | Promise<Prepared>>} cases
 */
export async function serve(about, cases) {
  /** @type {Map<string, Prepared>} */
  const prepared = new Map();

  const answers = {
    hello: () => ({ version: about.version(), cases: Object.keys(cases) }),
    setup: async (/** @type {{ key: string; case: string; params: Record<string, unknown> }} */ message) => {
      prepared.delete(message.key); // Its memory may be needed for the next.
      const made = await cases[message.case](message.params);
      prepared.set(message.key, made);
      return { check: await made.check() };
    },
    // The most that the process has held so far, in bytes.
    memory: () => ({ peak: process.resourceUsage().maxRSS * 1024 }),
    run: async (/** @type {{ key: string; budgetMs: number; minRuns?: number }} */ message) => ({
      times: await timeRuns(prepared.get(message.key), message),
    }),
  };

  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    let answer;
    try {
      answer = await answers[message.do](message);
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** Milliseconds of each run, until the budget is spent. */
async function timeRuns(prepared, { budgetMs, minRuns = 1 }) {
  const times = [];
  const start = performance.now();
  while (times.length < minRuns || performance.now() - start < budgetMs) {
    prepared.before?.();
    const before = performance.now();
    const pending = prepared.run();
    if (pending instanceof Promise) await pending;
    times.push(performance.now() - before);
  }
  return times;
}
