import { expect, test } from "vitest";
import { bitsOf } from "./support/counting.js";
import { parameters, rules, run } from "./support/rules.js";

/** Typed arrays through JSON, so that a state is shown to be plain data. */
const typed = (_: string, value: unknown): unknown =>
  value instanceof Float32Array || value instanceof Float64Array
    ? { array: value.constructor.name, values: Array.from(value, String) }
    : value;
const untyped = (_: string, value: { array?: string; values: string[] } | null): unknown => {
  if (value?.array === "Float32Array") return Float32Array.from(value.values, Number);
  if (value?.array === "Float64Array") return Float64Array.from(value.values, Number);
  return value;
};

for (const { fixture, create } of rules) {
  test(`${fixture.rule}: a state saved after 10 steps goes on bit for bit in another optimizer`, () => {
    for (const dtype of ["float32", "float64"] as const) {
      for (const { options } of fixture.cases.filter((one, i) => i % 5 === 0 && one.program === undefined)) {
        const params = parameters(fixture, dtype);
        const optimizer = new create(params, options);
        run(fixture, dtype, params, optimizer, { to: 10 });
        const copies = params.map((p) => {
          const copy = p.detach().clone();
          copy.requiresGrad = true;
          return copy;
        });
        // The options come with the state, so those given here must not matter.
        const other = new create(copies, { lr: 0.123 });
        other.loadStateDict(JSON.parse(JSON.stringify(optimizer.stateDict(), typed), untyped));
        run(fixture, dtype, params, optimizer, { from: 11, to: 20 });
        run(fixture, dtype, copies, other, { from: 11, to: 20 });
        expect(copies.map(bitsOf), JSON.stringify(options)).toEqual(params.map(bitsOf));
      }
    }
  });
}
