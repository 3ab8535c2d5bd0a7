import { type DType, manualSeed, nn, ones, rand, type Tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/nn-initial.json" with { type: "json" };
import { read } from "./support/counting.js";

interface Sampled {
  shape: number[];
  dtype: DType;
  stride: number;
  data: number[];
}

interface Case {
  name: string;
  dtype: "float32" | "float64";
  next: number;
}

const { seed, layers, initialisers, gains, masks } = fixture as unknown as {
  seed: number;
  layers: (Case & { layer: string; args: unknown[]; state: Record<string, Sampled> })[];
  initialisers: (Case & { initialiser: string; args: unknown[]; values: Sampled })[];
  gains: { args: [nn.init.Nonlinearity, number?]; gain: number }[];
  masks: (Case & { p: number; values: Sampled })[];
};

const titled = <T extends Case>(cases: readonly T[]): [string, T][] => cases.map((one) => [one.name, one]);

/** @param tolerance - relative to 1, about the size of all values here; 0 for the very same bits */
function expectSampled(got: Tensor, expected: Sampled, tolerance: number): void {
  expect([got.dtype, ...got.shape]).toEqual([expected.dtype, ...expected.shape]);
  const values = read(got).filter((_, i) => i % expected.stride === 0);
  expect(values.length).toBe(expected.data.length);
  const rounded = expected.dtype === "float32" ? Math.fround : Number;
  values.forEach((value, i) => {
    const wanted = rounded(expected.data[i]!);
    expect(Math.abs(value - wanted), `[${i}]: ${value}, PyTorch ${wanted}`).toBeLessThanOrEqual(tolerance);
  });
}

/** The generator must have given as many numbers as PyTorch's. */
const expectNext = ({ next }: Case): void => expect(rand([1]).item()).toBe(next);

describe("after the same seed", () => {
  test.each(titled(layers))("%s starts from PyTorch's parameters", (_, one) => {
    const classes = nn as unknown as Record<string, new (...args: unknown[]) => nn.Module>;
    manualSeed(seed);
    const options = one.args.at(-1);
    const plain = typeof options !== "object" || options === null || Array.isArray(options);
    const args = plain ? one.args : one.args.slice(0, -1);
    const state = new classes[one.layer]!(...args, { ...(plain ? {} : options), dtype: one.dtype }).stateDict();
    expect(Object.keys(state)).toEqual(Object.keys(one.state));
    // Uniforms are PyTorch's bits; normals within rounding.
    const tolerance = one.layer !== "Embedding" ? 0 : one.dtype === "float32" ? 5e-7 : 1e-15;
    for (const [name, values] of Object.entries(one.state)) expectSampled(state[name]!, values, tolerance);
    expectNext(one);
  });

  test.each(titled(initialisers))("init.%s gives PyTorch's values", (_, one) => {
    const x = zeros(one.values.shape, { dtype: one.dtype, requiresGrad: true });
    const init = nn.init as unknown as Record<string, (x: Tensor, ...args: unknown[]) => Tensor>;
    manualSeed(seed);
    expect(init[one.initialiser]!(x, ...one.args)).toBe(x);
    expectSampled(x, one.values, one.dtype === "float32" ? 2e-6 : 1e-14);
    expect([x.requiresGrad, x.isLeaf]).toEqual([true, true]);
    expectNext(one);
  });

  test.each(titled(masks))("Dropout draws PyTorch's mask: %s", (_, one) => {
    manualSeed(seed);
    expectSampled(new nn.Dropout(one.p).forward(ones(one.values.shape, { dtype: one.dtype })), one.values, 0);
    expectNext(one);
  });
});

test.each(gains.map((one) => [one.args.join(", "), one] as const))("calculateGain(%s)", (_, { args, gain }) => {
  expect(nn.init.calculateGain(...args)).toBe(gain);
});
