/** jax-js on its WebAssembly device, at its best: a whole training step under one jit, parameters donated to it. */
import { readFileSync } from "node:fs";
import { init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { networkData, uniform } from "../src/data.mjs";
import { serve } from "./serve.mjs";

await init("wasm");

/** PyTorch's RMSProp for one array. Takes ownership of all three, as jax-js's functions do. */
function update(p, g, v, lr) {
  const next = v.mul(0.99).add(np.square(g.ref).mul(0.01));
  return [p.sub(g.div(np.sqrt(next.ref).add(1e-8)).mul(lr)), next];
}

function section1() {
  const data = JSON.parse(readFileSync(new URL("../fixtures/reference.json", import.meta.url), "utf8"));
  const X = np.array(new Float32Array(data.X)).reshape([100, 1]);
  const y = np.array(new Float32Array(data.y)).reshape([100, 1]);
  const lossOf = ([w, b], x, t) => np.mean(np.square(w.mul(x).add(b).sub(t)));
  const step = jit(([w, b], [vw, vb], x, t) => {
    const [loss, [gw, gb]] = valueAndGrad(lossOf)([w.ref, b.ref], x, t);
    const [w2, vw2] = update(w, gw, vw, 0.01);
    const [b2, vb2] = update(b, gb, vb, 0.01);
    return [loss, [w2, b2], [vw2, vb2]];
  });

  const train = () => {
    let params = [np.zeros([1]), np.zeros([1])];
    let state = [np.zeros([1]), np.zeros([1])];
    const losses = [];
    for (let epoch = 0; epoch < 100; epoch++) {
      let loss;
      [loss, params, state] = step(params, state, X.ref, y.ref);
      losses.push(loss.dataSync()[0]);
    }
    for (const s of state) s.dispose();
    const [w, b] = params.map((p) => p.dataSync()[0]);
    return { losses, w, b };
  };
  return { check: train, run: train };
}

function rmsprop({ n, lr }) {
  let p = np.array(uniform(n, 1));
  let v = np.zeros([n]);
  const g = np.array(uniform(n, 2));
  const step = jit((p, g, v) => update(p, g, v, lr));
  const run = async () => {
    [p, v] = step(p, g.ref, v);
    await Promise.all([p.blockUntilReady(), v.blockUntilReady()]);
  };
  return {
    check: async () => {
      for (let i = 0; i < 3; i++) await run();
      const values = p.ref.dataSync();
      return [0, 1, 12345, n - 2, n - 1].map((i) => values[i]);
    },
    run,
  };
}

function matmul({ n }) {
  const a = np.array(uniform(n * n, 3)).reshape([n, n]);
  const b = np.array(uniform(n * n, 4)).reshape([n, n]);
  const multiply = jit((a, b) => np.matmul(a, b));
  return {
    check: () => {
      const c = multiply(a.ref, b.ref).dataSync();
      return [c[0], c[n + n - 1], c[(n - 1) * n + 7], c[(n / 2) * n + n / 2]];
    },
    run: async () => {
      const c = multiply(a.ref, b.ref);
      await c.blockUntilReady();
      c.dispose();
    },
  };
}

function network({ hidden, batch, lr }) {
  const data = networkData({ hidden, batch });
  const { sizes } = data;
  const x = np.array(data.x).reshape([batch, 784]);
  const target = nn.oneHot(np.array(data.labels, { dtype: np.int32 }), 10);

  const lossOf = ([w0, w1, w2, b0, b1, b2], x, t) => {
    const h1 = nn.relu(np.matmul(x, w0).add(b0));
    const h2 = nn.relu(np.matmul(h1, w1).add(b1));
    const logits = np.matmul(h2, w2).add(b2);
    return np.sum(nn.logSoftmax(logits, 1).mul(t)).mul(-1 / batch);
  };
  const step = jit((params, state, x, t) => {
    const [loss, grads] = valueAndGrad(lossOf)(
      params.map((p) => p.ref),
      x,
      t,
    );
    const updated = params.map((p, i) => update(p, grads[i], state[i], lr));
    return [loss, updated.map(([p]) => p), updated.map(([, v]) => v)];
  });

  const build = () => {
    const shapes = [...data.weights.map((_, l) => [sizes[l], sizes[l + 1]]), ...sizes.slice(1).map((size) => [size])];
    let params = shapes.map((shape, i) => (i < 3 ? np.array(data.weights[i].slice()).reshape(shape) : np.zeros(shape)));
    let state = shapes.map((shape) => np.zeros(shape));
    return () => {
      let loss;
      [loss, params, state] = step(params, state, x.ref, target.ref);
      return loss.dataSync()[0];
    };
  };
  return { check: () => Array.from({ length: 5 }, build()), run: build() };
}

const version = () =>
  JSON.parse(readFileSync(new URL("node_modules/@jax-js/jax/package.json", import.meta.url), "utf8")).version;
await serve({ version }, { section1, rmsprop, matmul, network });
