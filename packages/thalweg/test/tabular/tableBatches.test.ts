import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, nn, optim, type Tensor, train } from "thalweg";
import {
  openTable,
  profile,
  TableBatches,
  type TableBatchesOptions,
  TableEncoder,
  type TableSource,
  TabularModel,
  validationRows,
} from "thalweg/tabular";
import { afterAll, describe, expect, it } from "vitest";
import { read } from "../support/counting.js";
import { bits, MemoryStore } from "../train/models.js";

const folder = mkdtempSync(join(tmpdir(), "batches-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file whose target is 3 n + 1 and whose class is n modulo 3, so that a label tells its row. */
async function table(rows: number, target: "y" | "class", padding = "") {
  const lines = Array.from({ length: rows }, (_, n) => `${n},${3 * n + 1},c${n % 3},${padding}`);
  const path = join(folder, `${target}${rows}.csv`);
  writeFileSync(path, `n,y,class,padding\n${lines.join("\n")}\n`);
  const source = await openTable(path);
  const profiles = await profile(source.columns, source.chunks());
  const { encoder } = TableEncoder.fit(profiles, {
    target,
    features: ["n"],
    task: target === "y" ? "regression" : undefined,
  });
  return { source, encoder };
}

type Epoch = { sizes: number[]; rows: number[]; labels: number[] };

/** One epoch: the batches' sizes, the rows in the order in which they came, and what their labels say. */
async function epoch(batches: TableBatches, encoder: TableEncoder): Promise<Epoch> {
  const [feature] = encoder.spec.features;
  const { target } = encoder.spec;
  if (feature?.kind !== "number") throw new Error("the feature is a number");
  const seen: Epoch = { sizes: [], rows: [], labels: [] };
  for await (const [x, y] of batches) {
    const size = x!.shape[0]!;
    expect(x!.shape).toEqual([size, encoder.width]);
    expect(y!.shape).toEqual(target.task === "multiclass" ? [size] : [size, 1]);
    seen.sizes.push(size);
    seen.rows.push(...read(x!).map((z) => Math.round(z * feature.std + feature.mean)));
    seen.labels.push(
      ...read(y!).map((z) => (target.task === "regression" ? Math.round(z * target.std + target.mean) : z)),
    );
  }
  return seen;
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const sorted = (xs: readonly number[]) => [...xs].sort((a, b) => a - b);
/** The rows that a file has: all of them, or those that a filter keeps. */
const kept = (n: number, rows: TableBatchesOptions["rows"]) => upTo(n).filter((row) => rows?.(row) ?? true);

describe("batches of a file", () => {
  it("without shuffling are its rows in order, the last batch as small as it comes, and draw no random number", async () => {
    const { source, encoder } = await table(103, "y");
    const batches = new TableBatches(source, encoder, { batchSize: 25, shuffleBuffer: 0, count: 103 });
    expect(batches.length).toBe(5);
    manualSeed(1);
    const first = await epoch(batches, encoder);
    expect(first).toEqual({ sizes: [25, 25, 25, 25, 3], rows: upTo(103), labels: upTo(103).map((n) => 3 * n + 1) });
    expect(await epoch(batches, encoder)).toEqual(first);
    const shuffled = new TableBatches(source, encoder, { batchSize: 25 });
    const after = await epoch(shuffled, encoder);
    manualSeed(1);
    expect(await epoch(shuffled, encoder)).toEqual(after);
    expect(shuffled.length).toBeUndefined();
  });

  const forValidation = validationRows(0.3, 7);
  it.each([
    ["a buffer that holds all rows", "y", 500, undefined, undefined],
    ["a buffer of exactly the rows", "y", 500, 500, undefined],
    ["a small buffer", "y", 500, 32, undefined],
    ["a buffer of one row fewer", "class", 500, 499, undefined],
    ["classes", "class", 500, 64, undefined],
    ["the rows for training", "class", 500, 64, (row: number) => !forValidation(row)],
    ["the rows for validation", "y", 500, 1000, forValidation],
    ["a filter that keeps one row", "y", 500, 64, (row: number) => row === 77],
  ] as const)("shuffled give each row once an epoch, with its label: %s", async (_, target, n, shuffleBuffer, rows) => {
    const { source, encoder } = await table(n, target);
    const batches = new TableBatches(source, encoder, { batchSize: 32, shuffleBuffer, rows });
    const all = kept(n, rows);
    const epochs = async () => {
      manualSeed(3);
      return [await epoch(batches, encoder), await epoch(batches, encoder), await epoch(batches, encoder)];
    };
    const first = await epochs();
    for (const { sizes, rows: order, labels } of first) {
      expect(sorted(order)).toEqual(all);
      expect(labels).toEqual(order.map((row) => (target === "y" ? 3 * row + 1 : row % 3)));
      expect(sizes.slice(0, -1).every((size) => size === 32)).toBe(true);
      expect(sizes.at(-1)).toBe(all.length % 32 || 32);
    }
    const orders = first.map(({ rows: order }) => order.join());
    if (all.length > 1) expect(new Set([...orders, all.join()]).size).toBe(4);
    expect(await epochs()).toEqual(first);
    manualSeed(4);
    if (all.length > 1) expect((await epoch(batches, encoder)).rows.join()).not.toBe(orders[0]);
  });

  it("a buffer of one row only keeps rows in order; a larger one carries them far", async () => {
    const { source, encoder } = await table(500, "y");
    const order = async (shuffleBuffer: number) =>
      (await epoch(new TableBatches(source, encoder, { batchSize: 32, shuffleBuffer }), encoder)).rows;
    expect(await order(1)).toEqual(upTo(500));
    manualSeed(0);
    // No row can come before it has been read: at most a buffer early.
    const small = await order(20);
    expect(Math.max(...small.map((row, at) => row - at))).toBeLessThanOrEqual(20);
    // A shuffle moves rows by a third of the file on average.
    const moved = (rows: number[]) => rows.reduce((sum, row, at) => sum + Math.abs(row - at), 0) / rows.length;
    expect(moved(await order(500))).toBeGreaterThan(100);
    expect(moved(small)).toBeLessThan(40);
  });

  it("of several blocks: rows are counted on, and shuffled across the blocks", async () => {
    const n = 30_000;
    const { source, encoder } = await table(n, "class", "x".repeat(100));
    let blocks = 0;
    for await (const _ of source.chunks()) blocks++;
    expect(blocks).toBeGreaterThan(3);
    const rows = (row: number) => row % 7 !== 0;
    const all = kept(n, rows);
    const ordered = await epoch(new TableBatches(source, encoder, { batchSize: 512, shuffleBuffer: 0, rows }), encoder);
    expect(ordered.rows).toEqual(all);
    expect(ordered.labels).toEqual(all.map((row) => row % 3));
    manualSeed(2);
    const mixed = await epoch(
      new TableBatches(source, encoder, { batchSize: 512, shuffleBuffer: 20_000, rows }),
      encoder,
    );
    expect(sorted(mixed.rows)).toEqual(all);
    expect(mixed.labels).toEqual(mixed.rows.map((row) => row % 3));
    // The first batch has rows of all that the buffer holds.
    expect(Math.max(...mixed.rows.slice(0, 512))).toBeGreaterThan(20_000);
  });

  it.each([
    [{ batchSize: 0 }, "batchSize must be a whole number of 1 or more, not 0"],
    [{ batchSize: 2.5 }, "batchSize must be a whole number of 1 or more, not 2.5"],
    [{ batchSize: 8, shuffleBuffer: -1 }, "shuffleBuffer must be a whole number of 0 or more, not -1"],
  ])("with %j are refused", async (options, message) => {
    const { source, encoder } = await table(30, "y");
    expect(() => new TableBatches(source, encoder, options)).toThrow(message);
  });

  it("of a file that is broken further down come until there, and then say the line", async () => {
    const path = join(folder, "broken.csv");
    writeFileSync(
      path,
      `n,y\n${upTo(50)
        .map((n) => `${n},${n}`)
        .join("\n")}\n50,fifty\n`,
    );
    const source = await openTable(path);
    const profiles = await profile(source.columns, source.chunks(), { rows: (row) => row < 50 });
    const { encoder } = TableEncoder.fit(profiles, { target: "y", features: ["n"] });
    const iterate = () => epoch(new TableBatches(source, encoder, { batchSize: 10, shuffleBuffer: 0 }), encoder);
    await expect(iterate()).rejects.toThrow(/broken\.csv, line 52, column y: "fifty" is no number/);
  });
});

describe("training on a file that is read in pieces", () => {
  /** Five epochs; after each of `stops` batches the run is gone, and gone on with in new objects from what it had saved. */
  async function run(source: TableSource, encoder: TableEncoder, stops: readonly number[]) {
    const store = new MemoryStore();
    const rows = validationRows(0.2, 1);
    for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
      manualSeed(11);
      const { network } = TabularModel.create(encoder, { kind: "mlp", hidden: [8], dropout: 0.2 });
      const controller = new AbortController();
      const batches = new TableBatches(source, encoder, {
        batchSize: 16,
        shuffleBuffer: 40,
        rows: (row) => !rows(row),
      });
      let drawn = 0;
      const history = await train.fit(network, {
        train: {
          async *[Symbol.asyncIterator](): AsyncGenerator<readonly Tensor[]> {
            for await (const batch of batches) {
              if (++drawn > stop) controller.abort();
              yield batch;
            }
          },
        },
        validation: new TableBatches(source, encoder, { batchSize: 64, shuffleBuffer: 0, rows }),
        optimizer: new optim.RMSprop(network.parameters(), { momentum: 0.9 }),
        loss: new nn.MSELoss(),
        epochs: 5,
        checkpoint: { store, resume: true },
        signal: controller.signal,
      });
      const { epochs, steps, best, stopped } = history.data;
      if (stop === Number.POSITIVE_INFINITY)
        return { bits: bits(network), epochs: epochs.map(({ seconds: _, ...rest }) => rest), steps, best, stopped };
      expect(stopped?.reason).toBe("aborted");
    }
    throw new Error("the last run is not stopped");
  }

  it("resumed in the middle of an epoch, twice, ends with the same bits", async () => {
    const { source, encoder } = await table(200, "y");
    const whole = await run(source, encoder, []);
    expect(whole.epochs).toHaveLength(5);
    expect(await run(source, encoder, [4, 17])).toEqual(whole);
  });
});
