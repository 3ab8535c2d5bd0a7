// tools/examples/mlp.py, line by line. It prints the same losses.
import { manualSeed, nn, optim, randn, type Tensor } from "thalweg";
import { DataLoader, TensorDataset } from "thalweg/data";

manualSeed(0);

const x = randn([500, 8]);
const y = x.select(1, 0).mul(x.select(1, 1)).add(x.select(1, 2).sin()).unsqueeze(1);
const loader = new DataLoader(new TensorDataset(x, y), { batchSize: 32, shuffle: true });

class MLP extends nn.Module {
  fc1 = new nn.Linear(8, 64);
  fc2 = new nn.Linear(64, 64);
  out = new nn.Linear(64, 1);

  override forward(x: Tensor): Tensor {
    x = this.fc1(x).relu();
    x = this.fc2(x).tanh();
    return this.out(x);
  }
}

const model = new MLP();
const criterion = new nn.MSELoss();
const optimizer = new optim.RMSprop(model.parameters(), { lr: 0.003 });

model.train();
for (let epoch = 0; epoch < 5; epoch++) {
  for (const [inputs, targets] of loader) {
    optimizer.zeroGrad();
    const loss = criterion(model(inputs!), targets!);
    loss.backward();
    optimizer.step();
    console.log(loss.item());
  }
}
