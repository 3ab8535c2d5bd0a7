/** What `fit` can be told, and what it tells. */
import type { AveragedParameters, Optimizer, lrScheduler as Schedulers } from "../optim/index.js";
import { checked } from "../options.js";
import type { CheckpointStore } from "./checkpoints.js";
import type { EarlyStoppingOptions } from "./earlyStopping.js";
import type { EpochRecord, History } from "./history.js";
import type { Metric } from "./metric.js";
import type { BatchSource, Loss } from "./model.js";

/** How training stands, told a few times a second. */
export interface Progress {
  /** The epoch that is running: 1, 2, … */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches of the epoch that are done, and how many there are, if that is known. */
  readonly batch: number;
  readonly batches: number | null;
  readonly step: number;
  /** Mean training loss of the epoch so far. */
  readonly loss: number;
  readonly lr: number;
  readonly samplesPerSecond: number;
  /** Until the last epoch ends; null while that cannot be told. */
  readonly secondsLeft: number | null;
  /** Validation samples that have been measured since the epoch's last batch; null while it trains. */
  readonly measured: number | null;
}

/** Called while training runs; may be asynchronous, and training waits. */
export interface Callback {
  onEpochStart?(epoch: number): void | Promise<void>;
  onProgress?(progress: Progress): void | Promise<void>;
  /** @returns false to stop after this epoch */
  onEpochEnd?(record: EpochRecord, history: History): undefined | boolean | Promise<undefined | boolean>;
  onEnd?(history: History): void | Promise<void>;
}

type Scheduler = Schedulers.LRScheduler | Schedulers.ReduceLROnPlateau;

export interface CheckpointOptions {
  /** Where checkpoints go: `new Checkpoints(folder)`, or a store of your own. */
  readonly store: CheckpointStore;
  /** Default 1. */
  readonly everyEpochs?: number;
  /** Also within epochs, every so many steps. Default: not. */
  readonly everySteps?: number;
  /** Also within epochs, when so much time has passed since the last. Default: not. */
  readonly everySeconds?: number;
  /** Go on from the newest checkpoint, if there is one. Default false. */
  readonly resume?: boolean;
  /** Plain data to keep with it. */
  readonly extra?: () => unknown;
}

export interface FitOptions {
  readonly train: BatchSource;
  /** Measured after each epoch. */
  readonly validation?: BatchSource | undefined;
  readonly optimizer: Optimizer<object>;
  /** A function (output, target) => loss, or a module such as `new nn.CrossEntropyLoss()`. */
  readonly loss: Loss;
  readonly metrics?: Readonly<Record<string, Metric>>;
  readonly scheduler?: Scheduler | undefined;
  /** When the scheduler steps. Default "epoch"; `ReduceLROnPlateau` gets the monitored value. */
  readonly scheduleEvery?: "epoch" | "step";
  /** A running average of the parameters, updated after each step: it is what is measured, and what the model has in the end. */
  readonly average?: AveragedParameters | undefined;
  readonly epochs: number;
  readonly callbacks?: readonly Callback[];
  /** Stops training after the step that is being made; what was trained stays, and a checkpoint is saved. */
  readonly signal?: AbortSignal | undefined;
  /** Scale gradients so that their norm is at most this. */
  readonly clipNorm?: number | undefined;
  /** Limit each element of the gradients to this size. */
  readonly clipValue?: number | undefined;
  /** Batches whose gradients are averaged into one step. Default 1. */
  readonly accumulate?: number;
  /** When to stop because nothing improves. With validation data the best values are kept even if this is not given. */
  readonly earlyStopping?: EarlyStoppingOptions | undefined;
  readonly checkpoint?: CheckpointOptions | undefined;
  /** Every so many epochs parameters are looked into for the history; 0: never. Default: about 40 times in all. */
  readonly inspectEvery?: number;
}

/** Refuses options that do not exist, such as `earlystopping`. */
export function checkNames(options: FitOptions): void {
  checked<FitOptions>("fit", options, {
    train: true,
    validation: false,
    optimizer: true,
    loss: true,
    metrics: false,
    scheduler: false,
    scheduleEvery: false,
    average: false,
    epochs: true,
    callbacks: false,
    signal: false,
    clipNorm: false,
    clipValue: false,
    accumulate: false,
    earlyStopping: false,
    checkpoint: false,
    inspectEvery: false,
  });
  const { earlyStopping, checkpoint } = options;
  if (earlyStopping !== undefined)
    checked<EarlyStoppingOptions>("fit: earlyStopping", earlyStopping, {
      monitor: false,
      mode: false,
      patience: false,
      minDelta: false,
      restoreBest: false,
    });
  if (checkpoint !== undefined)
    checked<CheckpointOptions>("fit: checkpoint", checkpoint, {
      store: true,
      everyEpochs: false,
      everySteps: false,
      everySeconds: false,
      resume: false,
      extra: false,
    });
}
