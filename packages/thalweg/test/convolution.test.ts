import { configure, explain, manualSeed, nn, randn } from "thalweg";
import { afterEach, expect, test } from "vitest";

const { conv1d, conv2d } = nn.functional;

afterEach(() => configure({ backend: "wasm" }));

const options = [
  {},
  { stride: 2 },
  { padding: 1 },
  { dilation: 2 },
  { groups: 2 },
  { stride: [2, 1], padding: [0, 2], dilation: [1, 2], groups: 2 },
  { stride: 3, padding: 2, groups: 4 },
];

/** A convolution, its gradients, and what they were computed from. */
function results(dtype: "float32" | "float64", option: (typeof options)[number]): number[][] {
  manualSeed(5);
  const groups = option.groups ?? 1;
  const leaf = (shape: number[]) => {
    const x = randn(shape).to(dtype).detach();
    x.requiresGrad = true;
    return x;
  };
  const x = leaf([2, 4, 9, 11]);
  const weight = leaf([8, 4 / groups, 3, 2]);
  const bias = leaf([8]);
  const y = conv2d(x, weight, bias, option);
  y.mul(randn(y.shape).to(dtype)).sum().backward();
  return [y, x.grad!, weight.grad!, bias.grad!].map((t) => Array.from(t.dataSync(), Number));
}

test.each(options)("%j: the oracle's bits, forwards and backwards", (option) => {
  for (const dtype of ["float32", "float64"] as const) {
    configure({ backend: "javascript" });
    const expected = results(dtype, option);
    configure({ backend: "wasm" });
    expect(results(dtype, option)).toEqual(expected);
  }
});

test("a convolution is one product, which reads its windows where the input lies", () => {
  const [w1, w2] = [randn([6, 4, 3]), randn([6, 4, 3, 3])];
  expect(explain(conv2d(randn([3, 4, 8, 8]), w2).relu())).toMatch(
    /^1 kernels[\s\S]*1\. special over 648 points: matmul.*; then relu/,
  );
  expect(explain(conv1d(randn([3, 4, 8]), w1, null, { stride: 2 }).relu())).toMatch(/^1 kernels[\s\S]*1\. special/);
});
