import { Generator, manualSeed, nn, rand, randn, type Tensor, tensor, train } from "thalweg";

/** A data set that a small net can learn: two features, a curved target. */
export function curve(n: number, seed = 1): { x: Tensor; y: Tensor } {
  const generator = new Generator(seed);
  const x = rand([n, 2], { generator }).mul(4).sub(2).realize();
  const y = x.select(1, 0).sin().add(x.select(1, 1).square().mul(0.3)).unsqueeze(1);
  return { x, y: y.add(randn([n, 1], { generator }).mul(0.05)).realize() };
}

/** Three overlapping clouds of points. */
export function clouds(n: number, seed = 2): { x: Tensor; y: Tensor } {
  const generator = new Generator(seed);
  const label = Int32Array.from({ length: n }, (_, i) => i % 3);
  const centre = tensor(Array.from(label, (c) => [Math.cos(c * 2.1) * 1.5, Math.sin(c * 2.1) * 1.5]));
  return { x: centre.add(randn([n, 2], { generator }).mul(0.7)).realize(), y: tensor(label) };
}

/** Batches in an order that the default generator shuffles each epoch, as one would write it by hand. */
export function shuffled({ x, y }: { x: Tensor; y: Tensor }, batchSize: number): train.BatchSource {
  const n = x.shape[0]!;
  return {
    length: Math.ceil(n / batchSize),
    *[Symbol.iterator]() {
      const order = randperm(n);
      for (let i = 0; i < n; i += batchSize) {
        const rows = order.narrow(0, i, Math.min(batchSize, n - i));
        yield [x.indexSelect(0, rows), y.indexSelect(0, rows)];
      }
    },
  };
}

import { randperm } from "thalweg";

export function net(inputs: number, outputs: number, seed = 0, dropout = 0): nn.Sequential {
  manualSeed(seed);
  const layers: nn.Module[] = [new nn.Linear(inputs, 16), new nn.ReLU()];
  if (dropout > 0) layers.push(new nn.Dropout(dropout));
  layers.push(new nn.Linear(16, outputs));
  return new nn.Sequential(...layers);
}

/** A model's values, bit for bit. */
export const bits = (model: train.Trainable): Record<string, string> =>
  Object.fromEntries(
    Object.entries(model.stateDict()).map(([name, x]) => {
      const data = x.dataSync();
      return [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")];
    }),
  );

/** Keeps states in memory as files would: encoded. */
export class MemoryStore implements train.CheckpointStore {
  readonly saved: Uint8Array[] = [];
  save(state: train.TrainingState): void {
    this.saved.push(train.encodeState(state));
  }
  latest(): train.TrainingState | null {
    const last = this.saved.at(-1);
    return last === undefined ? null : train.decodeState(last);
  }
}
