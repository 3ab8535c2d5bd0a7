/**
 * What the memory itself gives: WebAssembly kernels that move as many bytes as a step of the rule beside
 * them does (RMSProp: 20 a parameter) and compute next to nothing. `copy` reads one stream and writes another with 128-bit loads and
 * stores (the processor fetches what is about to be overwritten, so it moves half as much again); `bulk` is
 * the engine's own memory.copy; `streams` touches memory just as the update does, three streams read and two
 * of them written in place, which is the bound that counts.
 */

import { Worker } from "node:worker_threads";
import { sparseFloor } from "./rows.mjs";
import { serve } from "./serve.mjs";
import { instantiate, memoryOf } from "./streams.mjs";

const down64 = (bytes) => Math.floor(bytes / 64) * 64;

const copyCase =
  (kernel) =>
  ({ n, bytes: perParameter = 20 }) => {
    const half = down64((n * perParameter) / 2);
    const memory = memoryOf(2 * half);
    const { [kernel]: copy } = instantiate(memory);
    const bytes = new Uint8Array(memory.buffer);
    for (let i = 0; i < half; i++) bytes[i] = i;
    const run = () => copy(0, half, half);
    return {
      check: () => {
        run();
        if (bytes[half + 777] !== (777 & 255) || bytes[2 * half - 1] !== bytes[half - 1]) throw new Error("not copied");
      },
      run,
    };
  };

function streamsCase({ n }) {
  const size = down64(n * 4);
  const memory = memoryOf(3 * size);
  const { streams } = instantiate(memory);
  const floats = new Float32Array(memory.buffer);
  floats.fill(1);
  const run = () => streams(0, size, 2 * size, size);
  return {
    check: () => {
      run();
      const ends = [0, size / 4 - 1, size / 4, size / 2 - 1].map((i) => floats[i]);
      if (ends.some((value) => value !== 2) || floats[size / 2] !== 1) throw new Error("not added");
    },
    run,
  };
}

/** The same on two threads, each with its half of the bytes: `argsOf` gives a half's arguments from where it begins and ends. */
async function inHalves(kernel, bytes, half, argsOf) {
  const memory = memoryOf(bytes, true);
  const own = instantiate(memory, true)[kernel];
  const middle = down64(half / 2);
  const cells = new Int32Array(new SharedArrayBuffer(128));
  const workerData = { memory, kernel, args: argsOf(middle, half), cells };
  const worker = new Worker(new URL("copyThread.mjs", import.meta.url), { workerData });
  worker.unref();
  await new Promise((resolve) => worker.once("online", resolve));
  const args = argsOf(0, middle);
  let round = 0;
  const run = () => {
    Atomics.store(cells, 0, ++round);
    Atomics.notify(cells, 0);
    own(...args);
    while (Atomics.load(cells, 16) !== round);
  };
  return { memory, run };
}

async function copyOnTwo({ n, bytes: perParameter = 20 }) {
  const half = down64((n * perParameter) / 2);
  const { memory, run } = await inHalves("copy", 2 * half, half, (from, to) => [from, half + from, to]);
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < half; i++) bytes[i] = i;
  const check = () => {
    run();
    for (const i of [0, 777, half - 1]) if (bytes[half + i] !== bytes[i]) throw new Error("not copied");
  };
  return { check, run };
}

async function streamsOnTwo({ n }) {
  const size = down64(n * 4);
  const argsOf = (from, to) => [from, size + from, 2 * size + from, to];
  const { memory, run } = await inHalves("streams", 3 * size, size, argsOf);
  const floats = new Float32Array(memory.buffer);
  floats.fill(1);
  const check = () => {
    run();
    const ends = [0, size / 4 - 1, size / 4, size / 2 - 1].map((i) => floats[i]);
    if (ends.some((value) => value !== 2) || floats[size / 2] !== 1) throw new Error("not added");
  };
  return { check, run };
}

const version = () => `V8 ${process.versions.v8}`;
await serve(
  { version },
  {
    copy: copyCase("copy"),
    bulk: copyCase("bulk"),
    streams: streamsCase,
    copyOnTwo,
    streamsOnTwo,
    sparseFloor: sparseFloor(false),
    sparseStepFloor: sparseFloor(true),
  },
);
