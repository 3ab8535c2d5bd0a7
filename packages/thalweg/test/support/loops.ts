import { configure, manualSeed, optim, randint, randn, type Tensor, zeros } from "thalweg";
import { afterEach, beforeEach } from "vitest";

export const same = (x: Tensor): Tensor => x;

/** Section 1 of the design: a line through 100 points. Calls `each` after every step. */
export function line(
  steps: number,
  each: (loss: Tensor, optimizer: optim.RMSprop, step: number) => void,
  early = same,
) {
  manualSeed(0);
  const X = randn([100, 1]);
  const y = X.mul(2)
    .add(3)
    .add(randn([100, 1]));
  const w = zeros([1], { requiresGrad: true });
  const b = zeros([1], { requiresGrad: true });
  const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });
  for (let step = 0; step < steps; step++) {
    const loss = early(w.mul(X).add(b).sub(y).pow(2).mean());
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    each(loss, optimizer, step);
  }
  return { w, b };
}

export const reading = (x: Tensor): Tensor => {
  x.item();
  return x;
};

/** A classifier over slices of a data set. */
export class Classifier {
  readonly X: Tensor;
  readonly t: Tensor;
  readonly params: Tensor[];
  readonly optimizer: optim.RMSprop;

  constructor(points: number) {
    manualSeed(1);
    this.X = randn([points, 20]);
    this.t = randint(0, 5, [points]);
    const parameter = (shape: number[]) => randn(shape, { requiresGrad: true });
    this.params = [parameter([20, 16]), parameter([16]), parameter([16, 5]), parameter([5])];
    this.optimizer = new optim.RMSprop(this.params, { lr: 0.01 });
  }

  outputs(x: Tensor): Tensor {
    const [W1, b1, W2, b2] = this.params as [Tensor, Tensor, Tensor, Tensor];
    return x.matmul(W1).add(b1).tanh().matmul(W2).add(b2);
  }

  train(from: number, to: number, early = same): { loss: Tensor; outputs: Tensor } {
    const outputs = this.outputs(this.X.slice(0, from, to));
    const places = this.t.slice(0, from, to).unsqueeze(1);
    const loss = early(outputs.logSoftmax(1).gather(1, places).mean().neg());
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    return { loss, outputs };
  }
}

/** Each test starts with no plans and no kernels, so that what it counts is its own. */
export function freshEngine(): void {
  beforeEach(() => configure({ backend: "wasm", eager: false, fuse: true }));
  afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));
}
