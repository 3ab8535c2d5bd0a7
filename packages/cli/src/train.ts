/** `thalweg train`: from a data file to a model, a picture of how training went, and a diagnosis. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { lossCurves, report } from "@thalweg/plot";
import Table from "cli-table3";
import { manualSeed, nn, noGrad, optim, type Tensor } from "thalweg";
import {
  sizesFor as defaultSizes,
  type Evaluation,
  isLoss,
  type NetworkSpec,
  scoresFor,
  TabularModel,
  type Task,
} from "thalweg/tabular";
import { Checkpoints, diagnose, type Finding, fit, type History, metrics, type Progress } from "thalweg/train";
import { CommandError, EXIT, usage } from "./exit.js";
import { fingerprint, type Prepared, prepare } from "./prepare.js";
import { type Optimizer, optimizerOf } from "./rules.js";
import { type DataFile, freshFolder, RunFolder, type RunSettings } from "./runFolder.js";
import { bar, count, duration, short, type Terminal } from "./terminal.js";
import { versions } from "./versions.js";

/** What was asked for; null where nothing was said. */
export interface TrainRequest {
  readonly data: string;
  readonly target: string;
  readonly task: Task | null;
  readonly features: readonly string[] | null;
  readonly ignore: readonly string[];
  readonly model: "auto" | "linear" | "mlp";
  readonly hidden: readonly number[] | null;
  readonly dropout: number | null;
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly scheduler: RunSettings["scheduler"];
  readonly epochs: number | null;
  readonly batchSize: number | null;
  readonly validation: number | { readonly path: string };
  readonly patience: number | null;
  readonly clipNorm: number | null;
  readonly seed: number;
  readonly stream: boolean | null;
  readonly out: string | null;
}

/** A new run. */
export async function train(request: TrainRequest, terminal: Terminal): Promise<number> {
  const interrupt = listen(terminal);
  try {
    const prepared = await prepare(request.data, request, terminal, interrupt.signal);
    const folder = new RunFolder(request.out ?? freshFolder(request.data, request.target));
    folder.create();
    const settings: RunSettings = {
      version: 1,
      data: fileOf(request.data),
      target: request.target,
      task: request.task,
      features: request.features,
      ignore: request.ignore,
      optimizer: request.optimizer,
      options: request.options,
      scheduler: request.scheduler,
      validation: typeof request.validation === "number" ? request.validation : fileOf(request.validation.path),
      clipNorm: request.clipNorm,
      seed: request.seed,
      stream: prepared.stream,
      versions: versions(),
      ...sizesFor(request, prepared),
    };
    folder.lock();
    try {
      folder.writeJSON("run.json", settings);
      return await run(folder, settings, prepared, terminal, interrupt);
    } finally {
      folder.unlock();
    }
  } finally {
    interrupt.end();
  }
}

/** Goes on with a run that was interrupted. */
export async function resume(path: string, epochs: number | null, terminal: Terminal): Promise<number> {
  const interrupt = listen(terminal);
  const folder = new RunFolder(path);
  const saved = folder.settings();
  const settings = epochs === null ? saved : { ...saved, epochs };
  const { data, validation } = settings;
  for (const file of typeof validation === "number" ? [data] : [data, validation]) refuseChanged(file);
  folder.lock();
  try {
    const prepared = await prepare(data.path, settings, terminal, interrupt.signal);
    if (epochs !== null) folder.writeJSON("run.json", settings);
    return await run(folder, settings, prepared, terminal, interrupt);
  } finally {
    folder.unlock();
    interrupt.end();
  }
}

const fileOf = (path: string): DataFile => ({ path: resolve(path), name: path, ...fingerprint(path) });

function refuseChanged({ path, bytes, fingerprint: before }: DataFile): void {
  if (!existsSync(path)) throw new CommandError(`the data of this run, ${path}, are not there any more`, EXIT.data);
  const now = fingerprint(path);
  if (now.fingerprint !== before || now.bytes !== bytes)
    throw new CommandError(`${path} has changed since this run began; start a new run on it`, EXIT.data);
}

/** Sizes that do well on ordinary tables, by the number of rows, where nothing else was asked for. */
function sizesFor(
  request: TrainRequest,
  { trainRows }: Prepared,
): Pick<RunSettings, "network" | "epochs" | "batchSize" | "patience"> {
  if (trainRows < 2)
    throw new CommandError(`${count(trainRows, "row")} for training: at least 2 are needed`, EXIT.data);
  const defaults = defaultSizes(trainRows, request.batchSize ?? undefined);
  const { batchSize } = defaults;
  const epochs = request.epochs ?? defaults.epochs;
  const kind =
    request.model === "linear" || (request.model === "auto" && request.hidden?.length === 0) ? "linear" : "mlp";
  const hidden = kind === "linear" ? [] : (request.hidden ?? defaults.hidden);
  if (request.model === "linear" && (request.hidden?.length ?? 0) > 0)
    throw usage("--hidden: a linear model has no hidden layers");
  const dropout = request.dropout ?? defaults.dropout;
  const network: NetworkSpec = { kind, hidden, dropout: kind === "linear" ? 0 : dropout };
  return { network, epochs, batchSize, patience: request.patience ?? Math.max(10, Math.round(epochs / 5)) };
}

interface Interrupt {
  readonly signal: AbortSignal;
  end(): void;
}

/** Ctrl-C once: save and stop. Twice: end at once. */
function listen(terminal: Terminal): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
    terminal.complain("stopping after this step; once more to end at once");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    end() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}

async function run(
  folder: RunFolder,
  settings: RunSettings,
  prepared: Prepared,
  terminal: Terminal,
  interrupt: Interrupt,
): Promise<number> {
  const { encoder, validation } = prepared;
  announce(settings, prepared, terminal);
  // Weights and orders come from one seed, whatever was done before.
  manualSeed(settings.seed);
  const model = TabularModel.create(encoder, settings.network);
  const optimizer = optimizerOf(settings.optimizer, model.network.parameters(), { ...settings.options });
  const batches = prepared.train(settings.batchSize);
  const begun = performance.now();
  const history = await fit(model.network, {
    train: batches,
    validation: validation ?? undefined,
    optimizer,
    loss: lossOf(encoder.task),
    metrics: encoder.task === "regression" ? {} : { accuracy: metrics.accuracy() },
    scheduler: schedulerOf(settings, optimizer, batches.length ?? 1),
    scheduleEvery: settings.scheduler === "plateau" ? "epoch" : "step",
    epochs: settings.epochs,
    clipNorm: settings.clipNorm ?? undefined,
    earlyStopping: { patience: settings.patience },
    signal: interrupt.signal,
    checkpoint: {
      store: new Checkpoints(folder.checkpoints, { onWarning: (message) => terminal.complain(`warning: ${message}`) }),
      everyEpochs: Math.max(1, Math.round(settings.epochs / 100)),
      everySeconds: 20,
      resume: true,
    },
    callbacks: [
      {
        onProgress: (progress) => terminal.progress(progressLine(progress)),
        onEpochEnd(record, so) {
          const loss = record.validation?.loss ?? record.train.loss!;
          const told = record.validation === null ? "training" : "validation";
          terminal.progress(epochLine(record.epoch, settings.epochs, `${told} loss ${short(loss)}`, so));
          return true;
        },
      },
    ],
  });
  terminal.clear();
  folder.write("history.json", history.toText());
  const { stopped } = history.data;
  if (stopped?.reason === "aborted") {
    terminal.complain(`${stopped.detail}. To go on: thalweg train --resume ${folder.path}`);
    terminal.result({ run: folder.path, stopped }, "");
    return EXIT.interrupted;
  }
  folder.saveModel(model);
  const evaluation = await evaluateOn(prepared, model);
  folder.writeJSON("evaluation.json", evaluation);
  const findings = diagnose(history.data);
  writeReport(folder, settings, prepared, history, evaluation, findings);
  conclude(folder, settings, history, evaluation, findings, terminal, (performance.now() - begun) / 1000);
  return stopped?.reason === "notFinite" ? EXIT.diverged : EXIT.ok;
}

const lossOf = (task: Task) =>
  task === "regression" ? new nn.MSELoss() : task === "binary" ? new nn.BCEWithLogitsLoss() : new nn.CrossEntropyLoss();

function schedulerOf({ scheduler, epochs }: RunSettings, optimizer: Optimizer, perEpoch: number) {
  const scheduled = optimizer as unknown as ConstructorParameters<typeof optim.lrScheduler.CosineAnnealingLR>[0];
  const totalSteps = epochs * perEpoch;
  switch (scheduler) {
    case "none":
      return undefined;
    case "cosine":
      return new optim.lrScheduler.CosineAnnealingLR(scheduled, { tMax: totalSteps });
    case "one-cycle":
      return new optim.lrScheduler.OneCycleLR(scheduled, {
        maxLr: scheduled.paramGroups.map(({ lr }) => lr),
        totalSteps,
        cycleMomentum: false,
      });
    case "plateau":
      return new optim.lrScheduler.ReduceLROnPlateau(scheduled, { patience: 5, factor: 0.3 });
  }
}

function announce(settings: RunSettings, prepared: Prepared, terminal: Terminal): void {
  const { encoder, notes, trainRows, validationRows, source } = prepared;
  const { paint } = terminal;
  const { network, optimizer, options, epochs, batchSize } = settings;
  const features = encoder.spec.features.length;
  terminal.say(
    `${paint.bold(settings.target)} from ${count(features, "column")} of ${source.name}   ${paint.dim(`${encoder.task}, ${count(trainRows, "row")} to train on, ${count(validationRows, "row")} to validate`)}`,
  );
  const shape =
    network.kind === "linear"
      ? "linear model"
      : `MLP ${[encoder.width, ...network.hidden, encoder.outputs].join(" → ")}`;
  const given = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  terminal.say(
    paint.dim(
      `${shape}, ${[optimizer, ...given].join(", ")}, ${count(epochs, "epoch")} of batches of ${batchSize}, seed ${settings.seed}${prepared.stream ? ", streamed" : ""}`,
    ),
  );
  for (const note of notes) terminal.say(paint.dim(`  note: ${note}`));
}

function progressLine({ epoch, epochs, batch, batches, loss, samplesPerSecond, secondsLeft }: Progress): string {
  const within = batches === null ? 0 : batch / batches;
  const left = secondsLeft === null ? "" : `  ${duration(secondsLeft)} left`;
  const rate = `${Math.round(samplesPerSecond).toLocaleString("en")} rows/s`;
  return `epoch ${epoch}/${epochs} ${bar((epoch - 1 + within) / epochs)} loss ${short(loss)}  ${rate}${left}`;
}

const epochLine = (epoch: number, epochs: number, told: string, { data: { best } }: History): string =>
  `epoch ${epoch}/${epochs} ${bar(epoch / epochs)} ${told}${best === null ? "" : `, best ${short(best.value)} in epoch ${best.epoch}`}`;

/** The model on the validation rows, or on the training rows where there are none. */
async function evaluateOn(prepared: Prepared, model: TabularModel): Promise<Evaluation> {
  const scores = scoresFor(prepared.encoder, prepared.baseline);
  const source = prepared.validation ?? prepared.train(2048);
  for await (const [x, y] of source as AsyncIterable<readonly Tensor[]>) {
    noGrad(() => scores.add(model.network.forward(x!).dataSync() as Float32Array, y!.dataSync() as Float32Array));
  }
  return scores.result(prepared.validation === null ? "training" : "validation");
}

/** Names and values as they shall be read. */
function described(settings: RunSettings, { trainRows, validationRows, encoder }: Prepared): Record<string, string> {
  const { network, optimizer, options } = settings;
  const given = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return {
    Data: settings.data.name,
    Target: `${settings.target} (${encoder.task})`,
    Columns: encoder.spec.features.map(({ column }) => column).join(", "),
    Rows: `${count(trainRows, "row")} for training, ${count(validationRows, "row")} for validation`,
    Model:
      network.kind === "linear"
        ? "linear"
        : `MLP, hidden layers of ${network.hidden.join(" and ")}${network.dropout > 0 ? `, dropout ${network.dropout}` : ""}`,
    Optimizer: [optimizer, ...given].join(", "),
    Schedule: settings.scheduler,
    Epochs: `up to ${settings.epochs}, batches of ${settings.batchSize}`,
    Seed: String(settings.seed),
  };
}

function writeReport(
  folder: RunFolder,
  settings: RunSettings,
  prepared: Prepared,
  history: History,
  evaluation: Evaluation,
  findings: readonly Finding[],
): void {
  const page = report({
    title: `${settings.target} from ${settings.data.name.split(/[\\/]/).at(-1)}`,
    history,
    evaluation,
    findings,
    settings: described(settings, prepared),
    command: `thalweg train ${settings.data.name} --target ${JSON.stringify(settings.target)} --optimizer ${settings.optimizer} --seed ${settings.seed}`,
    versions: settings.versions,
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  });
  folder.write("report.html", page);
}

function conclude(
  folder: RunFolder,
  settings: RunSettings,
  history: History,
  evaluation: Evaluation,
  findings: readonly Finding[],
  terminal: Terminal,
  seconds: number,
): void {
  const { paint } = terminal;
  const { best, stopped, epochs } = history.data;
  if (epochs.length > 1) {
    terminal.say();
    terminal.say(lossCurves(history).toText({ columns: terminal.columns, rows: 14, color: paint.isColorSupported }));
  }
  terminal.say();
  terminal.say(metricsTable(evaluation));
  terminal.say();
  for (const { severity, title, detail, advice } of findings) {
    const mark = severity === "error" ? paint.red("✗") : severity === "warning" ? paint.yellow("!") : paint.green("·");
    terminal.say(`${mark} ${paint.bold(`${title}.`)} ${detail}${advice === "" ? "" : ` ${advice}`}`);
  }
  terminal.say();
  terminal.say(
    paint.dim(
      `${stopped?.detail ?? ""}; ${duration(seconds)}${best === null ? "" : `; the model is that of epoch ${best.epoch}`}`,
    ),
  );
  terminal.say(`Report:   ${folder.file("report.html")}`);
  terminal.say(`Predict:  thalweg predict ${folder.path} ${settings.data.name}`);
  terminal.result({ run: folder.path, evaluation: withoutPoints(evaluation), best, stopped, findings }, "");
}

/** An evaluation's figures without the points of its picture. */
export const withoutPoints = ({ predictedVsActual: _, ...rest }: Evaluation): Evaluation => rest;

/** Metrics beside those of the trivial predictor. */
export function metricsTable({ metrics: own, baseline, split, rows, task }: Evaluation): string {
  const table = new Table({
    head: [
      `${split}, ${count(rows, "row")}`,
      "model",
      task === "regression" ? "always the mean" : "most frequent class",
    ],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right"],
  });
  for (const name of Object.keys(own)) {
    const better = isLoss(name) ? own[name]! < baseline[name]! : own[name]! > baseline[name]!;
    table.push([name, `${short(own[name]!)}${better ? "" : " (no better)"}`, short(baseline[name]!)]);
  }
  return table.toString();
}
