import { stats, ThalwegError } from "thalweg";
import { describe, expect, test } from "vitest";
import { record } from "./support/exactness.js";
import { loadsOf, planOfStep } from "./support/plans.js";
import { type At, type Case, type Fixture, gradientsOf, type Kept, parameters, rules, run } from "./support/rules.js";

const tolerances = { float32: 2e-6, float64: 1e-12 };

/**
 * The largest deviation from the oracle, each relative to the largest that the element has been so far, or, if `whole`,
 * that any element of its parameter has been.
 */
function deviation(
  fixture: Fixture,
  got: number[][][],
  expected: Kept,
  whole: boolean,
): { value: number; where: string } {
  let worst = { value: 0, where: "nowhere" };
  expect(got.length).toBe(expected.length);
  fixture.initial.forEach((initial, p) => {
    initial.forEach((start, element) => {
      let scale = whole ? Math.max(...initial.map(Math.abs)) : Math.abs(start);
      expected.forEach((params, at) => {
        const wanted = Number(params[p]![element]);
        const value = got[at]![p]![element]!;
        scale = Math.max(scale, ...(whole ? params[p]!.map((x) => Math.abs(Number(x))) : [Math.abs(wanted)]));
        const off = value === wanted ? 0 : Math.abs(value - wanted) / scale;
        if (!(off <= worst.value)) {
          worst = {
            value: off,
            where: `parameter ${p} [${element}] after step ${fixture.kept[at]}: ${value}, the oracle ${wanted}`,
          };
        }
      });
    });
  });
  return worst;
}

const label = ({ program = "", options }: Case): string => `${program} ${JSON.stringify(options)}`.trim();

for (const { fixture, create, kernels, stepSize, direction, mixes } of rules) {
  describe(fixture.rule, () => {
    const largest = { float32: 0, float64: 0 };

    for (const dtype of ["float32", "float64"] as const) {
      test.each(fixture.cases.map((one) => [label(one), one] as const))(`${dtype} %s`, (_, one) => {
        const params = parameters(fixture, dtype);
        const groups = [{ params: params.slice(0, 1), lr: 0.05 }, { params: params.slice(1) }];
        const optimizer = new create(one.program === "groups" ? groups : params, one.options);
        const values = run(fixture, dtype, params, optimizer, one);
        const { value, where } = deviation(fixture, values, one[dtype], mixes === true && dtype === "float32");
        largest[dtype] = Math.max(largest[dtype], value);
        expect(value, where).toBeLessThanOrEqual(tolerances[dtype]);
      });
    }

    test("is as exact as docs/exactness.md says", () => {
      const options = Object.keys(fixture.cases[0]!.options);
      for (const one of fixture.cases) {
        for (const name of Object.keys(one.options)) if (!options.includes(name)) options.push(name);
      }
      record({
        rule: fixture.rule,
        options: `${options.join(", ")}: ${fixture.cases.length} runs`,
        oracle: fixture.oracle,
        ...largest,
      });
    });

    test("has its source's defaults", () => {
      const matrices = parameters(fixture, "float32");
      expect(new create(matrices).paramGroups[0]).toMatchObject(fixture.defaults);
    });

    test.each(fixture.invalid.map((options) => [JSON.stringify(options), options] as const))(
      "refuses %s",
      (_, given) => {
        const options = JSON.parse(JSON.stringify(given), (_, value) => (value === "NaN" ? Number.NaN : value));
        expect(() => new create(parameters(fixture, "float32"), options)).toThrow(ThalwegError);
      },
    );

    test("reports the step size, and makes the step that it reports", () => {
      const params = parameters(fixture, "float64");
      const optimizer = new create(params, {
        lr: 0.01,
        ...("weightDecay" in fixture.defaults ? { weightDecay: 0 } : {}),
      });
      optimizer.observe();
      run(fixture, "float64", params, optimizer, { to: 12 });
      params.forEach((p, index) => {
        const report = optimizer.report(p)!;
        expect(report.stepSize.shape).toEqual(p.shape);
        const state = Object.fromEntries(Object.entries(report.state).map(([name, x]) => [name, x.dataSync()]));
        const values = p.dataSync();
        const update = report.update!.dataSync();
        report.stepSize.dataSync().forEach((element, i) => {
          const size = Number(element);
          const at: At = {
            s: (name) => Number(state[name]![state[name]!.length === 1 ? 0 : i]),
            g: fixture.gradients[11]![index]![i]!,
            t: 12,
            lr: 0.01,
          };
          if (index === 0) {
            const expected = stepSize(at);
            expect(size / expected, `element ${i}: ${size}, the formula ${expected}`).toBeCloseTo(1, 12);
          }
          if (direction === undefined) return;
          const change = -size * direction(at);
          const rounding = 1e-12 * Math.abs(change) + 4e-16 * Math.abs(Number(values[i]));
          expect(
            Math.abs(Number(update[i]) - change),
            `element ${i}: ${update[i]}, reported ${change}`,
          ).toBeLessThanOrEqual(rounding);
        });
      });
    });

    if (kernels !== null) {
      const count = kernels === 1 ? "one kernel" : `${kernels} kernels`;
      test(`a step is ${count} per parameter, reading and writing each array once`, () => {
        const params = parameters(fixture, "float32");
        const optimizer = new create(params, { lr: 0.01 });
        run(fixture, "float32", params, optimizer, { to: 10 });
        params.forEach((p, i) => {
          p.grad = gradientsOf(fixture, "float32")[10]![i]!;
        });
        optimizer.step();

        // Of the state what is arrays; numbers are no kernel's business.
        const changed = params.map((p) => [
          p,
          ...Object.values(optimizer.stateOf(p)).filter(({ node }) => node.buffer === null),
        ]);
        for (const one of changed) {
          const plan = planOfStep(one);
          expect(plan.steps.length).toBe(kernels);
          for (const { kernel } of plan.steps) {
            const read = loadsOf(kernel).map((load) => load.access.buffer);
            expect(read).toEqual([...new Set(read)]);
          }
          const written = plan.steps.map(({ kernel }) => (kernel.kind === "map" ? kernel.body.length : Number.NaN));
          expect(written.reduce((a, b) => a + b)).toBe(one.length);
        }

        const before = stats().kernelsRun;
        for (const p of params) p.dataSync();
        expect(stats().kernelsRun - before).toBe(kernels * params.length);
      });
    }
  });
}
