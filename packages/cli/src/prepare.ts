/** From a data file and what was asked for to batches: of rows that are held, or streamed. */
import { data } from "thalweg";
import {
  type Baseline,
  baselineOf,
  type ColumnProfile,
  type CompactRows,
  type Embed,
  isMissing,
  openTable,
  profile,
  TableBatches,
  TableDataset,
  TableEncoder,
  type TableSource,
  type Task,
  validationRows,
} from "thalweg/tabular";
import type { BatchSource } from "thalweg/train";
import { CommandError, EXIT } from "./exit.js";
import { bar, type Terminal } from "./terminal.js";

/** Rows are held in memory, one number for each cell that is learnt from, if that takes no more bytes than this. */
const HELD = 64 * 2 ** 20;

export interface Wanted {
  readonly target: string;
  readonly task: Task | null;
  readonly features: readonly string[] | null;
  readonly ignore: readonly string[];
  /** Which categories have learnt vectors. */
  readonly embed: Embed;
  /** Share of the rows that are for validation, or a file of such rows. */
  readonly validation: number | { readonly path: string };
  readonly seed: number;
  /** Null: if the rows are too many to be held. */
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

/**
 * Rows of a validation batch. Each is garbage afterwards. In large ones it would pile up: a few hundred objects of a megabyte are
 * no reason for the engine to collect.
 */
export const VALIDATION_BATCH = 128;

/** Reads the file twice: to find out what its columns hold, and to encode its rows; streamed, once more in each epoch. */
export async function prepare(
  path: string,
  wanted: Wanted,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Prepared> {
  const source = await openTable(path);
  const share = typeof wanted.validation === "number" ? wanted.validation : 0;
  const other = typeof wanted.validation === "number" ? null : await openTable(wanted.validation.path);
  const forValidation = validationRows(share, wanted.seed);
  const forTraining = (row: number) => !forValidation(row);
  const chunksOf = (table: TableSource, what: string) =>
    table.chunks({ onBytes: progressOf(table, terminal, { what, signal }) });

  let held = 0;
  const counted = async function* (table: TableSource, isHeld: (row: number) => boolean) {
    const at = table.columns.indexOf(wanted.target);
    for await (const chunk of chunksOf(table, "reading")) {
      const targets = chunk.columns[at] ?? [];
      for (let r = 0; r < targets.length; r++) if (isHeld(chunk.first + r) && !isMissing(targets[r]!)) held++;
      yield chunk;
    }
  };
  const { embed } = wanted;
  const profiles = await profile(source.columns, counted(source, forValidation), {
    rows: forTraining,
    names: typeof embed === "string" ? [] : Object.keys(embed),
  });
  if (other !== null) for await (const _ of counted(other, () => true));
  terminal.clear();
  const { encoder, notes } = TableEncoder.fit(profiles, {
    ...wanted,
    task: wanted.task ?? undefined,
    features: wanted.features ?? undefined,
    embed,
    file: source.name,
  });
  const target = profiles.find(({ name }) => name === wanted.target)!;
  const trainRows = target.rows - target.missing;
  const bytes = (trainRows + held) * encoder.spec.features.length * Float32Array.BYTES_PER_ELEMENT;
  const common = { source, encoder, profiles, notes: [...(source.notes ?? []), ...notes] };

  if (wanted.stream ?? bytes > HELD) {
    const { target: spec } = encoder.spec;
    const shareOf = (label: string) => (target.values.find(([value]) => value === label)?.[1] ?? 0) / trainRows;
    const rows = other === null ? forValidation : undefined;
    return {
      ...common,
      trainRows,
      validationRows: held,
      stream: true,
      baseline: spec.task === "regression" ? null : spec.classes.map(shareOf),
      train: (batchSize) => new TableBatches(source, encoder, { batchSize, rows: forTraining, count: trainRows }),
      validation:
        held === 0
          ? null
          : new TableBatches(other ?? source, encoder, { batchSize: VALIDATION_BATCH, rows, shuffleBuffer: 0 }),
    };
  }

  const training = new Rows(encoder, trainRows);
  const validation = new Rows(encoder, held);
  for await (const chunk of chunksOf(source, "encoding")) {
    training.add(encoder.compact(source.columns, chunk, source.name, true, forTraining));
    if (other === null) validation.add(encoder.compact(source.columns, chunk, source.name, true, forValidation));
  }
  if (other !== null)
    for await (const chunk of chunksOf(other, "encoding"))
      validation.add(encoder.compact(other.columns, chunk, other.name));
  terminal.clear();
  const [first, second] = [training.all(), validation.all()];
  return {
    ...common,
    trainRows: first.rows.length,
    validationRows: second.rows.length,
    stream: false,
    baseline: baselineOf(encoder, first.y),
    train: (batchSize) => new data.DataLoader(new TableDataset(encoder, first), { batchSize, shuffle: true }),
    validation:
      second.rows.length === 0
        ? null
        : new data.DataLoader(new TableDataset(encoder, second), { batchSize: VALIDATION_BATCH }),
  };
}

/** Encoded rows that come piece by piece, in storage of their own. */
class Rows {
  private readonly values: Float32Array;
  private readonly y: Float32Array | Int32Array;
  private readonly rows: number[] = [];

  /** @param most - how many rows there can be */
  constructor(
    private readonly encoder: TableEncoder,
    most: number,
  ) {
    this.values = new Float32Array(most * encoder.spec.features.length);
    this.y = encoder.task === "multiclass" ? new Int32Array(most) : new Float32Array(most);
  }

  add({ values, y, rows }: CompactRows): void {
    const at = this.rows.length;
    this.values.set(values, at * this.encoder.spec.features.length);
    this.y.set(y, at);
    for (const row of rows) this.rows.push(row);
  }

  all(): CompactRows {
    const { values, y, rows } = this;
    return {
      values: values.subarray(0, rows.length * this.encoder.spec.features.length),
      y: y.subarray(0, rows.length),
      rows,
    };
  }
}

/** Shows how far a file has been read, and stops when asked to. */
export function progressOf(
  source: TableSource,
  terminal: Terminal,
  { what = "reading", signal }: { what?: string; signal?: AbortSignal } = {},
): (bytes: number) => void {
  const begun = performance.now();
  return (bytes) => {
    if (signal?.aborted)
      throw new CommandError("interrupted while reading; nothing had been trained yet", EXIT.interrupted);
    if (performance.now() - begun < 500) return;
    terminal.progress(
      `${what} ${source.name} ${bar(bytes / source.bytes)} ${Math.round((100 * bytes) / source.bytes)} %`,
    );
  };
}
