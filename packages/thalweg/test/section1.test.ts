import { manualSeed, optim, randn, zeros } from "thalweg";
import { expect, test } from "vitest";
import fixture from "./fixtures/section1.json" with { type: "json" };

/** |a - b| relative to b. */
const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);

test.each(fixture.runs)("the program of the README gives PyTorch's numbers: seed $seed, n = $n", (run) => {
  manualSeed(run.seed);
  const X = randn([run.n, 1]);
  const y = X.mul(2)
    .add(3)
    .add(randn([run.n, 1]));

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
  losses.forEach((loss, epoch) => {
    expect(relative(loss, run.losses[epoch]!), `epoch ${epoch}: ${loss}, PyTorch ${run.losses[epoch]}`).toBeLessThan(
      1e-5,
    );
  });
  expect(relative(w.item(), run.w)).toBeLessThan(1e-5);
  expect(relative(b.item(), run.b)).toBeLessThan(1e-5);
});
