import { manualSeed, OptionError, optim, randn, stats, type Tensor, tensor } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/averaging.json" with { type: "json" };

type Dtype = "float32" | "float64";

const tolerances = { float32: 2e-6, float64: 1e-12 };

const functions: Record<string, (decay: number) => optim.AverageFunction> = {
  mean: () => optim.swaAverage,
  "mean, by function": () => optim.swaAverage,
  exponential: optim.emaAverage,
  "exponential, by function": optim.emaAverage,
};

const parameters = (dtype: Dtype): Tensor[] => fixture.initial.map((v) => tensor(v, { dtype, requiresGrad: true }));
const values = (tensors: readonly Tensor[]): number[][] => tensors.map((x) => Array.from(x.dataSync()));

function training(params: Tensor[], dtype: Dtype = "float32"): () => void {
  const target = fixture.target.map((v) => tensor(v, { dtype }));
  const optimizer = new optim.SGD(params, { lr: 0.02, momentum: 0.8 });
  return () => {
    optimizer.zeroGrad();
    params
      .map((p, i) => p.sub(target[i]!).square().sum())
      .reduce((a, b) => a.add(b))
      .backward();
    optimizer.step();
  };
}

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  test.each(fixture.cases.map((one) => [`${one.name}, decay ${one.decay}, every ${one.every}`, one] as const))(
    "AveragedParameters follow PyTorch's AveragedModel: %s",
    (_, one) => {
      const params = parameters(dtype);
      const train = training(params, dtype);
      const average = new optim.AveragedParameters(params, { average: functions[one.name]!(one.decay ?? 0) });
      const got = [values(average.averages)];
      for (let step = 1; step <= fixture.steps; step++) {
        train();
        if (step % one.every === 0) average.update();
        if (fixture.kept.includes(step)) got.push(values(average.averages));
      }
      got.forEach((tensors, at) => {
        tensors.forEach((list, p) => {
          list.forEach((value, k) => {
            const wanted = Number(one[dtype][at]![p]![k]);
            const scale = Math.max(Math.abs(wanted), Math.abs((fixture.initial[p]!.flat() as number[])[k]!));
            expect(Math.abs(value - wanted), `${value}, PyTorch ${wanted}`).toBeLessThanOrEqual(
              tolerances[dtype] * scale,
            );
          });
        });
      });
    },
  );
});

test("swapping in and out exchanges both, bit for bit, and training goes on as if nothing had happened", () => {
  manualSeed(1);
  const [plain, swapped] = [parameters("float32"), parameters("float32")];
  const [trainPlain, trainSwapped] = [training(plain), training(swapped)];
  const average = new optim.AveragedParameters(swapped, { average: optim.emaAverage(0.9) });
  for (let step = 0; step < 20; step++) {
    trainPlain();
    trainSwapped();
    average.update();
    const [before, averaged] = [values(swapped), values(average.averages)];
    average.swap();
    if (step % 3 > 0) expect([values(swapped), values(average.averages)]).toEqual([averaged, before]);
    average.swap();
    if (step % 3 > 1) expect([values(swapped), values(average.averages)]).toEqual([before, averaged]);
  }
  expect(values(swapped)).toEqual(values(plain));
});

test("during() evaluates with the averages, lazily, and puts the parameters back whatever happens", async () => {
  const params = parameters("float32");
  const train = training(params);
  const average = new optim.AveragedParameters(params);
  for (let step = 0; step < 5; step++) {
    train();
    average.update();
  }
  const before = values(params);
  const sum = (tensors: readonly Tensor[]) => tensors.map((x) => x.sum()).reduce((a, b) => a.add(b));
  const expected = sum(average.averages).item();
  const lazy = average.during(() => sum(params));
  expect(values(params)).toEqual(before);
  expect(lazy.item()).toBe(expected);
  const later = await average.during(async () => {
    await Promise.resolve();
    return sum(params).item();
  });
  expect(later).toBe(expected);
  expect(values(params)).toEqual(before);
  const fail = () => {
    throw new Error("no");
  };
  expect(() => average.during(fail)).toThrow("no");
  await expect(average.during(async () => fail())).rejects.toThrow("no");
  expect(values(params)).toEqual(before);
  train();
});

test("between swaps, updating, saving and loading are refused", () => {
  const average = new optim.AveragedParameters(parameters("float32"));
  const state = average.stateDict();
  average.swap();
  expect(() => average.update()).toThrow(OptionError);
  expect(() => average.stateDict()).toThrow(OptionError);
  expect(() => average.loadStateDict(state)).toThrow(OptionError);
});

test("saved and loaded, an average goes on bit for bit", () => {
  const params = parameters("float32");
  const train = training(params);
  const average = new optim.AveragedParameters(params);
  for (let step = 0; step < 7; step++) {
    train();
    average.update();
  }
  const other = new optim.AveragedParameters(params);
  other.loadStateDict(average.stateDict());
  for (let step = 0; step < 7; step++) {
    train();
    average.update();
    other.update();
  }
  expect(values(other.averages)).toEqual(values(average.averages));
});

test("a state that does not fit is refused, and nothing has changed", () => {
  const average = new optim.AveragedParameters(parameters("float32"));
  average.update();
  const state = average.stateDict();
  const [first, second] = state.averages as [optim.SavedTensor, optim.SavedTensor];
  const bad: optim.AverageState[] = [
    { ...state, averages: [first] },
    { ...state, averages: [second, first] },
    { ...state, averages: [{ ...first, shape: [7] }, second] },
    { ...state, averages: [{ ...first, dtype: "float64" }, second] },
    { ...state, count: -1 },
    { ...state, count: 0.5 },
  ];
  for (const one of bad) expect(() => average.loadStateDict(one)).toThrow(OptionError);
  expect(average.stateDict()).toEqual(state);
});

test("an average function of another shape, an empty list and a decay outside 0 to 1 are refused", () => {
  const params = parameters("float32");
  const average = new optim.AveragedParameters(params, { average: (a) => a.sum() });
  average.update();
  expect(() => average.update()).toThrow(OptionError);
  expect(() => new optim.AveragedParameters([])).toThrow(OptionError);
  for (const decay of [-0.1, 1.1, Number.NaN]) expect(() => optim.emaAverage(decay)).toThrow(OptionError);
});

test("averaging and swapping hold no more memory after 200 steps than after 20, though nothing is read", () => {
  const p = randn([30_000], { requiresGrad: true });
  const optimizer = new optim.RMSprop([p], { lr: 1e-3 });
  const average = new optim.AveragedParameters([p], { average: optim.emaAverage(0.9) });
  let early = 0;
  for (let step = 0; step < 200; step++) {
    optimizer.zeroGrad();
    p.square().sum().backward();
    optimizer.step();
    average.update();
    average.swap();
    average.swap();
    if (step === 20) early = stats().bytesHeld;
  }
  expect(stats().bytesHeld - early).toBeLessThan(30_000 * 4);
});
