// Trains a model with fit, breaks off in the middle, goes on from the checkpoint, and says how it went:
//
//     npm run build && node examples/dist/fit.js
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, manualSeed, nn, optim, rand, train } from "thalweg";
import { DataLoader, TensorDataset } from "thalweg/data";

const folder = mkdtempSync(join(tmpdir(), "thalweg-fit-"));
const generator = new Generator(1);
const points = (n: number) => {
  const x = rand([n, 2], { generator }).mul(4).sub(2).realize();
  return new TensorDataset(x, x.select(1, 0).sin().add(x.select(1, 1).square()).unsqueeze(1).realize());
};
const [training, validation] = [points(1000), points(200)];

/** The whole program; called again it goes on where the last call was stopped. */
async function run(signal?: AbortSignal): Promise<train.History> {
  manualSeed(0);
  const model = new nn.Sequential(new nn.Linear(2, 32), new nn.ReLU(), new nn.Linear(32, 1));
  const optimizer = new optim.RMSprop(model.parameters(), { lr: 0.005 });
  return train.fit(model, {
    train: new DataLoader(training, { batchSize: 32, shuffle: true }),
    validation: new DataLoader(validation, { batchSize: 200 }),
    optimizer,
    loss: new nn.MSELoss(),
    metrics: { r2: train.metrics.r2() },
    scheduler: new optim.lrScheduler.CosineAnnealingLR(optimizer, { tMax: 30 }),
    epochs: 30,
    clipNorm: 10,
    earlyStopping: { patience: 10 },
    checkpoint: { store: new train.Checkpoints(join(folder, "checkpoints")), everySteps: 20, resume: true },
    signal,
    callbacks: [
      {
        onEpochEnd({ epoch, train: { loss }, validation, lr }) {
          if (epoch % 5 === 0)
            console.log(
              `epoch ${epoch}: loss ${loss!.toFixed(4)}, validation ${validation!.loss!.toFixed(4)}, ` +
                `R² ${validation!.r2!.toFixed(4)}, lr ${lr[0]!.toFixed(5)}`,
            );
          return true;
        },
      },
    ],
  });
}

const controller = new AbortController();
setTimeout(() => controller.abort(), 300);
const first = await run(controller.signal);
console.log(`${first.data.stopped!.reason}: ${first.data.stopped!.detail}; going on`);
const history = await run();
const { best, stopped } = history.data;
console.log(`${stopped!.reason}; the best ${best!.monitor} is ${best!.value.toFixed(5)}, of epoch ${best!.epoch}`);
for (const { title, detail, advice } of train.diagnose(history.data)) console.log(`${title}. ${detail} ${advice}`);
rmSync(folder, { recursive: true });
