import { type Tensor, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import { read } from "./support/counting.js";
import { type Case, cotangent, inputsOf, layers, losses, moduleOf, type Run, type Values } from "./support/layers.js";

/** How far values may be from PyTorch's, relative to the largest of the tensor, or to 1. */
const TOLERANCE = { float32: 5e-6, float64: 1e-12 };

function expectClose(got: Tensor | null, expected: Values | null, run: Run, what: string, least = 0): void {
  if (got === null || expected === null) {
    expect([what, got === null]).toEqual([what, expected === null]);
    return;
  }
  expect([got.dtype, ...got.shape], `${what}: dtype and shape`).toEqual([expected.dtype ?? run, ...expected.shape]);
  const wanted = expected.data.map(Number);
  const scale = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
  const values = read(got);
  const tolerance = Math.max(TOLERANCE[run], least);
  values.forEach((value, i) => {
    const target = wanted[i]!;
    const close = Object.is(value, target) || value === target || Math.abs(value - target) <= tolerance * scale;
    expect(close, `${what} [${i}]: ${value}, PyTorch ${target}; all: ${values.slice(0, 20)}`).toBe(true);
  });
}

for (const run of ["float32", "float64"] as const) {
  describe.each([
    ["layers", layers],
    ["losses", losses],
  ] as const)(`%s give PyTorch's outputs and gradients, ${run}`, (_, cases) => {
    test.each(cases.map((one): [string, Case] => [one.name, one]))("%s", (_, one) => {
      const module = moduleOf(one, run);
      const inputs = inputsOf(one, run);
      const output = module.forward(...inputs);
      expectClose(output, one.output, run, "output");
      if (output.requiresGrad) output.mul(cotangent(output)).sum().backward();
      inputs.forEach((x, i) => {
        expectClose(x.grad, one.grads[i]!, run, `gradient of input ${i}`, one.tolerance);
      });
      const params = module.namedParameters();
      expect(params.map(([name]) => name)).toEqual(Object.keys(one.paramGrads));
      for (const [name, p] of params) expectClose(p.grad, one.paramGrads[name]!, run, `gradient of ${name}`);
      const buffers = module.namedBuffers();
      expect(buffers.map(([name]) => name)).toEqual(Object.keys(one.buffers));
      for (const [name, b] of buffers) expectClose(b, one.buffers[name]!, run, name);
    });
  });
}

describe("gradients of layers and losses agree with finite differences", () => {
  // A step this small loses half of float64's digits to rounding and the other half to curvature.
  const STEP = 1e-6;
  /** About how many elements of a tensor are tried. */
  const MOST = 12;
  const smooth = [...layers, ...losses].filter((one) => one.kinks !== true && one.layer !== "Identity");
  test.each(smooth.map((one): [string, Case] => [one.name, one]))("%s", (_, one) => {
    const module = moduleOf(one, "float64");
    const inputs = inputsOf(one, "float64");
    const total = (): Tensor => {
      const output = module.forward(...inputs);
      return output.mul(cotangent(output)).sum();
    };
    total().backward();
    const variables = [...inputs.filter((x) => x.requiresGrad), ...module.parameters()];
    expect(variables.length).toBeGreaterThan(0);
    for (const x of variables) {
      const gradient = read(x.grad!);
      const at = read(x);
      const row = "paddingIdx" in module ? (module.paddingIdx as number | null) : null;
      // The row that stands for no word changes the output, and gets no gradient all the same.
      const trained = (i: number) => row === null || Math.floor(i / x.shape[1]!) !== row;
      at.forEach((value, i) => {
        if (!trained(i) || i % Math.ceil(at.length / MOST) !== 0) return;
        const moved = (by: number): number => {
          const values = Float64Array.from(at);
          values[i] = value + by;
          x.assign(tensorLike(x, values));
          return total().item();
        };
        const slope = (moved(STEP) - moved(-STEP)) / (2 * STEP);
        expect(Math.abs(gradient[i]! - slope), `${gradient[i]} against ${slope} at ${i}`).toBeLessThan(
          1e-7 * Math.max(1, ...gradient.map(Math.abs)),
        );
      });
      x.assign(tensorLike(x, Float64Array.from(at)));
    }
  });
});

const tensorLike = (x: Tensor, values: Float64Array): Tensor => tensor(values).reshape(x.shape);
