/** Reads a table and trains on it, away from the page's own thread. */
import { openTable, profile, readTable, type Table } from "thalweg/tabular";
import { outcomeOf, prepareRun, progressOf } from "../core/dataRun.js";
import type { FromTrainer, ToTrainer } from "./dataProtocol.js";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const tell = (message: FromTrainer): void => scope.postMessage(message);

/** Milliseconds between two messages about progress: the page has other things to do. */
const TELL_EVERY = 100;

let table: Table | null = null;
let stop = new AbortController();
let optimizer: { paramGroups: readonly object[] } | null = null;
/** Resolves when training may go on; null while it runs. */
let gate: { readonly open: Promise<void>; readonly release: () => void } | null = null;

function release(): void {
  gate?.release();
  gate = null;
}

scope.onmessage = async ({ data: message }: MessageEvent<ToTrainer>) => {
  try {
    switch (message.kind) {
      case "open": {
        const opened = await readTable(await openTable({ name: message.name, data: message.file }));
        const columns = await profile(opened.columns, [opened.chunk]);
        table = opened;
        const told = columns.map(({ name, type, missing }) => ({ name, type, missing }));
        tell({ kind: "table", name: message.name, rows: opened.chunk.length, columns: told });
        break;
      }
      case "train":
        await train(message.settings);
        break;
      case "pause":
        gate ??= newGate();
        break;
      case "go":
        release();
        break;
      case "lr":
        // Options may be changed at any time; the next step takes them.
        for (const group of optimizer?.paramGroups ?? []) Object.assign(group, { lr: message.lr });
        break;
      case "stop":
        stop.abort();
        release();
        break;
    }
  } catch (error) {
    tell({ kind: "complaint", message: error instanceof Error ? error.message : String(error) });
  }
};

function newGate() {
  let release = (): void => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { open, release };
}

async function train(settings: Parameters<typeof prepareRun>[1]): Promise<void> {
  if (table === null) return;
  stop.abort();
  release();
  stop = new AbortController();
  const { signal } = stop;
  const run = await prepareRun(table, settings);
  optimizer = run.optimizer;
  tell({ kind: "started", notes: run.notes, rows: run.rows });
  let last = 0;
  const history = await run.train(
    [
      {
        onProgress: async () => gate?.open,
        async onEpochEnd(_, so) {
          await gate?.open;
          if (performance.now() - last < TELL_EVERY) return true;
          last = performance.now();
          tell({ kind: "progress", progress: progressOf(so) });
          return true;
        },
      },
    ],
    signal,
  );
  // Another run has taken over.
  if (signal !== stop.signal) return;
  tell({ kind: "done", progress: progressOf(history), outcome: outcomeOf(run, history) });
}
