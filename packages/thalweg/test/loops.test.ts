import { configure, noGrad, optim, type Tensor, tensor, zeros } from "thalweg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import fixture from "./fixtures/loops.json" with { type: "json" };

// The loops of tools/fixtures/loops.py, line by line: what is read where, and in which order, is what is tested.

type Log = number[];
type Name = keyof typeof fixture.data;

const BATCH = 8;

const fixed = (name: Name): Tensor =>
  tensor(fixture.data[name].data.map(Number)).reshape(fixture.data[name].shape).detach();

function parameter(name: Name): Tensor {
  const made = fixed(name);
  made.requiresGrad = true;
  return made;
}

const read = (...tensors: Tensor[]): number[] => tensors.flatMap((t) => Array.from(t.dataSync(), Number));

class Net {
  readonly X = fixed("X");
  readonly t = tensor(fixture.targets, { dtype: "int32" });
  readonly W1 = parameter("W1");
  readonly b1 = parameter("b1");
  readonly W2 = parameter("W2");
  readonly b2 = parameter("b2");
  readonly params = [this.W1, this.b1, this.W2, this.b2];
  readonly optimizer = new optim.RMSprop(this.params, { lr: 0.01 });

  forward(x: Tensor): Tensor {
    return x.matmul(this.W1).add(this.b1).tanh().matmul(this.W2).add(this.b2);
  }

  loss(outputs: Tensor, t: Tensor): Tensor {
    return outputs.logSoftmax(1).gather(1, t.unsqueeze(1)).mean().neg();
  }

  batch(i: number): [Tensor, Tensor] {
    return [this.X.narrow(0, BATCH * i, BATCH), this.t.narrow(0, BATCH * i, BATCH)];
  }

  train(x: Tensor, t: Tensor): { outputs: Tensor; loss: Tensor } {
    const outputs = this.forward(x);
    const loss = this.loss(outputs, t);
    this.optimizer.zeroGrad();
    loss.backward();
    this.optimizer.step();
    return { outputs, loss };
  }
}

const right = (outputs: Tensor, t: Tensor): Tensor => outputs.argmax(1).eq(t).sum();

function lossSummed(log: Log, detach: boolean, before: boolean): void {
  const net = new Net();
  for (let epoch = 0; epoch < 5; epoch++) {
    let total = zeros([]);
    for (let i = 0; i < 3; i++) {
      const [x, t] = net.batch(i);
      const loss = net.loss(net.forward(x), t);
      const term = detach ? loss.detach() : loss;
      if (before) total = total.add(term);
      net.optimizer.zeroGrad();
      loss.backward();
      net.optimizer.step();
      if (!before) total = total.add(term);
    }
    log.push(total.item() / 3);
  }
  log.push(...read(...net.params));
}

function twoOptimizers(log: Log, reading: boolean): void {
  const [G, g, D, d] = [parameter("G"), parameter("g"), parameter("D"), parameter("d")];
  const [real, z] = [fixed("real"), fixed("z")];
  const make = (noise: Tensor) => noise.matmul(G).add(g);
  const judge = (x: Tensor) => x.tanh().matmul(D).add(d);
  const ofG = new optim.RMSprop([G, g], { lr: 0.02 });
  const ofD = new optim.RMSprop([D, d], { lr: 0.01 });
  let total = zeros([]);
  for (let step = 0; step < 12; step++) {
    const fake = make(z.select(0, step));
    ofD.zeroGrad();
    const lossD = judge(real).neg().softplus().mean().add(judge(fake.detach()).softplus().mean());
    lossD.backward();
    ofD.step();
    ofG.zeroGrad();
    const lossG = judge(fake).neg().softplus().mean();
    lossG.backward();
    ofG.step();
    total = total.add(lossG.detach()).sub(lossD.detach());
    if (reading) log.push(lossD.item(), lossG.item(), ...read(fake.mean(0)));
  }
  log.push(total.item(), ...read(G, g, D, d));
}

const loops: Record<string, (log: Log) => void> = {
  "accuracy and loss read after the step": (log) => {
    const net = new Net();
    for (let step = 0; step < 20; step++) {
      const { outputs, loss } = net.train(net.X, net.t);
      log.push(right(outputs, net.t).item(), loss.item());
    }
  },
  "loss summed detached, before the step": (log) => lossSummed(log, true, true),
  "loss summed detached, after the step": (log) => lossSummed(log, true, false),
  "loss summed with its graph, before the step": (log) => lossSummed(log, false, true),
  "loss summed with its graph, after the step": (log) => lossSummed(log, false, false),
  "right answers summed": (log) => {
    const net = new Net();
    for (let epoch = 0; epoch < 5; epoch++) {
      let count = zeros([], { dtype: "int32" });
      for (let i = 0; i < 3; i++) {
        const [x, t] = net.batch(i);
        const { outputs } = net.train(x, t);
        count = count.add(right(outputs, t));
      }
      log.push(count.item());
    }
  },
  "nothing read for 200 steps": (log) => {
    const net = new Net();
    for (let step = 0; step < 200; step++) net.train(...net.batch(step % 3));
    log.push(...read(...net.params));
  },
  "read at odd places": (log) => {
    const net = new Net();
    const { W1, W2, b2 } = net;
    for (let step = 0; step < 12; step++) {
      const size = W1.square().sum();
      const kept = W2.clone();
      const outputs = net.forward(net.X);
      const loss = net.loss(outputs, net.t);
      if (step % 2) log.push(...read(outputs.amax()));
      net.optimizer.zeroGrad();
      if (step % 3 === 0) log.push(loss.item());
      loss.backward();
      if (step % 3 === 1) log.push(...read(W2.grad!, b2));
      const gradient = b2.grad!;
      net.optimizer.step();
      if (step % 3 !== 1) log.push(...read(W2.grad!.sum(0), W2.select(0, 0)));
      log.push(size.item(), loss.item());
      log.push(...read(kept.sum(), W2.sum(), gradient));
      if (step % 4 === 3) {
        net.optimizer.zeroGrad();
        log.push(...read(gradient));
      }
    }
  },
  "inner values read after parameters, before the next step": (log) => {
    const net = new Net();
    for (let step = 0; step < 8; step++) {
      const { outputs } = net.train(net.X, net.t);
      if (step % 2) log.push(...read(net.W2.sum(0)));
      log.push(...read(outputs.mean(0)));
    }
  },
  "a learning rate that changes each step": (log) => {
    const net = new Net();
    for (let step = 0; step < 30; step++) {
      net.optimizer.paramGroups[0]!.lr = 0.02 / (1 + step);
      const { loss } = net.train(net.X, net.t);
      if (step % 5 === 4) log.push(loss.item());
    }
    log.push(...read(...net.params));
  },
  "gradients accumulate over 3 batches": (log) => {
    const net = new Net();
    for (let step = 0; step < 10; step++) {
      net.optimizer.zeroGrad();
      for (let i = 0; i < 3; i++) {
        const [x, t] = net.batch(i);
        net.loss(net.forward(x), t).div(3).backward();
      }
      net.optimizer.step();
      log.push(...read(net.b2));
    }
    log.push(...read(...net.params.map((p) => p.grad!)), ...read(...net.params));
  },
  "evaluates between steps": (log) => {
    const net = new Net();
    for (let step = 0; step < 15; step++) {
      net.train(...net.batch(step % 2));
      if (step % 5 === 4) {
        noGrad(() => {
          const [x, t] = net.batch(2);
          const outputs = net.forward(x);
          log.push(net.loss(outputs, t).item(), right(outputs, t).item());
        });
      }
    }
    log.push(...read(...net.params));
  },
  "two optimizers, losses and images read": (log) => twoOptimizers(log, true),
  "two optimizers, nothing read": (log) => twoOptimizers(log, false),
};

test("every loop of the fixture is here", () => {
  expect(Object.keys(loops)).toEqual(fixture.loops.map(({ name }) => name));
});

describe.each([
  ["as it comes", {}],
  ["in JavaScript", { backend: "javascript" }],
  ["eager", { eager: true }],
] as const)("%s", (_, options) => {
  beforeEach(() => configure(options));
  afterEach(() => configure({ backend: "wasm", eager: false }));

  test.each(fixture.loops.map(({ name, log }) => [name, log] as const))("%s", (name, expected) => {
    const log: Log = [];
    loops[name]!(log);
    expect(log.length).toBe(expected.length);
    log.forEach((value, i) => {
      const wanted = Number(expected[i]);
      const error = Math.abs(value - wanted) / Math.max(Math.abs(wanted), 0.1);
      expect(error, `number ${i} of the log: ${value}, PyTorch ${wanted}`).toBeLessThan(1e-5);
    });
  });
});
