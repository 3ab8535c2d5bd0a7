/**
 * Does memory stay flat? Section 1's loop for 100,000 steps, in the three ways people write it; figures at
 * 1,000 steps and at the end. Run by itself, or as a part of `npm run bench`.
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { manualSeed, optim, randn, resetStats, stats, zeros } from "thalweg";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

const LOOPS = {
  read: "reads the loss at every step",
  schedule: "reads the loss, changes the learning rate at every step",
  quiet: "reads nothing until the end",
};

function measure() {
  collect();
  collect();
  const { wasmBytes, bytesHeld, plansCompiled } = stats();
  return { heap: process.memoryUsage().heapUsed, wasm: wasmBytes, held: bytesHeld, plans: plansCompiled };
}

/** @param {keyof typeof LOOPS} kind @param {number} steps */
function train(kind, steps) {
  manualSeed(0);
  resetStats();
  const X = randn([100, 1]);
  const y = X.mul(2)
    .add(3)
    .add(randn([100, 1]));
  const w = zeros([1], { requiresGrad: true });
  const b = zeros([1], { requiresGrad: true });
  const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });
  const early = Math.min(1000, steps);
  let atEarly;
  const before = performance.now();
  for (let step = 0; step < steps; step++) {
    const loss = w.mul(X).add(b).sub(y).pow(2).mean();
    if (kind !== "quiet") loss.item();
    optimizer.zeroGrad();
    loss.backward();
    if (kind === "schedule") optimizer.paramGroups[0].lr = 0.01 / (1 + step / 1000);
    optimizer.step();
    if (step + 1 === early) atEarly = measure();
  }
  const seconds = (performance.now() - before) / 1000;
  const atEnd = measure();
  return { kind, steps, early, atEarly, atEnd, microseconds: (seconds / steps) * 1e6, w: w.item() };
}

const { values } = parseArgs({
  options: { steps: { type: "string", default: "100000" }, json: { type: "boolean" }, help: { type: "boolean" } },
});
if (values.help) {
  console.log(
    "node bench/memory.mjs [--steps 100000] [--json]\n\nHeap and WebAssembly memory over a long training loop.",
  );
} else {
  const results = [];
  for (const kind of /** @type {(keyof typeof LOOPS)[]} */ (Object.keys(LOOPS))) {
    const result = train(kind, Number(values.steps));
    results.push(result);
    if (values.json) continue;
    const row = ({ heap, wasm, plans }) =>
      `heap ${(heap / 1e6).toFixed(2)} MB, WebAssembly ${(wasm / 1e6).toFixed(2)} MB, ${plans} plans compiled`;
    console.log(`A loop that ${LOOPS[kind]} (${result.microseconds.toFixed(1)} µs a step)`);
    console.log(`  after ${result.early} steps: ${row(result.atEarly)}`);
    console.log(`  after ${result.steps} steps: ${row(result.atEnd)}`);
  }
  if (values.json) console.log(JSON.stringify({ loops: LOOPS, results }));
}
