import { optim, ThalwegError, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/schedulers.json" with { type: "json" };

const { lrScheduler } = optim;

interface Spec {
  type: string;
  options?: Record<string, unknown>;
  schedulers?: Spec[];
  epochs?: number;
}

/** Values; [value, n] stands for n times the same one. */
type Runs = (number | [number, number])[];

interface Case {
  lrs: number[];
  schedulers: Spec[];
  optimizer?: string;
  momentum?: boolean;
  byHand?: Record<string, number>;
  lr: Runs[];
  momenta?: Runs[];
}

const cases = fixture.cases as unknown as Case[];
const { steps, metrics } = fixture;
const TOLERANCE = 1e-12;

/** The functions that the fixture's cases name. */
const lambdas: Record<string, (t: number) => number> = {
  inverseSqrt: (t) => (t + 1) ** -0.5,
  almostOne: () => 0.98,
  everyThird: (t) => (t % 30 === 0 ? 0.5 : 1),
  half: (x) => 0.5 ** (x - 1),
  byStep: (x) => 1 / (1 + 0.01 * x),
};

const functionsFor = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(functionsFor) : typeof value === "string" ? (lambdas[value] ?? value) : value;

type Optimizer = optim.RMSprop | optim.SGD | optim.Adam;
type Any = optim.lrScheduler.LRScheduler | optim.lrScheduler.ReduceLROnPlateau;

function build(spec: Spec, optimizer: Optimizer): Any {
  const options = Object.fromEntries(Object.entries(spec.options ?? {}).map(([k, v]) => [k, functionsFor(v)]));
  if (spec.schedulers !== undefined) {
    const schedulers = spec.schedulers.map((inner) => build(inner, optimizer) as optim.lrScheduler.LRScheduler);
    if (spec.type === "ChainedScheduler") return new lrScheduler.ChainedScheduler(schedulers);
    return new lrScheduler.SequentialLR(optimizer, { schedulers, milestones: options.milestones as number[] });
  }
  // The fixture names classes and options, so here they are only data.
  const classes = lrScheduler as unknown as Record<string, new (optimizer: Optimizer, options: unknown) => Any>;
  return new classes[spec.type]!(optimizer, options);
}

function make(one: Case): { optimizer: Optimizer; schedulers: Any[] } {
  const groups = one.lrs.map((lr) => ({ params: [zeros([1], { requiresGrad: true })], lr }));
  const optimizer =
    one.optimizer === "Adam"
      ? new optim.Adam(groups)
      : one.optimizer === "RMSprop"
        ? new optim.RMSprop(groups, { momentum: 0.9 })
        : new optim.SGD(groups, one.momentum ? { momentum: 0.9 } : {});
  return { optimizer, schedulers: one.schedulers.map((spec) => build(spec, optimizer)) };
}

/** [lr, momentum] of each group. */
const look = ({ paramGroups }: Optimizer): number[][] =>
  paramGroups.map((group) => ("betas" in group ? [group.lr, group.betas[0]] : [group.lr, group.momentum]));

function stepOnce(one: Case, t: number, optimizer: Optimizer, schedulers: Any[]): number[][] {
  optimizer.step();
  for (const group of optimizer.paramGroups) group.lr *= one.byHand?.[t] ?? 1;
  schedulers.forEach((scheduler, i) => {
    const { epochs } = one.schedulers[i]!;
    if (scheduler instanceof lrScheduler.ReduceLROnPlateau) scheduler.step(metrics[t]!);
    else if (scheduler instanceof lrScheduler.CosineAnnealingWarmRestarts && epochs !== undefined)
      scheduler.step(t * epochs);
    else scheduler.step();
  });
  return look(optimizer);
}

const flat = (runs: Runs): number[] =>
  runs.flatMap((run) => (Array.isArray(run) ? new Array<number>(run[1]).fill(run[0]) : [run]));

/** Within 1e-12 of the largest value that PyTorch's sequence has. */
function expectSequence(got: number[], expected: Runs, what: string): void {
  const wanted = flat(expected);
  expect(got.length).toBe(wanted.length);
  const scale = Math.max(...wanted.map(Math.abs));
  wanted.forEach((value, t) => {
    expect(Math.abs(got[t]! - value), `${what} at step ${t}: ${got[t]}, PyTorch ${value}`).toBeLessThanOrEqual(
      TOLERANCE * scale,
    );
  });
}

const describeSpec = (spec: Spec): string =>
  spec.type +
  (spec.schedulers ? `[${spec.schedulers.map(describeSpec).join(", ")}] ` : " ") +
  JSON.stringify(spec.options ?? {});
const title = (one: Case): string =>
  `${one.schedulers.map(describeSpec).join(" with ")}, lr ${one.lrs}${one.optimizer ? `, ${one.optimizer}` : ""}${one.byHand ? ", changed by hand" : ""}`;
const named = cases.map((one): [string, Case] => [title(one), one]);

describe("learning rate schedulers", () => {
  test.each(named)("%s follows PyTorch for 200 steps", (_, one) => {
    const { optimizer, schedulers } = make(one);
    const rows = [look(optimizer)];
    for (let t = 0; t < steps; t++) rows.push(stepOnce(one, t, optimizer, schedulers));
    one.lrs.forEach((_, g) => {
      const lrs = rows.map((row) => row[g]![0]!);
      expectSequence(lrs, one.lr[g]!, `lr of group ${g}`);
      if (one.momenta)
        expectSequence(
          rows.map((row) => row[g]![1]!),
          one.momenta[g]!,
          `momentum of group ${g}`,
        );
    });
    expect(schedulers.at(-1)!.getLastLr()).toEqual(optimizer.paramGroups.map((group) => group.lr));
  });

  test.each(named)("%s: saved in the middle as JSON and loaded, goes on as if nothing had happened", (_, one) => {
    for (const middle of [1, 77]) {
      const whole = make(one);
      const saved = [] as optim.lrScheduler.SchedulerState[];
      let state = whole.optimizer.stateDict();
      const expected: number[][][] = [];
      for (let t = 0; t < steps; t++) {
        if (t === middle) {
          state = whole.optimizer.stateDict();
          saved.push(...whole.schedulers.map((scheduler) => JSON.parse(JSON.stringify(scheduler.stateDict()))));
        }
        const row = stepOnce(one, t, whole.optimizer, whole.schedulers);
        if (t >= middle) expected.push(row);
      }
      const other = make({ ...one, lrs: one.lrs.map(() => 0.77) });
      (other.optimizer as optim.SGD).loadStateDict(state as ReturnType<optim.SGD["stateDict"]>);
      other.schedulers.forEach((scheduler, i) => {
        scheduler.loadStateDict(saved[i]!);
      });
      const got: number[][][] = [];
      for (let t = middle; t < steps; t++) got.push(stepOnce(one, t, other.optimizer, other.schedulers));
      expect(got).toEqual(expected);
    }
  });

  test.each(named)("%s refuses another scheduler's state and stays as it was", (_, one) => {
    const { optimizer, schedulers } = make(one);
    const scheduler = schedulers[0]!;
    for (let t = 0; t < 5; t++) stepOnce(one, t, optimizer, schedulers);
    const before = scheduler.stateDict();
    const others: optim.lrScheduler.SchedulerState[] = [
      {},
      null as never,
      { ...before, lastLr: [1, 2, 3] },
      { ...before, lastLr: "0.1" },
      { ...before, more: 1 },
      Object.fromEntries(Object.entries(before).slice(1)),
      { ...before, ...("schedulers" in before ? { schedulers: [] } : { options: {}, own: { x: 1 } }) },
    ];
    for (const other of others) expect(() => scheduler.loadStateDict(other)).toThrow(ThalwegError);
    expect(scheduler.stateDict()).toEqual(before);
  });

  const sgd = () => new optim.SGD([{ params: [zeros([1], { requiresGrad: true })] }], { lr: 0.1 });
  const refused: [string, (optimizer: optim.SGD) => unknown][] = [
    ["ConstantLR, factor above 1", (o) => new lrScheduler.ConstantLR(o, { factor: 1.1 })],
    ["ConstantLR, factor NaN", (o) => new lrScheduler.ConstantLR(o, { factor: Number.NaN })],
    ["LinearLR, startFactor 0", (o) => new lrScheduler.LinearLR(o, { startFactor: 0 })],
    ["LinearLR, endFactor above 1", (o) => new lrScheduler.LinearLR(o, { endFactor: 2 })],
    [
      "CyclicLR, unknown mode",
      (o) => new lrScheduler.CyclicLR(o, { baseLr: 0, maxLr: 1, mode: "square" as "triangular" }),
    ],
    ["CyclicLR, two rates for one group", (o) => new lrScheduler.CyclicLR(o, { baseLr: [0, 0], maxLr: 1 })],
    ["OneCycleLR, no length", (o) => new lrScheduler.OneCycleLR(o, { maxLr: 1, epochs: 3 })],
    ["OneCycleLR, half a step", (o) => new lrScheduler.OneCycleLR(o, { maxLr: 1, totalSteps: 0.5 })],
    ["OneCycleLR, pctStart", (o) => new lrScheduler.OneCycleLR(o, { maxLr: 1, totalSteps: 5, pctStart: 1.5 })],
    [
      "OneCycleLR, strategy",
      (o) => new lrScheduler.OneCycleLR(o, { maxLr: 1, totalSteps: 5, annealStrategy: "sin" as "cos" }),
    ],
    ["warm restarts, t0 of 0", (o) => new lrScheduler.CosineAnnealingWarmRestarts(o, { t0: 0 })],
    ["warm restarts, tMult of 1.5", (o) => new lrScheduler.CosineAnnealingWarmRestarts(o, { t0: 2, tMult: 1.5 })],
    ["warm restarts, an epoch below 0", (o) => new lrScheduler.CosineAnnealingWarmRestarts(o, { t0: 2 }).step(-1)],
    ["ReduceLROnPlateau, factor 1", (o) => new lrScheduler.ReduceLROnPlateau(o, { factor: 1 })],
    ["ReduceLROnPlateau, mode", (o) => new lrScheduler.ReduceLROnPlateau(o, { mode: "best" as "min" })],
    ["ReduceLROnPlateau, two least rates", (o) => new lrScheduler.ReduceLROnPlateau(o, { minLr: [0, 0] })],
    ["LambdaLR, two functions", (o) => new lrScheduler.LambdaLR(o, { lrLambda: [() => 1, () => 1] })],
    ["SWALR, strategy", (o) => new lrScheduler.SWALR(o, { swaLr: 1, annealStrategy: "sin" as "cos" })],
    ["SWALR, epochs", (o) => new lrScheduler.SWALR(o, { swaLr: 1, annealEpochs: -1 })],
    ["ChainedScheduler of none", () => new lrScheduler.ChainedScheduler([])],
    [
      "ChainedScheduler of two optimizers",
      (o) => new lrScheduler.ChainedScheduler([new lrScheduler.ConstantLR(o), new lrScheduler.ConstantLR(sgd())]),
    ],
    ["SequentialLR of none", (o) => new lrScheduler.SequentialLR(o, { schedulers: [], milestones: [] })],
    [
      "SequentialLR without milestones",
      (o) => {
        const schedulers = [new lrScheduler.ConstantLR(o), new lrScheduler.ConstantLR(o)];
        return new lrScheduler.SequentialLR(o, { schedulers, milestones: [] });
      },
    ],
    ["going on without initial rates", (o) => new lrScheduler.StepLR(o, { stepSize: 3, lastEpoch: 4 })],
    [
      "a metric for none",
      (o) =>
        new lrScheduler.ChainedScheduler([
          new lrScheduler.ReduceLROnPlateau(o) as unknown as optim.lrScheduler.LRScheduler,
        ]),
    ],
  ];
  test.each(refused)("refuses %s", (_, make) => {
    expect(() => make(sgd())).toThrow(ThalwegError);
  });

  test("OneCycleLR ends", () => {
    const scheduler = new lrScheduler.OneCycleLR(sgd(), { maxLr: 1, totalSteps: 5 });
    for (let t = 0; t < 5; t++) scheduler.step();
    expect(() => scheduler.step()).toThrow(/cycle of 5 steps/);
  });

  test("a group added later is refused with a hint, but not by ReduceLROnPlateau", () => {
    const optimizer = sgd();
    const scheduler = new lrScheduler.ExponentialLR(optimizer, { gamma: 0.5 });
    const plateau = new lrScheduler.ReduceLROnPlateau(optimizer, { patience: 0, factor: 0.5 });
    optimizer.addParamGroup({ params: [zeros([1], { requiresGrad: true })], lr: 3 });
    expect(() => scheduler.step()).toThrow(/addParamGroup/);
    for (const metric of [1, 1]) plateau.step(metric);
    expect(plateau.getLastLr()).toEqual([0.05, 1.5]);
  });

  test("lastEpoch goes on with a schedule from the groups' initial learning rates", () => {
    const optimizer = sgd();
    const scheduler = new lrScheduler.CosineAnnealingLR(optimizer, { tMax: 20 });
    for (let t = 0; t < 7; t++) scheduler.step();
    const other = sgd();
    other.loadStateDict(optimizer.stateDict());
    const resumed = new lrScheduler.CosineAnnealingLR(other, { tMax: 20, lastEpoch: 6 });
    for (let t = 0; t < 9; t++) {
      scheduler.step();
      resumed.step();
    }
    expect(resumed.getLastLr()).toEqual(scheduler.getLastLr());
  });

  test("ReduceLROnPlateau reads a tensor's value", () => {
    const optimizer = sgd();
    const plateau = new lrScheduler.ReduceLROnPlateau(optimizer, { patience: 0 });
    plateau.step(tensor(2));
    plateau.step(tensor([3]));
    expect(optimizer.paramGroups[0]!.lr).toBe(0.1 * 0.1);
  });

  test("a schedule compiles nothing", async () => {
    const { resetStats, stats } = await import("thalweg");
    const p = zeros([3], { requiresGrad: true });
    const optimizer = new optim.RMSprop([p], { lr: 0.1 });
    const scheduler = new lrScheduler.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 50 });
    const train = () => {
      optimizer.zeroGrad();
      p.sub(1).square().sum().backward();
      optimizer.step();
      scheduler.step();
    };
    for (let t = 0; t < 5; t++) train();
    resetStats();
    for (let t = 5; t < 45; t++) train();
    expect(stats().plansCompiled).toBe(0);
  });
});
