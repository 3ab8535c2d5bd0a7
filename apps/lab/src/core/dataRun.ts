/** Training on a person's own table: what is asked for, and what is told of it. */
import { data, manualSeed, nn, type optim, tensor } from "thalweg";
import {
  baselineOf,
  type ColumnProfile,
  type Evaluation,
  type ModelFiles,
  profile,
  scoresFor,
  type Table,
  TableEncoder,
  TabularModel,
  usualEmbed,
  validationRows,
} from "thalweg/tabular";
import { type Callback, diagnose, type Finding, fit, type History, type ParameterRecord } from "thalweg/train";
import { optimizerOf, type Runner } from "./rules.js";

export interface DataSettings {
  readonly target: string;
  /** Columns that are not used. */
  readonly ignore: readonly string[];
  /** Widths of hidden layers; none for a linear model. */
  readonly hidden: readonly number[];
  readonly runner: Runner;
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
}

const kindOf = (hidden: readonly number[]) => (hidden.length === 0 ? "linear" : "mlp");

/** Share of the rows that are for validation. */
export const VALIDATION = 0.2;

/** A run that is ready to go. */
export interface DataRun {
  readonly model: TabularModel;
  readonly optimizer: optim.Optimizer<object>;
  readonly notes: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number };
  /** Trains to the end, or to the end of the epoch in which it is told to stop. */
  train(callbacks: readonly Callback[], isStopping: () => boolean): Promise<History>;
  evaluate(): Evaluation;
}

/** Everything before the first step: the same here as in the program that {@link programOf} writes. */
export async function prepareRun(table: Table, settings: DataSettings): Promise<DataRun> {
  const { target, ignore, hidden, runner, epochs, batchSize, seed } = settings;
  const held = validationRows(VALIDATION, seed);
  const kept = (row: number) => !held(row);
  const profiles = await profile(table.columns, [table.chunk], { rows: kept });
  const { encoder, notes } = TableEncoder.fit(profiles, {
    target,
    ignore,
    embed: usualEmbed(kindOf(hidden)),
    file: table.name,
  });
  const encoded = (rows: (row: number) => boolean) => {
    const { x, y, rows: numbers } = encoder.encode(table.columns, table.chunk, table.name, true, rows);
    const classes = encoder.task === "multiclass";
    const inputs = tensor(x).reshape([numbers.length, encoder.width]);
    const targets = classes ? tensor(y) : tensor(y).reshape([numbers.length, 1]);
    return { x, y, count: numbers.length, dataset: new data.TensorDataset(inputs, targets) };
  };
  const training = encoded(kept);
  const validation = encoded(held);
  manualSeed(seed);
  const model = TabularModel.create(encoder, { kind: kindOf(hidden), hidden, dropout: 0 });
  const optimizer = optimizerOf(runner, model.network.parameters());
  const losses = { regression: nn.MSELoss, binary: nn.BCEWithLogitsLoss, multiclass: nn.CrossEntropyLoss };
  return {
    model,
    optimizer,
    notes,
    rows: { train: training.count, validation: validation.count },
    async train(callbacks, isStopping) {
      let best: ReturnType<typeof model.network.stateDict> | null = null;
      const history = await fit(model.network, {
        train: new data.DataLoader(training.dataset, { batchSize, shuffle: true }),
        ...(validation.count === 0 ? {} : { validation: new data.DataLoader(validation.dataset, { batchSize: 2048 }) }),
        optimizer,
        loss: new losses[encoder.task](),
        epochs,
        callbacks: [
          ...callbacks,
          {
            onEpochEnd({ epoch }, so) {
              if (so.data.best?.epoch === epoch) best = model.network.stateDict();
              return !isStopping();
            },
          },
        ],
      });
      // Whoever stops has the best epoch, too, as if so many epochs had been asked for.
      if (history.data.stopped?.reason === "aborted" && best !== null) model.network.loadStateDict(best);
      return history;
    },
    evaluate() {
      const scores = scoresFor(encoder, baselineOf(encoder, training.y));
      const { x, y } = validation.count === 0 ? training : validation;
      scores.add(model.run(x), y);
      return scores.result(validation.count === 0 ? "training" : "validation");
    },
  };
}

/** A run's end. */
export interface Outcome {
  readonly evaluation: Evaluation;
  readonly findings: readonly Finding[];
  readonly files: ModelFiles;
  readonly stopped: History["data"]["stopped"];
  /** Learning rates that were set on the way. */
  readonly changes: readonly RateChange[];
}

export const outcomeOf = (run: DataRun, history: History, changes: readonly RateChange[]): Outcome => ({
  evaluation: run.evaluate(),
  findings: diagnose(history.data),
  files: run.model.save(),
  stopped: history.data.stopped,
  changes,
});

/** What is told while training runs. */
export interface DataProgress {
  readonly train: readonly number[];
  readonly validation: readonly number[];
  /** Summaries of the parameters when they were last looked into. */
  readonly parameters: Readonly<Record<string, ParameterRecord>> | null;
  readonly lr: number;
}

export const progressOf = (history: History): DataProgress => ({
  train: history.values("train", "loss"),
  validation: history.values("validation", "loss").filter((x) => !Number.isNaN(x)),
  parameters: history.data.epochs.reduce<DataProgress["parameters"]>(
    (last, { parameters }) => parameters ?? last,
    null,
  ),
  lr: history.data.epochs.at(-1)?.lr[0] ?? Number.NaN,
});

export type Columns = readonly ColumnProfile[];

/** A learning rate that was set while training ran, from an epoch on. */
export interface RateChange {
  readonly epoch: number;
  readonly lr: number;
}

/**
 * A program for Node that makes the same run, to the bit: TypeScript that is also JavaScript.
 *
 * @param settings - as the run began, with as many epochs as it had
 * @param options - the rule's options as the library takes them
 */
export function programOf(
  file: string,
  settings: DataSettings,
  options: Readonly<Record<string, unknown>>,
  changes: readonly RateChange[] = [],
): string {
  const { target, ignore, hidden, runner, epochs, batchSize, seed } = settings;
  const say = (x: unknown) => JSON.stringify(x);
  const callbacks =
    changes.length === 0
      ? ""
      : `
  callbacks: [
    {
      // The learning rate was changed by hand.
      onEpochStart(epoch) {
        const change = ${say(changes)}.findLast((one) => one.epoch <= epoch);
        if (change !== undefined) for (const group of optimizer.paramGroups) group.lr = change.lr;
      },
    },
  ],`;
  return `// The run of the page, as a program: npm install thalweg, put ${file.replaceAll("\n", " ")} beside it, and run it with Node.
import { writeFileSync } from "node:fs";
import { data, manualSeed, nn, optim, tensor } from "thalweg";
import { openTable, profile, readTable, TableEncoder, TabularModel, validationRows } from "thalweg/tabular";
import { diagnose, fit } from "thalweg/train";

const table = await readTable(await openTable(${say(file)}));
const held = validationRows(${VALIDATION}, ${seed});
const kept = (row) => !held(row);
const profiles = await profile(table.columns, [table.chunk], { rows: kept });
const { encoder } = TableEncoder.fit(profiles, { target: ${say(target)}, ignore: ${say(ignore)}, embed: ${say(usualEmbed(kindOf(hidden)))} });
const dataset = (rows) => {
  const { x, y, rows: { length } } = encoder.encode(table.columns, table.chunk, table.name, true, rows);
  const targets = encoder.task === "multiclass" ? tensor(y) : tensor(y).reshape([length, 1]);
  return new data.TensorDataset(tensor(x).reshape([length, encoder.width]), targets);
};
const training = dataset(kept);
const validation = dataset(held);

manualSeed(${seed});
const model = TabularModel.create(encoder, { kind: ${say(kindOf(hidden))}, hidden: ${say(hidden)}, dropout: 0 });
const optimizer = new optim.${runner.rule}(model.network.parameters(), ${say(options)});
const losses = { regression: nn.MSELoss, binary: nn.BCEWithLogitsLoss, multiclass: nn.CrossEntropyLoss };
const history = await fit(model.network, {
  train: new data.DataLoader(training, { batchSize: ${batchSize}, shuffle: true }),
  ...(validation.length > 0 ? { validation: new data.DataLoader(validation, { batchSize: 2048 }) } : {}),
  optimizer,
  loss: new losses[encoder.task](),
  epochs: ${epochs},${callbacks}
});

console.log(history.values(validation.length > 0 ? "validation" : "train", "loss").at(-1));
for (const { title, detail, advice } of diagnose(history.data)) console.log(title, detail, advice);
for (const [name, content] of Object.entries(model.save())) writeFileSync(name, content);
`;
}
