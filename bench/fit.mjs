/**
 * What `fit` costs over the loop that one would write by hand: microseconds a step, the best of several runs in turn.
 *
 *     npm run build && node bench/fit.mjs
 */
import { data, Generator, manualSeed, nn, optim, rand, train } from "thalweg";

const NETS = [
  { inputs: 4, hidden: 16, batch: 32, epochs: 200 },
  { inputs: 16, hidden: 64, batch: 64, epochs: 150 },
  { inputs: 64, hidden: 256, batch: 64, epochs: 30 },
];
const BATCHES = 50;
const REPEATS = 7;

for (const { inputs, hidden, batch, epochs } of NETS) {
  const generator = new Generator(1);
  const x = rand([batch * BATCHES, inputs], { generator }).realize();
  const y = rand([batch * BATCHES, 1], { generator }).realize();
  const loss = new nn.MSELoss();
  const make = () => {
    manualSeed(1);
    const model = new nn.Sequential(new nn.Linear(inputs, hidden), new nn.ReLU(), new nn.Linear(hidden, 1));
    const optimizer = new optim.RMSprop(model.parameters(), { lr: 1e-4 });
    const loader = new data.DataLoader(new data.TensorDataset(x, y), { batchSize: batch, shuffle: true });
    return { model, optimizer, loader };
  };
  const byHand = () => {
    const { model, optimizer, loader } = make();
    const losses = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      let total = 0;
      for (const [inputs, target] of loader) {
        const value = loss.forward(model.forward(inputs), target);
        optimizer.zeroGrad();
        value.backward();
        optimizer.step();
        total += value.item();
      }
      losses.push(total / BATCHES);
    }
  };
  const fitted = (more) => () => {
    const { model, optimizer, loader } = make();
    return train.fit(model, { train: loader, optimizer, loss, epochs, ...more });
  };
  const ways = {
    "by hand, losses read": byHand,
    "fit, parameters not looked into": fitted({ inspectEvery: 0 }),
    fit: fitted({}),
  };
  const best = new Map();
  for (let i = 0; i < REPEATS; i++) {
    for (const [name, way] of Object.entries(ways)) {
      const begun = performance.now();
      await way();
      const each = ((performance.now() - begun) / epochs / BATCHES) * 1000;
      best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, each));
    }
  }
  console.log(`${inputs}-${hidden}-1, batches of ${batch}, ${epochs * BATCHES} steps:`);
  for (const [name, each] of best)
    console.log(`  ${name}: ${each.toFixed(1)} µs a step (${(each / best.get("by hand, losses read")).toFixed(3)})`);
}
