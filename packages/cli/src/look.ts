/** Looking at what is there: `thalweg inspect` and `thalweg compare`. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { compareRuns, lossCurves } from "@thalweg/plot";
import Table from "cli-table3";
import { decode } from "thalweg/safetensors";
import { type FeatureSpec, isLoss } from "thalweg/tabular";
import { diagnose, summarize } from "thalweg/train";
import { CommandError, EXIT } from "./exit.js";
import { RunFolder, type RunSettings } from "./runFolder.js";
import { embedText, metricsTable, withoutPoints } from "./telling.js";
import { count, duration, short, type Terminal } from "./terminal.js";

const plain = { style: { head: [], border: [], compact: true } };

/** Shows a run, a model or a safetensors file. */
export function inspect(path: string, terminal: Terminal): void {
  if (!existsSync(path)) throw new CommandError(`${path}: there is no such file or folder`, EXIT.usage);
  const folder = new RunFolder(path);
  if (!statSync(path).isDirectory()) inspectTensors(path, terminal);
  else if (existsSync(folder.file("run.json"))) inspectRun(folder, terminal);
  else if (existsSync(folder.file("model.json"))) inspectModel(folder, terminal);
  else throw new CommandError(`${path} is neither a run nor a model: it has no run.json and no model.json`, EXIT.usage);
}

function inspectRun(folder: RunFolder, terminal: Terminal): void {
  const settings = folder.settings();
  const history = folder.history();
  const evaluation = folder.evaluation();
  const findings = history === null ? [] : diagnose(history);
  const { network, optimizer, options, epochs, batchSize, seed, scheduler } = settings;
  const facts = new Table({ ...plain, colAligns: ["left", "left"] });
  facts.push(
    ["data", settings.data.name],
    ["target", settings.target],
    ["vectors", embedText(settings.embed)],
    ["model", network.kind === "linear" ? "linear" : `MLP ${network.hidden.join(" → ")}`],
    ["optimizer", [optimizer, ...Object.entries(options).map(([name, value]) => `${name} ${value}`)].join(", ")],
    ["training", `up to ${count(epochs, "epoch")} of batches of ${batchSize}, ${scheduler} schedule, seed ${seed}`],
    ["state", folder.unfinished() ?? history?.stopped?.detail ?? "not ended; go on by train --resume"],
  );
  const parts = [facts.toString()];
  if (history !== null && history.epochs.length > 1)
    parts.push(lossCurves(history).toText({ columns: terminal.columns, rows: 14 }));
  if (evaluation !== null) parts.push(metricsTable(evaluation));
  for (const { title, detail } of findings) parts.push(`${title}. ${detail}`);
  terminal.result(
    {
      run: folder.path,
      settings,
      stopped: history?.stopped ?? null,
      best: history?.best ?? null,
      evaluation: evaluation && withoutPoints(evaluation),
      findings,
    },
    parts.join("\n\n"),
  );
}

function inspectModel(folder: RunFolder, terminal: Terminal): void {
  const model = folder.model();
  const { target, features } = model.encoder.spec;
  const table = new Table({ ...plain, head: ["column", "becomes"] });
  for (const feature of features) table.push([feature.column, becomes(feature)]);
  terminal.result(
    { model: folder.path, target, features, network: model.spec },
    `predicts ${target.column} (${target.task})\n${model.network}\n${table}`,
  );
}

/** What a column becomes, in words. */
function becomes(feature: FeatureSpec): string {
  const own = ((): string => {
    switch (feature.kind) {
      case "category":
        return `${count(feature.values.length, "place")}${feature.other ? " and one for others" : ""}: ${someOf(feature.values)}`;
      case "vector":
        return `a learnt vector of ${feature.size} for each of ${count(feature.values.length, "value")}, and one for others: ${someOf(feature.values)}`;
      case "boolean":
        return "−1 or 1";
      default:
        return `(value − ${short(feature.mean)}) / ${short(feature.std)}`;
    }
  })();
  if (!feature.marked) return own;
  return `${own}, and a ${feature.kind === "vector" ? "vector" : "mark"} where it is missing`;
}

const someOf = (values: readonly string[]): string =>
  `${values.slice(0, 8).join(", ")}${values.length > 8 ? ", …" : ""}`;

function inspectTensors(path: string, terminal: Terminal): void {
  let file: ReturnType<typeof decode>;
  try {
    file = decode(new Uint8Array(readFileSync(path)));
  } catch (error) {
    throw new CommandError(`${path} is no safetensors file that can be read: ${(error as Error).message}`, EXIT.data);
  }
  const table = new Table({
    ...plain,
    head: ["tensor", "dtype", "shape", "min", "mean", "max", "not finite"],
    colAligns: ["left", "left", "left", "right", "right", "right", "right"],
  });
  const tensors = Object.entries(file.tensors).map(([name, x]) => {
    const { min, mean, max, notFinite } = summarize(x.dataSync());
    table.push([
      name,
      x.dtype,
      x.shape.join(" × ") || "one number",
      short(min),
      short(mean),
      short(max),
      String(notFinite),
    ]);
    return { name, dtype: x.dtype, shape: [...x.shape], min, mean, max, notFinite };
  });
  const metadata = Object.entries(file.metadata).map(
    ([name, text]) => `${name}: ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`,
  );
  terminal.result({ file: path, tensors, metadata: file.metadata }, [table.toString(), ...metadata].join("\n"));
}

/** Runs beside each other: what differs between them, and how they did. */
export function compare(paths: readonly string[], out: string | null, terminal: Terminal): void {
  const runs = paths.map((path) => {
    const folder = new RunFolder(path);
    const settings = folder.settings();
    const history = folder.history();
    if (history === null)
      throw new CommandError(
        `${path} has no history.json: its training has not come to an end; go on by thalweg train --resume ${path}`,
      );
    if (history.epochs.length === 0)
      throw new CommandError(
        `${path} was stopped before its first epoch ended, so there is nothing to compare; go on by thalweg train --resume ${path}`,
      );
    return { path, settings, history, evaluation: folder.evaluation(), unfinished: folder.unfinished() };
  });
  for (const { unfinished } of runs) if (unfinished !== null) terminal.say(`note: ${unfinished}`);
  const differ = (of: (settings: RunSettings) => unknown) => new Set(runs.map(({ settings }) => of(settings))).size > 1;
  if (differ(({ target }) => target))
    terminal.say("note: these runs predict different columns: their figures say nothing of each other");
  else if (
    differ(({ data, validation, seed }) =>
      typeof validation === "number" ? `${data.fingerprint} ${validation} ${seed}` : validation.fingerprint,
    )
  )
    terminal.say("note: these runs are measured on different rows: differences may come from those");
  if (runs.length === 1)
    terminal.say(
      `note: ${paths[0]} is the only run named; name others to compare it with (thalweg inspect shows a single one)`,
    );
  const facts = runs.map(({ settings, history }) => ({
    data: settings.data.name,
    target: settings.target,
    vectors: embedText(settings.embed),
    model: settings.network.kind === "linear" ? "linear" : settings.network.hidden.join("-"),
    optimizer: settings.optimizer,
    options:
      Object.entries(settings.options)
        .map(([name, value]) => `${name} ${value}`)
        .join(" ") || "defaults",
    schedule: settings.scheduler,
    batch: String(settings.batchSize),
    seed: String(settings.seed),
    epochs: `${history.epochs.length}, best ${history.best?.epoch ?? "none"}`,
    time: duration(history.epochs.reduce((sum, { seconds }) => sum + seconds, 0)),
  }));
  const metrics = [...new Set(runs.flatMap(({ evaluation }) => Object.keys(evaluation?.metrics ?? {})))];
  // What is the same in all runs says nothing about them.
  const names = Object.keys(facts[0]!) as (keyof (typeof facts)[number])[];
  const differing = names.filter(
    (name) => name === "epochs" || name === "time" || new Set(facts.map((fact) => fact[name])).size > 1,
  );
  const table = new Table({ ...plain, head: ["run", ...differing, ...metrics] });
  runs.forEach(({ path, evaluation }, i) => {
    const cells = metrics.map((name) => {
      const values = runs.map((run) => run.evaluation?.metrics[name] ?? Number.NaN).filter(Number.isFinite);
      const best = isLoss(name) ? Math.min(...values) : Math.max(...values);
      const own = evaluation?.metrics[name];
      return own === undefined ? "" : `${short(own)}${own === best && runs.length > 1 ? " *" : ""}`;
    });
    table.push([path, ...differing.map((name) => facts[i]![name]), ...cells]);
  });
  const chart = compareRuns(runs.map(({ path, history }) => ({ name: path, history })));
  if (out !== null) chart.save(join(out));
  terminal.result(
    runs.map(({ path, history, evaluation }, i) => ({
      run: path,
      ...facts[i],
      best: history.best,
      evaluation: evaluation && withoutPoints(evaluation),
    })),
    `${table}\n\n${chart.toText({ columns: terminal.columns, rows: 16 })}${metrics.length > 0 ? "\n* the best" : ""}`,
  );
}
