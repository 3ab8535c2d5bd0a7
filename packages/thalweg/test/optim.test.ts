import { inspect } from "node:util";
import { optim, type Tensor, ThalwegError, tensor, zeros } from "thalweg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import rmsprop from "./fixtures/rmsprop.json" with { type: "json" };
import sgd from "./fixtures/sgd.json" with { type: "json" };
import { record } from "./support/exactness.js";

type Options = Record<string, number | boolean>;
type Dtype = "float32" | "float64";
type Values = (number | string)[];
/** The parameters' values at each of the kept steps. */
type Kept = Values[][];

interface Fixture {
  steps: number;
  kept: number[];
  shapes: number[][];
  initial: number[][];
  gradients: number[][][];
  defaults: Options;
  invalid: { options: Record<string, number | string | boolean>; message: string }[];
  cases: { options: Options; float32: Kept; float64: Kept }[];
  special: { name: string; options: Options; float32: Kept; float64: Kept }[];
}

/** The largest deviations met so far. */
let largest = { float32: 0, float64: 0 };
const tolerances = { float32: 2e-6, float64: 1e-12 };
const fixtures = { RMSprop: rmsprop as unknown as Fixture, SGD: sgd as unknown as Fixture };

type AnyOptimizer = optim.Optimizer<{ lr: number }>;

function make(
  name: "RMSprop" | "SGD",
  groups: ConstructorParameters<typeof optim.RMSprop>[0],
  options: Options,
): AnyOptimizer {
  const made = name === "RMSprop" ? new optim.RMSprop(groups, options) : new optim.SGD(groups, options);
  // The fixture names the options, so here they are only data.
  return made as unknown as AnyOptimizer;
}

/** Cases with a line that tells them apart. */
const named = <T extends { name?: string; options: object }>(cases: readonly T[]): [string, T][] =>
  cases.map((one) => [`${one.name ?? ""} ${JSON.stringify(one.options)}`.trim(), one]);

const leaf = (data: readonly number[], shape: readonly number[], dtype: Dtype) =>
  tensor([...data], { dtype })
    .reshape(shape)
    .detach();

function parameters({ initial, shapes }: Fixture, dtype: Dtype): Tensor[] {
  return initial.map((data, i) => {
    const parameter = leaf(data, shapes[i]!, dtype);
    parameter.requiresGrad = true;
    return parameter;
  });
}

interface Run {
  from?: number;
  to?: number;
  missing?: (step: number, index: number) => boolean;
  between?: (step: number) => void;
}

/** Steps through the fixture's gradients; the parameters' values at the kept steps. */
function run(fixture: Fixture, dtype: Dtype, params: Tensor[], optimizer: AnyOptimizer, more: Run = {}): number[][][] {
  const kept: number[][][] = [];
  for (let step = more.from ?? 1; step <= (more.to ?? fixture.steps); step++) {
    more.between?.(step);
    params.forEach((p, i) => {
      p.grad = more.missing?.(step, i) ? null : leaf(fixture.gradients[step - 1]![i]!, p.shape, dtype);
    });
    optimizer.step();
    if (fixture.kept.includes(step)) kept.push(params.map((p) => Array.from(p.dataSync(), Number)));
  }
  return kept;
}

/** Every value within the dtype's tolerance of PyTorch's, relative to the largest that this element has been. */
function expectClose(fixture: Fixture, dtype: Dtype, got: number[][][], expected: Kept, first = 0): void {
  expect(got.length).toBe(expected.length - first);
  fixture.initial.forEach((initial, p) => {
    initial.forEach((start, element) => {
      let scale = Math.abs(start);
      expected.forEach((params, at) => {
        const wanted = Number(params[p]![element]);
        scale = Math.max(scale, Math.abs(wanted));
        if (at < first) return;
        const value = got[at - first]![p]![element]!;
        if (scale > 0) largest[dtype] = Math.max(largest[dtype], Math.abs(value - wanted) / scale);
        const label = `parameter ${p} [${element}] after step ${fixture.kept[at]}: ${value}, PyTorch ${wanted}`;
        expect(Math.abs(value - wanted), label).toBeLessThanOrEqual(tolerances[dtype] * scale);
      });
    });
  });
}

for (const name of ["RMSprop", "SGD"] as const) {
  const fixture = fixtures[name];
  describe(name, () => {
    beforeAll(() => {
      largest = { float32: 0, float64: 0 };
    });

    afterAll(() => {
      const options = [...new Set(fixture.cases.flatMap((one) => Object.keys(one.options)))].join(", ");
      record({ rule: name, options: `${options}: ${fixture.cases.length} runs`, oracle: "PyTorch 2.15.0", ...largest });
    });

    for (const dtype of ["float32", "float64"] as const) {
      test.each(named(fixture.cases))(`${dtype} %s`, (_, one) => {
        const params = parameters(fixture, dtype);
        expectClose(fixture, dtype, run(fixture, dtype, params, make(name, params, one.options)), one[dtype]);
      });

      test.each(named(fixture.cases))(`${dtype}: a state that was saved and loaded goes on, %s`, (_, one) => {
        const before = parameters(fixture, dtype);
        const optimizer = make(name, before, one.options);
        run(fixture, dtype, before, optimizer, { to: 10 });
        const after = before.map((p) => {
          const copy = p.detach().clone();
          copy.requiresGrad = true;
          return copy;
        });
        // The options come with the state, so those given here must not matter.
        const other = make(name, after, { lr: 123 });
        other.loadStateDict(optimizer.stateDict());
        run(fixture, dtype, before, optimizer, { from: 11, to: 20 }); // and the old one goes its own way
        expectClose(fixture, dtype, run(fixture, dtype, after, other, { from: 11 }), one[dtype], 3);
      });

      test.each(named(fixture.special))(`${dtype}: %s`, (_, one) => {
        const params = parameters(fixture, dtype);
        const [first, second] = params as [Tensor, Tensor];
        let optimizer: AnyOptimizer;
        let more: Run = {};
        switch (one.name) {
          case "missing gradients":
            optimizer = make(name, params, one.options);
            more = { missing: (step, index) => (step + index * 3) % 7 < 3 };
            break;
          case "groups": {
            const groups = [
              { params: [first], lr: 0.05 },
              { params: [second], weightDecay: 0.1 },
            ];
            optimizer = make(name, groups, one.options);
            break;
          }
          case "a learning rate that changes":
            optimizer = make(name, params, one.options);
            more = {
              between: (step) => {
                for (const group of optimizer.paramGroups) group.lr = 0.02 / step;
              },
            };
            break;
          case "a group that joins at step 11":
            optimizer = make(name, [first], one.options);
            more = {
              between: (step) => {
                if (step === 11) optimizer.addParamGroup({ params: [second], lr: 0.5 });
              },
            };
            break;
          default:
            throw new Error(`no such program: ${one.name}`);
        }
        expectClose(fixture, dtype, run(fixture, dtype, params, optimizer, more), one[dtype]);
      });
    }

    test("has PyTorch's defaults", () => {
      const group = make(name, parameters(fixture, "float32"), {}).paramGroups[0];
      expect(group).toMatchObject(fixture.defaults);
    });

    test.each(named(fixture.invalid))("refuses %s", (_, { options }) => {
      const numbers = Object.entries(options).map(([k, v]) => [k, typeof v === "string" ? Number(v) : v] as const);
      const params = parameters(fixture, "float32");
      expect(() => make(name, params, Object.fromEntries(numbers))).toThrow(ThalwegError);
    });

    test("refuses no parameters, parameters given twice, and tensors that are no leaves", () => {
      const [p, q] = parameters(fixture, "float32") as [Tensor, Tensor];
      expect(() => make(name, [], {})).toThrow(ThalwegError);
      expect(() => make(name, [{ params: [p] }, { params: [q, p] }], {})).toThrow(ThalwegError);
      expect(() => make(name, [p.mul(2)], {})).toThrow(ThalwegError);
      const optimizer = make(name, [p], {});
      expect(() => optimizer.addParamGroup({ params: [p] })).toThrow(ThalwegError);
    });

    test("a state of other parameters is refused, and nothing has changed", () => {
      const params = parameters(fixture, "float32");
      const optimizer = make(name, params, { lr: 0.01 });
      const other = make(name, [zeros([3], { requiresGrad: true })], { lr: 1 });
      expect(() => optimizer.loadStateDict(other.stateDict())).toThrow(ThalwegError);
      expect(optimizer.paramGroups[0]!.lr).toBe(0.01);
    });

    test("zeroGrad sets gradients to none, and a step without gradients changes nothing", () => {
      const params = parameters(fixture, "float32");
      const optimizer = make(name, params, {});
      for (const p of params) p.square().sum().backward();
      optimizer.zeroGrad();
      expect(params.map((p) => p.grad)).toEqual(params.map(() => null));
      optimizer.step();
      expect(params.map((p) => Array.from(p.dataSync()))).toEqual(fixture.initial.map((v) => v.map(Math.fround)));
    });
  });
}

test("an optimizer prints its groups and their options, as PyTorch does", () => {
  const [a, b] = [zeros([2], { requiresGrad: true }), zeros([2], { requiresGrad: true })];
  const optimizer = new optim.SGD([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.1 });
  expect(inspect(optimizer)).toBe(String(optimizer));
  expect(String(optimizer)).toMatch(/^SGD \(\nParameter Group 0\n {4}dampening: 0\n {4}lr: 0.1\n/);
  expect(String(optimizer)).toMatch(/\n\nParameter Group 1\n {4}dampening: 0\n {4}lr: 0.5\n[\s\S]*\n\)$/);
});
