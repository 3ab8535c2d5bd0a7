/** `npm start`: two programs that learn while one looks on. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs, styleText } from "node:util";
import { type Figure, plot } from "@thalweg/plot";
import { parseCars } from "./cars.js";
import { type RegressionOptions, regressCars, type Score } from "./carsRegression.js";
import { fitLine, PYTORCH } from "./line.js";
import { progress } from "./progress.js";

const HELP = `Usage: npm start -- [options]

Trains two models with RMSprop, shows how it goes, and draws their loss curves:
  1. y = wx + b through 100 noisy points, compared with PyTorch's run of the same program
  2. miles per gallon from six properties of a car, compared with the exact least-squares solution

The options are for the second; the first runs as it is written.
  --epochs <n>     epochs to train (default 200)
  --lr <x>         learning rate (default 0.01)
  --alpha <x>      how much of the running mean square is kept each step, from 0 to 1 (default 0.99)
  --seed <n>       seed of the split into training and validation cars (default 0)
  --out <folder>   where the curves are written as SVG (default: the current folder)
  --help           show this and exit`;

interface Options extends RegressionOptions {
  readonly out: string;
}

const { stdout } = process;
const colourful = stdout.isTTY && stdout.hasColors();
const paint = (style: Parameters<typeof styleText>[0]) => (text: string) => (colourful ? styleText(style, text) : text);
const bold = paint("bold");
const dim = paint("dim");
const say = (text = "") => stdout.write(`${text}\n`);

/** The options, or undefined if help was asked for. Throws what `main` prints for a mistake. */
function readOptions(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      epochs: { type: "string", default: "200" },
      lr: { type: "string", default: "0.01" },
      alpha: { type: "string", default: "0.99" },
      seed: { type: "string", default: "0" },
      out: { type: "string", default: "." },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const read = (name: "epochs" | "lr" | "alpha" | "seed", rule: string, holds: (v: number) => boolean) => {
    const value = values[name].trim() === "" ? Number.NaN : Number(values[name]);
    if (!holds(value)) throw new RangeError(`--${name} is "${values[name]}"; it must be ${rule}`);
    return value;
  };
  const whole = Number.isInteger;
  return {
    epochs: read("epochs", "a whole number from 1 to 1000000", (v) => whole(v) && v >= 1 && v <= 1e6),
    lr: read("lr", "a number greater than 0", (v) => v > 0 && v < Number.POSITIVE_INFINITY),
    alpha: read("alpha", "a number from 0 up to, but not including, 1", (v) => v >= 0 && v < 1),
    seed: read("seed", "a whole number from 0 to 4294967295", (v) => whole(v) && v >= 0 && v < 2 ** 32),
    out: values.out,
  };
}

/** Columns that line up: the first to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  rows.forEach((row, r) => {
    const line = row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!))).join("   ");
    say(`  ${r === 0 ? dim(line) : line}`);
  });
}

async function draw(figure: Figure, folder: string, name: string): Promise<void> {
  say();
  figure.show();
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  await figure.save(path);
  say();
  say(dim(`  written to ${path}`));
}

async function line({ out }: Options): Promise<void> {
  say();
  say(`${bold("y = wx + b")}   ${dim("100 noisy points on y = 2x + 3, RMSprop, learning rate 0.01")}`);
  say();
  const bar = progress(100, stdout, dim);
  const { losses, w, b } = fitLine((epoch, loss) => bar.update(epoch + 1, `loss ${loss.toFixed(6)}`));
  say();
  const row = (name: string, ours: number, theirs: number) => [
    name,
    ours.toFixed(6),
    theirs.toFixed(6),
    (Math.abs(ours - theirs) / theirs).toExponential(0),
  ];
  table([
    ["", "Thalweg", "PyTorch", "difference"],
    row("loss, first epoch", losses[0]!, PYTORCH.first),
    row("loss, last epoch", losses[99]!, PYTORCH.last),
    row("w", w, PYTORCH.w),
    row("b", b, PYTORCH.b),
  ]);
  await draw(plot(losses, { xLabel: "Epoch", yLabel: "Loss" }), out, "losses-line.svg");
}

async function cars(options: Options): Promise<void> {
  const { epochs, lr, alpha, seed, out } = options;
  const { cars, dropped } = parseCars(readFileSync(new URL("../data/cars.csv", import.meta.url), "utf8"));
  say();
  say(`${bold("Miles per gallon")}   ${dim(`${cars.length} cars; ${dropped} more lack a value and are left out`)}`);
  say(dim(`  RMSprop, learning rate ${lr}, alpha ${alpha}, ${epochs} epochs, seed ${seed}`));
  say();
  const bar = progress(epochs, stdout, dim);
  const run = regressCars(cars, {
    ...options,
    onEpoch: (epoch, train, validation) =>
      bar.update(epoch + 1, `training ${train.toFixed(3)}  validation ${validation.toFixed(3)}`),
  });
  say();
  say(dim(`  fitted to ${run.trainCars} cars, measured on the other ${run.validationCars}`));
  const row = (name: string, { rmse, r2 }: Score) => [name, `${rmse.toFixed(3)} mpg`, r2.toFixed(4)];
  table([
    ["", "error (RMSE)", "R²"],
    row("always the mean", run.mean),
    row("trained with RMSprop", run.trained),
    row("exact least squares", run.exact),
  ]);
  say();
  say(dim("  one standard deviation more of … changes the miles per gallon by"));
  const weights = Object.entries(run.weights).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  for (const [name, weight] of weights)
    say(`  ${name.padEnd(14)}${`${weight < 0 ? "−" : "+"}${Math.abs(weight).toFixed(2)}`}`);
  const { train, validation } = run;
  await draw(
    plot({ training: train, validation }, { xLabel: "Epoch", yLabel: "Loss (mpg²)", yScale: "log" }),
    out,
    "losses-cars.svg",
  );
}

async function main(): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\nnpm start -- --help lists the options.\n`);
    return 2;
  }
  if (options === undefined) {
    say(HELP);
    return 0;
  }
  await line(options);
  await cars(options);
  return 0;
}

process.exitCode = await main();
