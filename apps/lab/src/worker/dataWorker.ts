/** Reads a table and trains on it, away from the page's own thread. */
import { openTable, profile, readTable, type Table } from "thalweg/tabular";
import { outcomeOf, prepareRun, progressOf, type RateChange } from "../core/dataRun.js";
import type { FromTrainer, ToTrainer } from "./dataProtocol.js";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const tell = (message: FromTrainer): void => scope.postMessage(message);

/** Milliseconds between two messages about progress: the page has other things to do. */
const TELL_EVERY = 100;

let table: Table | null = null;
let stopping = false;
let nextRate: number | null = null;
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
        // Taken at the next epoch's beginning, so that the run can be made again.
        nextRate = message.lr;
        break;
      case "stop":
        stopping = true;
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
  stopping = false;
  const run = await prepareRun(table, settings);
  nextRate = null;
  const changes: RateChange[] = [];
  tell({ kind: "started", notes: run.notes, rows: run.rows });
  let last = 0;
  const history = await run.train(
    [
      {
        onEpochStart(epoch) {
          if (nextRate === null) return;
          changes.push({ epoch, lr: nextRate });
          for (const group of run.optimizer.paramGroups) Object.assign(group, { lr: nextRate });
          nextRate = null;
        },
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
    () => stopping,
  );
  tell({ kind: "done", progress: progressOf(history), outcome: outcomeOf(run, history, changes) });
}
