/** What the page knows of the person's own table and of the training on it. */
import { batch, computed, signal } from "@preact/signals";
import type { DataProgress, DataSettings, Outcome } from "../core/dataRun.js";
import type { FromTrainer, ToTrainer } from "../worker/dataProtocol.js";
import { failure } from "./store.js";

export type OpenTable = Extract<FromTrainer, { kind: "table" }>;

export const opened = signal<OpenTable | null>(null);
/** The name of a file that is being read. */
export const opening = signal<string | null>(null);
export const asked = signal<DataSettings | null>(null);
export const trainingState = signal<"idle" | "running" | "paused" | "done">("idle");
export const notes = signal<readonly string[]>([]);
export const progress = signal<DataProgress | null>(null);
/** Epochs that have been trained. */
export const trained = computed(() => progress.value?.train.length ?? 0);
export const outcome = signal<Outcome | null>(null);
export const dataComplaint = signal<string | null>(null);

/** The settings with which the run on show began; what is asked for may have changed since. */
export const begun = signal<DataSettings | null>(null);

let worker: Worker | null = null;

/** Says something to the trainer, which is started when it is first needed. */
export function trainer(message: ToTrainer): void {
  if (worker === null) {
    worker = new Worker(new URL("../worker/dataWorker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromTrainer>) => batch(() => take(data));
    worker.onerror = (event) => {
      failure.value = event.message;
    };
  }
  worker.postMessage(message);
}

function take(answer: FromTrainer): void {
  switch (answer.kind) {
    case "table": {
      const target = answer.columns.find(({ type }) => type === "number") ?? answer.columns[0]!;
      opened.value = answer;
      opening.value = null;
      trainingState.value = "idle";
      progress.value = outcome.value = dataComplaint.value = null;
      asked.value = {
        target: target.name,
        ignore: [],
        hidden: [32, 32],
        runner: { rule: "RMSprop", options: { lr: 0.003 } },
        epochs: 100,
        batchSize: answer.rows < 2000 ? 16 : 128,
        seed: 0,
      };
      break;
    }
    case "started":
      notes.value = answer.notes;
      break;
    case "progress":
      progress.value = answer.progress;
      break;
    case "done":
      progress.value = answer.progress;
      outcome.value = answer.outcome;
      trainingState.value = "done";
      break;
    case "complaint":
      dataComplaint.value = answer.message;
      opening.value = null;
      trainingState.value = "idle";
      break;
  }
}

export function openFile(name: string, file: Blob): void {
  batch(() => {
    opened.value = progress.value = outcome.value = dataComplaint.value = null;
    trainingState.value = "idle";
    opening.value = name;
  });
  // A run on another table ends with its worker, and tells nothing any more.
  worker?.terminate();
  worker = null;
  trainer({ kind: "open", name, file });
}

export function startTraining(): void {
  if (asked.value === null) return;
  batch(() => {
    progress.value = outcome.value = dataComplaint.value = null;
    notes.value = [];
    trainingState.value = "running";
    begun.value = asked.value;
  });
  trainer({ kind: "train", settings: asked.value });
}
