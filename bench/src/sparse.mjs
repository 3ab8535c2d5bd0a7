/** One step on a thousand rows of a table of a million, sparse and dense. */
import { compare } from "./compare.mjs";
import { hash, uniformAt } from "./data.mjs";

const params = { rows: 1_000_000, width: 64, batch: 1000, lr: 0.01 };

/** The batches of the first steps: the rows of the first come back after a step without them. */
const FIRST = [0, 1, 0];
const rowOf = (batch, i) => hash(batch * params.batch + i, 6) % params.rows;
/** A few rows of each of those batches, and the last, which none of them touches. */
const LOOKED_AT = [...[0, 1, 999].flatMap((i) => [rowOf(0, i), rowOf(1, i)]), params.rows - 1];
const ADAM = { beta1: 0.9, beta2: 0.999 };

/** Element `column` of a row after the first steps, in float64. */
function elementAfter(row, column, adam) {
  const { batch: size, width, lr } = params;
  let p = uniformAt(row * width + column, 1);
  let m = 0;
  let v = 0;
  FIRST.forEach((batch, k) => {
    const places = Array.from({ length: size }, (_, i) => i).filter((i) => rowOf(batch, i) === row);
    // The loss is the sum of the rows times fixed numbers; a row that occurs twice has the sum of both gradients.
    const g = places.reduce((sum, i) => sum + uniformAt(i * width + column, 7), 0);
    if (!adam) {
      v = 0.99 * v + 0.01 * g * g;
      p -= (lr * g) / (Math.sqrt(v) + 1e-8);
    } else if (places.length > 0) {
      // SparseAdam leaves the averages of the other rows as they are.
      m = ADAM.beta1 * m + (1 - ADAM.beta1) * g;
      v = ADAM.beta2 * v + (1 - ADAM.beta2) * g * g;
      const corrected = Math.sqrt(1 - ADAM.beta2 ** (k + 1)) / (1 - ADAM.beta1 ** (k + 1));
      p -= (lr * corrected * m) / (Math.sqrt(v) + 1e-8);
    }
  });
  return p;
}

const verify = compare(
  (key) => LOOKED_AT.flatMap((row) => [0, 63].map((column) => elementAfter(row, column, key === "torch"))),
  1e-5,
);
const perElement = (ms) => `${((ms * 1e6) / (params.batch * params.width)).toFixed(1)} ns a touched element`;

/** @type {import("./cases.mjs").Case[]} */
export const sparse = [
  {
    id: "sparse",
    title: "RMSProp on a table of 1,000,000 × 64, 1,000 rows touched: loss, backward and step",
    case: "sparse",
    params: { ...params, first: FIRST, lookedAt: LOOKED_AT },
    rounds: 5,
    contestants: [
      { key: "thalweg", peer: "thalweg", threads: 1, label: "Thalweg, sparse" },
      {
        key: "compiled",
        peer: "thalweg",
        threads: 1,
        case: "sparseCompiled",
        label: "Thalweg, sparse, through compile(step)",
      },
      {
        key: "dense",
        peer: "thalweg",
        threads: 1,
        case: "sparseDense",
        label: "Thalweg, the same with a dense gradient",
      },
      {
        key: "floor",
        peer: "copy",
        case: "sparseFloor",
        label: "the same rows read and written by hand-written loops",
      },
      { key: "torch", peer: "pytorch", label: "PyTorch, SparseAdam (its RMSprop has no sparse step)", shared: true },
    ],
    targets: [
      { against: ["dense"], atLeast: 300 },
      { against: ["floor"], atMost: 1.3 },
    ],
    rate: perElement,
    verify,
  },
  {
    id: "sparse",
    title:
      "The step alone, on a gradient that is there (the table's rows have just been read, those of the state have not)",
    case: "sparseStep",
    params: { ...params, first: FIRST, lookedAt: LOOKED_AT },
    rounds: 5,
    contestants: [
      { key: "thalweg", peer: "thalweg", threads: 1, label: "Thalweg, sparse" },
      { key: "rule", peer: "thalweg", threads: 1, case: "sparseRule", label: "Thalweg, dense" },
      {
        key: "floor",
        peer: "copy",
        case: "sparseStepFloor",
        label: "the same rows read and written by a hand-written loop",
      },
    ],
    targets: [
      { against: ["rule"], atLeast: 300 },
      { against: ["floor"], atMost: 1.3 },
    ],
    rate: perElement,
    verify,
  },
];
