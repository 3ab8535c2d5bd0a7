import { plot } from "@thalweg/plot";
import { manualSeed, optim, randn, zeros } from "thalweg";

manualSeed(0);
const X = randn([100, 1]);
const y = X.mul(2)
  .add(3)
  .add(randn([100, 1]));

const w = zeros([1], { requiresGrad: true });
const b = zeros([1], { requiresGrad: true });
const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });

const losses: number[] = [];
for (let epoch = 0; epoch < 100; epoch++) {
  const yPred = w.mul(X).add(b);
  const loss = yPred.sub(y).pow(2).mean();
  losses.push(loss.item());
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
}

plot(losses, { xLabel: "Epoch", yLabel: "Loss" }).show();
