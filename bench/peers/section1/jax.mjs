import { init, jit, numpy as np, random, valueAndGrad } from "@jax-js/jax";

await init("wasm");
const [kx, ky] = [random.key(0), random.key(1)];
const X = random.normal(kx, [100, 1]);
const y = X.ref
  .mul(2)
  .add(3)
  .add(random.normal(ky, [100, 1]));

function update(p, g, v) {
  const next = v.mul(0.99).add(np.square(g.ref).mul(0.01));
  return [p.sub(g.div(np.sqrt(next.ref).add(1e-8)).mul(0.01)), next];
}
const lossOf = ([w, b], x, t) => np.mean(np.square(w.mul(x).add(b).sub(t)));
const step = jit(([w, b], [vw, vb], x, t) => {
  const [loss, [gw, gb]] = valueAndGrad(lossOf)([w.ref, b.ref], x, t);
  const [w2, vw2] = update(w, gw, vw);
  const [b2, vb2] = update(b, gb, vb);
  return [loss, [w2, b2], [vw2, vb2]];
});

let params = [np.zeros([1]), np.zeros([1])];
let state = [np.zeros([1]), np.zeros([1])];
const losses = [];
for (let epoch = 0; epoch < 100; epoch++) {
  let loss;
  [loss, params, state] = step(params, state, X.ref, y.ref);
  losses.push(loss.dataSync()[0]);
}
console.log(losses[99], params[0].dataSync()[0], params[1].dataSync()[0]);
