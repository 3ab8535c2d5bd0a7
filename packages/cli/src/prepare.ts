/** From a data file and what was asked for to encoded rows, in memory or streamed. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { data } from "thalweg";
import {
  type Baseline,
  baselineOf,
  type ColumnProfile,
  openTable,
  profile,
  readTable,
  TableBatches,
  TableDataset,
  TableEncoder,
  type TableSource,
  type Task,
  validationRows,
} from "thalweg/tabular";
import type { BatchSource } from "thalweg/train";
import { CommandError } from "./exit.js";
import { bar, type Terminal } from "./terminal.js";

/** Files from this size on are streamed. */
const LARGE = 200 * 2 ** 20;

export interface Wanted {
  readonly target: string;
  readonly task: Task | null;
  readonly features: readonly string[] | null;
  readonly ignore: readonly string[];
  /** Share of the rows that are for validation, or a file of such rows. */
  readonly validation: number | { readonly path: string };
  readonly seed: number;
  /** Null: if the file is large. */
  readonly stream: boolean | null;
}

export interface Prepared {
  readonly source: TableSource;
  readonly encoder: TableEncoder;
  readonly profiles: readonly ColumnProfile[];
  readonly notes: readonly string[];
  readonly trainRows: number;
  readonly validationRows: number;
  readonly stream: boolean;
  readonly baseline: Baseline;
  /** Training batches, shuffled by the default generator. */
  train(batchSize: number): BatchSource;
  /** Validation batches in order; null if there are no such rows. */
  validation: BatchSource | null;
}

/** Rows of a validation batch; in memory, and streamed: there each batch is garbage afterwards, of which less piles up. */
const BATCH = 2048;
const STREAMED_BATCH = 512;

export async function prepare(
  path: string,
  wanted: Wanted,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Prepared> {
  const source = await openTable(path);
  const share = typeof wanted.validation === "number" ? wanted.validation : 0;
  const other = typeof wanted.validation === "number" ? null : await openTable(wanted.validation.path);
  const stream = wanted.stream ?? source.bytes > LARGE;
  const options = {
    ...wanted,
    task: wanted.task ?? undefined,
    features: wanted.features ?? undefined,
    file: source.name,
  };
  const forValidation = validationRows(share, wanted.seed);
  const forTraining = (row: number) => !forValidation(row);
  const reading = progressOf(source, terminal, signal);

  if (stream) {
    let rows = 0;
    const counted = async function* () {
      for await (const chunk of source.chunks({ onBytes: reading })) {
        rows += chunk.length;
        yield chunk;
      }
    };
    const profiles = await profile(source.columns, counted(), { rows: forTraining });
    terminal.clear();
    const { encoder, notes } = TableEncoder.fit(profiles, options);
    const target = profiles.find(({ name }) => name === wanted.target)!;
    const trainRows = target.rows - target.missing;
    const held = other === null ? rows - target.rows : await countRows(other);
    const baseline =
      encoder.spec.target.task === "regression"
        ? null
        : encoder.spec.target.classes.map(
            (label) => (target.values.find(([value]) => value === label)?.[1] ?? 0) / trainRows,
          );
    return {
      source,
      encoder,
      profiles,
      notes: [...(source.notes ?? []), ...notes],
      trainRows,
      validationRows: held,
      stream,
      baseline,
      train: (batchSize) => new TableBatches(source, encoder, { batchSize, rows: forTraining, count: trainRows }),
      validation:
        held === 0
          ? null
          : new TableBatches(other ?? source, encoder, {
              batchSize: STREAMED_BATCH,
              rows: other === null ? forValidation : undefined,
              shuffleBuffer: 0,
            }),
    };
  }

  const table = await readTable(source, reading);
  terminal.clear();
  const profiles = await profile(table.columns, [table.chunk], { rows: forTraining });
  const { encoder, notes } = TableEncoder.fit(profiles, options);
  const training = encoder.compact(table.columns, table.chunk, table.name, true, forTraining);
  const from = other === null ? table : await readTable(other);
  const held = encoder.compact(from.columns, from.chunk, from.name, true, other === null ? forValidation : undefined);
  return {
    source,
    encoder,
    profiles,
    notes: [...(source.notes ?? []), ...notes],
    trainRows: training.rows.length,
    validationRows: held.rows.length,
    stream,
    baseline: baselineOf(encoder, training.y),
    train: (batchSize) => new data.DataLoader(new TableDataset(encoder, training), { batchSize, shuffle: true }),
    validation:
      held.rows.length === 0 ? null : new data.DataLoader(new TableDataset(encoder, held), { batchSize: BATCH }),
  };
}

async function countRows(source: TableSource): Promise<number> {
  let rows = 0;
  for await (const chunk of source.chunks()) rows += chunk.length;
  return rows;
}

/** Shows how far a file has been read, and stops when asked to. */
export function progressOf(source: TableSource, terminal: Terminal, signal?: AbortSignal): (bytes: number) => void {
  const begun = performance.now();
  return (bytes) => {
    if (signal?.aborted) throw new CommandError("interrupted while reading; nothing had been trained yet", 130);
    if (performance.now() - begun < 500) return;
    terminal.progress(`reading ${bar(bytes / source.bytes)} ${Math.round((100 * bytes) / source.bytes)} %`);
  };
}

/** What tells whether a file is the same: of large files its size, beginning and end. */
export function fingerprint(path: string): { bytes: number; fingerprint: string } {
  const { size } = statSync(path);
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  try {
    const most = 2 ** 20;
    const pieces = size <= LARGE ? Math.ceil(size / most) : 2;
    for (let i = 0; i < pieces; i++) {
      const from = size > LARGE && i === 1 ? size - most : i * most;
      const bytes = new Uint8Array(Math.min(most, size - from));
      readSync(file, bytes, 0, bytes.length, from);
      hash.update(bytes);
    }
  } finally {
    closeSync(file);
  }
  return { bytes: size, fingerprint: hash.digest("hex") };
}
