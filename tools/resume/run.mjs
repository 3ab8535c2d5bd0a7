/**
 * A training run with everything in it (shuffling, dropout, momentum, a schedule, clipping, accumulated gradients, early
 * stopping), with a checkpoint every few steps, that goes on where it was interrupted:
 *
 *     node tools/resume/run.mjs FOLDER
 *
 * It writes FOLDER/result.json in the end: the model's bits and the history without its times.
 */
import { join } from "node:path";
import process from "node:process";
import { Generator, manualSeed, nn, optim, rand, randperm, train } from "thalweg";

const folder = process.argv[2];
const generator = new Generator(5);
const x = rand([400, 8], { generator }).realize();
const y = x.square().sum(1, { keepdim: true }).sin().realize();

const source = {
  length: 25,
  *[Symbol.iterator]() {
    const order = randperm(400);
    for (let i = 0; i < 400; i += 16) {
      const rows = order.narrow(0, i, 16);
      yield [x.indexSelect(0, rows), y.indexSelect(0, rows)];
    }
  },
};

manualSeed(1);
const model = new nn.Sequential(new nn.Linear(8, 32), new nn.ReLU(), new nn.Dropout(0.2), new nn.Linear(32, 1));
const optimizer = new optim.RMSprop(model.parameters(), { lr: 0.003, momentum: 0.9, centered: true });
process.stdout.write("training\n");
const history = await train.fit(model, {
  train: source,
  validation: [[x, y]],
  optimizer,
  loss: new nn.MSELoss(),
  metrics: { r2: train.metrics.r2() },
  scheduler: new optim.lrScheduler.CosineAnnealingLR(optimizer, { tMax: 15 }),
  epochs: 15,
  clipNorm: 1,
  accumulate: 2,
  earlyStopping: { patience: 12 },
  checkpoint: { store: new train.Checkpoints(join(folder, "checkpoints")), everySteps: 3, resume: true },
});
const bits = Object.entries(model.stateDict()).map(([name, tensor]) => {
  const data = tensor.dataSync();
  return [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")];
});
const epochs = history.data.epochs.map(({ seconds: _, ...rest }) => rest);
train.writeWhole(join(folder, "result.json"), JSON.stringify({ bits, ...history.data, epochs }));
