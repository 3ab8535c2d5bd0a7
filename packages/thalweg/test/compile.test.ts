import {
  compile,
  configure,
  embedding,
  manualSeed,
  nn,
  noGrad,
  optim,
  rand,
  randint,
  randn,
  StaleError,
  stats,
  type Tensor,
  tensor,
  zeros,
} from "thalweg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { models } from "./support/models.js";

// A compiled step must give the bits of the function that it was made of, whatever changes between calls, and must follow
// its recording where nothing but data and numbers change.

beforeEach(() => configure({ backend: "wasm", eager: false, fuse: true }));
afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

type Step = (...args: never[]) => unknown;
type Maker = <F extends Step>(f: F) => F & { report?: { followed: number; recorded: number; reason: string | null } };

const plain: Maker = (f) => f;
const compiled = compile as unknown as Maker;

const bits = (x: Tensor): string => [...new Uint8Array(x.dataSync().buffer)].join();

/** A program that trains with a step and tells everything that can be seen of it. */
interface Program {
  readonly name: string;
  /** At least so many of its calls follow a recording. */
  readonly followed: number;
  readonly run: (make: Maker, see: (...x: (Tensor | number | null)[]) => void) => unknown;
}

/** A small network and its data; every program has its own. */
function net(make: (params: Tensor[]) => optim.Optimizer<{ lr: number }>) {
  manualSeed(4);
  const W = randn([6, 5], { requiresGrad: true });
  const b = zeros([5], { requiresGrad: true });
  const V = randn([5, 1], { requiresGrad: true });
  const params = [W, b, V];
  const x = randn([32, 6]);
  const y = tensor(x.sum(1, { keepdim: true }).tanh().dataSync()).reshape([32, 1]);
  const forward = (input: Tensor) => input.matmul(W).add(b).tanh().matmul(V);
  const loss = (input: Tensor, target: Tensor) => forward(input).sub(target).square().mean();
  return { params, x, y, forward, loss, optimizer: make(params) };
}

const rmsprop = (params: Tensor[]) => new optim.RMSprop(params, { lr: 0.01 });

const rules: Record<string, (params: Tensor[]) => optim.Optimizer<{ lr: number }>> = {
  RMSprop: rmsprop,
  "RMSprop, centered, momentum": (p) => new optim.RMSprop(p, { lr: 0.01, centered: true, momentum: 0.9 }),
  Adam: (p) => new optim.Adam(p, { lr: 0.01 }),
  "AdamW, amsgrad": (p) => new optim.AdamW(p, { lr: 0.01, amsgrad: true }),
  NAdam: (p) => new optim.NAdam(p, { lr: 0.01 }),
  ASGD: (p) => new optim.ASGD(p, { lr: 0.01 }),
  Adafactor: (p) => new optim.Adafactor(p, { lr: 0.01 }),
  Prodigy: (p) => new optim.Prodigy(p),
  "SGD, momentum": (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9 }),
};

const programs: Program[] = [
  ...Object.entries(rules).map(
    ([name, rule]): Program => ({
      name: `${name}: twenty steps`,
      followed: 17,
      run(make, see) {
        const { loss, x, y, optimizer, params } = net(rule);
        const step = make(() => {
          const l = loss(x, y);
          optimizer.zeroGrad();
          l.backward();
          optimizer.step();
          return l;
        });
        for (let i = 0; i < 20; i++) see(step(), ...params, ...params.map((p) => p.grad));
        return step;
      },
    }),
  ),
  {
    name: "nothing read before the end",
    followed: 17,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      const losses: Tensor[] = [];
      const step = make(() => {
        optimizer.zeroGrad();
        const l = loss(x, y);
        l.backward();
        optimizer.step();
        return l;
      });
      for (let i = 0; i < 20; i++) losses.push(step());
      see(...losses, ...params);
      return step;
    },
  },
  {
    name: "a scheduler, momentum and betas that change",
    followed: 26,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net((p) => new optim.Adam(p, { lr: 0.01 }));
      const scheduler = new optim.lrScheduler.OneCycleLR(optimizer as unknown as optim.Adam, {
        maxLr: 0.1,
        totalSteps: 40,
      });
      const step = make(() => {
        const l = loss(x, y);
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        scheduler.step();
        return l;
      });
      for (let i = 0; i < 30; i++) see(step(), ...params);
      return step;
    },
  },
  {
    name: "batches as arguments, the last one smaller; numbers as arguments",
    followed: 25,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      const step = make((input: Tensor, target: Tensor, scale: number) => {
        const l = loss(input, target).mul(scale);
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return { loss: l, more: [l.mul(2)] };
      });
      for (let i = 0; i < 30; i++) {
        const from = (i % 3) * 12;
        const to = Math.min(from + 12, 32);
        const { loss: l, more } = step(x.slice(0, from, to), y.slice(0, from, to), 1 + i / 7);
        see(l, ...more, ...params);
      }
      return step;
    },
  },
  {
    name: "slices taken inside, by a number that moves on",
    followed: 17,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      let i = 0;
      const step = make(() => {
        const from = (i++ % 4) * 8;
        const l = loss(x.slice(0, from, from + 8), y.slice(0, from, from + 8));
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return l;
      });
      for (let k = 0; k < 20; k++) see(step(), ...params);
      return step;
    },
  },
  {
    name: "dropout, batch normalisation and noise",
    followed: 15,
    run(make, see) {
      manualSeed(2);
      const model = new nn.Sequential(
        new nn.Linear(6, 8),
        new nn.BatchNorm1d(8),
        new nn.ReLU(),
        new nn.Dropout(0.4),
        new nn.Linear(8, 1),
      );
      const x = randn([16, 6]);
      const y = x.sum(1, { keepdim: true });
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
      const step = make(() => {
        const l = model
          .forward(x.add(randn([16, 6]).mul(0.1)))
          .sub(y)
          .square()
          .mean();
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return l;
      });
      for (let k = 0; k < 20; k++) see(step(), ...Object.values(model.stateDict()));
      return step;
    },
  },
  {
    name: "gradients clipped",
    followed: 17,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      const step = make(() => {
        const l = loss(x, y);
        optimizer.zeroGrad();
        l.backward();
        const norm = optim.clipGradNorm(params, 0.1);
        optimizer.step();
        return [l, norm] as const;
      });
      for (let i = 0; i < 20; i++) see(...step(), ...params, ...params.map((p) => p.grad));
      return step;
    },
  },
  {
    name: "a branch now and then",
    followed: 5,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      let i = 0;
      const step = make(() => {
        let l = loss(x, y);
        if (++i % 9 === 0) l = l.add(params[0]!.square().mean());
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return i % 9 === 1 ? [l, l.mul(3)] : [l];
      });
      for (let k = 0; k < 24; k++) see(...step(), ...params);
      return step;
    },
  },
  {
    name: "parameters changed and looked at between calls; old values read after",
    followed: 10,
    run(make, see) {
      const { loss, forward, x, y, optimizer, params } = net(rmsprop);
      const step = make(() => {
        const l = loss(x, y);
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return l;
      });
      let total = zeros([]);
      for (let k = 0; k < 30; k++) {
        const before = params[0]!.detach();
        const norm = params[2]!.square().sum();
        const l = step();
        total = total.add(l);
        see(before, norm);
        if (k === 8) params[1]!.assign(tensor([1, 2, 3, 4, 5]));
        if (k === 15) noGrad(() => see(forward(x).sub(y).abs().mean()));
        if (k === 20) optimizer.step();
        if (k === 22) optimizer.loadStateDict(optimizer.stateDict());
      }
      see(total, ...params);
      return step;
    },
  },
  {
    name: "gradients of two calls add up",
    followed: 0,
    run(make, see) {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      const step = make((again: boolean) => {
        const l = loss(x, y);
        if (!again) optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return l;
      });
      for (let k = 0; k < 12; k++) see(step(k % 2 === 1), ...params);
      return step;
    },
  },
  {
    name: "a table's rows",
    followed: 12,
    run(make, see) {
      manualSeed(1);
      const table = randn([50, 4], { requiresGrad: true });
      const optimizer = new optim.RMSprop([table], { lr: 0.01 });
      const factors = rand([6, 4]);
      const step = make((rows: Tensor) => {
        optimizer.zeroGrad();
        const l = embedding(table, rows, { sparse: true }).mul(factors).sum();
        l.backward();
        optimizer.step();
        return l;
      });
      for (let k = 0; k < 20; k++) {
        const rows = Int32Array.from({ length: 6 }, (_, i) => (7 * k + 3 * i) % 50);
        if (k === 10) rows[3] = rows[1]!;
        see(step(tensor(rows)));
      }
      see(table);
      return step;
    },
  },
  {
    name: "evaluation, with no step at all",
    followed: 8,
    run(make, see) {
      const { forward, x } = net(rmsprop);
      const step = make((input: Tensor) => noGrad(() => forward(input).argmax(0)));
      for (let k = 0; k < 10; k++) see(step(x.mul(k)));
      return step;
    },
  },
  {
    name: "two optimizers take turns",
    followed: 0,
    run(make, see) {
      const { loss, x, y, params } = net(rmsprop);
      const optimizers = [new optim.SGD([params[0]!], { lr: 0.1 }), new optim.Adam(params.slice(1))];
      const step = make(() => {
        const l = loss(x, y);
        for (const optimizer of optimizers) optimizer.zeroGrad();
        l.backward();
        for (const optimizer of optimizers) optimizer.step();
        return l;
      });
      for (let k = 0; k < 12; k++) see(step(), ...params);
      return step;
    },
  },
];

describe.each(["wasm", "javascript"] as const)("a compiled step, %s", (backend) => {
  test.each(programs.map((program) => [program.name, program] as const))("%s", (_, { run, followed }) => {
    const seen = [plain, compiled].map((make) => {
      configure({ backend });
      const values: string[] = [];
      const step = run(make, (...xs) => {
        for (const x of xs) values.push(x === null ? "none" : typeof x === "number" ? `${x}` : bits(x));
      }) as ReturnType<Maker>;
      if (make === compiled) expect(step.report!.followed, step.report!.reason ?? "").toBeGreaterThanOrEqual(followed);
      return values;
    });
    expect(seen[1]).toEqual(seen[0]);
  });
});

test.each(Object.keys(models))("%s: batches and numbers that change, an odd call out", (name) => {
  const train = (make: Maker) => {
    manualSeed(7);
    const data = randn([72, 16]);
    const W = randn([16, 16], { requiresGrad: true });
    const b = rand([16], { requiresGrad: true });
    const optimizer = new optim.Adam([W, b], { lr: 1e-3 });
    let calls = 0;
    const step = make((x: Tensor, scale: number) => {
      const noisy = x.add(randn([24, 16]).mul(scale));
      const inputs = { x: noisy, W, b };
      let loss = models[name]!(inputs);
      if (++calls === 7) loss = loss.add(W.abs().mean());
      optimizer.zeroGrad();
      loss.backward();
      optimizer.paramGroups[0]!.lr = 1e-3 / calls;
      optimizer.step();
      return loss;
    });
    const seen: string[] = [];
    for (let i = 0; i < 14; i++) {
      const loss = step(data.slice(0, i, i + 24), 0.01 * i);
      if (i % 3 === 0) seen.push(bits(loss), W.grad === null ? "none" : bits(W.grad));
    }
    if (make === compiled) expect((step as ReturnType<Maker>).report!.followed).toBeGreaterThanOrEqual(9);
    return [...seen, bits(W), bits(b)];
  };
  expect(train(compiled)).toEqual(train(plain));
});

test("follows from the third call on: no plan is compiled, and the forward pass is not walked through again", () => {
  const { loss, x, y, optimizer } = net(rmsprop);
  const step = compile(() => {
    const l = loss(x, y);
    optimizer.zeroGrad();
    l.backward();
    optimizer.step();
    return l;
  });
  for (let i = 0; i < 3; i++) step().item();
  const before = stats();
  for (let i = 0; i < 50; i++) step().item();
  const after = stats();
  expect(after.plansCompiled).toBe(before.plansCompiled);
  expect(after.plansRun - before.plansRun).toBe(50);
  expect(step.report).toEqual({ followed: 51, recorded: 2, reason: null });
});

test("memory is flat", () => {
  const { loss, x, y, optimizer } = net(rmsprop);
  const step = compile((from: number) => {
    const l = loss(x.slice(0, from, from + 8), y.slice(0, from, from + 8));
    optimizer.zeroGrad();
    l.backward();
    optimizer.step();
    return l;
  });
  const run = (n: number) => {
    for (let i = 0; i < n; i++) step(i % 24);
    return stats().bytesHeld;
  };
  const held = run(1000);
  expect(run(5000)).toBeLessThanOrEqual(held + 4096);
  expect(step.report.followed).toBeGreaterThan(5990);
});

describe("what cannot be followed", () => {
  const training = (inside: (l: Tensor) => unknown) => {
    const { loss, x, y, optimizer, params } = net(rmsprop);
    const step = compile(() => {
      const l = loss(x, y);
      const result = inside(l);
      optimizer.zeroGrad();
      l.backward();
      optimizer.step();
      return result ?? l;
    });
    for (let i = 0; i < 12; i++) step();
    return { step, params };
  };

  test("a value read inside: it runs as written, and says so", () => {
    expect(training((l) => l.item()).step.report).toMatchObject({ followed: 0, reason: /reads a value inside/ });
  });

  test("a tensor kept from inside is an error when it is read, not an old or a new value", () => {
    const kept: Tensor[] = [];
    training((l) => {
      kept.push(l.mul(2));
      return l;
    });
    for (const x of kept.slice(3)) {
      expect(() => x.item()).toThrow(StaleError);
      expect(() => x.add(1)).toThrow(/return it from the function/);
    }
  });

  test("a tensor kept from a call and used in a later one", () => {
    const run = (make: Maker) => {
      const { loss, x, y, optimizer, params } = net(rmsprop);
      let last: Tensor | null = null;
      const step = make(() => {
        const now = loss(x, y);
        const l = last === null ? now : now.add(now.sub(last).square());
        last = now.detach();
        optimizer.zeroGrad();
        l.backward();
        optimizer.step();
        return l;
      });
      const losses: number[] = [];
      for (let i = 0; i < 12; i++) losses.push(step().item());
      return [...losses, ...params.map(bits)];
    };
    const expected = run(plain);
    // Either the same, or it says that the value is gone; never another number.
    try {
      expect(run(compiled)).toEqual(expected);
    } catch (error) {
      expect(error).toBeInstanceOf(StaleError);
    }
  });

  test("an error inside leaves everything usable", () => {
    const { loss, x, y, optimizer, params } = net(rmsprop);
    let fail = false;
    const step = compile(() => {
      const l = loss(x, y);
      if (fail) throw new Error("mine");
      optimizer.zeroGrad();
      l.backward();
      optimizer.step();
      return l;
    });
    for (let i = 0; i < 5; i++) step();
    const before = params.map(bits);
    fail = true;
    expect(() => step()).toThrow("mine");
    expect(params.map(bits)).toEqual(before);
    fail = false;
    for (let i = 0; i < 5; i++) expect(Number.isFinite(step().item())).toBe(true);
  });

  test("an index out of bounds is an error", () => {
    const table = randn([5, 2], { requiresGrad: true });
    const optimizer = new optim.SGD([table], { lr: 0.1 });
    const step = compile((at: Tensor) => {
      optimizer.zeroGrad();
      const l = embedding(table, at.add(1)).sum();
      l.backward();
      optimizer.step();
      return l;
    });
    for (let i = 0; i < 4; i++) step(randint(0, 3, [4])).item();
    expect(() => step(tensor([1, 2, 3, 7], { dtype: "int32" })).item()).toThrow(/out of bounds|outside the bounds/);
  });

  test("an async function is refused", () => {
    expect(() => compile(async () => 1)()).toThrow(/async/);
  });
});
