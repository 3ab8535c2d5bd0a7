/** Tells handwritten digits: an MLP or a small convolutional net, trained by RMSprop, beside PyTorch's run of the same. */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { plot } from "@thalweg/plot";
import { conv, mlp } from "./digitNets.js";
import { loadDigits } from "./digits.js";
import { progress } from "./progress.js";
import { type DigitsEpoch, trainDigits } from "./trainDigits.js";

const HELP = `Usage: node examples/dist/mnist.js [options]

Trains a network on 8,000 handwritten digits and tells how many of 2,000 others it gets right.
  --net <name>     mlp or conv; both unless given
  --figure <file>  where the held-out accuracies are drawn, beside those that PyTorch had (an .svg)
  --help           show this and exit`;

const NETS = { mlp: { net: mlp, epochs: 20 }, conv: { net: conv, epochs: 12 } } as const;
type Name = keyof typeof NETS;

const { stdout } = process;
const percent = (part: number): string => `${(100 * part).toFixed(2)} %`;

/** What `python tools/examples/mnist.py` has recorded. */
function pytorch(name: Name): { losses: number[]; accuracies: number[] } {
  return JSON.parse(readFileSync(new URL(`../../test/fixtures/mnist-${name}.json`, import.meta.url), "utf8"));
}

function run(name: Name): DigitsEpoch[] {
  const { net, epochs } = NETS[name];
  stdout.write(`${name}: ${epochs} epochs of RMSprop on 8,000 digits\n`);
  const bar = progress(epochs, stdout, (text) => text);
  const start = performance.now();
  const done: DigitsEpoch[] = [];
  for (const epoch of trainDigits(loadDigits(), { net, epochs })) {
    done.push(epoch);
    bar.update(epoch.epoch, `loss ${epoch.loss.toFixed(4)}, held-out accuracy ${percent(epoch.accuracy)}`);
  }
  const there = pytorch(name).accuracies.at(-1)!;
  const seconds = (performance.now() - start) / 1000;
  stdout.write(
    `  ${percent(done.at(-1)!.accuracy)} of 2,000 held-out digits are told right (PyTorch: ${percent(there)})`,
  );
  stdout.write(`, after ${seconds.toFixed(1)} s\n`);
  return done;
}

function main(): void {
  const { values } = parseArgs({
    options: { net: { type: "string" }, figure: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help) {
    stdout.write(`${HELP}\n`);
    return;
  }
  if (values.net !== undefined && !(values.net in NETS))
    throw new Error(`--net: there is no net "${values.net}" (there are: mlp, conv)`);
  const names = values.net === undefined ? (Object.keys(NETS) as Name[]) : [values.net as Name];
  const curves: Record<string, number[]> = {};
  for (const name of names) {
    // After the n-th epoch, so there is nothing at 0.
    curves[`${name}, Thalweg`] = [Number.NaN, ...run(name).map(({ accuracy }) => 100 * accuracy)];
    curves[`${name}, PyTorch`] = [Number.NaN, ...pytorch(name).accuracies.map((part) => 100 * part)];
  }
  const picture = plot(curves, { title: "Held-out digits told right", xLabel: "Epoch", yLabel: "%" });
  if (values.figure === undefined) picture.show();
  else writeFileSync(values.figure, picture.toSVG());
}

try {
  main();
} catch (error) {
  process.stderr.write(`mnist: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
