import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { decode } from "thalweg/safetensors";
import { Checkpoints, History } from "thalweg/train";
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
  // As a shell says it: a signal that comes before the program listens, or when it no longer does, ends it by itself.
  const end = new Promise<number | null>((resolve) =>
    child.on("exit", (code, signal) => resolve(signal === "SIGINT" ? 130 : code)),
  );
  for (let i = 0; i < 200 && !existsSync(join(folder, run, "checkpoints")); i++) await sleep(25);
  return { child, end, err: () => text };
}

beforeAll(async () => {
  expect((await thalweg(...args, "60", "--out", "whole", "--quiet")).code).toBe(0);
}, 120_000);

it("Ctrl-C saves and says how to go on; going on ends with the bits of a run that was left alone", async () => {
  const { child, end, err } = await started("stopped", ...args, "60", "--out", "stopped");
  child.kill("SIGINT");
  expect(await end, err()).toBe(130);
  expect(err()).toMatch(/The model is that of .*To go on: thalweg train --resume stopped/);
  const predicted = await thalweg("predict", "stopped", shipped("cars.csv"));
  expect(predicted.code).toBe(0);
  expect(predicted.out.trim().split("\n")).toHaveLength(407);
  expect(predicted.err).toMatch(/note: stopped is unfinished: stopped in epoch \d+.*The model is that of/);
  expect((await thalweg("inspect", "stopped")).out).toMatch(/stopped is unfinished/);
  const resumed = await thalweg("train", "--resume", "stopped", "--quiet");
  expect(resumed.code, resumed.err).toBe(0);
  expect(weights("stopped").equals(weights("whole"))).toBe(true);
  expect((await thalweg("predict", "stopped", shipped("cars.csv"))).err).toBe("");
}, 120_000);

it("the model of a stopped run is that of its best epoch so far, as in its checkpoint", async () => {
  const run = "early-stop";
  // So high a learning rate that the best epoch is none of the last.
  const { child, end, err } = await started(run, ...args, "5000", "--out", run, "--lr", "0.3", "--scheduler", "none");
  await sleep(1500);
  child.kill("SIGINT");
  expect(await end, err()).toBe(130);
  const { best, epochs } = History.fromJSON(readFileSync(join(folder, run, "history.json"), "utf8")).data;
  expect(best!.epoch).toBeLessThan(epochs.length);
  expect(err()).toContain(`The model is that of epoch ${best!.epoch}, the best so far`);
  const state = new Checkpoints(join(folder, run, "checkpoints")).latest()!;
  const { tensors } = decode(new Uint8Array(weights(run)));
  for (const [name, { data }] of Object.entries(state.best!)) expect(tensors[name]!.dataSync()).toEqual(data);
  expect(Object.keys(tensors)).toEqual(Object.keys(state.best!));
}, 120_000);

it("a second Ctrl-C ends at once with 130, whenever it comes; nothing is lost and no lock is left", async () => {
  const first = await started("twice", ...args, "60", "--out", "twice");
  for (const [i, moment] of [0, 250, 500].entries()) {
    const { child, end, err } = i === 0 ? first : await started("twice", "train", "--resume", "twice");
    await sleep(moment);
    child.kill("SIGINT");
    for (let waited = 0; waited < 400 && !err().includes("once more"); waited++) await sleep(5);
    child.kill("SIGINT");
    expect(await end, err()).toBe(130);
    expect(readdirSync(join(folder, "twice")).filter((name) => name.startsWith("lock"))).toEqual([]);
  }
  const ended = await thalweg("train", "--resume", "twice", "--quiet");
  expect(ended.code, ended.err).toBe(0);
  expect(weights("twice").equals(weights("whole"))).toBe(true);
}, 120_000);

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
}, 120_000);

it("a folder whose process was killed before its run began can be used", async () => {
  mkdirSync(join(folder, "early"));
  writeFileSync(join(folder, "early/lock"), JSON.stringify({ pid: 2 ** 30, host: hostname(), started: "1" }));
  const { code, err } = await thalweg(...args, "1", "--out", "early", "--quiet");
  expect(code, err).toBe(0);
  expect(readdirSync(join(folder, "early")).filter((name) => name.startsWith("lock"))).toEqual([]);
}, 120_000);

it("a run in use by another process is refused", async () => {
  const { child, end } = await started("busy", ...args, "5000", "--out", "busy");
  const second = await thalweg("train", "--resume", "busy");
  child.kill("SIGKILL");
  await end;
  expect(second.code).toBe(1);
  expect(second.err).toMatch(/busy is in use by another process/);
}, 120_000);
