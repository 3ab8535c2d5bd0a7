/** Using a trained model: `thalweg predict` and `thalweg evaluate`. */
import { closeSync, lstatSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type Evaluation, openTable, scoresFor, type TabularModel } from "thalweg/tabular";
import { progressOf } from "./prepare.js";
import { RunFolder } from "./runFolder.js";
import { metricsTable, withoutPoints } from "./telling.js";
import { count, type Terminal } from "./terminal.js";

/** Writes a prediction for each row of a file: to standard output, or to a file that is there only when it is whole. */
export async function predict(
  path: string,
  data: string,
  out: string | null,
  columns: boolean,
  terminal: Terminal,
): Promise<void> {
  const model = modelOf(path, terminal);
  const source = await openTable(data);
  const { target } = model.encoder.spec;
  const classes = target.task === "regression" ? [] : target.classes;
  const partial = out === null || !isOrdinary(out) ? null : `${out}.partial`;
  const file = out === null ? null : openSync(partial ?? out, "w");
  const write = async (text: string) => {
    if (file === null) await terminal.print(text);
    else writeFileSync(file, text);
  };
  let rows = 0;
  try {
    const head = [
      ...(columns ? source.columns : []),
      `predicted ${target.column}`,
      ...classes.map((label) => `probability ${label}`),
    ];
    if (!terminal.options.json) await write(`${head.map(field).join()}\n`);
    for await (const chunk of source.chunks({ onBytes: progressOf(source, terminal) })) {
      const lines = model.predictChunk(source.columns, chunk, source.name).map(({ value, probabilities }, r) => {
        const own = columns ? chunk.columns.map((cells) => cells[r]!) : [];
        if (terminal.options.json) {
          const kept = columns ? Object.fromEntries(source.columns.map((name, c) => [name, own[c]])) : {};
          return JSON.stringify({ ...kept, prediction: value, ...(probabilities === null ? {} : { probabilities }) });
        }
        return [...own, rounded(value), ...Object.values(probabilities ?? {}).map(rounded)].map(field).join();
      });
      if (lines.length > 0) await write(`${lines.join("\n")}\n`);
      rows += chunk.length;
    }
    if (file !== null) closeSync(file);
    if (partial !== null) renameSync(partial, out!);
  } catch (error) {
    if (partial !== null) rmSync(partial, { force: true });
    throw error;
  }
  terminal.clear();
  if (out !== null) terminal.say(`${count(rows, "prediction")} written to ${out}`);
}

/** A run's model; with a note if its training was stopped. */
function modelOf(path: string, terminal: Terminal): TabularModel {
  const folder = new RunFolder(path);
  const model = folder.model();
  const note = folder.unfinished();
  if (note !== null) terminal.say(`note: ${note}`);
  return model;
}

/** A file, or none yet; not a device, a pipe or a link, which a new file must not take the place of. */
const isOrdinary = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true;

/** Seven digits: more than the model's numbers have. */
const rounded = (value: number | string): string =>
  typeof value === "number" ? String(Number(value.toPrecision(7))) : value;

/** A field of a CSV file, in quotes where it needs them. */
function field(value: unknown): string {
  const text = value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Measures a trained model on a file whose targets are known. */
export async function evaluate(path: string, data: string, terminal: Terminal): Promise<Evaluation> {
  const model = modelOf(path, terminal);
  const source = await openTable(data);
  const { target } = model.encoder.spec;
  // What is compared with is what the training rows say; their shares are in the run's own evaluation only as figures.
  const scores = scoresFor(
    model.encoder,
    target.task === "regression" ? null : await sharesIn(model.encoder, source, terminal),
  );
  for await (const chunk of source.chunks({ onBytes: progressOf(source, terminal) })) {
    const { x, y } = model.encoder.encode(source.columns, chunk, source.name);
    scores.add(model.run(x), y);
  }
  const evaluation = scores.result(data);
  terminal.result({ run: path, data, evaluation: withoutPoints(evaluation) }, metricsTable(evaluation));
  return evaluation;
}

type Encoder = ReturnType<RunFolder["model"]>["encoder"];

/** How frequent each class is in a file: the trivial predictor of these data says the most frequent. */
async function sharesIn(
  encoder: Encoder,
  source: Awaited<ReturnType<typeof openTable>>,
  terminal: Terminal,
): Promise<number[]> {
  const { target } = encoder.spec;
  const counts = target.task === "regression" ? [] : target.classes.map(() => 0);
  let rows = 0;
  for await (const chunk of source.chunks({ onBytes: progressOf(source, terminal) })) {
    for (const c of encoder.encode(source.columns, chunk, source.name).y) {
      counts[c]!++;
      rows++;
    }
  }
  return counts.map((n) => n / rows);
}
