/** The commands and their options. */
import { Command, InvalidArgumentError, Option } from "commander";
import { optim } from "thalweg";
import { type Embed, openTable } from "thalweg/tabular";
import { EXIT_HELP, usage } from "./exit.js";
import { compare, inspect } from "./look.js";
import { lrFind } from "./lrFind.js";
import { dialectOf, optionsOf, optionTable, RULE_NAMES, readOption } from "./rules.js";
import { Terminal } from "./terminal.js";
import { resume, type TrainRequest, train } from "./train.js";
import { evaluate, predict } from "./use.js";
import { VERSION } from "./versions.js";

/** What commander hands over: options by their names in camelCase. */
type Given = Record<string, unknown>;

const number =
  (rule: string, holds: (x: number) => boolean) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!holds(value)) throw new InvalidArgumentError(`It must be ${rule}.`);
    return value;
  };
const whole = (least: number) => number(`a whole number of ${least} or more`, (x) => Number.isInteger(x) && x >= least);
const share = number("a number from 0 up to, but not including, 1", (x) => x >= 0 && x < 1);
const shareOrFile = (text: string): number | { path: string } =>
  Number.isNaN(Number(text)) || text.trim() === "" ? { path: text } : share(text);
const positive = number("a number above 0", (x) => x > 0 && Number.isFinite(x));
const list = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
const widths = (text: string): number[] => (text === "" || text === "none" ? [] : text.split(",").map(whole(1)));
function embedOf(text: string): Embed {
  if (text === "auto" || text === "none") return text;
  const columns = list(text).map((part): [string, number | null] => {
    const [, column, size] = /^(.+)=([^=]*)$/.exec(part) ?? [];
    return column === undefined ? [part, null] : [column.trim(), whole(1)(size!)];
  });
  if (columns.length === 0) throw new InvalidArgumentError("It must be auto, none, or names of columns.");
  return Object.fromEntries(columns);
}
const collect = (text: string, before: string[] = []): string[] => [...before, text];

/** Options of rules that have flags of their own; any other is given by --set. */
const RULE_FLAGS: readonly (readonly [option: string, flag: string, text: string])[] = [
  ["lr", "--lr <x>", "learning rate"],
  ["alpha", "--alpha <x>", "how much of the mean square is kept at each step (rmsprop)"],
  ["eps", "--eps <x>", "keeps the divisor from being zero"],
  ["momentum", "--momentum <x>", "how much of the last update is kept"],
  ["betas", "--betas <a,b>", "the decays of Adam and its family"],
  ["weightDecay", "--weight-decay <x>", "pulls parameters towards 0"],
  ["centered", "--centered", "divide by the deviation of the gradient (rmsprop)"],
  ["nesterov", "--nesterov", "look ahead (rmsprop, sgd)"],
  ["amsgrad", "--amsgrad", "step sizes never grow (adam, adamw)"],
];

/** What may be said when a run goes on; all else is the run's. */
const WITH_RESUME = new Set(["--resume", "--epochs", "--json", "--quiet", "--debug"]);

/** Options that choose and set a rule; help lists those of the rule that is chosen. */
function withRule(command: Command): Command {
  command
    .optionsGroup("Update rule:")
    .option(
      "--optimizer <name>",
      `update rule: ${RULE_NAMES.join(", ")}; with --help its options are listed`,
      "rmsprop",
    );
  const flags = Object.fromEntries(RULE_FLAGS.map(([option, flag]) => [option, flag]));
  command.addHelpText("after", () => {
    const { optimizer, set = [] } = command.opts<{ optimizer: string; set?: string[] }>();
    return `\n${optionTable(optimizer.toLowerCase(), flags, restOf(set))}`;
  });
  for (const [, flag, text] of RULE_FLAGS) command.option(flag, text);
  return command
    .option("--dialect <name>", `RMSProp as another program means it: ${Object.keys(optim.dialects).join(", ")}`)
    .option("--set <name=value>", "any other option of the rule; may be given several times", collect);
}

function settingOf(text: string): [name: string, value: string] {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw usage(`--set takes name=value, not "${text}"`);
  return [name.trim(), value!.trim()];
}

/** The rule that trains what the chosen one is not made for, if that was said. */
const restOf = (set: readonly string[]): string | undefined => new Map(set.map(settingOf)).get("rest");

function ruleOf(given: Given): { optimizer: string; options: Record<string, unknown> } {
  const optimizer = String(given.optimizer).toLowerCase();
  const set = (given.set ?? []) as string[];
  const known = optionsOf(optimizer, restOf(set));
  const options: Record<string, unknown> = {};
  if (given.dialect !== undefined) {
    if (optimizer !== "rmsprop") throw usage(`--dialect is of RMSProp; the optimizer is ${optimizer}`);
    // A learning rate that is meant for other data than a table's is left out.
    const { lr: _, ...dialect } = dialectOf(String(given.dialect));
    Object.assign(options, dialect);
  }
  const put = (option: string, value: string | boolean) => {
    options[option] = readOption(optimizer, known, option, value);
  };
  for (const [option] of RULE_FLAGS) if (given[option] !== undefined) put(option, given[option] as string | boolean);
  for (const text of set) put(...settingOf(text));
  // Said also where it is the usual one: two rules are at work.
  if (known.rest !== undefined) options.rest ??= known.rest;
  return { optimizer, options };
}

/** Options that say which columns are what. */
const withColumns = (command: Command): Command =>
  command
    .optionsGroup("Data:")
    .option("--target <column>", "the column to predict")
    .addOption(
      new Option("--task <task>", "what is learnt; found from the target if not given").choices([
        "regression",
        "binary",
        "multiclass",
      ]),
    )
    .option("--features <columns>", "only these columns, separated by commas", list)
    .option("--ignore <columns>", "not these columns", list)
    .option(
      "--embed <columns>",
      "whose values have learnt vectors: auto (categories of over 50 values; of a linear model none), none, or columns, such as zip=8,city, with the size of their vectors where that is to be another",
      embedOf,
    )
    .option(
      "--validation <share>",
      "share of the rows that are kept for validation, or a file of such rows",
      shareOrFile,
      0.2,
    )
    .option("--seed <n>", "seed of the split, the weights and the order of batches", whole(0), 0)
    .option(
      "--stream",
      "read the file anew in each epoch instead of holding its rows in memory (default if those take over 64 MB)",
    );

/** @throws CommandError without a target: with the columns that there are */
async function columnsOf(given: Given, data: string) {
  if (given.target === undefined) {
    const { columns } = await openTable(data);
    const shown = columns.slice(0, 30).join(", ");
    throw usage(
      `--target is missing: which column shall be predicted? ${data} has ${shown}${columns.length > 30 ? ", …" : ""}`,
    );
  }
  return {
    target: String(given.target),
    task: (given.task ?? null) as TrainRequest["task"],
    features: (given.features ?? null) as string[] | null,
    ignore: (given.ignore ?? []) as string[],
    embed: (given.embed ?? null) as Embed | null,
    validation: given.validation as TrainRequest["validation"],
    seed: given.seed as number,
    stream: given.stream === true ? true : null,
  };
}

/** Options that all commands have. */
const withOutput = (command: Command): Command =>
  command
    .optionsGroup("Output:")
    .option("--json", "print the result as JSON, for scripts")
    .option("--quiet", "say nothing but errors and the result")
    .option("--debug", "show where an error comes from");

const terminalOf = (given: Given): Terminal => new Terminal({ quiet: given.quiet === true, json: given.json === true });

/** @param onCode - told the exit code of a command that has one of its own */
export function programOf(onCode: (code: number) => void): Command {
  const program = new Command("thalweg")
    .description("Train models on data files, and see how training went. RMSProp is its heart.")
    .version(VERSION)
    .showHelpAfterError("(add --help for what there is)")
    .addHelpText(
      "after",
      `
Examples:
  thalweg train cars.csv --target mpg
  thalweg predict runs/cars-mpg new-cars.csv --out predictions.csv
  thalweg compare runs/cars-mpg runs/cars-mpg-2

${EXIT_HELP}`,
    );

  withOutput(
    withRule(withColumns(program.command("train").argument("[data]", "a CSV, TSV, JSON Lines or Parquet file"))),
  )
    .description("train a model that predicts one column of a data file from the others")
    .optionsGroup("Network and training:")
    .addOption(new Option("--model <kind>", "the network").choices(["auto", "linear", "mlp"]).default("auto"))
    .option("--hidden <widths>", "widths of the hidden layers, such as 64,64; none for a linear model", widths)
    .option("--dropout <share>", "share of hidden values dropped in training", share)
    .option("--epochs <n>", "passes over the training rows (default: by their number)", whole(1))
    .option("--batch-size <n>", "rows in a step (default: by their number)", whole(1))
    .addOption(
      new Option("--scheduler <name>", "how the learning rate goes")
        .choices(["none", "cosine", "one-cycle", "plateau"])
        .default("cosine"),
    )
    .option("--patience <n>", "epochs without progress after which training stops", whole(0))
    .option("--clip <norm>", "scale gradients so that their norm is at most this", positive)
    .option("--out <folder>", "where the run goes (default: runs/DATA-TARGET)")
    .option("--resume <run>", "go on with a run that was interrupted; --epochs may be larger")
    .addHelpText(
      "after",
      `
Examples:
  thalweg train cars.csv --target mpg
  thalweg train cars.csv --target mpg --optimizer adam --lr 0.001 --hidden 64,64 --epochs 100
  thalweg train iris.csv --target species --model linear --dialect keras
  thalweg train --resume runs/cars-mpg

Ctrl-C saves and says how to go on; once more ends at once.

${EXIT_HELP}`,
    )
    .action(async (data: string | undefined, given: Given, command: Command) => {
      const terminal = terminalOf(given);
      if (given.resume !== undefined) {
        const typed = command.options.filter(
          (option) => command.getOptionValueSource(option.attributeName()) === "cli",
        );
        const others = typed.map((option) => option.long!).filter((flag) => !WITH_RESUME.has(flag));
        if (data !== undefined) others.unshift("DATA");
        if (others.length > 0)
          throw usage(`--resume takes data and settings from the run; leave out ${others.join(", ")}`);
        onCode(await resume(String(given.resume), (given.epochs ?? null) as number | null, terminal));
        return;
      }
      if (data === undefined) throw usage("which data file? thalweg train DATA --target COLUMN");
      onCode(
        await train(
          {
            data,
            ...(await columnsOf(given, data)),
            ...ruleOf(given),
            model: given.model as TrainRequest["model"],
            hidden: (given.hidden ?? null) as number[] | null,
            dropout: (given.dropout ?? null) as number | null,
            scheduler: given.scheduler as TrainRequest["scheduler"],
            epochs: (given.epochs ?? null) as number | null,
            batchSize: (given.batchSize ?? null) as number | null,
            patience: (given.patience ?? null) as number | null,
            clipNorm: (given.clip ?? null) as number | null,
            out: (given.out ?? null) as string | null,
          },
          terminal,
        ),
      );
    });

  withOutput(
    program
      .command("predict")
      .argument("<run>", "a run's folder")
      .argument("<data>", "a file with the columns of training"),
  )
    .description("predict the rows of a file with a trained model")
    .option("--out <file>", "write a CSV file instead of printing")
    .option("--columns", "repeat the file's own columns beside the predictions")
    .addHelpText("after", "\nExample:\n  thalweg predict runs/cars-mpg new-cars.csv --out predictions.csv")
    .action((run: string, data: string, given: Given) =>
      predict(run, data, (given.out ?? null) as string | null, given.columns === true, terminalOf(given)),
    );

  withOutput(
    program
      .command("evaluate")
      .argument("<run>", "a run's folder")
      .argument("<data>", "a file with the columns of training and the target"),
  )
    .description("measure a trained model on a file whose targets are known")
    .action(async (run: string, data: string, given: Given) => {
      await evaluate(run, data, terminalOf(given));
    });

  withOutput(program.command("inspect").argument("<path>", "a run, a model's folder, or a safetensors file"))
    .description("show what is in a run, a model or a safetensors file")
    .action((path: string, given: Given) => inspect(path, terminalOf(given)));

  withOutput(program.command("compare").argument("<run...>", "runs' folders"))
    .description("show runs beside each other")
    .option("--out <file>", "also draw the losses into a file: .svg, .png or .html")
    .action((runs: string[], given: Given) => compare(runs, (given.out ?? null) as string | null, terminalOf(given)));

  withOutput(withRule(withColumns(program.command("lr-find").argument("<data>", "a data file"))))
    .description("find a learning rate, by training while it grows")
    .optionsGroup("Network and search:")
    .option("--hidden <widths>", "widths of the hidden layers; none for a linear model (default: 64,64)", widths)
    .option("--batch-size <n>", "rows in a step", whole(1), 64)
    .option("--from <lr>", "the first learning rate", positive, 1e-6)
    .option("--to <lr>", "the last learning rate", positive, 10)
    .option("--steps <n>", "how many are tried", whole(2), 100)
    .option("--out <file>", "also draw the curve into a file: .svg, .png or .html")
    .action(async (data: string, given: Given) =>
      lrFind(
        {
          data,
          ...(await columnsOf(given, data)),
          ...ruleOf(given),
          hidden: (given.hidden ?? [64, 64]) as number[],
          batchSize: given.batchSize as number,
          from: given.from as number,
          to: given.to as number,
          steps: given.steps as number,
          out: (given.out ?? null) as string | null,
        },
        terminalOf(given),
      ),
    );
  return program;
}
