/** The folder of a run: what was asked for, the model, what happened; used by one process at a time. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import {
  type Embed,
  type Evaluation,
  type ModelFiles,
  type NetworkSpec,
  TabularModel,
  type Task,
} from "thalweg/tabular";
import { History, type HistoryData, writeWhole } from "thalweg/train";
import { CommandError, EXIT } from "./exit.js";
import { modelSoFar } from "./telling.js";

/** A file as it was when the run began. */
export interface DataFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly fingerprint: string;
}

/** `run.json`: all that is needed to make the same run again. */
export interface RunSettings {
  readonly version: 1;
  readonly data: DataFile;
  readonly target: string;
  readonly task: Task | null;
  readonly features: readonly string[] | null;
  readonly ignore: readonly string[];
  /** Left out by programs from before there were vectors. */
  readonly embed?: Embed;
  readonly network: NetworkSpec;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly scheduler: "none" | "cosine" | "one-cycle" | "plateau";
  readonly epochs: number;
  readonly batchSize: number;
  readonly validation: number | DataFile;
  readonly patience: number;
  readonly clipNorm: number | null;
  readonly seed: number;
  readonly stream: boolean;
  readonly versions: Readonly<Record<string, string>>;
}

export class RunFolder {
  private locked = false;

  constructor(readonly path: string) {}

  get checkpoints(): string {
    return join(this.path, "checkpoints");
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes the folder; it must not hold anything yet but what a process left that was killed before it began its run. */
  create(): void {
    if (existsSync(this.path) && readdirSync(this.path).some((name) => !/^(lock|run\.json\.partial)/.test(name))) {
      const isRun = existsSync(this.file("run.json"));
      throw new CommandError(
        isRun
          ? `${this.path} is a run already: go on with it by --resume ${this.path}, or name another folder by --out`
          : `${this.path} is not empty: name another folder by --out`,
        EXIT.usage,
      );
    }
    mkdirSync(this.path, { recursive: true });
  }

  remove(...names: string[]): void {
    for (const name of names) rmSync(this.file(name), { force: true });
  }

  write(name: string, content: string | Uint8Array): void {
    writeWhole(this.file(name), content);
  }

  writeJSON(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, null, 2)}\n`);
  }

  /** @throws CommandError if the folder is no run, or the file cannot be read */
  settings(): RunSettings {
    if (!existsSync(this.file("run.json"))) throw new CommandError(this.whyNoRun(), EXIT.usage);
    const settings = this.json<RunSettings>("run.json");
    if (settings.version !== 1)
      throw new CommandError(
        `${this.file("run.json")} is of version ${settings.version}; this program reads version 1`,
      );
    return settings;
  }

  /** What stands where a run was expected. */
  private whyNoRun(): string {
    const { path } = this;
    if (!existsSync(path)) return `${path}: there is no such folder`;
    if (!statSync(path).isDirectory()) return `${path} is a file; a run is a folder`;
    const names = readdirSync(path);
    if (names.length === 0) return `${path} is empty: it holds no run`;
    const inside = names.filter((name) => existsSync(join(path, name, "run.json"))).map((name) => join(path, name));
    if (inside.length > 0)
      return `${path} is no run itself; it holds ${inside.slice(0, 4).join(", ")}${inside.length > 4 ? ", …" : ""}`;
    const isModel = names.includes("model.json");
    return `${path} is no run: it has no run.json${isModel ? ", only a model (thalweg inspect shows it)" : ""}`;
  }

  json<T>(name: string): T {
    try {
      return JSON.parse(readFileSync(this.file(name), "utf8")) as T;
    } catch (error) {
      throw new CommandError(`${this.file(name)} cannot be read: ${(error as Error).message}`);
    }
  }

  history(): HistoryData | null {
    if (!existsSync(this.file("history.json"))) return null;
    try {
      return History.fromJSON(readFileSync(this.file("history.json"), "utf8")).data;
    } catch (error) {
      throw new CommandError(`${this.file("history.json")} cannot be read: ${(error as Error).message}`);
    }
  }

  evaluation(): Evaluation | null {
    return existsSync(this.file("evaluation.json")) ? this.json<Evaluation>("evaluation.json") : null;
  }

  /** What to know of a model whose training was stopped; null if it was not. */
  unfinished(): string | null {
    const history = existsSync(this.file("run.json")) ? this.history() : null;
    if (history?.stopped?.reason !== "aborted") return null;
    return `${this.path} is unfinished: ${history.stopped.detail}. ${modelSoFar({ data: history })}`;
  }

  /** @throws CommandError if there is no model yet */
  model(): TabularModel {
    const missing = ["model.json", "model.safetensors"].filter((name) => !existsSync(this.file(name)));
    if (missing.length > 0) {
      if (!existsSync(this.file("run.json")) && missing.length === 2)
        throw new CommandError(this.whyNoRun(), EXIT.usage);
      throw new CommandError(
        `${this.path} has no ${missing.join(" and no ")}: its training has not come to an end; go on by thalweg train --resume ${this.path}`,
      );
    }
    const files: ModelFiles = {
      "model.json": readFileSync(this.file("model.json"), "utf8"),
      "model.safetensors": new Uint8Array(readFileSync(this.file("model.safetensors"))),
    };
    try {
      return TabularModel.load(files);
    } catch (error) {
      throw new CommandError(`the model in ${this.path} cannot be used: ${(error as Error).message}`);
    }
  }

  saveModel(model: TabularModel): void {
    const files = model.save();
    // The values first: whoever sees model.json finds them.
    this.write("model.safetensors", files["model.safetensors"]);
    this.write("model.json", files["model.json"]);
  }

  /**
   * Keeps other processes out until {@link unlock}. A lock whose owner is gone is taken over.
   *
   * @throws CommandError if another process is at work here
   */
  lock(): void {
    const mine = JSON.stringify({ pid: process.pid, host: hostname(), started: startOf(process.pid) });
    const own = this.file(`lock.${process.pid}`);
    for (let tries = 0; tries < 3; tries++) {
      try {
        writeFileSync(own, mine);
        // A link is made at once and whole: nobody sees a lock without its owner.
        link(own, this.file("lock"), mine);
        this.locked = true;
        // However the process ends, if it can still do something.
        process.once("exit", () => this.unlock());
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const owner = this.owner(this.file("lock"));
        if (owner !== null)
          throw new CommandError(`${this.path} is in use by another process (${owner}); wait for it, or stop it first`);
        this.removeDead();
      } finally {
        rmSync(own, { force: true });
      }
    }
    throw new CommandError(`${this.path} cannot be locked: another process is taking it`);
  }

  /** The living owner of the lock, in words; null if there is none. */
  private owner(path: string): string | null {
    let lock: { pid?: number; host?: string; started?: string | null };
    try {
      lock = JSON.parse(readFileSync(path, "utf8"));
    } catch {
      return null;
    }
    const { pid, host, started } = lock;
    if (typeof pid !== "number") return null;
    // Of processes on another machine nothing can be known.
    if (host !== hostname()) return `${pid} on ${host}`;
    if (pid === process.pid || !isAlive(pid)) return null;
    return started === startOf(pid) ? String(pid) : null;
  }

  /** Takes a dead owner's lock away; if another process has put its own there in between, that goes back. */
  private removeDead(): void {
    const aside = this.file(`lock.dead.${process.pid}`);
    try {
      renameSync(this.file("lock"), aside);
      if (this.owner(aside) !== null) linkSync(aside, this.file("lock"));
    } catch (error) {
      // Others may have been faster at either.
      if (!["ENOENT", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    } finally {
      rmSync(aside, { force: true });
    }
  }

  unlock(): void {
    if (this.locked) rmSync(this.file("lock"), { force: true });
    this.locked = false;
  }
}

function link(from: string, to: string, content: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    // File systems without links; there the content comes a moment after the file.
    writeFileSync(to, content, { flag: "wx" });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, by the system's clock ticks, so that a number used again is not taken for the same process. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")")).split(" ")[20] ?? null;
  } catch {
    return null;
  }
}

/** A folder for a new run that nobody has used: runs/cars-mpg, runs/cars-mpg-2, … */
export function freshFolder(dataFile: string, target: string): string {
  const clean = (text: string) => text.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "run";
  const base = join("runs", `${clean(basename(dataFile).replace(/\.[^.]*$/, ""))}-${clean(target)}`);
  for (let i = 1; ; i++) {
    const path = i === 1 ? base : `${base}-${i}`;
    if (!existsSync(path)) return path;
  }
}
