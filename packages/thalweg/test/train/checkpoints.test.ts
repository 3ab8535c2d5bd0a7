import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { nn, optim, train } from "thalweg";
import { encode } from "thalweg/safetensors";
import { afterEach, describe, expect, it } from "vitest";
import { curve, MemoryStore, net } from "./models.js";

const { Checkpoints } = train;

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "checkpoints-"));
  folders.push(made);
  return made;
}
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

/** Some training, with a checkpoint after each epoch. */
async function trained(store: train.CheckpointStore, epochs = 5) {
  const data = curve(40);
  const model = net(2, 1);
  return train.fit(model, {
    train: [[data.x, data.y]] as const,
    validation: [[data.x, data.y]] as const,
    optimizer: new optim.RMSprop(model.parameters(), { momentum: 0.9 }),
    loss: new nn.MSELoss(),
    epochs,
    checkpoint: { store, extra: () => ({ seed: 3 }) },
  });
}

describe("Checkpoints", () => {
  it("keeps the last few and the best, and reads the newest", async () => {
    const place = folder();
    const store = new Checkpoints(place, { keep: 2 });
    const history = await trained(store, 6);
    const best = history.data.best!.epoch;
    const kept = new Set([best, 5, 6]);
    expect(store.files().map((file) => Number(/(\d+)\.safetensors/.exec(file)![1]))).toEqual([...kept].sort());
    expect(store.best()!.epoch).toBe(best);
    const state = store.latest()!;
    expect(state.step).toBe(6);
    expect(state.extra).toEqual({ seed: 3 });
    expect(state.history.epochs).toHaveLength(6);
  });

  it("passes over files that are damaged, and names them", async () => {
    const place = folder();
    const warnings: string[] = [];
    const store = new Checkpoints(place, { onWarning: (message) => warnings.push(message) });
    await trained(store, 3);
    const [, middle, last] = store.files();
    const bytes = readFileSync(last!);
    writeFileSync(last!, bytes.subarray(0, bytes.length - 5));
    const flipped = readFileSync(middle!);
    flipped[flipped.length - 3]! ^= 1;
    writeFileSync(middle!, flipped);
    writeFileSync(join(place, "notes.txt"), "something else");
    expect(store.latest()!.step).toBe(1);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(last);
    expect(warnings[0]).toMatch(/cut short/);
    expect(warnings[1]).toMatch(/damaged/);
  });

  it("sweeps away what a killed process has left half written", async () => {
    const place = folder();
    writeFileSync(join(place, "checkpoint-000000009.safetensors.partial"), "half");
    await trained(new Checkpoints(place), 1);
    expect(readdirSync(place).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it.runIf(existsSync("/dev/full"))("on a full disk: says so, leaves no litter, and what was there stays", async () => {
    const place = folder();
    await trained(new Checkpoints(place), 2);
    const store = new Checkpoints(place);
    const before = readdirSync(place);
    // The file that is written first is a device that has no room, ever.
    symlinkSync("/dev/full", join(place, "checkpoint-000000003.safetensors.partial"));
    const state = store.latest()!;
    expect(() => store.save({ ...state, step: 3 })).toThrow(
      /checkpoint-000000003\.safetensors cannot be written: the disk is full\. The checkpoints before it are whole.*ENOSPC/,
    );
    expect(readdirSync(place)).toEqual(before);
    expect(store.latest()!.step).toBe(2);
    store.save({ ...state, step: 3 });
    expect(store.latest()!.step).toBe(3);
  });

  it("a foreign file under a checkpoint's name is passed over", async () => {
    const place = folder();
    const warnings: string[] = [];
    const store = new Checkpoints(place, { onWarning: (message) => warnings.push(message) });
    await trained(store, 1);
    const model = net(2, 1);
    writeFileSync(join(place, "checkpoint-000000007.safetensors"), encode(model.stateDict()));
    expect(store.latest()!.step).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/checkpoint-000000007.* is passed over: this is no checkpoint/)]);
  });

  it("cannot be written where there is no folder: the error says where", async () => {
    const place = folder();
    const file = join(place, "file");
    writeFileSync(file, "");
    await expect(trained(new Checkpoints(join(file, "inside")))).rejects.toThrow(
      /the checkpoint .*inside.* cannot be written/,
    );
  });

  it("whatever byte is changed and wherever it is cut, a checkpoint is refused or unchanged", async () => {
    const store = new MemoryStore();
    await trained(store, 1);
    const bytes = store.saved[0]!;
    const whole = train.encodeState(train.decodeState(bytes));
    expect(whole).toEqual(bytes);
    const refused = (changed: Uint8Array) => {
      try {
        const state = train.decodeState(changed);
        // A space in the padding of the header may be another kind of space: nothing was lost.
        expect(train.encodeState(state)).toEqual(bytes);
      } catch (error) {
        expect((error as Error).name).toMatch(/CheckpointError|SafetensorsError/);
      }
    };
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = bytes.slice();
        changed[at]! ^= by;
        refused(changed);
      }),
      { numRuns: 300 },
    );
    // The list of tensors at the header's end, byte by byte: names, kinds, shapes, places.
    const text = new TextDecoder("latin1").decode(bytes);
    const end = 8 + new DataView(bytes.buffer).getUint32(0, true);
    const list = text.indexOf('},"', text.indexOf('"checksum"'));
    expect(text.slice(list, end)).toMatch(/"dtype":"F32","shape"/);
    for (let at = list; at < end; at++) {
      for (const by of [1, 15, 128]) {
        const changed = bytes.slice();
        changed[at]! ^= by;
        refused(changed);
      }
    }
    // The same in two tensors: sums that are combined by exclusive or would cancel.
    const header = JSON.parse(text.slice(8, end)) as Record<string, { data_offsets?: [number, number] }>;
    const ends = ["model/0.weight", "model/2.weight"].map((name) => end + header[name]!.data_offsets![1]);
    const twice = bytes.slice();
    for (const at of ends) twice[at - 1]! ^= 16;
    expect(() => train.decodeState(twice)).toThrow(/damaged/);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => refused(bytes.slice(0, length))),
      { numRuns: 100 },
    );
  });
});

describe("a killed process", () => {
  const script = fileURLToPath(new URL("../../../../tools/resume/run.mjs", import.meta.url));

  /** Runs the training program; kills it after so many milliseconds. */
  const start = (place: string, killAfter: number | null) =>
    new Promise<{ killed: boolean; output: string }>((resolve, reject) => {
      const child = spawn(process.execPath, [script, place], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (chunk) => {
        output += chunk;
        // The clock starts when training does.
        if (killAfter !== null && output.includes("training")) setTimeout(() => child.kill("SIGKILL"), killAfter);
      });
      child.on("error", reject);
      child.on("exit", (code, signal) =>
        code === 0 || signal === "SIGKILL"
          ? resolve({ killed: signal === "SIGKILL", output })
          : reject(new Error(`exit ${code}`)),
      );
    });

  it("goes on from its last checkpoint, and ends with the bits of a run that was left alone", async () => {
    const alone = folder();
    await start(alone, null);
    const expected = readFileSync(join(alone, "result.json"), "utf8");
    const place = folder();
    const moments = [3, 40, 90, 15, 60, 25];
    let kills = 0;
    for (const moment of moments) {
      const { killed } = await start(place, moment);
      if (killed) kills++;
      // No checkpoint is ever unreadable.
      const warnings: string[] = [];
      const copy = folder();
      cpSync(place, copy, { recursive: true });
      new Checkpoints(join(copy, "checkpoints"), { onWarning: (message) => warnings.push(message) }).latest();
      expect(warnings).toEqual([]);
    }
    await start(place, null);
    expect(kills).toBeGreaterThan(2);
    expect(readFileSync(join(place, "result.json"), "utf8")).toBe(expected);
  }, 120_000);
});
