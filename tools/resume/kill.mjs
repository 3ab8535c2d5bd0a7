/**
 * Kills the training run of `run.mjs` with SIGKILL at random moments, going on each time, and compares the end with that of
 * a run that was left alone:
 *
 *     node tools/resume/kill.mjs [kills=30] [seed=1]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Generator, rand, train } from "thalweg";

const kills = Number(process.argv[2] ?? 30);
const generator = new Generator(Number(process.argv[3] ?? 1));
const script = fileURLToPath(new URL("run.mjs", import.meta.url));

const run = (folder, killAfter) =>
  new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    if (killAfter !== null) setTimeout(() => child.kill("SIGKILL"), killAfter);
    child.on("exit", (_, signal) => resolve({ killed: signal === "SIGKILL", milliseconds: performance.now() - begun }));
  });

const alone = mkdtempSync(join(tmpdir(), "alone-"));
const { milliseconds } = await run(alone, null);
const expected = readFileSync(join(alone, "result.json"), "utf8");
process.stdout.write(`left alone: ${milliseconds.toFixed(0)} ms\n`);

let [done, runs, unreadable] = [0, 0, 0];
let same = true;
while (done < kills) {
  const folder = mkdtempSync(join(tmpdir(), "killed-"));
  for (let finished = false; !finished; ) {
    const moment = done < kills ? rand([], { generator }).item() * milliseconds : null;
    const { killed } = await run(folder, moment);
    if (killed) done++;
    finished = !killed;
    new train.Checkpoints(join(folder, "checkpoints"), { onWarning: () => unreadable++ }).latest();
  }
  runs++;
  same &&= readFileSync(join(folder, "result.json"), "utf8") === expected;
  rmSync(folder, { recursive: true });
}
rmSync(alone, { recursive: true });
process.stdout.write(
  `killed ${done} times in ${runs} runs: ${unreadable} unreadable checkpoints, ${same ? "the same bits" : "OTHER BITS"} in the end\n`,
);
process.exitCode = same && unreadable === 0 ? 0 : 1;
