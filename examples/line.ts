import { manualSeed, optim, randn, zeros } from "thalweg";

/** What a run leaves: the loss of every epoch, and the line that was found. */
export interface Line {
  readonly losses: number[];
  readonly w: number;
  readonly b: number;
}

/** What PyTorch gives on a CPU for the program below. */
export const PYTORCH = { first: 14.979495, last: 3.021792, w: 1.523977, b: 1.751367 } as const;

/** The program of `section1.ts` as a function: fits y = wx + b to 100 noisy points with RMSprop. */
export function fitLine(onEpoch: (epoch: number, loss: number) => void = () => {}): Line {
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
    onEpoch(epoch, losses[epoch]!);
  }
  return { losses, w: w.item(), b: b.item() };
}
