/** What happened in training, as plain data. */
import { ThalwegError } from "../errors.js";
import { fromJSON, toJSON } from "./data.js";
import type { Summary } from "./summary.js";

/** Summaries of one parameter at the last step of an epoch. */
export interface ParameterRecord {
  readonly value: Summary;
  readonly gradient: Summary | null;
  /** What the gradient was multiplied with; null for rules without that notion. */
  readonly stepSize: Summary | null;
  /** What the step changed. */
  readonly update: Summary | null;
}

export interface EpochRecord {
  /** 1, 2, … */
  readonly epoch: number;
  /** Optimizer steps made by the end of the epoch. */
  readonly step: number;
  /** The loss and the metrics over the epoch's training batches, as they were when each batch was trained on. */
  readonly train: Readonly<Record<string, number>>;
  /** The same over the validation data at the end of the epoch; null without such data. */
  readonly validation: Readonly<Record<string, number>> | null;
  /** Learning rate of each group in the epoch's last step. */
  readonly lr: readonly number[];
  /** Wall time of the epoch, validation included. */
  readonly seconds: number;
  /** Training samples seen in the epoch. */
  readonly samples: number;
  /** By the parameter's name; null in epochs that were not looked into. */
  readonly parameters: Readonly<Record<string, ParameterRecord>> | null;
}

export interface StepRecord {
  /** 1, 2, … */
  readonly step: number;
  /** The loss of the step's batch. */
  readonly loss: number;
  /** Norm of all gradients before they were clipped; null if they are not. */
  readonly gradNorm: number | null;
}

/** Why training ended. */
export interface Stopped {
  readonly reason: "finished" | "earlyStopping" | "aborted" | "notFinite";
  readonly epoch: number;
  readonly step: number;
  /** In words; for "notFinite" with the parameter concerned. */
  readonly detail: string;
  /** For "notFinite": the parameter in which it shows, if it shows in one. */
  readonly parameter?: string | null;
}

export interface HistoryData {
  readonly version: 1;
  epochs: EpochRecord[];
  /** Single steps, evenly thinned to at most 2000. */
  steps: StepRecord[];
  /** The epoch whose monitored value is the best so far. */
  best: { readonly epoch: number; readonly monitor: string; readonly value: number } | null;
  /** Null while training goes on. */
  stopped: Stopped | null;
}

/** A history that cannot be read. */
export class HistoryError extends ThalwegError {
  override name = "HistoryError";
}

const MOST_STEPS = 2000;

/** What happened in training: grows while `fit` runs. */
export class History {
  readonly data: HistoryData;
  /** Every so many steps one is kept. */
  private stride = 1;

  constructor(data: HistoryData = { version: 1, epochs: [], steps: [], best: null, stopped: null }) {
    this.data = data;
    const [first, second] = data.steps;
    if (first !== undefined && second !== undefined) this.stride = second.step - first.step;
  }

  /** @internal */
  addStep(step: number, loss: number, gradNorm: number | null): void {
    if ((step - 1) % this.stride !== 0) return;
    this.data.steps.push({ step, loss, gradNorm });
    if (this.data.steps.length <= MOST_STEPS) return;
    this.stride *= 2;
    this.data.steps = this.data.steps.filter(({ step }) => (step - 1) % this.stride === 0);
  }

  /** One value of each epoch: `values("train", "loss")`; NaN where an epoch does not have it. */
  values(split: "train" | "validation", name: string): number[] {
    return this.data.epochs.map((epoch) => epoch[split]?.[name] ?? Number.NaN);
  }

  /** As JSON text; NaN and infinities are kept as text. */
  toText(): string {
    return toJSON(this.data);
  }

  toJSON(): HistoryData {
    return JSON.parse(this.toText()) as HistoryData;
  }

  /**
   * Reads {@link toText}'s text, or what JSON.parse made of it.
   *
   * @throws HistoryError if it is no history
   */
  static fromJSON(given: unknown): History {
    let data: unknown;
    try {
      data = fromJSON(typeof given === "string" ? given : JSON.stringify(given));
    } catch (error) {
      throw new HistoryError(`history: this is no JSON: ${(error as Error).message}`);
    }
    const { version, epochs, steps } = (data ?? {}) as Partial<HistoryData>;
    if (version !== 1) throw new HistoryError(`history: expected version 1, found ${JSON.stringify(version)}`);
    if (!Array.isArray(epochs) || !Array.isArray(steps))
      throw new HistoryError("history: it has no epochs or no steps");
    return new History(data as HistoryData);
  }
}
