import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { configure, grad, manualSeed, noGrad, optim, randint, randn, stats, type Tensor, tensor, zeros } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

/** Bytes in use when nothing that can be collected is left. */
function heap(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

interface Loop {
  name: string;
  /** Sets a loop up; what it returns makes step number i. */
  make: () => (i: number) => void;
  /** Steps before the first look and before the second. */
  steps?: [number, number];
}

/** Section 1 of the design. */
function line(look: (loss: Tensor, i: number) => void, late: (loss: Tensor, i: number) => void = () => {}) {
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

const SLOW: [number, number] = [300, 1500];

const loops: Loop[] = [
  { name: "section 1, nothing read", make: line(() => {}), steps: [2000, 20_000] },
  { name: "section 1, each loss read before backward", make: line((loss) => loss.item()), steps: [2000, 20_000] },
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
    steps: SLOW,
  },
  {
    name: "evaluation under noGrad",
    make: net((n, i) => noGrad(() => n.loss(...n.slice(i)).item())),
    steps: SLOW,
  },
  {
    name: "evaluation that records gradients nobody asks for",
    make: net((n, i) => n.loss(...n.slice(i)).item()),
    steps: SLOW,
  },
  { name: "losses that nobody reads", make: net((n, i) => n.loss(...n.slice(i))), steps: [3000, 12_000] },
  {
    name: "training and evaluation in turn",
    make: net((n, i) => {
      n.learn(n.loss(...n.slice(i)));
      if (i % 10 === 9) n.loss(n.X, n.t).item();
    }),
    steps: SLOW,
  },
  {
    name: "gradients that add up without a step",
    make: net((n, i) => n.loss(...n.slice(i)).backward()),
    steps: SLOW,
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
  },
  {
    name: "gradients of gradients",
    make: net((n, i) => {
      const gs = grad(n.loss(...n.slice(i)), n.params, { createGraph: true });
      n.learn(gs.map((g) => g.square().sum()).reduce((a, b) => a.add(b)));
    }),
    steps: [200, 800],
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

describe("memory is flat", () => {
  test.each(loops.map((loop) => [loop.name, loop] as const))("%s", (_, { make, steps = [1000, 8000] }) => {
    const step = make();
    let i = 0;
    const look = (until: number) => {
      while (i < until) step(i++);
      const { bytesHeld, wasmBytes } = stats();
      return { bytesHeld, wasmBytes, heap: heap() };
    };
    const first = look(steps[0]);
    const second = look(steps[1]);
    const grown = (name: keyof typeof first) => second[name] - first[name];
    expect(grown("wasmBytes"), "bytes of WebAssembly memory").toBe(0);
    expect(grown("bytesHeld"), "bytes held in it").toBeLessThanOrEqual(16 * 1024);
    expect(grown("heap"), "bytes on the heap").toBeLessThan(400 * 1024);
    step(i);
  });

  test.each([
    ["eager", { eager: true }],
    ["in JavaScript", { backend: "javascript" }],
  ] as const)("%s", (_, way) => {
    configure(way);
    const step = line((loss) => loss.item())();
    for (let i = 0; i < 300; i++) step(i);
    const before = { ...stats(), heap: heap() };
    for (let i = 300; i < 1500; i++) step(i);
    expect(stats().bytesHeld - before.bytesHeld).toBeLessThanOrEqual(16 * 1024);
    expect(stats().wasmBytes).toBe(before.wasmBytes);
    expect(heap() - before.heap).toBeLessThan(400 * 1024);
  });

  // Each batch is 200 KB of device memory that nobody gives back: the engine has to find out by itself.
  test("large batches from the heap, in a loop that never waits", () => {
    manualSeed(2);
    const W = randn([784, 10], { requiresGrad: true });
    const optimizer = new optim.RMSprop([W]);
    const most = { held: 0, wasm: 0, process: 0 };
    const train = (steps: number) => {
      Object.assign(most, { held: 0, wasm: 0, process: 0 });
      for (let i = 0; i < steps; i++) {
        const x = tensor(new Float32Array(64 * 784).fill(i % 7)).reshape([64, 784]);
        optimizer.zeroGrad();
        x.matmul(W).square().mean().backward();
        optimizer.step();
        const { bytesHeld, wasmBytes } = stats();
        most.held = Math.max(most.held, bytesHeld);
        most.wasm = Math.max(most.wasm, wasmBytes);
      }
      most.process = heap();
      return { ...most };
    };
    const first = train(700);
    const second = train(1400);
    expect(second.wasm).toBe(first.wasm);
    expect(second.held).toBeLessThanOrEqual(1.02 * first.held);
    expect(second.held).toBeLessThan(160 * 2 ** 20);
    expect(second.process - first.process).toBeLessThan(2 ** 20);
  });

  test("values of all sizes come and go", () => {
    manualSeed(3);
    const sizes = [10, 1000, 5000, 70_000, 200_000];
    const use = (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        const n = sizes[i % sizes.length]! + (i % 13);
        const x = tensor(new Float32Array(n).fill(1));
        x.requiresGrad = i % 2 === 0;
        const y = x.mul(2).add(1);
        if (x.requiresGrad) y.square().sum().backward();
        y.slice(0, 0, 5).dataSync();
      }
      return { held: stats().bytesHeld, wasm: stats().wasmBytes, heap: heap() };
    };
    use(1500);
    const first = use(500);
    const second = use(2000);
    expect(second.wasm).toBe(first.wasm);
    expect(second.held).toBeLessThan(200 * 2 ** 20);
    expect(second.heap - first.heap).toBeLessThan(8 * 2 ** 20);
  });

  test("a value that a user holds outlives all that", () => {
    const held = tensor(new Float32Array(100_000).fill(3)).mul(2).realize();
    const big = tensor(new Float32Array(300_000).fill(4));
    big.sum().item();
    for (let i = 0; i < 800; i++) tensor(new Float32Array(50_000).fill(i)).sum().item();
    expect([held.sum().item(), held.slice(0, 99_999).item(), big.sum().item()]).toEqual([600_000, 6, 1_200_000]);
  });
});
