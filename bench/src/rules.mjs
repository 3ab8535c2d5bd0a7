/** Update rules over 10 M parameters, each beside a copy of the bytes that it must move. */
import { compare } from "./compare.mjs";
import { uniformAt } from "./data.mjs";

const N = 10_000_000;
const STEPS = 3;
const LOOKED_AT = [0, 1, 12345, N - 2, N - 1];

/**
 * Each rule's options (named alike in Thalweg and PyTorch), the arrays that a step moves (each read and, all but the
 * gradient, written), whether PyTorch has it fused (null: not at all), and its formula as in the rule's paper:
 * `step(s, g, t)` gives what is taken from the parameter, `s` being what the rule remembers, all zeros at first.
 */
const RULES = [
  {
    rule: "SGD",
    name: "SGD with momentum",
    options: { lr: 0.01, momentum: 0.9 },
    arrays: 3,
    fused: true,
    step: (s, g, t) => 0.01 * (s.b = t === 1 ? g : 0.9 * s.b + g),
  },
  {
    rule: "Adagrad",
    name: "Adagrad",
    options: { lr: 0.01 },
    arrays: 3,
    fused: true,
    step: (s, g) => (0.01 * g) / (Math.sqrt((s.v += g * g)) + 1e-10),
  },
  {
    rule: "RMSprop",
    name: "RMSProp with momentum",
    options: { lr: 0.01, momentum: 0.9 },
    arrays: 4,
    fused: false,
    step: (s, g) => {
      s.v = 0.99 * s.v + 0.01 * g * g;
      s.b = 0.9 * s.b + g / (Math.sqrt(s.v) + 1e-8);
      return 0.01 * s.b;
    },
  },
  {
    rule: "RMSprop",
    name: "RMSProp, centered",
    options: { lr: 0.01, centered: true },
    arrays: 4,
    fused: false,
    step: (s, g) => {
      s.v = 0.99 * s.v + 0.01 * g * g;
      s.m = 0.99 * s.m + 0.01 * g;
      return (0.01 * g) / (Math.sqrt(s.v - s.m * s.m) + 1e-8);
    },
  },
  { rule: "Adam", name: "Adam", options: { lr: 0.01 }, arrays: 4, fused: true, step: adam },
  {
    rule: "AdamW",
    name: "AdamW",
    options: { lr: 0.01 },
    arrays: 4,
    fused: true,
    step: (s, g, t, p) => 0.01 * 0.01 * p + adam(s, g, t),
  },
  {
    rule: "Lion",
    name: "Lion",
    options: { lr: 0.01 },
    arrays: 3,
    fused: null,
    step: (s, g) => {
      const direction = Math.sign(0.9 * s.m + 0.1 * g);
      s.m = 0.99 * s.m + 0.01 * g;
      return 0.01 * direction;
    },
  },
];

function adam(s, g, t) {
  s.m = 0.9 * s.m + 0.1 * g;
  s.v = 0.999 * s.v + 0.001 * g * g;
  return (0.01 * s.m) / (1 - 0.9 ** t) / (Math.sqrt(s.v / (1 - 0.999 ** t)) + 1e-8);
}

/** The rule in float64, for a few of the parameters. */
const referenceOf = (step) =>
  LOOKED_AT.map((i) => {
    const g = uniformAt(i, 2);
    const state = { b: 0, m: 0, v: 0 };
    let p = uniformAt(i, 1);
    for (let t = 1; t <= STEPS; t++) p -= step(state, g, t, p);
    return p;
  });

const torch = { key: "torch", peer: "pytorch", label: "PyTorch, its default", shared: true };
const torchFused = { key: "fused", peer: "pytorch", case: "rulesFused", label: "PyTorch, fused", shared: true };

/** @type {import("./cases.mjs").Case[]} */
export const rules = RULES.map(({ rule, name, options, arrays, fused, step }) => {
  const bytes = 4 * (2 * arrays - 1);
  return {
    id: "rules",
    title: `${name} over 10 M float32 parameters, one step`,
    case: "rules",
    params: { n: N, steps: STEPS, lookedAt: LOOKED_AT, bytes, rule, options },
    rounds: 3,
    budgetMs: 100,
    contestants: [
      { key: "thalweg", peer: "thalweg", label: "Thalweg, its default" },
      { key: "thalweg1", peer: "thalweg", label: "Thalweg, 1 thread", threads: 1 },
      { key: "copy2", peer: "copy", case: "copyOnTwo", label: "copy, v128 loads and stores, 2 threads" },
      ...(fused === null ? [] : [torch]),
      ...(fused ? [torchFused] : []),
    ],
    targets: [
      { against: ["copy2"], atMost: 1.25 },
      { against: ["torch"], atLeast: 4 },
      { against: ["fused"], atLeast: 1 },
    ],
    rate: (ms) => `${((N * bytes) / ms / 1e6).toFixed(1)} GB/s of ${bytes} bytes a parameter`,
    verify: compare(() => referenceOf(step), 1e-5),
  };
});
