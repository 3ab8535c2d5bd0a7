/** TensorFlow.js on its WebAssembly backend, at its best: tidy and dispose throughout, fused layers. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { convNetData, networkData, uniform } from "../src/data.mjs";
import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
await tf.setBackend("wasm");
await tf.ready();

/**
 * PyTorch's RMSProp by hand. tf.train.rmsprop has epsilon under the root, which is another rule, and it
 * computes the mean square twice and always the momentum form, so that it is slower too.
 */
function update(p, g, v, lr) {
  v.assign(v.mul(0.99).add(g.square().mul(0.01)));
  p.assign(p.sub(g.div(v.sqrt().add(1e-8)).mul(lr)));
}

/** One training step over `params`; `state` holds a mean square for each. Gives the loss. */
function trainStep(lossOf, params, state, lr) {
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(lossOf, params);
    const [loss] = value.dataSync();
    for (const [i, p] of params.entries()) update(p, grads[p.name], state[i], lr);
    return loss;
  });
}
const stateOf = (params) => params.map((p) => tf.variable(tf.zeros(p.shape), false));

function section1() {
  const data = JSON.parse(readFileSync(new URL("../fixtures/reference.json", import.meta.url), "utf8"));
  const X = tf.tensor2d(data.X, [100, 1]);
  const y = tf.tensor2d(data.y, [100, 1]);

  const train = () => {
    const w = tf.variable(tf.zeros([1]));
    const b = tf.variable(tf.zeros([1]));
    const state = stateOf([w, b]);
    const losses = [];
    for (let epoch = 0; epoch < 100; epoch++) {
      losses.push(trainStep(() => w.mul(X).add(b).sub(y).square().mean(), [w, b], state, 0.01));
    }
    const result = { losses, w: w.dataSync()[0], b: b.dataSync()[0] };
    tf.dispose([w, b, ...state]);
    return result;
  };
  return { check: train, run: train };
}

function rmsprop({ n, lr }) {
  const p = tf.variable(tf.tensor1d(uniform(n, 1)), true, "p");
  const g = tf.tensor1d(uniform(n, 2));
  const v = tf.variable(tf.zeros([n]), false);
  const run = () => tf.tidy(() => update(p, g, v, lr));
  return {
    check: () => {
      for (let i = 0; i < 3; i++) run();
      const values = p.dataSync();
      return [0, 1, 12345, n - 2, n - 1].map((i) => values[i]);
    },
    run,
  };
}

function matmul({ n }) {
  const a = tf.tensor2d(uniform(n * n, 3), [n, n]);
  const b = tf.tensor2d(uniform(n * n, 4), [n, n]);
  return {
    check: () => {
      const c = tf.matMul(a, b).dataSync();
      return [c[0], c[n + n - 1], c[(n - 1) * n + 7], c[(n / 2) * n + n / 2]];
    },
    run: () => tf.matMul(a, b).dispose(),
  };
}

function network({ hidden, batch, lr }) {
  const data = networkData({ hidden, batch });
  const { sizes } = data;
  const x = tf.tensor2d(data.x, [batch, 784]);
  const target = tf.oneHot(tf.tensor1d(data.labels, "int32"), 10).toFloat();

  const build = () => {
    const weights = data.weights.map((w, l) => tf.variable(tf.tensor2d(w, [sizes[l], sizes[l + 1]])));
    const biases = sizes.slice(1).map((size) => tf.variable(tf.zeros([size])));
    const params = [...weights, ...biases];
    const state = stateOf(params);
    const layer = (input, l, activation) => tf.fused.matMul({ a: input, b: weights[l], bias: biases[l], activation });
    const loss = () => {
      const logits = layer(layer(layer(x, 0, "relu"), 1, "relu"), 2, "linear");
      return tf.logSoftmax(logits).mul(target).sum().div(-batch);
    };
    return () => trainStep(loss, params, state, lr);
  };
  return { check: () => Array.from({ length: 5 }, build()), run: build() };
}

/** The wasm backend has no gradient of a convolution's filter, so it cannot train this network: the cpu backend does. */
async function convNet({ batch, lr }) {
  await tf.setBackend("cpu");
  const data = convNetData({ batch });
  const x = tf.tensor4d(data.x, [batch, 28, 28, 1]);
  const target = tf.oneHot(tf.tensor1d(data.labels, "int32"), 10).toFloat();
  // Channels come last here.
  const kernel = ({ values, shape }) => tf.variable(tf.transpose(tf.tensor4d(values, shape), [2, 3, 1, 0]));

  const build = () => {
    const last = tf.tensor4d(data.weights[2].values, [10, 32, 5, 5]);
    const weights = [
      kernel(data.weights[0]),
      kernel(data.weights[1]),
      tf.variable(tf.transpose(last, [2, 3, 1, 0]).reshape([800, 10])),
    ];
    const biases = data.weights.map(({ shape }) => tf.variable(tf.zeros([shape[0]])));
    const params = [...weights, ...biases];
    const state = stateOf(params);
    const layer = (input, l) =>
      tf.maxPool(
        tf.fused.conv2d({
          x: input,
          filter: weights[l],
          strides: 1,
          pad: "valid",
          bias: biases[l],
          activation: "relu",
        }),
        2,
        2,
        "valid",
      );
    const loss = () => {
      const features = layer(layer(x, 0), 1).reshape([batch, 800]);
      const logits = tf.fused.matMul({ a: features, b: weights[2], bias: biases[2], activation: "linear" });
      return tf.logSoftmax(logits).mul(target).sum().div(-batch);
    };
    return () => trainStep(loss, params, state, lr);
  };
  return { check: () => Array.from({ length: 5 }, build()), run: build() };
}

const version = () => tf.version["tfjs-core"];
await serve({ version }, { section1, rmsprop, matmul, network, convNet });
