import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bin, shipped, workplace } from "./command.js";

const { folder, remove, thalweg } = workplace();
afterAll(remove);

const args = ["train", shipped("cars.csv"), "--target", "mpg", "--patience", "1000", "--batch-size", "4", "--epochs"];
const weights = (run: string) => readFileSync(join(folder, run, "model.safetensors"));

/** Starts the command and waits until there are checkpoints, or for a while. */
async function started(
  run: string,
  ...options: string[]
): Promise<{ child: ChildProcess; end: Promise<number | null>; err: () => string }> {
  const child = spawn(process.execPath, [bin, ...options], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr!.on("data", (piece) => {
    text += piece;
  });
  const end = new Promise<number | null>((resolve) => child.on("exit", resolve));
  for (let i = 0; i < 200 && !existsSync(join(folder, run, "checkpoints")); i++) await sleep(25);
  return { child, end, err: () => text };
}

beforeAll(async () => {
  expect((await thalweg(...args, "60", "--out", "whole", "--quiet")).code).toBe(0);
}, 60_000);

it("Ctrl-C saves and says how to go on; going on ends with the bits of a run that was left alone", async () => {
  const { child, end, err } = await started("stopped", ...args, "60", "--out", "stopped");
  child.kill("SIGINT");
  expect(await end, err()).toBe(130);
  expect(err()).toMatch(/To go on: thalweg train --resume stopped/);
  const resumed = await thalweg("train", "--resume", "stopped", "--quiet");
  expect(resumed.code, resumed.err).toBe(0);
  expect(weights("stopped").equals(weights("whole"))).toBe(true);
}, 60_000);

it("killed at any moment it goes on to the same bits, and a dead owner's lock is taken over", async () => {
  const first = await started("killed", ...args, "60", "--out", "killed");
  first.child.kill("SIGKILL");
  await first.end;
  for (const moment of [300, 700, 1100]) {
    const { child, end } = await started("killed", "train", "--resume", "killed");
    await sleep(moment);
    child.kill("SIGKILL");
    await end;
  }
  const ended = await thalweg("train", "--resume", "killed", "--quiet");
  expect(ended.code, ended.err).toBe(0);
  expect(weights("killed").equals(weights("whole"))).toBe(true);
}, 60_000);

it("a folder whose process was killed before its run began can be used", async () => {
  mkdirSync(join(folder, "early"));
  writeFileSync(join(folder, "early/lock"), JSON.stringify({ pid: 2 ** 30, host: hostname(), started: "1" }));
  const { code, err } = await thalweg(...args, "1", "--out", "early", "--quiet");
  expect(code, err).toBe(0);
  expect(readdirSync(join(folder, "early")).filter((name) => name.startsWith("lock"))).toEqual([]);
}, 60_000);

it("a run in use by another process is refused", async () => {
  const { child, end } = await started("busy", ...args, "5000", "--out", "busy");
  const second = await thalweg("train", "--resume", "busy");
  child.kill("SIGKILL");
  await end;
  expect(second.code).toBe(1);
  expect(second.err).toMatch(/busy is in use by another process/);
}, 60_000);
