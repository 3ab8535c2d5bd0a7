/** All that training consists of at one moment, as tensors by name and JSON: what a checkpoint holds. */
import { ThalwegError } from "../errors.js";
import type { AverageState } from "../optim/averaging.js";
import type { SavedTensor, StateDict } from "../optim/optimizer.js";
import { restore } from "../optim/slots.js";
import { checksum } from "../safetensors/checksum.js";
import { type FileEntry, parse, write } from "../safetensors/header.js";
import { entryOf, tensorOf } from "../safetensors/safetensors.js";
import type { GeneratorState } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { fromJSON, toJSON } from "./data.js";
import type { Watch } from "./earlyStopping.js";
import type { EpochRecord, HistoryData } from "./history.js";

type Saved = Record<string, SavedTensor>;

export interface TrainingState {
  readonly model: Saved;
  /** The model's values at its best epoch; null if none is kept. */
  readonly best: Saved | null;
  readonly rule: string;
  readonly optimizer: StateDict<object>;
  /** A running average of the parameters; null if none is kept. */
  readonly average: AverageState | null;
  readonly scheduler: unknown;
  /** The default generator, which shuffling, dropout and initialisation draw from. */
  readonly generator: GeneratorState;
  /** The same at the beginning of the epoch. */
  readonly epochGenerator: GeneratorState;
  /** The position of the training data, if they can say. */
  readonly source: unknown;
  /** Epochs finished, batches of the next one used, steps made. */
  readonly epoch: number;
  readonly batch: number;
  /** The running epoch has had all its batches and waits to be measured. Left out: no. */
  readonly trainedThrough?: boolean;
  readonly step: number;
  /** Sums over the epoch so far. */
  readonly sums: {
    readonly loss: number;
    readonly samples: number;
    /** Batches since the last step, and their losses. */
    readonly sinceStep: number;
    readonly stepLosses: number[];
  };
  readonly meters: Readonly<Record<string, Saved>>;
  /** Gradients that have been accumulated and not been used yet, by the parameter's name. */
  readonly gradients: Saved;
  readonly watch: Watch | null;
  /** What was seen of the parameters in the epoch so far. */
  readonly seen: EpochRecord["parameters"];
  readonly history: HistoryData;
  /** What else the owner wants to keep; plain data. */
  readonly extra: unknown;
}

/** A checkpoint that cannot be used; the message says why. */
export class CheckpointError extends ThalwegError {
  override name = "CheckpointError";
}

/** Tensors as plain data. */
export const save = (tensors: Readonly<Record<string, Tensor>>): Saved =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [name, { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() }]),
  );

/** Plain data as tensors, such as a checkpoint's `model` for `loadStateDict`. */
export const load = (saved: Readonly<Saved>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(saved).map(([name, x]) => [name, restore(name, x)]));

const FORMAT = "thalweg.checkpoint";

/**
 * A state as the bytes of a safetensors file. The model's tensors have names that begin with "model/", so that other programs
 * find them; numbers and text stand in the metadata as JSON, with a checksum of everything.
 */
export function encodeState(state: TrainingState): Uint8Array {
  const entries: FileEntry[] = [];
  const add = (prefix: string, saved: Saved) => {
    for (const [name, x] of Object.entries(saved)) entries.push(entryOf(`${prefix}/${name}`, x));
  };
  const { model, best, average, optimizer, meters, gradients, ...rest } = state;
  add("model", model);
  if (best !== null) add("best", best);
  add("gradients", gradients);
  add("average", Object.fromEntries(Object.entries(average?.averages ?? [])));
  for (const [name, saved] of Object.entries(meters)) add(`meters/${name}`, saved);
  for (const [i, { tensors, rows }] of Object.entries(optimizer.state)) {
    add(`optimizer/${i}`, tensors);
    if (rows !== undefined) add("rows", { [i]: rows });
  }
  add("shared", optimizer.shared);
  const steps = Object.fromEntries(Object.entries(optimizer.state).map(([i, { step }]) => [i, step]));
  const text = toJSON({
    ...rest,
    hasBest: best !== null,
    average: average === null ? null : { count: average.count, size: average.averages.length },
    meters: Object.keys(meters),
    optimizer: { steps, paramGroups: optimizer.paramGroups },
  });
  return write({ entries, metadata: { format: FORMAT, state: text, checksum: checksum(text, entries) } });
}

/**
 * Reads {@link encodeState}'s bytes.
 *
 * @throws CheckpointError or SafetensorsError if they are damaged or something else
 */
export function decodeState(bytes: Uint8Array): TrainingState {
  const { entries, metadata } = parse(bytes);
  const { format, state: text, checksum: sum } = metadata;
  if (format !== FORMAT || text === undefined) throw new CheckpointError("this is no checkpoint of thalweg");
  if (checksum(text, entries) !== sum)
    throw new CheckpointError("the checkpoint is damaged: its content does not have the checksum that it says");
  const { hasBest, average, meters, optimizer, ...rest } = fromJSON(text) as Omit<
    TrainingState,
    "average" | "meters" | "optimizer"
  > & {
    hasBest: boolean;
    average: { count: number; size: number } | null;
    meters: string[];
    optimizer: { steps: Record<string, number>; paramGroups: StateDict<object>["paramGroups"] };
  };
  const under = (prefix: string): Saved =>
    Object.fromEntries(
      entries
        .filter(({ name }) => name.startsWith(`${prefix}/`))
        .map((entry) => {
          const x = tensorOf(entry);
          return [entry.name.slice(prefix.length + 1), { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() }];
        }),
    );
  const rows = under("rows");
  const averages = under("average");
  return {
    ...rest,
    model: under("model"),
    best: hasBest ? under("best") : null,
    average:
      average === null
        ? null
        : { count: average.count, averages: Array.from({ length: average.size }, (_, i) => averages[i]!) },
    gradients: under("gradients"),
    meters: Object.fromEntries(meters.map((name) => [name, under(`meters/${name}`)])),
    optimizer: {
      state: Object.fromEntries(
        Object.entries(optimizer.steps).map(([i, step]) => [
          i,
          { step, tensors: under(`optimizer/${i}`), ...(rows[i] === undefined ? {} : { rows: rows[i] }) },
        ]),
      ),
      shared: under("shared"),
      paramGroups: optimizer.paramGroups,
    },
  };
}
