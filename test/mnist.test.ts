import { describe, expect, test } from "vitest";
import { conv, mlp } from "../examples/digitNets.js";
import { loadDigits } from "../examples/digits.js";
import { trainDigits } from "../examples/trainDigits.js";
import convRun from "./fixtures/mnist-conv.json" with { type: "json" };
import mlpRun from "./fixtures/mnist-mlp.json" with { type: "json" };

// `python tools/examples/mnist.py` has recorded PyTorch's runs. Whole runs are made by `node examples/dist/mnist.js`.

const digits = loadDigits();

test("the digits are 10,000, of all ten kinds, from white to black", () => {
  expect(digits.images.shape).toEqual([10_000, 784]);
  expect([digits.images.min().item(), digits.images.max().item()]).toEqual([0, 1]);
  const counts = digits.labels.oneHot(10).sum(0).toArray() as number[];
  expect(counts.reduce((a, b) => a + b)).toBe(10_000);
  expect(Math.min(...counts)).toBeGreaterThan(800);
});

describe("trained as in PyTorch, with the same seed, split and batches", () => {
  test.each([
    // Where sums are long and rounded otherwise, as in convolutions, runs come apart sooner.
    ["an MLP", mlp, mlpRun, { epochs: 20, run: 4, loss: 1e-3, accuracy: 0.003 }],
    ["a convolutional net", conv, convRun, { epochs: 12, run: 1, loss: 1e-2, accuracy: 0.01 }],
  ])("%s has PyTorch's losses and held-out accuracy", (_, net, recorded, { epochs, run, loss, accuracy }) => {
    for (const epoch of trainDigits(digits, { net, epochs })) {
      const i = epoch.epoch - 1;
      expect(Math.abs(epoch.loss / recorded.losses[i]! - 1), `loss of epoch ${i + 1}`).toBeLessThan(loss);
      expect(Math.abs(epoch.accuracy - recorded.accuracies[i]!), `accuracy after it`).toBeLessThanOrEqual(accuracy);
      if (epoch.epoch === run) break;
    }
  });
});
