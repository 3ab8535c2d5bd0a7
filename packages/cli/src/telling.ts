/** What `thalweg train` says before, during and after training. */
import { lossCurves, report } from "@thalweg/plot";
import Table from "cli-table3";
import { type Embed, type Evaluation, type FeatureSpec, isLoss } from "thalweg/tabular";
import type { Finding, History, Progress } from "thalweg/train";
import type { Prepared } from "./prepare.js";
import type { RunFolder, RunSettings } from "./runFolder.js";
import { bar, count, duration, short, type Terminal } from "./terminal.js";

export function announce(settings: RunSettings, prepared: Prepared, terminal: Terminal): void {
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
      : `MLP ${[encoder.inputs, ...network.hidden, encoder.outputs].join(" → ")}`;
  const given = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  terminal.say(
    paint.dim(
      `${shape}, ${[optimizer, ...given].join(", ")}, ${count(epochs, "epoch")} of batches of ${batchSize}, seed ${settings.seed}${prepared.stream ? ", streamed" : ""}`,
    ),
  );
  for (const note of notes) terminal.say(paint.dim(`  note: ${note}`));
}

export function progressLine(progress: Progress): string {
  const { epoch, epochs, batch, batches, loss, samplesPerSecond, secondsLeft, measured } = progress;
  const within = batches === null ? 0 : batch / batches;
  const left = secondsLeft === null ? "" : `  ${duration(secondsLeft)} left`;
  const rate = `${Math.round(samplesPerSecond).toLocaleString("en")} rows/s`;
  const now = measured === null ? rate : `measuring, ${count(measured, "row")}`;
  return `epoch ${epoch}/${epochs} ${bar((epoch - 1 + within) / epochs)} loss ${short(loss)}  ${now}${left}`;
}

export const epochLine = (epoch: number, epochs: number, told: string, { data: { best } }: History): string =>
  `epoch ${epoch}/${epochs} ${bar(epoch / epochs)} ${told}${best === null ? "" : `, best ${short(best.value)} in epoch ${best.epoch}`}`;

const columnOf = (feature: FeatureSpec): string =>
  feature.kind === "vector"
    ? `${feature.column} (${feature.values.length} vectors of ${feature.size})`
    : feature.column;

/** Which categories have vectors, as it is typed. */
export const embedText = (embed: Embed = "none"): string =>
  typeof embed === "string"
    ? embed
    : Object.entries(embed)
        .map(([column, size]) => (size === null ? column : `${column}=${size}`))
        .join();

/** Names and values as they shall be read. */
function described(settings: RunSettings, { trainRows, validationRows, encoder }: Prepared): Record<string, string> {
  const { network, optimizer, options } = settings;
  const given = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return {
    Data: settings.data.name,
    Target: `${settings.target} (${encoder.task})`,
    Columns: encoder.spec.features.map(columnOf).join(", "),
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

/** What to type for the same run again, with all that was chosen for it. */
export function commandOf(settings: RunSettings): string {
  const { data, target, network, optimizer, options, validation } = settings;
  const word = (text: string) => (/^[\w./,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const given: [flag: string, value: unknown][] = [
    ["target", target],
    ["task", settings.task],
    ["features", settings.features],
    ["ignore", settings.ignore.length > 0 ? settings.ignore : null],
    ["embed", embedText(settings.embed)],
    ["validation", typeof validation === "number" ? validation : validation.name],
    ["model", network.kind],
    ["hidden", network.hidden.length > 0 ? network.hidden : null],
    ["dropout", network.dropout > 0 || network.kind === "mlp" ? network.dropout : null],
    ["optimizer", optimizer],
    ...Object.entries(options).map(([name, value]): [string, string] => ["set", `${name}=${value}`]),
    ["scheduler", settings.scheduler],
    ["epochs", settings.epochs],
    ["batch-size", settings.batchSize],
    ["patience", settings.patience],
    ["clip", settings.clipNorm],
    ["seed", settings.seed],
  ];
  const flags = given.filter(([, value]) => value !== null).map(([flag, value]) => `--${flag} ${word(String(value))}`);
  return ["thalweg train", word(data.name), ...flags, ...(settings.stream ? ["--stream"] : [])].join(" ");
}

export function writeReport(
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
    command: commandOf(settings),
    versions: settings.versions,
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  });
  folder.write("report.html", page);
}

export function conclude(
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

/** Which model a run has that was stopped. */
export const modelSoFar = ({ data: { best } }: Pick<History, "data">): string =>
  best === null
    ? "The model is that of the last step, since no epoch was finished"
    : `The model is that of epoch ${best.epoch}, the best so far`;
