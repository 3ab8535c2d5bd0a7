import { grad, manualSeed, noGrad, optim, randint, randn, type Tensor, tensor, zeros } from "thalweg";

/** A loop as people write them. */
export interface Loop {
  name: string;
  /** Sets a loop up; what it returns makes step number i. */
  make: () => (i: number) => void;
  /** Steps before the first look and before the second. Default 1000 and 5000. */
  steps?: [number, number];
  /** Users get hold of values here; those stay in device memory until they add up to something. */
  held?: true;
}

/** Section 1 of the design. */
export function line(look: (loss: Tensor, i: number) => void, late: (loss: Tensor, i: number) => void = () => {}) {
  return () => {
    manualSeed(0);
    const X = randn([100, 1]);
    const y = X.mul(2).add(3);
    const w = zeros([1], { requiresGrad: true });
    const b = zeros([1], { requiresGrad: true });
    const optimizer = new optim.RMSprop([w, b], { lr: 0.01, momentum: 0.5, centered: true });
    return (i: number) => {
      optimizer.paramGroups[0]!.lr = 0.01 / (1 + i / 1000);
      const loss = w.mul(X).add(b).sub(y).pow(2).mean();
      look(loss, i);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      late(loss, i);
    };
  };
}

class Net {
  readonly params = [[20, 16], [16], [16, 5], [5]].map((shape) => randn(shape, { requiresGrad: true }));
  readonly optimizer = new optim.RMSprop(this.params, { lr: 0.01 });
  readonly X = randn([320, 20]);
  readonly t = randint(0, 5, [320]);

  outputs(x: Tensor): Tensor {
    const [W1, b1, W2, b2] = this.params as [Tensor, Tensor, Tensor, Tensor];
    return x.matmul(W1).add(b1).tanh().matmul(W2).add(b2);
  }

  loss(x: Tensor, t: Tensor): Tensor {
    return this.outputs(x).logSoftmax(1).gather(1, t.unsqueeze(1)).mean().neg();
  }

  slice(i: number): [Tensor, Tensor] {
    const from = 32 * (i % 10);
    return [this.X.slice(0, from, from + 32), this.t.slice(0, from, from + 32)];
  }

  learn(loss: Tensor): Tensor {
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    return loss;
  }
}

/** A loop over a network. */
const net = (step: (net: Net, i: number) => void) => () => {
  manualSeed(1);
  const made = new Net();
  return (i: number) => step(made, i);
};

const SLOW: [number, number] = [1000, 2500];
/** Where no steps come, a few thousand recorded values are kept before the engine looks which of them are needed. */
const UNSTEPPED: [number, number] = [2500, 4500];

export const loops: readonly Loop[] = [
  { name: "section 1, nothing read", make: line(() => {}), steps: [1000, 11_000] },
  { name: "section 1, each loss read before backward", make: line((loss) => loss.item()), steps: [1000, 11_000] },
  {
    name: "section 1, each loss read after the step",
    make: line(
      () => {},
      (loss) => loss.item(),
    ),
  },
  { name: "section 1, a loss read now and then", make: line((loss, i) => i % 100 === 99 && loss.item()) },
  { name: "a network, slices, nothing read", make: net((n, i) => n.learn(n.loss(...n.slice(i)))), steps: SLOW },
  { name: "a network, slices, losses read", make: net((n, i) => n.learn(n.loss(...n.slice(i))).item()), steps: SLOW },
  {
    name: "a network, batches from the heap",
    make: net((n, i) => {
      const x = tensor(new Float32Array(32 * 20).fill(Math.sin(i))).reshape([32, 20]);
      const t = tensor(new Int32Array(32).fill(i % 5));
      n.learn(n.loss(x, t));
    }),
    steps: SLOW,
  },
  {
    name: "accuracy from the outputs after the step",
    make: net((n, i) => {
      const [x, t] = n.slice(i);
      const outputs = n.outputs(x);
      n.learn(outputs.logSoftmax(1).gather(1, t.unsqueeze(1)).mean().neg());
      outputs.argmax(1).eq(t).sum().item();
    }),
    steps: SLOW,
  },
  {
    name: "losses and counts summed as tensors for ever",
    make: () => {
      const n = new Net();
      let total: Tensor = zeros([]);
      let count: Tensor = zeros([], { dtype: "int32" });
      return (i) => {
        const [x, t] = n.slice(i);
        const outputs = n.outputs(x);
        const loss = outputs.logSoftmax(1).gather(1, t.unsqueeze(1)).mean().neg();
        n.learn(loss);
        total = total.add(loss.detach());
        count = count.add(outputs.argmax(1).eq(t).sum());
      };
    },
    steps: SLOW,
  },
  {
    name: "losses summed with their graphs, per epoch",
    make: () => {
      const n = new Net();
      let total: Tensor = zeros([]);
      return (i) => {
        if (i % 50 === 0) total = zeros([]);
        total = total.add(n.learn(n.loss(...n.slice(i))));
        if (i % 50 === 49) total.item();
      };
    },
    steps: UNSTEPPED,
  },
  {
    name: "evaluation under noGrad",
    make: net((n, i) => noGrad(() => n.loss(...n.slice(i)).item())),
    steps: UNSTEPPED,
  },
  {
    name: "evaluation that records gradients nobody asks for",
    make: net((n, i) => n.loss(...n.slice(i)).item()),
    steps: UNSTEPPED,
  },
  { name: "losses that nobody reads", make: net((n, i) => n.loss(...n.slice(i))), steps: [4000, 9000] },
  {
    name: "training and evaluation in turn",
    make: net((n, i) => {
      n.learn(n.loss(...n.slice(i)));
      if (i % 10 === 9) n.loss(n.X, n.t).item();
    }),
    steps: [500, 2000],
  },
  {
    name: "gradients that add up without a step",
    make: net((n, i) => n.loss(...n.slice(i)).backward()),
    steps: [500, 1200],
  },
  {
    name: "gradients looked at and norms read",
    make: net((n, i) => {
      n.learn(n.loss(...n.slice(i)));
      n.params
        .map((p) => p.grad!.norm())
        .reduce((a, b) => a.add(b))
        .item();
    }),
    steps: SLOW,
    held: true,
  },
  {
    name: "gradients of gradients",
    make: net((n, i) => {
      const gs = grad(n.loss(...n.slice(i)), n.params, { createGraph: true });
      n.learn(gs.map((g) => g.square().sum()).reduce((a, b) => a.add(b)));
    }),
    steps: [300, 1000],
  },
  {
    name: "a graph kept for a second pass",
    make: net((n, i) => {
      const loss = n.loss(...n.slice(i));
      loss.backward({ retainGraph: true });
      n.learn(loss);
    }),
    steps: SLOW,
  },
  {
    name: "a new optimizer now and then, saved and loaded",
    make: () => {
      const n = new Net();
      let optimizer = n.optimizer;
      return (i) => {
        if (i % 50 === 0) {
          const next = new optim.RMSprop(n.params);
          next.loadStateDict(optimizer.stateDict());
          optimizer = next;
        }
        optimizer.zeroGrad();
        n.loss(...n.slice(i)).backward();
        optimizer.step();
      };
    },
    steps: SLOW,
    held: true,
  },
  {
    name: "parameters assigned to",
    make: () => {
      const p = zeros([2000], { requiresGrad: true });
      const average = zeros([2000]);
      return (i) => {
        noGrad(() => p.assign(p.mul(0.5).add(i)));
        average.assign(average.mul(0.9).add(p.detach().mul(0.1)));
      };
    },
    steps: SLOW,
  },
];
