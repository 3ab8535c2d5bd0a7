/** What is measured side by side: the work, who does it, what its answer must be, what we ask of ourselves. */
import { readFileSync } from "node:fs";
import { compare } from "./compare.mjs";
import { uniformAt } from "./data.mjs";
import { rules } from "./rules.mjs";
import { sparse } from "./sparse.mjs";

/**
 * @typedef {{ key: string; peer: string; label: string; threads?: number; case?: string; shared?: boolean;
 *   params?: Record<string, unknown> }} Contestant
 *   `shared`: in one process with all that say so, for a peer that takes seconds to start.
 * @typedef {{ against: string[]; atLeast?: number; atMost?: number }} Target
 *   `atLeast`: so many times as fast as the fastest of those; `atMost`: at most so many times its time.
 * @typedef {{
 *   id: string; title: string; case: string; params: Record<string, unknown>;
 *   rounds?: number; budgetMs?: number;
 *   contestants: Contestant[]; targets: Target[];
 *   rate?: (ms: number) => string;
 *   verify: (answers: Map<string, any>) => Map<string, string>;
 * }} Case
 *   `rounds`, `budgetMs`: at most so many rounds of so long, for what takes long to set up or to run.
 */

const thalweg = { key: "thalweg", peer: "thalweg", label: "Thalweg, its default" };
const thalweg1 = { key: "thalweg1", peer: "thalweg", label: "Thalweg, 1 thread", threads: 1 };
const thalwegReading = { key: "reading", peer: "thalweg", case: "rmspropRead", label: "Thalweg, read after each step" };
const torch1 = { key: "torch1", peer: "pytorch", label: "PyTorch, 1 thread", threads: 1 };
const torch = { key: "torch", peer: "pytorch", label: "PyTorch, its default" };
const tfjs = { key: "tfjs", peer: "tfjs", label: "TensorFlow.js wasm" };
const jax = { key: "jax", peer: "jax", label: "jax-js, jit" };
const wide = { key: "wide", peer: "wide", label: "Thalweg, 256 bits" };
const wide1 = { ...wide, key: "wide1", label: "Thalweg, 256 bits, 1 thread", threads: 1 };
const memory = [
  { key: "copy", peer: "copy", case: "copy", label: "copy, v128 loads and stores" },
  { key: "bulk", peer: "copy", case: "bulk", label: "copy, memory.copy" },
  { key: "streams", peer: "copy", case: "streams", label: "3 streams read, 2 written in place" },
  { key: "copy2", peer: "copy", case: "copyOnTwo", label: "copy, v128 loads and stores, 2 threads" },
  { key: "streams2", peer: "copy", case: "streamsOnTwo", label: "3 streams read, 2 written in place, 2 threads" },
];

const reference = JSON.parse(readFileSync(new URL("../fixtures/reference.json", import.meta.url), "utf8"));

/** @type {Case} */
const section1 = {
  id: "section1",
  title: "The README's program (linear regression, RMSProp), 100 epochs",
  case: "section1",
  params: {},
  contestants: [thalweg, torch, tfjs, jax],
  targets: [
    { against: ["torch1", "torch"], atLeast: 8 },
    { against: ["tfjs"], atLeast: 10 },
  ],
  rate: (ms) => `${(ms * 10).toFixed(1)} µs an epoch`,
  verify: compare(
    () => [...reference.losses, reference.w, reference.b],
    1e-5,
    (answer) => [...answer.losses, answer.w, answer.b],
  ),
};

/** @type {Case} */
const section1Compiled = {
  ...section1,
  title: "The same through compile(step)",
  case: "section1",
  contestants: [{ ...thalweg, case: "section1Compiled", label: "Thalweg, compiled" }, torch],
  targets: [{ against: ["torch1", "torch"], atLeast: 30 }],
};

/** The rule in float64, for a few of the parameters. */
function rmspropReference({ n, lr }, steps) {
  return [0, 1, 12345, n - 2, n - 1].map((i) => {
    const g = uniformAt(i, 2);
    let p = uniformAt(i, 1);
    let v = 0;
    for (let step = 0; step < steps; step++) {
      v = 0.99 * v + 0.01 * g * g;
      p -= (lr * g) / (Math.sqrt(v) + 1e-8);
    }
    return p;
  });
}

const rmspropParams = { n: 10_000_000, lr: 0.01 };
/** @type {Case} */
const rmsprop = {
  id: "rmsprop",
  title: "RMSProp over 10 M float32 parameters, one step",
  case: "rmsprop",
  params: rmspropParams,
  contestants: [thalweg, thalweg1, thalwegReading, ...memory, torch1, torch, tfjs, jax],
  targets: [
    { against: ["copy2"], atMost: 1.15 },
    { against: ["torch1", "torch"], atLeast: 4 },
    { against: ["jax"], atLeast: 7 },
  ],
  rate: (ms) => `${((rmspropParams.n * 20) / ms / 1e6).toFixed(1)} GB/s of 20 bytes a parameter`,
  verify: compare(() => rmspropReference(rmspropParams, 3), 1e-5),
};

/** The first and the last tensor's last element after three steps, in float64. */
function tensorsReference(count, n, lr) {
  return [0, count - 1].map((i) => {
    const g = uniformAt(n - 1, 2 * i + 2);
    let p = uniformAt(n - 1, 2 * i + 1);
    let v = 0;
    for (let step = 0; step < 3; step++) {
      v = 0.99 * v + 0.01 * g * g;
      p -= (lr * g) / (Math.sqrt(v) + 1e-8);
    }
    return p;
  });
}

const many = { count: 200, n: 10_000, lr: 0.01 };
const single = { ...many, count: 1, n: many.count * many.n };
/** @type {Case} */
const tensors = {
  id: "tensors",
  title: "RMSProp over 200 tensors of 10,000 float32 parameters each, one step",
  case: "tensors",
  params: many,
  contestants: [
    thalweg,
    { key: "compiled", peer: "thalweg", label: "Thalweg, compile(step)", params: { ...many, compiled: true } },
    { key: "one", peer: "thalweg", label: "Thalweg, one tensor of 2 M", params: single },
    { ...torch, key: "torch", label: "PyTorch, its default (foreach)" },
    { key: "torchOne", peer: "pytorch", label: "PyTorch, one tensor of 2 M", params: single },
  ],
  targets: [
    { against: ["one"], atMost: 1.2 },
    { against: ["torch"], atLeast: 1 },
  ],
  verify: compare((key) => {
    const { count, n, lr } = /one$/i.test(key) ? single : many;
    return tensorsReference(count, n, lr);
  }, 1e-5),
};

function matmulReference(n) {
  const at = (row, column) => {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += uniformAt(row * n + k, 3) * uniformAt(k * n + column, 4);
    return sum;
  };
  return [at(0, 0), at(1, n - 1), at(n - 1, 7), at(n / 2, n / 2)];
}

/** @type {Case} */
const matmul = {
  id: "matmul",
  title: "Matrix product, 1024 × 1024 × 1024 float32",
  case: "matmul",
  params: { n: 1024 },
  contestants: [thalweg, thalweg1, wide, wide1, torch1, torch, tfjs, jax],
  targets: [
    { against: ["tfjs"], atLeast: 1.5 },
    { against: ["jax"], atLeast: 1.5 },
  ],
  rate: (ms) => `${((2 * 1024 ** 3) / ms / 1e6).toFixed(1)} GFLOP/s`,
  verify: compare(() => matmulReference(1024), 1e-4),
};

/** @returns {Case} */
const product = (title, params) => ({
  id: "products",
  title: `Matrix product, ${title}`,
  case: "product",
  params,
  contestants: [thalweg, thalweg1, wide1, torch1],
  targets: [],
  rate: (ms) => `${((2 * params.m * params.n * params.k) / ms / 1e6).toFixed(1)} GFLOP/s`,
  verify: compare(() => productReference(params), 1e-4),
});

/** The first and the last element of the product, in float64. */
function productReference({ m, k, n, transposed = "" }) {
  const at = (row, column) => {
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const a = transposed.includes("a") ? i * m + row : row * k + i;
      const b = transposed.includes("b") ? column * k + i : i * n + column;
      sum += uniformAt(a, 3) * uniformAt(b, 4);
    }
    return sum;
  };
  return [at(0, 0), at(m - 1, n - 1)];
}

const products = [
  product("1024 × 1024 × 1024, the right one transposed", { m: 1024, k: 1024, n: 1024, transposed: "b" }),
  product("1024 × 1024 × 1024, the left one transposed", { m: 1024, k: 1024, n: 1024, transposed: "a" }),
  product("1024 × 1024 × 1024 float64", { m: 1024, k: 1024, n: 1024, dtype: "float64" }),
  product("128 × 784 × 512", { m: 128, k: 784, n: 512 }),
  product("4096 × 64 × 64", { m: 4096, k: 64, n: 64 }),
  product("matrix times vector, 4096 × 4096", { m: 4096, k: 4096, n: 1 }),
  product("vector times matrix, 4096 × 4096", { m: 1, k: 4096, n: 4096 }),
];

/** @type {Case} */
const convNet = {
  id: "convnet",
  title: "Training step of a convolutional network on 64 pictures of 28 × 28 (3 × 3 to 8 and to 32, pooled), RMSProp",
  case: "convNet",
  params: { batch: 64, lr: 1e-3 },
  contestants: [thalweg, thalweg1, wide, torch1, torch, { ...tfjs, label: "TensorFlow.js cpu (wasm cannot)" }],
  targets: [
    { against: ["tfjs"], atLeast: 3 },
    { against: ["torch1", "torch"], atLeast: 1 },
  ],
  rate: (ms) => `${((ms * 938) / 1000).toFixed(1)} s an epoch of 60,000`,
  verify: compare(() => reference.convNet, 5e-4),
};

/** @returns {Case} */
const network = (hidden, batch) => ({
  id: `network${hidden}`,
  title: `Training step of a 784-${hidden}-${hidden}-10 network, batch ${batch}, RMSProp`,
  case: "network",
  params: { hidden, batch, lr: 1e-4 },
  contestants: [thalweg, thalweg1, wide, torch1, torch, tfjs, jax],
  targets: [
    ...(hidden === 128 ? [{ against: ["torch1", "torch"], atLeast: 1 }] : []),
    { against: ["jax"], atLeast: 4 },
  ],
  // The losses of the first five steps.
  verify: compare(() => reference.networks[hidden], 5e-4),
});

export const cases = [
  section1,
  section1Compiled,
  rmsprop,
  tensors,
  ...rules,
  ...sparse,
  matmul,
  ...products,
  convNet,
  network(128, 64),
  network(512, 128),
  network(1024, 256),
];
