/** `thalweg train`: from a data file to a model, a picture of how training went, and a diagnosis. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { manualSeed, nn, optim } from "thalweg";
import {
  sizesFor as defaultSizes,
  type Embed,
  type Evaluation,
  type NetworkSpec,
  scoresFor,
  TabularModel,
  type Task,
  usualEmbed,
} from "thalweg/tabular";
import { Checkpoints, diagnose, evaluate, fit, metrics, tensorsOf } from "thalweg/train";
import { CommandError, EXIT, usage } from "./exit.js";
import { fingerprint } from "./fingerprint.js";
import { type Prepared, prepare, VALIDATION_BATCH } from "./prepare.js";
import { type Optimizer, optimizerOf, optionsForRows, sparseFrom } from "./rules.js";
import { type DataFile, freshFolder, RunFolder, type RunSettings } from "./runFolder.js";
import { announce, conclude, epochLine, modelSoFar, progressLine, writeReport } from "./telling.js";
import { count, short, type Terminal } from "./terminal.js";
import { versions } from "./versions.js";

/** What was asked for; null where nothing was said. */
export interface TrainRequest {
  readonly data: string;
  readonly target: string;
  readonly task: Task | null;
  readonly features: readonly string[] | null;
  readonly ignore: readonly string[];
  readonly embed: Embed | null;
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
    const embed = request.embed ?? usualEmbed(kindOf(request));
    const prepared = await prepare(request.data, { ...request, embed }, terminal, interrupt.signal);
    const fileOf = dataFile(terminal, interrupt.signal);
    const settings: RunSettings = {
      version: 1,
      data: await fileOf(request.data),
      target: request.target,
      task: request.task,
      features: request.features,
      ignore: request.ignore,
      embed,
      optimizer: request.optimizer,
      options: { ...optionsForRows(request.optimizer, prepared.trainRows), ...request.options },
      scheduler: request.scheduler,
      validation: typeof request.validation === "number" ? request.validation : await fileOf(request.validation.path),
      clipNorm: request.clipNorm,
      seed: request.seed,
      stream: prepared.stream,
      versions: versions(),
      ...sizesFor(request, prepared),
    };
    // Whatever is refused is refused before there is a folder.
    const learner = learnerOf(settings, prepared);
    const folder = new RunFolder(request.out ?? freshFolder(request.data, request.target));
    folder.create();
    folder.lock();
    try {
      folder.writeJSON("run.json", settings);
      return await run(folder, settings, prepared, learner, terminal, interrupt);
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
  folder.lock();
  try {
    for (const file of typeof validation === "number" ? [data] : [data, validation])
      await refuseChanged(file, terminal, interrupt.signal);
    // Runs from before there were vectors have none.
    const embed = settings.embed ?? "none";
    const prepared = await prepare(data.path, { ...settings, embed }, terminal, interrupt.signal);
    if (epochs !== null) folder.writeJSON("run.json", settings);
    return await run(folder, settings, prepared, learnerOf(settings, prepared), terminal, interrupt);
  } finally {
    folder.unlock();
    interrupt.end();
  }
}

const dataFile =
  (terminal: Terminal, signal: AbortSignal) =>
  async (path: string): Promise<DataFile> => ({
    path: resolve(path),
    name: path,
    ...(await fingerprint(path, terminal, signal)),
  });

async function refuseChanged(file: DataFile, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { path } = file;
  if (!existsSync(path)) throw new CommandError(`the data of this run, ${path}, are not there any more`, EXIT.data);
  const now = await fingerprint(path, terminal, signal);
  if (now.fingerprint !== file.fingerprint || now.bytes !== file.bytes)
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
  const kind = kindOf(request);
  const hidden = kind === "linear" ? [] : (request.hidden ?? defaults.hidden);
  if (request.model === "linear" && (request.hidden?.length ?? 0) > 0)
    throw usage("--hidden: a linear model has no hidden layers");
  const dropout = request.dropout ?? defaults.dropout;
  const network: NetworkSpec = { kind, hidden, dropout: kind === "linear" ? 0 : dropout };
  return { network, epochs, batchSize, patience: request.patience ?? Math.max(10, Math.round(epochs / 5)) };
}

const kindOf = ({ model, hidden }: TrainRequest): NetworkSpec["kind"] =>
  model === "linear" || (model === "auto" && hidden?.length === 0) ? "linear" : "mlp";

interface Interrupt {
  readonly signal: AbortSignal;
  end(): void;
}

/** Ctrl-C once: save and stop. Twice: end at once; what was saved is whole, since files appear only when they are. */
function listen(terminal: Terminal): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) {
      terminal.complain("ended at once; what was saved before is whole");
      process.exit(EXIT.interrupted);
    }
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

/** What is trained, and by what. */
interface Learner {
  readonly model: TabularModel;
  readonly optimizer: Optimizer;
  readonly batches: ReturnType<Prepared["train"]>;
  readonly scheduler: ReturnType<typeof schedulerOf>;
}

/** @throws CommandError or OptionError if the rule cannot train such a model, or an option makes no sense */
function learnerOf(settings: RunSettings, prepared: Prepared): Learner {
  // Weights and orders come from one seed, whatever was done before.
  manualSeed(settings.seed);
  const { network, optimizer: rule, options, clipNorm } = settings;
  // Clipping needs whole gradients.
  const from = clipNorm === null ? sparseFrom(rule, options) : Number.POSITIVE_INFINITY;
  const model = TabularModel.create(prepared.encoder, network, { sparseFrom: from });
  const optimizer = optimizerOf(rule, model.network, { ...options });
  const batches = prepared.train(settings.batchSize);
  return { model, optimizer, batches, scheduler: schedulerOf(settings, optimizer, batches.length ?? 1) };
}

async function run(
  folder: RunFolder,
  settings: RunSettings,
  prepared: Prepared,
  { model, optimizer, batches, scheduler }: Learner,
  terminal: Terminal,
  interrupt: Interrupt,
): Promise<number> {
  const { encoder, validation } = prepared;
  announce(settings, prepared, terminal);
  const store = new Checkpoints(folder.checkpoints, {
    onWarning: (message) => terminal.complain(`warning: ${message}`),
  });
  const begun = performance.now();
  const history = await fit(model.network, {
    train: batches,
    validation: validation ?? undefined,
    optimizer,
    loss: lossOf(encoder.task),
    metrics: encoder.task === "regression" ? {} : { accuracy: metrics.accuracy() },
    scheduler,
    scheduleEvery: settings.scheduler === "plateau" ? "epoch" : "step",
    epochs: settings.epochs,
    clipNorm: settings.clipNorm ?? undefined,
    earlyStopping: { patience: settings.patience },
    signal: interrupt.signal,
    checkpoint: {
      store,
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
    useBest(model, optimizer, store);
    folder.saveModel(model);
    // They would be of another model.
    folder.remove("evaluation.json", "report.html");
    terminal.complain(`${stopped.detail}. ${modelSoFar(history)}. To go on: thalweg train --resume ${folder.path}`);
    terminal.result({ run: folder.path, stopped, best: history.data.best }, "");
    return EXIT.interrupted;
  }
  folder.saveModel(model);
  const evaluation = await evaluateOn(prepared, model, terminal);
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

/** Gives a model that was stopped the values of its best epoch so far; before the first epoch's end it keeps those that it has. */
function useBest(model: TabularModel, optimizer: Optimizer, store: Checkpoints): void {
  const best = store.latest()?.best ?? null;
  if (best !== null) model.network.loadStateDict(tensorsOf(best));
  else (optimizer as Partial<{ eval(): void }>).eval?.();
}

/** The model on the validation rows, or on the training rows where there are none. */
async function evaluateOn(prepared: Prepared, model: TabularModel, terminal: Terminal): Promise<Evaluation> {
  const scores = scoresFor(prepared.encoder, prepared.baseline);
  const source = prepared.validation ?? prepared.train(VALIDATION_BATCH);
  const begun = performance.now();
  await evaluate(model.network, source, {
    onBatch: (output, target) => scores.add(output.dataSync() as Float32Array, target.dataSync() as Float32Array),
    onProgress: (rows) => {
      if (performance.now() - begun > 500) terminal.progress(`measuring the model, ${count(rows, "row")}`);
    },
  });
  terminal.clear();
  return scores.result(prepared.validation === null ? "training" : "validation");
}
