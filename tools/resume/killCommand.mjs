/**
 * Kills `thalweg train` with SIGKILL at random moments, going on each time by `--resume` (or anew, where nothing had begun),
 * and compares what it leaves in the end with what a run leaves that was left alone:
 *
 *     node tools/resume/killCommand.mjs [kills=30] [seed=1]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Generator, rand, train } from "thalweg";

const kills = Number(process.argv[2] ?? 30);
const generator = new Generator(Number(process.argv[3] ?? 1));
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const command = here("../../packages/cli/bin/thalweg.js");
const begin = ["train", here("../../examples/data/cars.csv"), "--target", "mpg", "--epochs", "100", "--out"];

const thalweg = (args, killAfter) =>
  new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(process.execPath, [command, ...args, "--quiet"], { stdio: ["ignore", "ignore", "inherit"] });
    if (killAfter !== null) setTimeout(() => child.kill("SIGKILL"), killAfter);
    child.on("exit", (code, signal) =>
      resolve({ code, killed: signal === "SIGKILL", milliseconds: performance.now() - begun }),
    );
  });

/** What must be the same: the weights, the figures, and the history without its times. */
function left(run) {
  const { epochs, ...history } = JSON.parse(readFileSync(join(run, "history.json"), "utf8"));
  return JSON.stringify([
    readFileSync(join(run, "model.safetensors"), "base64"),
    readFileSync(join(run, "model.json"), "utf8"),
    readFileSync(join(run, "evaluation.json"), "utf8"),
    history,
    epochs.map(({ seconds: _, ...rest }) => rest),
  ]);
}

const folder = mkdtempSync(join(tmpdir(), "killed-command-"));
const alone = join(folder, "alone");
const { milliseconds } = await thalweg([...begin, alone], null);
process.stdout.write(`left alone: ${milliseconds.toFixed(0)} ms\n`);

let [done, runs, failed, unreadable] = [0, 0, 0, 0];
let same = true;
while (done < kills) {
  const run = join(folder, `run${++runs}`);
  for (let finished = false; !finished; ) {
    const moment = done < kills ? rand([], { generator }).item() * milliseconds : null;
    const { killed, code } = await thalweg(
      existsSync(join(run, "run.json")) ? ["train", "--resume", run] : [...begin, run],
      moment,
    );
    if (killed) done++;
    else if (code !== 0) failed++;
    finished = !killed;
    if (existsSync(join(run, "checkpoints")))
      new train.Checkpoints(join(run, "checkpoints"), { onWarning: () => unreadable++ }).latest();
  }
  same &&= left(run) === left(alone);
}
rmSync(folder, { recursive: true });
process.stdout.write(
  `killed ${done} times in ${runs} runs: ${unreadable} unreadable checkpoints, ${failed} failures, ${same ? "the same bits" : "OTHER BITS"} in the end\n`,
);
process.exitCode = same && unreadable === 0 && failed === 0 ? 0 : 1;
