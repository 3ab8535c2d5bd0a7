import { nn, optim, type Tensor, tensor, train, zeros } from "thalweg";
import { DataLoader, TensorDataset } from "thalweg/data";
import { describe, expect, it } from "vitest";

// What TypeScript refuses while one writes must not be passed over in JavaScript.
type Loose = Record<string, unknown>;
type Scheduler = new (optimizer: unknown, options?: Loose) => { getLastLr(): number[] };
type Rule = new (params: Tensor[], options?: Loose) => optim.Optimizer<object>;

const { lrScheduler } = optim;
const parameter = (shape: number[] = [2, 2]) => zeros(shape, { requiresGrad: true });
const sgd = () => new optim.SGD([parameter()], { lr: 0.1, momentum: 0.9 });

/** For each scheduler the options without which it cannot be. */
const NEEDED: Record<string, Loose> = {
  StepLR: { stepSize: 3 },
  MultiStepLR: { milestones: [2] },
  ConstantLR: {},
  LinearLR: {},
  ExponentialLR: { gamma: 0.9 },
  PolynomialLR: {},
  CosineAnnealingLR: { tMax: 10 },
  CosineAnnealingWarmRestarts: { t0: 5 },
  CyclicLR: { baseLr: 0.1, maxLr: 1 },
  OneCycleLR: { maxLr: 1, totalSteps: 10 },
  ReduceLROnPlateau: {},
  LambdaLR: { lrLambda: () => 1 },
  MultiplicativeLR: { lrLambda: () => 1 },
  SWALR: { swaLr: 0.05 },
};
const schedulers = Object.entries(NEEDED).map(
  ([name, needed]) => [name, (lrScheduler as unknown as Record<string, Scheduler>)[name]!, needed] as const,
);

describe("schedulers", () => {
  it("are all looked at here", () => {
    const made = ["LRScheduler", "FormulaLR", "SequentialLR", "ChainedScheduler"];
    const names = Object.keys(lrScheduler).filter((name) => !made.includes(name));
    expect(names.sort()).toEqual(Object.keys(NEEDED).sort());
  });

  it.each(schedulers)(
    "%s takes what it needs, and refuses an option that does not exist, with those that do",
    (name, Made, needed) => {
      expect(new Made(sgd(), needed).getLastLr()[0]).not.toBeNaN();
      expect(() => new Made(sgd(), { ...needed, speed: 3 })).toThrow(
        new RegExp(`^${name}: there is no option speed; there are .*${Object.keys(needed).join(", ")}`),
      );
    },
  );

  it.each(
    schedulers.flatMap(([name, Made, needed]) =>
      Object.keys(needed).map((option) => [name, option, Made, needed] as const),
    ),
  )("%s says that %s is missing", (name, option, Made, { [option]: _, ...rest }) => {
    const message =
      name === "OneCycleLR" && option === "totalSteps"
        ? /needs totalSteps, or epochs/
        : `${name}: the option ${option} is missing`;
    expect(() => new Made(sgd(), rest)).toThrow(message);
    if (Object.keys(rest).length === 0) expect(() => new Made(sgd())).toThrow(message);
  });

  it.each([
    ["CosineAnnealingLR", { TMax: 10 }, /no option TMax; did you mean tMax\?/],
    ["CosineAnnealingLR", { T_max: 10 }, /no option T_max; did you mean tMax\?/],
    ["CosineAnnealingLR", { tMax: 0 }, /tMax must be above 0, got 0/],
    ["StepLR", { step_size: 10 }, /did you mean stepSize\?/],
    ["StepLR", { stepSize: 2.5 }, /stepSize must be a whole number of 1 or more, got 2.5/],
    ["ExponentialLR", { gamma: Number.NaN }, /gamma must be a number, got NaN/],
    ["OneCycleLR", { max_lr: 1, totalSteps: 10 }, /did you mean maxLr\?/],
  ])("%s with %j says what is wrong", (name, options, message) => {
    const Made = (lrScheduler as unknown as Record<string, Scheduler>)[name]!;
    const optimizer = sgd();
    expect(() => new Made(optimizer, options)).toThrow(message);
    expect(optimizer.paramGroups[0]!.lr).toBe(0.1);
  });

  it("SequentialLR too", () => {
    const Made = lrScheduler.SequentialLR as unknown as Scheduler;
    expect(() => new Made(sgd(), { schedulers: [] })).toThrow(/the option milestones is missing/);
  });
});

describe("update rules", () => {
  const others = ["Optimizer", "Combined", "Sweep", "AveragedParameters"];
  const rules = Object.entries(optim).filter(
    ([name, value]) => /^[A-Z]/.test(name) && typeof value === "function" && !others.includes(name),
  ) as unknown as [string, Rule][];

  it("are found", () => expect(rules.length).toBeGreaterThan(18));

  it.each(rules)("%s refuses an option that does not exist", (name, Made) => {
    expect(() => new Made([parameter()], { learningRate: 1 })).toThrow(
      new RegExp(`${name}: there is no option learningRate; there are lr, `),
    );
    expect(() => new Made([parameter()], { weight_decay: undefined })).not.toThrow();
  });

  it("names PyTorch's own as what was meant", () => {
    const Made = optim.RMSprop as unknown as Rule;
    expect(() => new Made([parameter()], { weight_decay: 0.1 })).toThrow(/did you mean weightDecay\?/);
  });

  it.each(rules)("%s refuses an option that does not exist in a group", (name, Made) => {
    const made = (group: Loose) => new Made([{ params: [parameter()], ...group }] as unknown as Tensor[]);
    expect(() => made({ learningRate: 1 })).toThrow(
      `${name}, group 0: there is no option learningRate; there are lr, `,
    );
    expect(() => made({ lrr: 1 })).toThrow(`${name}, group 0: there is no option lrr; did you mean lr?`);
    expect(made({ lr: 0.5, weight_decay: undefined }).paramGroups[0]).toMatchObject({ lr: 0.5 });
  });

  it("take a group of another optimizer as it is, also one with a schedule", () => {
    const before = sgd();
    new lrScheduler.StepLR(before, { stepSize: 3 });
    const after = new optim.SGD(before.paramGroups, { momentum: 0 });
    expect(after.paramGroups[0]).toEqual(before.paramGroups[0]);
    expect(() =>
      after.addParamGroup({ params: [parameter()], momentm: 0.5 } as object as { params: Tensor[] }),
    ).toThrow(/^SGD, group 1: there is no option momentm; did you mean momentum\?/);
  });
});

describe("layers and losses", () => {
  /** What a module is made of, and an option that it has, misspelt. */
  const modules: Record<string, [args: unknown[], misspelt: string, meant: string]> = {
    Linear: [[3, 4], "bais", "bias"],
    Embedding: [[5, 2], "padding_idx", "paddingIdx"],
    Conv1d: [[1, 2, 3], "strides", "stride"],
    Conv2d: [[1, 2, 3], "dilatation", "dilation"],
    MaxPool1d: [[2], "ceil_mode", "ceilMode"],
    MaxPool2d: [[2], "dilatin", "dilation"],
    AvgPool1d: [[2], "count_include_pad", "countIncludePad"],
    AvgPool2d: [[2], "pading", "padding"],
    Dropout: [[0.5], "generatr", "generator"],
    BatchNorm1d: [[3], "momentun", "momentum"],
    BatchNorm2d: [[3], "track_running_stats", "trackRunningStats"],
    LayerNorm: [[3], "elementwise_affine", "elementwiseAffine"],
    RMSNorm: [[3], "epps", "eps"],
    PReLU: [[1], "innit", "init"],
    GELU: [[], "aproximate", "approximate"],
    MSELoss: [[], "reducton", "reduction"],
    L1Loss: [[], "Reduction", "reduction"],
    SmoothL1Loss: [[], "bet", "beta"],
    HuberLoss: [[], "detla", "delta"],
    CrossEntropyLoss: [[], "label_smoothing", "labelSmoothing"],
    NLLLoss: [[], "ignore_index", "ignoreIndex"],
    BCELoss: [[], "weights", "weight"],
    BCEWithLogitsLoss: [[], "pos_weight", "posWeight"],
    KLDivLoss: [[], "log_target", "logTarget"],
    CosineEmbeddingLoss: [[], "margn", "margin"],
  };
  type Layer = new (...args: unknown[]) => nn.Module;

  it("are all looked at here, but those that have no options", () => {
    const bare = /^(Module|Sequential|ModuleList|Identity|Flatten|Unflatten)$/;
    const exported = Object.entries(nn).filter(([name, made]) => /^[A-Z]/.test(name) && typeof made === "function");
    const others = exported.map(([name]) => name).filter((name) => !bare.test(name) && !Object.hasOwn(modules, name));
    // Activations have plain arguments, in PyTorch's order.
    for (const name of others) expect(new (nn as unknown as Record<string, Layer>)[name]!(1).parameters()).toEqual([]);
    expect(exported.length - others.length).toBeGreaterThan(Object.keys(modules).length);
  });

  it.each(Object.entries(modules))("%s refuses an option that does not exist", (name, [args, misspelt, meant]) => {
    const Made = (nn as unknown as Record<string, Layer>)[name]!;
    expect(() => new Made(...args, { [misspelt]: 1 })).toThrow(
      `${name}: there is no option ${misspelt}; did you mean ${meant}?`,
    );
    expect(new Made(...args, { [misspelt]: undefined, [meant]: undefined })).toBeInstanceOf(nn.Module);
  });
});

describe("fit and loaders", () => {
  const x = tensor([[1], [2], [3]]);
  const model = new nn.Linear(1, 1);
  const fine = { train: [[x, x]], optimizer: new optim.SGD(model.parameters()), loss: new nn.MSELoss(), epochs: 1 };
  const fit = (options: Loose) => train.fit(model, options as unknown as train.FitOptions);

  it.each([
    [{ ...fine, clipnorm: 1 }, /fit: there is no option clipnorm; did you mean clipNorm\?/],
    [{ ...fine, callback: [] }, /fit: there is no option callback; did you mean callbacks\?/],
    [{ ...fine, loss: undefined }, /fit: the option loss is missing/],
    [
      { ...fine, earlyStopping: { patients: 3 } },
      /fit: earlyStopping: there is no option patients; did you mean patience\?/,
    ],
    [{ ...fine, checkpoint: { resume: true } }, /fit: checkpoint: the option store is missing/],
  ])("case %#", async (options, message) => {
    await expect(async () => fit(options)).rejects.toThrow(message);
  });

  it("DataLoader", () => {
    const Made = DataLoader as unknown as new (dataset: TensorDataset, options: Loose) => DataLoader;
    expect(() => new Made(new TensorDataset(x), { batch_size: 2 })).toThrow(/did you mean batchSize\?/);
  });
});
