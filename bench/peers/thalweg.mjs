/** Thalweg's side of the benchmark: every case as a user would write it. */
import { readFileSync } from "node:fs";
import { compile, configure, embedding, manualSeed, nn, optim, randn, tensor, zeros } from "thalweg";
import { convNetData, hash, networkData, uniform } from "../src/data.mjs";
import { serve } from "./serve.mjs";

if (process.env.BENCH_THREADS) configure({ threads: Number(process.env.BENCH_THREADS) });

if (process.argv.includes("wide")) configure({ wide: true });

const version = () =>
  JSON.parse(readFileSync(new URL("../../packages/thalweg/package.json", import.meta.url), "utf8")).version;

/** The README's program as it stands there, or with its step compiled. */
const section1 = (/** @type {boolean} */ compiled) => () => {
  manualSeed(0);
  const X = randn([100, 1]);
  const y = X.mul(2)
    .add(3)
    .add(randn([100, 1]));

  const train = () => {
    const w = zeros([1], { requiresGrad: true });
    const b = zeros([1], { requiresGrad: true });
    const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });
    const losses = [];
    const step = compile(() => {
      const loss = w.mul(X).add(b).sub(y).pow(2).mean();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    for (let epoch = 0; epoch < 100; epoch++) {
      if (compiled) {
        losses.push(step().item());
        continue;
      }
      const yPred = w.mul(X).add(b);
      const loss = yPred.sub(y).pow(2).mean();
      losses.push(loss.item());
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    return { losses, w: w.item(), b: b.item() };
  };
  return { check: train, run: train };
};

/**
 * step() only records, and the step before it runs: so a row of steps does the work of a row of steps. `reading`
 * looks at a parameter after each, which runs it at once and keeps the old values until the next.
 */
const rmsprop =
  (/** @type {boolean} */ reading) =>
  ({ n, lr }) => {
    const p = tensor(uniform(n, 1), { requiresGrad: true });
    p.grad = tensor(uniform(n, 2));
    const optimizer = new optim.RMSprop([p], { lr });
    const run = () => {
      optimizer.step();
      if (reading) p.narrow(0, 0, 1).item();
    };
    return {
      check: () => {
        for (let i = 0; i < 3; i++) run();
        const values = p.dataSync();
        return [0, 1, 12345, n - 2, n - 1].map((i) => values[i]);
      },
      run,
    };
  };

/** One step over `count` tensors of `n` elements each. */
function tensors({ count, n, lr, compiled }) {
  const made = Array.from({ length: count }, (_, i) => {
    const p = tensor(uniform(n, 2 * i + 1), { requiresGrad: true });
    p.grad = tensor(uniform(n, 2 * i + 2));
    return p;
  });
  const optimizer = new optim.RMSprop(made, { lr });
  const step = compiled ? compile(() => optimizer.step()) : () => optimizer.step();
  return {
    check: () => {
      for (let i = 0; i < 3; i++) step();
      return [made[0], made.at(-1)].map((p) => p.dataSync()[n - 1]);
    },
    run: step,
  };
}

function rules({ n, steps, lookedAt, rule, options }) {
  const p = tensor(uniform(n, 1), { requiresGrad: true });
  p.grad = tensor(uniform(n, 2));
  const optimizer = new optim[rule]([p], options);
  return {
    check: () => {
      for (let i = 0; i < steps; i++) optimizer.step();
      const values = p.dataSync();
      return lookedAt.map((i) => values[i]);
    },
    run: () => optimizer.step(),
  };
}

/** How many different batches of rows there are. */
const BATCHES = 256;

/**
 * As above, a step is run by the next. `rule`, `step`: the optimizer's step alone, dense and sparse, on a gradient that is
 * there. For the sparse one a new gradient is made each time, as in training.
 */
const sparse =
  (/** @type {"sparse" | "compiled" | "dense" | "rule" | "step"} */ kind) =>
  ({ rows, width, batch, lr, first, lookedAt }) => {
    const table = tensor(uniform(rows * width, 1))
      .reshape([rows, width])
      .detach();
    table.requiresGrad = true;
    const optimizer = new optim.RMSprop([table], { lr });
    const batches = Array.from({ length: BATCHES }, (_, b) =>
      Int32Array.from({ length: batch }, (_, i) => hash(b * batch + i, 6) % rows),
    );
    const factors = tensor(uniform(batch * width, 7)).reshape([batch, width]);
    const options = { sparse: kind !== "dense" && kind !== "rule" };

    const differentiate = (number) => {
      optimizer.zeroGrad();
      const loss = embedding(table, tensor(batches[number]), options).mul(factors).sum();
      loss.backward();
      loss.item();
    };
    const once = (rows) => {
      optimizer.zeroGrad();
      const loss = embedding(table, rows, options).mul(factors).sum();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const whole = kind === "compiled" ? compile(once) : once;
    let next = 2;
    return {
      check: () => {
        for (const number of first) whole(tensor(batches[number]));
        const values = embedding(table, tensor(lookedAt, { dtype: "int32" }), options).dataSync();
        return lookedAt.flatMap((_, i) => [values[i * width], values[i * width + width - 1]]);
      },
      ...(kind === "step"
        ? {
            before: () => differentiate(next++ % BATCHES),
            run: () => {
              optimizer.step();
              table.realize();
            },
          }
        : { run: kind === "rule" ? () => optimizer.step() : () => whole(tensor(batches[next++ % BATCHES])) }),
    };
  };

function matmul({ n }) {
  const a = tensor(uniform(n * n, 3)).reshape([n, n]);
  const b = tensor(uniform(n * n, 4)).reshape([n, n]);
  const at = (c, i, j) => c.select(0, i).select(0, j).item();
  return {
    check: () => {
      const c = a.matmul(b);
      return [at(c, 0, 0), at(c, 1, n - 1), at(c, n - 1, 7), at(c, n / 2, n / 2)];
    },
    run: () => at(a.matmul(b), 0, 0),
  };
}

/** One of the four ways in which a gradient meets its matrices, or a vector: [m, k] · [k, n]. */
function product({ m, k, n, transposed = "", dtype = "float32" }) {
  const operand = (name, rows, columns, seed) => {
    const turned = transposed.includes(name);
    const x = tensor(uniform(rows * columns, seed), { dtype }).reshape(turned ? [columns, rows] : [rows, columns]);
    return turned ? x.t() : x;
  };
  const a = operand("a", m, k, 3);
  const b = operand("b", k, n, 4);
  const at = (c, i, j) => c.select(0, i).select(0, j).item();
  return {
    check: () => {
      const c = a.matmul(b);
      return [at(c, 0, 0), at(c, m - 1, n - 1)];
    },
    run: () => at(a.matmul(b), 0, 0),
  };
}

function convNet({ batch, lr }) {
  const data = convNetData({ batch });
  const x = tensor(data.x).reshape([batch, 1, 28, 28]);
  const target = tensor(data.labels);

  const build = () => {
    const model = new nn.Sequential(
      new nn.Conv2d(1, 8, 3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(8, 32, 3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(800, 10),
    );
    for (const [i, name] of ["0", "3", "7"].entries()) {
      const { shape, values } = data.weights[i];
      const bias = zeros([shape[0]]);
      model.loadStateDict({
        ...model.stateDict(),
        [`${name}.weight`]: tensor(values).reshape(shape),
        [`${name}.bias`]: bias,
      });
    }
    const optimizer = new optim.RMSprop(model.parameters(), { lr });
    return () => {
      const loss = nn.functional.crossEntropy(model.forward(x), target);
      const value = loss.item();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return value;
    };
  };
  return { check: () => Array.from({ length: 5 }, build()), run: build() };
}

function network({ hidden, batch, layers, lr }) {
  const data = networkData({ hidden, batch, layers });
  const { sizes } = data;
  const x = tensor(data.x).reshape([batch, 784]);
  const target = tensor(data.labels).unsqueeze(1);

  const build = () => {
    const weights = data.weights.map((w, l) => {
      const leaf = tensor(w)
        .reshape([sizes[l], sizes[l + 1]])
        .detach();
      leaf.requiresGrad = true;
      return leaf;
    });
    const biases = sizes.slice(1).map((size) => zeros([size], { requiresGrad: true }));
    const optimizer = new optim.RMSprop([...weights, ...biases], { lr });
    return () => {
      let h = x;
      for (const [l, weight] of weights.entries()) {
        h = h.matmul(weight).add(biases[l]);
        if (l < weights.length - 1) h = h.relu();
      }
      const logits = h;
      const loss = logits.logSoftmax(1).gather(1, target).mean().neg();
      const value = loss.item();
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return value;
    };
  };
  return { check: () => Array.from({ length: 5 }, build()), run: build() };
}

/** A loss that is read, and a step. */
function trained(lossOf, parameters, lr) {
  const optimizer = new optim.RMSprop(parameters, { lr });
  const step = () => {
    const loss = lossOf();
    const value = loss.item();
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return value;
  };
  return { check: () => [step(), step()], run: step };
}

function regression({ rows, columns, lr }) {
  const X = tensor(uniform(rows * columns, 31)).reshape([rows, columns]);
  const y = tensor(uniform(rows, 32)).unsqueeze(1);
  const w = zeros([columns, 1], { requiresGrad: true });
  const b = zeros([1], { requiresGrad: true });
  return trained(() => X.matmul(w).add(b).sub(y).pow(2).mean(), [w, b], lr);
}

/** Training whose memory is its parameters' and what training adds to them. */
function valley({ n, lr }) {
  const p = zeros([n], { requiresGrad: true });
  return trained(() => p.sub(1).pow(2).mean(), [p], lr);
}

await serve(
  { version },
  {
    section1: section1(false),
    section1Compiled: section1(true),
    rmsprop: rmsprop(false),
    rmspropRead: rmsprop(true),
    tensors,
    rules,
    sparse: sparse("sparse"),
    sparseDense: sparse("dense"),
    sparseRule: sparse("rule"),
    sparseCompiled: sparse("compiled"),
    sparseStep: sparse("step"),
    matmul,
    product,
    network,
    convNet,
    regression,
    valley,
  },
);
