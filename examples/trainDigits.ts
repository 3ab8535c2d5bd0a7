import { manualSeed, nn, noGrad, optim, type Tensor } from "thalweg";
import { DataLoader, TensorDataset } from "thalweg/data";
import { type Digits, splitDigits } from "./digits.js";

export interface DigitsEpoch {
  /** 1, 2, … */
  readonly epoch: number;
  /** Mean loss over the training digits, while they were trained on. */
  readonly loss: number;
  /** The part of the held-out digits that is told right afterwards. */
  readonly accuracy: number;
}

export interface DigitsOptions {
  /** Makes the network, after the split was drawn. */
  readonly net: () => nn.Module;
  /** Over how many epochs the learning rate falls to zero. */
  readonly epochs: number;
  /** Digits to train on; the others are held out. Default 8000. */
  readonly first?: number;
}

/** Trains a network to tell digits, by RMSprop on batches of 64, and gives each epoch as it ends. */
export function* trainDigits(digits: Digits, { net, epochs, first = 8000 }: DigitsOptions): Iterable<DigitsEpoch> {
  manualSeed(0);
  const [training, held] = splitDigits(digits, first);
  const model = net();
  const loader = new DataLoader(new TensorDataset(training.images, training.labels), { batchSize: 64, shuffle: true });
  const heldOut = new DataLoader(new TensorDataset(held.images, held.labels), { batchSize: 500 });
  const optimizer = new optim.RMSprop(model.parameters(), { lr: 1e-3 });
  const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, { tMax: epochs });
  const criterion = new nn.CrossEntropyLoss();
  for (let epoch = 1; epoch <= epochs; epoch++) {
    model.train();
    let total = 0;
    for (const [x, y] of pairs(loader)) {
      const loss = criterion(model(x), y);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      total += loss.item() * x.shape[0]!;
    }
    scheduler.step();
    model.eval();
    yield { epoch, loss: total / first, accuracy: noGrad(() => accuracyOf(model, heldOut)) };
  }
}

function accuracyOf(model: nn.Module, loader: DataLoader): number {
  let right = 0;
  for (const [x, y] of pairs(loader)) right += model(x).argmax(1).eq(y).sum().item();
  return right / loader.dataset.length;
}

/** Batches of two tensors each, as the type checker cannot know. */
const pairs = (loader: DataLoader) => loader as Iterable<readonly [images: Tensor, labels: Tensor]>;
