import { manualSeed, nn, optim, stats, type Tensor, zeros } from "thalweg";
import { describe, expect, it } from "vitest";
import { bits, curve, net } from "./train/models.js";

const mse = new nn.MSELoss();
const { x, y } = curve(40);

/** Trains a net by what `make` gives: one optimizer or several, in turn. */
function trained(make: (params: Tensor[]) => optim.Optimizer<object>[], steps = 12) {
  const model = net(2, 1, 7);
  const optimizers = make(model.parameters());
  const losses = [];
  for (let i = 0; i < steps; i++) {
    for (const optimizer of optimizers) optimizer.zeroGrad();
    const loss = mse.forward(model.forward(x), y);
    loss.backward();
    for (const optimizer of optimizers) optimizer.step();
    losses.push(loss.item());
  }
  return { bits: bits(model), losses, optimizers, model };
}

const matrices = (params: Tensor[]) => params.filter(({ ndim }) => ndim === 2);
const others = (params: Tensor[]) => params.filter(({ ndim }) => ndim !== 2);

describe("optimizers that work as one", () => {
  const pairs: Record<string, (params: Tensor[]) => optim.Optimizer<object>[]> = {
    "Muon and AdamW": (p) => [new optim.Muon(matrices(p), { lr: 0.02 }), new optim.AdamW(others(p))],
    "RMSprop and SGD": (p) => [
      new optim.RMSprop(matrices(p), { momentum: 0.9 }),
      new optim.SGD(others(p), { lr: 0.01 }),
    ],
    "Prodigy and Adagrad": (p) => [new optim.Prodigy(matrices(p)), new optim.Adagrad(others(p))],
  };

  it.each(Object.entries(pairs))("%s give the bits of the two one after the other", (_, make) => {
    const apart = trained(make);
    const combined = trained((p) => [new optim.Combined(make(p))]);
    expect(combined.losses).toEqual(apart.losses);
    expect(combined.bits).toEqual(apart.bits);
  });

  it("a step is one plan, whatever the number of optimizers", () => {
    const plansOf = (make: (params: Tensor[]) => optim.Optimizer<object>[]) => {
      trained(make);
      const before = stats().plansRun;
      trained(make);
      return stats().plansRun - before;
    };
    const one = plansOf((p) => [new optim.AdamW(p)]);
    expect(plansOf((p) => [new optim.Combined(pairs["Muon and AdamW"]!(p))])).toBe(one);
    expect(plansOf(pairs["Muon and AdamW"]!)).toBeGreaterThan(1.5 * one);
  });

  it("schedules reach all groups, each from its own learning rate", () => {
    const model = net(2, 1);
    const p = model.parameters();
    const [muon, adamw] = [new optim.Muon(matrices(p), { lr: 0.02 }), new optim.AdamW(others(p), { lr: 0.003 })];
    const scheduler = new optim.lrScheduler.StepLR(new optim.Combined([muon, adamw]) as never, { stepSize: 1 });
    scheduler.step();
    expect(muon.paramGroups[0]!.lr).toBeCloseTo(0.002, 12);
    expect(adamw.paramGroups[0]!.lr).toBeCloseTo(0.0003, 12);
  });

  it("reports what each of them did, and its update if it observes", () => {
    const p = net(2, 1, 7).parameters();
    const optimizer = new optim.Combined(pairs["RMSprop and SGD"]!(p));
    expect(optimizer.rule).toBe("RMSprop + SGD");
    optimizer.observe();
    const before = p.map((q) => q.toArray());
    const loss = p.reduce((sum, q) => sum.add(q.square().sum()), zeros([]));
    loss.backward();
    optimizer.step();
    loss.item();
    for (const [i, q] of p.entries()) {
      const report = optimizer.report(q)!;
      expect(Object.keys(report.state).length > 0).toBe(q.ndim === 2);
      const values = [before[i] as number[]].flat(2);
      const now = [q.toArray() as number[]].flat(2);
      const update = [report.update!.toArray() as number[]].flat(2);
      for (const [j, change] of update.entries()) expect(change).toBeCloseTo(now[j]! - values[j]!, 6);
    }
    expect(Object.keys(optimizer.stateOf(p[0]!))).toContain("squareAvg");
  });

  it("goes on from its saved state with the same bits, also as JSON would keep the groups", () => {
    const make = (p: Tensor[]) => [new optim.Combined(pairs["Prodigy and Adagrad"]!(p))];
    const whole = trained(make, 10);
    const first = trained(make, 6);
    const state = (first.optimizers[0] as optim.Combined).stateDict();
    const model = net(2, 1, 1);
    model.loadStateDict(first.model.stateDict());
    const optimizer = make(model.parameters())[0]!;
    optimizer.loadStateDict(state);
    for (let i = 0; i < 4; i++) {
      optimizer.zeroGrad();
      mse.forward(model.forward(x), y).backward();
      optimizer.step();
    }
    expect(bits(model)).toEqual(whole.bits);
  });

  it("takes no part of a state that does not fit", () => {
    const make = (p: Tensor[]) => new optim.Combined(pairs["RMSprop and SGD"]!(p));
    const optimizer = make(net(2, 1).parameters());
    const state = trained((p) => [make(p)], 2).optimizers[0]!.stateDict() as optim.StateDict<{ lr: number }>;
    state.paramGroups[0]!.lr = 0.5;
    (state.paramGroups[1] as { lr: number }).lr = -1;
    expect(() => optimizer.loadStateDict(state)).toThrow(/lr must be 0 or more/);
    expect((optimizer.paramGroups[0] as unknown as { lr: number }).lr).toBe(0.01);
    expect(() => optimizer.loadStateDict({ ...state, paramGroups: [] })).toThrow(
      /must have 2 groups, those of RMSprop/,
    );
  });

  it("refuses a parameter of two optimizers, rules that step in their own way, and groups that come later", () => {
    manualSeed(0);
    const p = net(2, 1).parameters();
    const rms = new optim.RMSprop(p);
    expect(() => new optim.Combined([rms, new optim.SGD(p.slice(1))])).toThrow(/belongs to two of the optimizers/);
    const lbfgs = new optim.LBFGS([zeros([1], { requiresGrad: true })]);
    expect(() => new optim.Combined([rms, lbfgs])).toThrow(/LBFGS makes its steps in its own way/);
    expect(() => new optim.Combined([rms]).addParamGroup({ params: [] })).toThrow(/add the group to one of its/);
    expect(() => new optim.Combined([])).toThrow(/empty list/);
  });
});
