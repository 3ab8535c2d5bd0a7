import { readFileSync } from "node:fs";
import { manualSeed, nn, optim, randn, type Tensor, tensor, train } from "thalweg";
import { describe, expect, it } from "vitest";
import { clouds, curve, net, shuffled } from "./models.js";

const mse = new nn.MSELoss();
const data = curve(200);
const other = curve(100, 9);

/** A net that is large for its data, and one of linear layers on top of each other. */
const large = () =>
  new nn.Sequential(new nn.Linear(2, 64), new nn.ReLU(), new nn.Linear(64, 64), new nn.ReLU(), new nn.Linear(64, 1));
const deep = () =>
  new nn.Sequential(new nn.Linear(2, 16), new nn.Linear(16, 16), new nn.Linear(16, 16), new nn.Linear(16, 1));

type Rule = (params: Tensor[]) => optim.Optimizer<object>;
const rmsprop =
  (lr: number): Rule =>
  (params) =>
    new optim.RMSprop(params, { lr }) as never;
const sgd =
  (lr: number): Rule =>
  (params) =>
    new optim.SGD(params, { lr }) as never;

interface Run {
  what: string;
  rule: Rule;
  epochs: number;
  /** The kinds of findings that the run must give, in order. */
  finds: train.FindingKind[];
  model?: () => train.Trainable;
  options?: (rule: optim.Optimizer<{ lr: number }>) => Partial<train.FitOptions>;
}

/** 24 points with much noise: more can be learned by heart than there is to know. */
const few = curve(24, 3);
manualSeed(1);
const noisy = { x: few.x, y: few.y.add(randn([24, 1]).mul(0.5)).realize() };

const broken = (): { x: Tensor; y: Tensor } => {
  const values = data.x.dataSync();
  values[7] = Number.NaN;
  return { x: tensor(values).reshape([200, 2]).realize(), y: data.y };
};

/** Runs of all kinds; each rule is shown by some and must be silent on all others. */
const runs: Run[] = [
  {
    what: "RMSprop that has not had the time",
    rule: rmsprop(1e-3),
    epochs: 25,
    finds: ["stillFalling", "healthy"],
  },
  {
    what: "RMSprop with a tiny learning rate",
    rule: rmsprop(1e-7),
    epochs: 20,
    finds: ["levelledOff"],
  },
  {
    what: "RMSprop whose learning rate falls to 0",
    rule: rmsprop(0.01),
    epochs: 120,
    finds: ["levelledOff", "healthy"],
    options: (rule) => ({
      scheduler: new optim.lrScheduler.ExponentialLR(rule, { gamma: 0.93 }),
      validation: undefined,
    }),
  },
  { what: "RMSprop with long steps", rule: rmsprop(0.1), epochs: 60, finds: ["oscillating"] },
  { what: "SGD on the edge of stability", rule: sgd(0.4), epochs: 16, finds: ["oscillating"] },
  {
    what: "a large net on few noisy points",
    rule: rmsprop(3e-3),
    epochs: 200,
    finds: ["overfitting"],
    model: large,
    options: () => ({ train: shuffled(noisy, 8) }),
  },
  { what: "RMSprop with giant steps", rule: rmsprop(10), epochs: 20, finds: ["diverged"] },
  {
    what: "SGD beyond stability, with all data in each step",
    rule: sgd(0.5),
    epochs: 6,
    finds: ["notFinite", "diverged", "explodingLayer"],
    model: deep,
    options: () => ({ train: [[data.x, data.y]] as const }),
  },
  { what: "SGD far beyond stability", rule: sgd(1e6), epochs: 3, finds: ["notFinite"] },
  {
    what: "data with a NaN",
    rule: rmsprop(0.01),
    epochs: 3,
    finds: ["notFinite"],
    options: () => ({ train: shuffled(broken(), 20) }),
  },
  {
    what: "ReLU units that were all pushed below 0",
    rule: rmsprop(1e-3),
    epochs: 12,
    finds: ["deadLayer", "levelledOff"],
    model: () => {
      const model = net(2, 1);
      const bias = model.parameters()[1]!;
      bias.assign(-50);
      return model;
    },
    options: () => ({ inspectEvery: 1 }),
  },
  {
    what: "a linear model of three classes, until it can learn no more",
    rule: rmsprop(0.01),
    epochs: 100,
    finds: ["levelledOff", "healthy"],
    model: () => new nn.Linear(2, 3),
    options: () => ({
      train: shuffled(clouds(300), 20),
      validation: [[clouds(90, 5).x, clouds(90, 5).y]] as const,
      loss: new nn.CrossEntropyLoss(),
    }),
  },
];

async function trained({ rule, epochs, model: make = () => net(2, 1), options }: Run): Promise<train.HistoryData> {
  manualSeed(0);
  const model = make();
  const optimizer = rule(model.namedParameters().map(([, p]) => p));
  manualSeed(7);
  const history = await train.fit(model, {
    train: shuffled(data, 20),
    validation: [[other.x, other.y]] as const,
    optimizer,
    loss: mse,
    epochs,
    ...options?.(optimizer as never),
  });
  return history.data;
}

describe("diagnose", () => {
  const found = new Map<string, readonly train.Finding[]>();

  it.each(runs)("$what: $finds", async (run) => {
    const history = await trained(run);
    const findings = train.diagnose(history);
    found.set(run.what, findings);
    expect(findings.map(({ kind }) => kind)).toEqual(run.finds);
    // What is found does not depend on how the history got here.
    expect(train.diagnose(train.History.fromJSON(JSON.parse(JSON.stringify(new train.History(history)))).data)).toEqual(
      findings,
    );
    for (const { title, detail, advice, evidence } of findings) {
      for (const text of [title, detail, advice]) expect(text).not.toMatch(/undefined|NaN %|null/);
      expect(Object.keys(evidence).length).toBeGreaterThan(0);
    }
  });

  it("says where: the step, the parameter, the epoch", () => {
    const of = (what: string, kind: train.FindingKind) => found.get(what)!.find((finding) => finding.kind === kind)!;
    expect(of("data with a NaN", "notFinite").detail).toMatch(/step \d+: the batch's input has 1 values that are NaN/);
    const far = of("SGD far beyond stability", "notFinite");
    expect(far.parameter).toBe("0.bias");
    expect(far.title).toBe(`Not finite at step ${far.evidence.step}`);
    expect(far.advice).toMatch(/lr.*eps.*clip/);
    const overfitting = of("a large net on few noisy points", "overfitting");
    expect(overfitting.title).toBe(`Overfitting from epoch ${overfitting.epoch}`);
    expect(overfitting.epoch).toBeGreaterThan(5);
    expect(overfitting.epoch).toBeLessThan(150);
    const dead = of("ReLU units that were all pushed below 0", "deadLayer");
    expect(dead).toMatchObject({ parameter: "0.bias", title: "Dead layer: 0", epoch: 1 });
  });

  it("a NaN from the gradient alone is traced to the parameter that it spoiled", async () => {
    const model = net(2, 1);
    const last = model.namedParameters().at(-1)![0];
    const history = await train.fit(model, {
      train: [[data.x, data.y]] as const,
      optimizer: sgd(0.1)(model.parameters()),
      // The root's slope at 0 is infinite, and 0 times infinity is no number: the loss is finite, the gradient is not.
      loss: (output, target) => mse.forward(output, target).add(model.parameters().at(-1)!.mul(0).sqrt().sum()),
      epochs: 3,
    });
    const [finding] = train.diagnose(history.data);
    expect(finding).toMatchObject({ kind: "notFinite", parameter: last, evidence: { step: 2 } });
    expect(finding!.detail).toBe(`The loss is NaN at step 2: not finite before it: ${last} (1 values).`);
  });

  it("says nothing of a history in which nothing was trained, and never throws on a short one", async () => {
    expect(train.diagnose(new train.History().data)).toEqual([]);
    const { epochs, ...rest } = await trained({ ...runs[0]!, epochs: 5 });
    for (let n = 0; n <= 5; n++) {
      const findings = train.diagnose({ ...rest, epochs: epochs.slice(0, n) });
      expect(findings.every(({ severity }) => severity === "info")).toBe(true);
    }
  });

  it("every kind of finding is shown by some run, and its rule and threshold stand in docs/diagnosis.md", () => {
    const shown = new Set(runs.flatMap(({ finds }) => finds));
    const text = readFileSync(new URL("../../../../docs/diagnosis.md", import.meta.url), "utf8");
    const documented = [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect([...shown].sort()).toEqual([...documented].sort());
  });
});
