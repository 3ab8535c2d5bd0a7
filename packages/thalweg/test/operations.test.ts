import * as thalweg from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/operations.json" with { type: "json" };

type Run = "float32" | "float64";
type DType = Run | "int32" | "bool";

interface Values {
  data: (number | string)[];
  shape: number[];
  /** Default: the dtype of the run. */
  dtype?: DType;
}

interface Case {
  name: string;
  method: string;
  function?: boolean;
  property?: boolean;
  error?: boolean;
  inputs: Values[];
  args: unknown[];
  outputs?: Values[];
  /** One entry per input; null for those that have no gradient. */
  grads?: (Values | null)[];
}

/** How far values may be from PyTorch's, relative to their size, or to 1 where the tensor has values as large. */
const TOLERANCE = { float32: 2e-6, float64: 1e-12, int32: 0, bool: 0 };

const dtypeOf = (values: Values, run: Run): DType => values.dtype ?? run;

function input(values: Values, run: Run): thalweg.Tensor {
  const dtype = dtypeOf(values, run);
  const made = thalweg.tensor(values.data.map(Number), { dtype }).reshape(values.shape).detach();
  if (dtype === "float32" || dtype === "float64") made.requiresGrad = true;
  return made;
}

/** A case's arguments as the call takes them. */
function argument(value: unknown, inputs: thalweg.Tensor[]): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map((entry) => argument(entry, inputs));
  if (typeof value !== "object") return value;
  const { input: index, number } = value as { input?: number; number?: string };
  if (index !== undefined) return inputs[index];
  if (number !== undefined) return Number(number);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, argument(entry, inputs)]));
}

function call(one: Case, inputs: thalweg.Tensor[]): thalweg.Tensor[] {
  const args = one.args.map((arg) => argument(arg, inputs));
  const target = (one.function ? thalweg : inputs[0]) as unknown as Record<string, unknown>;
  const member = target[one.method];
  const result = one.property ? member : (member as (...args: unknown[]) => unknown).apply(target, args);
  if (result instanceof thalweg.Tensor) return [result];
  if (Array.isArray(result)) return result as thalweg.Tensor[];
  const { values, indices } = result as { values: thalweg.Tensor; indices: thalweg.Tensor };
  return [values, indices];
}

/** Weights that make every element count, as in the script that wrote the fixture. */
function cotangent(output: thalweg.Tensor, k: number): thalweg.Tensor {
  const weights = Array.from({ length: output.numel }, (_, i) => ((((i + 3 * k) * 7) % 11) - 5) / 4 + 1 / 8);
  return thalweg.tensor(weights, { dtype: output.dtype }).reshape(output.shape);
}

function expectClose(got: thalweg.Tensor, expected: Values, run: Run, what: string): void {
  const dtype = dtypeOf(expected, run);
  expect([got.dtype, ...got.shape], `${what}: dtype and shape`).toEqual([dtype, ...expected.shape]);
  const wanted = expected.data.map(Number);
  const finite = wanted.filter(Number.isFinite).map(Math.abs);
  const floor = Math.min(1, Math.max(0, ...finite));
  const values = Array.from(got.dataSync(), Number);
  values.forEach((value, i) => {
    const target = wanted[i]!;
    const close =
      Object.is(value, target) ||
      value === target ||
      Math.abs(value - target) <= TOLERANCE[dtype] * Math.max(Math.abs(target), floor);
    expect(close, `${what} [${i}]: ${value}, PyTorch ${target}; all: ${values.slice(0, 20)}`).toBe(true);
  });
}

const cases = fixture.cases as unknown as Case[];
const isFloatCase = (one: Case) => one.inputs.some(({ dtype }) => dtype === undefined);

for (const run of ["float32", "float64"] as const) {
  describe(`as PyTorch, ${run}`, () => {
    // Cases whose dtypes are all fixed run once.
    const mine = cases.filter((one) => !one.error && (run === "float32" || isFloatCase(one)));
    for (const one of mine) {
      test(one.name, () => {
        const inputs = one.inputs.map((values) => input(values, run));
        const outputs = call(one, inputs);
        expect(outputs.length).toBe(one.outputs!.length);
        for (const [k, output] of outputs.entries()) expectClose(output, one.outputs![k]!, run, `output ${k}`);
        if (!one.grads) {
          expect(outputs.map((output) => output.requiresGrad)).toEqual(outputs.map(() => false));
          return;
        }
        const totals = outputs.flatMap((output, k) =>
          output.requiresGrad ? [output.mul(cotangent(output, k)).sum()] : [],
        );
        totals.reduce((a, b) => a.add(b)).backward();
        for (const [i, x] of inputs.entries()) {
          const expected = one.grads[i]!;
          expect(x.grad === null, `gradient ${i} is none`).toBe(expected === null);
          if (expected) expectClose(x.grad!, expected, run, `gradient ${i}`);
        }
      });
    }
  });
}

describe("refused, as in PyTorch, where it is written", () => {
  for (const one of cases.filter(({ error }) => error)) {
    test(one.name, () => {
      const inputs = one.inputs.map((values) => input(values, "float64"));
      expect(() => call(one, inputs)).toThrow(thalweg.ThalwegError);
    });
  }
});
