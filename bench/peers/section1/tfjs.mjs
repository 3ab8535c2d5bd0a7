import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs";

await tf.setBackend("wasm");
const X = tf.randomNormal([100, 1]);
const y = tf.tidy(() => tf.add(tf.add(tf.mul(X, 2), 3), tf.randomNormal([100, 1])));

const w = tf.variable(tf.zeros([1]));
const b = tf.variable(tf.zeros([1]));
const optimizer = tf.train.rmsprop(0.01, 0.99, 0, 1e-16);

const losses = [];
for (let epoch = 0; epoch < 100; epoch++) {
  const loss = optimizer.minimize(() => tf.mean(tf.square(tf.sub(tf.add(tf.mul(w, X), b), y))), true, [w, b]);
  losses.push(loss.dataSync()[0]);
  loss.dispose();
}
console.log(losses[99], w.dataSync()[0], b.dataSync()[0]);
