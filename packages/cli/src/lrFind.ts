/** `thalweg lr-find`: which learning rate suits, by training while it grows. */
import { plot } from "@thalweg/plot";
import { manualSeed, nn, optim, type Tensor } from "thalweg";
import { type Embed, TabularModel, usualEmbed } from "thalweg/tabular";
import { CommandError } from "./exit.js";
import { prepare, type Wanted } from "./prepare.js";
import { optimizerOf, sparseFrom } from "./rules.js";
import { short, type Terminal } from "./terminal.js";

export interface LrFindRequest extends Omit<Wanted, "embed"> {
  /** Which categories have learnt vectors; null: as is usual for the model. */
  readonly embed: Embed | null;
  readonly data: string;
  readonly hidden: readonly number[];
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly batchSize: number;
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  /** A picture, by its name's ending; null for none. */
  readonly out: string | null;
}

export async function lrFind(request: LrFindRequest, terminal: Terminal): Promise<void> {
  const kind = request.hidden.length === 0 ? "linear" : "mlp";
  const embed = request.embed ?? usualEmbed(kind);
  const prepared = await prepare(request.data, { ...request, embed }, terminal, new AbortController().signal);
  const { encoder } = prepared;
  manualSeed(request.seed);
  const options = { ...request.options };
  const spec = { kind, hidden: request.hidden, dropout: 0 } as const;
  const { network } = TabularModel.create(encoder, spec, { sparseFrom: sparseFrom(request.optimizer, options) });
  const optimizer = optimizerOf(request.optimizer, network, options);
  const loss =
    encoder.task === "regression"
      ? new nn.MSELoss()
      : encoder.task === "binary"
        ? new nn.BCEWithLogitsLoss()
        : new nn.CrossEntropyLoss();
  // The test takes its steps one after another, so the batches are drawn first.
  const batches: (readonly Tensor[])[] = [];
  while (batches.length < request.steps) {
    for await (const batch of prepared.train(request.batchSize) as AsyncIterable<readonly Tensor[]>) {
      batches.push(batch);
      if (batches.length === request.steps) break;
    }
  }
  const { lrs, losses, smoothed, suggestion } = optim.lrRangeTest(
    optimizer as unknown as optim.Optimizer<{ lr: number }>,
    (i) => {
      const [x, y] = batches[i]!;
      terminal.progress(`learning rate ${i + 1} of ${request.steps}`);
      optimizer.zeroGrad();
      const value = loss.forward(network.forward(x!), y!);
      value.backward();
      optimizer.step();
      return value;
    },
    { from: request.from, to: request.to, steps: request.steps },
  );
  if (suggestion === null)
    throw new CommandError(
      `the loss fell at no learning rate from ${request.from} to ${request.to}: try others by --from and --to`,
    );
  const x = lrs.map((lr) => Math.log10(lr));
  const figure = plot({ x, y: smoothed }, { xLabel: "log₁₀ of the learning rate", yLabel: "Loss, smoothed" });
  if (request.out !== null) figure.save(request.out);
  const diverges = lrs.at(-1)!;
  const text = [
    figure.toText({ columns: terminal.columns, rows: 16 }),
    "",
    `The loss falls fastest at a learning rate of ${short(suggestion)}: --lr ${short(suggestion / 3)} to ${short(suggestion)} is a good choice for ${request.optimizer}.`,
    lrs.length < request.steps
      ? `From ${short(diverges)} on it diverges.`
      : "It does not diverge up to the end of the range.",
  ].join("\n");
  terminal.result({ suggestion, lrs, losses, smoothed }, text);
}
