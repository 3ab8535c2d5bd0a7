/** Checkpoints as files of a folder: written so that none is ever half there, the last few and the best kept. */
import { OptionError } from "../errors.js";
import { nodeModule } from "../platform.js";
import { CheckpointError, decodeState, encodeState, type TrainingState } from "./state.js";

/** Where `fit` puts checkpoints, and finds the one to go on from. */
export interface CheckpointStore {
  save(state: TrainingState): void | Promise<void>;
  /** The newest readable state; null if there is none. */
  latest(): TrainingState | null | Promise<TrainingState | null>;
}

export interface CheckpointsOptions {
  /** How many of the last checkpoints are kept beside the best. Default 3. */
  readonly keep?: number;
  /** Told of each file that is passed over because it cannot be read. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

const NAME = /^checkpoint-(\d+)\.safetensors$/;

/**
 * Checkpoints in a folder (Node only). Each is one file, `checkpoint-<step>.safetensors`, written under another name,
 * flushed to the disk, and renamed: whenever a process is killed, the files that are there are whole. A file that is damaged
 * or foreign is passed over with a warning. The newest `keep` are kept, and the one of the best epoch, if that is known.
 */
export class Checkpoints implements CheckpointStore {
  private readonly keep: number;
  private readonly warn: (message: string) => void;
  private readonly fs = needed("fs");
  private readonly path = needed("path");

  /** @param folder - made when the first checkpoint is saved */
  constructor(
    readonly folder: string,
    { keep = 3, onWarning = console.warn }: CheckpointsOptions = {},
  ) {
    if (!Number.isInteger(keep) || keep < 1)
      throw new OptionError(`Checkpoints: keep must be a whole number of 1 or more, got ${keep}`);
    this.keep = keep;
    this.warn = onWarning;
  }

  /** The checkpoints' files, the oldest first. */
  files(): string[] {
    const { fs, path, folder } = this;
    if (!fs.existsSync(folder)) return [];
    return fs
      .readdirSync(folder)
      .filter((name) => NAME.test(name))
      .sort((a, b) => stepOf(a) - stepOf(b))
      .map((name) => path.join(folder, name));
  }

  /**
   * Writes a checkpoint; when this returns it is on the disk.
   *
   * @throws CheckpointError if it cannot be written, for lack of room say; what was there before stays
   */
  save(state: TrainingState): void {
    const { fs, path, folder } = this;
    const name = `checkpoint-${String(state.step).padStart(9, "0")}.safetensors`;
    const target = path.join(folder, name);
    try {
      fs.mkdirSync(folder, { recursive: true });
      writeWhole(target, encodeState(state));
    } catch (error) {
      throw new CheckpointError(`the checkpoint ${target} cannot be written: ${reason(error)}`);
    }
    this.clean(state);
  }

  latest(): TrainingState | null {
    for (const file of this.files().reverse()) {
      const state = this.read(file);
      if (state !== null) return state;
    }
    return null;
  }

  /**
   * The state at the end of the best epoch; null if there is none, or its file was not kept (checkpoints are not saved after
   * every epoch, say). The best values themselves are in every later state too (`best`).
   */
  best(): TrainingState | null {
    const step = bestStep(this.latest());
    const file = this.files().find((name) => stepOf(name) === step);
    return file === undefined ? null : this.read(file);
  }

  /** A file's state; null, with a warning, if it cannot be read. */
  private read(file: string): TrainingState | null {
    try {
      return decodeState(this.fs.readFileSync(file));
    } catch (error) {
      this.warn(`${file} is passed over: ${(error as Error).message}`);
      return null;
    }
  }

  /** Deletes what is neither among the newest nor the best, and what a killed process has left half written. */
  private clean(state: TrainingState): void {
    const { fs, path, folder } = this;
    const best = bestStep(state);
    const old = this.files().slice(0, -this.keep);
    for (const file of old) if (stepOf(file) !== best) fs.rmSync(file, { force: true });
    for (const name of fs.readdirSync(folder)) {
      if (name.endsWith(PARTIAL)) fs.rmSync(path.join(folder, name), { force: true });
    }
  }
}

const stepOf = (name: string): number => Number(NAME.exec(name.split(/[\\/]/).at(-1)!)![1]);

/** The step at which the best epoch ended. */
const bestStep = (state: TrainingState | null): number | undefined =>
  state?.history.epochs.find(({ epoch }) => epoch === state.history.best?.epoch)?.step;

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. The checkpoints before it are whole: make room and go on from the last",
  EDQUOT: "the disk quota is used up. The checkpoints before it are whole: make room and go on from the last",
  EACCES: "there is no permission to write there",
  EROFS: "the file system can only be read",
};

function reason(error: unknown): string {
  const { code, message } = error as Error & { code?: string };
  const known = REASONS[code ?? ""];
  return known === undefined ? message : `${known} (${code})`;
}

function needed<Name extends "fs" | "path">(name: Name) {
  const found = nodeModule(name);
  if (found === null) throw new OptionError("Checkpoints: files need Node; elsewhere give fit a store of your own");
  return found;
}

const PARTIAL = ".partial";

/**
 * Writes a file so that under its name there is either what was there before or all of the new content, also after a crash
 * or a loss of power. Nothing is left behind if it fails.
 */
export function writeWhole(target: string, content: Uint8Array | string): void {
  const fs = needed("fs");
  const path = needed("path");
  const partial = `${target}${PARTIAL}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let file: number | null = null;
  try {
    file = fs.openSync(partial, "w");
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at);
    fs.fsyncSync(file);
    fs.closeSync(file);
    file = null;
    fs.renameSync(partial, target);
    flushFolder(path.dirname(target));
  } catch (error) {
    if (file !== null) fs.closeSync(file);
    fs.rmSync(partial, { force: true });
    throw error;
  }
}

/** Puts a folder's list of names on the disk, where the system lets one. */
function flushFolder(folder: string): void {
  const fs = needed("fs");
  try {
    const handle = fs.openSync(folder, "r");
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    // Windows opens no folders; the rename is as safe as it gets there.
  }
}
