import { inspect } from "node:util";
import { manualSeed, nn, OptionError, ones, optim, rand, randn, type Tensor, tensor, zeros } from "thalweg";
import { describe, expect, test } from "vitest";
import { bitsOf, read } from "./support/counting.js";

class Block extends nn.Module {
  inProj = new nn.Linear(3, 4);
  bn = new nn.BatchNorm1d(4);
  override forward(x: Tensor): Tensor {
    return this.bn.forward(this.inProj.forward(x)).relu();
  }
}

class Net extends nn.Module {
  readonly scale = nn.parameter(ones([1]));
  readonly steps = nn.buffer(zeros([2]), { persistent: false });
  readonly offset = nn.buffer(zeros([1]));
  notMine = zeros([3]);
  blocks = new nn.ModuleList([new Block()]);
  heads = [new nn.Linear(4, 2, { bias: false })];
  out = new nn.Sequential(new nn.Dropout(0.1), new nn.Linear(2, 1));
  override forward(x: Tensor): Tensor {
    const inner = this.blocks.at(0)!.forward(x);
    return this.out.forward(this.heads[0]!.forward(inner)).mul(this.scale).add(this.offset);
  }
}

const KEYS = [
  "scale",
  "offset",
  "blocks.0.in_proj.weight",
  "blocks.0.in_proj.bias",
  "blocks.0.bn.weight",
  "blocks.0.bn.bias",
  "blocks.0.bn.running_mean",
  "blocks.0.bn.running_var",
  "blocks.0.bn.num_batches_tracked",
  "heads.0.weight",
  "out.1.weight",
  "out.1.bias",
];

const snapshot = (module: nn.Module) => Object.entries(module.stateDict()).map(([name, x]) => `${name} ${bitsOf(x)}`);

describe("a module", () => {
  test("can be called, which is its forward, and is an instance of its class like any other", () => {
    class Named extends nn.Module {
      override name = "fields may have a function's names";
      size = new nn.Linear(3, 3);
      override forward(x: Tensor, twice?: Tensor): Tensor {
        return twice === undefined ? this.size(x) : this.size(this.size(x));
      }
    }
    const x = randn([2, 3]);
    const model = new Named();
    expect(bitsOf(model(x))).toBe(bitsOf(model.forward(x)));
    expect(bitsOf(model(x, x))).toBe(bitsOf(model.forward(model.forward(x))));
    expect(model).toBeInstanceOf(Named);
    expect(model).toBeInstanceOf(nn.Module);
    expect(model.name).toBe("fields may have a function's names");
    expect(new nn.Sequential(model, model).length).toBe(2);
    expect(new nn.MSELoss()(x, x).item()).toBe(0);
    expect(Object.keys(new nn.ReLU())).toEqual(["training"]);
  });

  test("finds parameters, buffers and modules in its fields, under PyTorch's names", () => {
    const net = new Net();
    expect(Object.keys(net.stateDict())).toEqual(KEYS);
    expect(net.namedParameters().map(([name]) => name)).toEqual(
      KEYS.filter((name) => !/running|tracked|offset/.test(name)),
    );
    expect(net.namedBuffers().map(([name]) => name)).toEqual([
      "steps",
      "offset",
      ...KEYS.filter((name) => /running|tracked/.test(name)),
    ]);
    expect(net.namedModules().map(([name]) => name)).toEqual([
      "",
      "blocks",
      "blocks.0",
      "blocks.0.in_proj",
      "blocks.0.bn",
      "heads.0",
      "out",
      "out.0",
      "out.1",
    ]);
  });

  test("prints as in PyTorch", () => {
    expect(inspect(new Net())).toBe(`Net(
  (blocks): ModuleList(
    (0): Block(
      (in_proj): Linear(inFeatures=3, outFeatures=4, bias=true)
      (bn): BatchNorm1d(4, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)
    )
  )
  (heads.0): Linear(inFeatures=4, outFeatures=2, bias=false)
  (out): Sequential(
    (0): Dropout(p=0.1)
    (1): Linear(inFeatures=2, outFeatures=1, bias=true)
  )
)`);
  });

  test("prints the options of its layers that are not the usual ones", () => {
    const layers = [
      new nn.Conv2d(1, 8, 3, { padding: [1, 0], groups: 1, bias: false }),
      new nn.MaxPool2d(2),
      new nn.Embedding(5, 3, { paddingIdx: -1, sparse: true }),
      new nn.LayerNorm([2, 3]),
      new nn.LeakyReLU(0.2),
    ];
    expect(layers.map(String)).toEqual([
      "Conv2d(1, 8, kernelSize=[3, 3], stride=[1, 1], padding=[1, 0], bias=false)",
      "MaxPool2d(kernelSize=2, stride=2, padding=0, ceilMode=false)",
      "Embedding(5, 3, paddingIdx=4, sparse=true)",
      "LayerNorm([2, 3], eps=0.00001, elementwiseAffine=true, bias=true)",
      "LeakyReLU(negativeSlope=0.2)",
    ]);
  });

  test("that is used twice has its parameters once, and is saved under both names", () => {
    const shared = new nn.Linear(2, 2);
    const net = new nn.Sequential(shared, new nn.ReLU(), shared);
    expect(net.parameters()).toEqual([shared.weight, shared.bias]);
    expect(Object.keys(net.stateDict())).toEqual(["0.weight", "0.bias", "2.weight", "2.bias"]);
  });

  test("keeps a frozen parameter a parameter", () => {
    const net = new nn.Linear(2, 2);
    for (const p of net.parameters()) p.requiresGrad = false;
    expect(net.parameters().length).toBe(2);
    expect(net.forward(ones([1, 2])).requiresGrad).toBe(false);
    net.loadStateDict({ weight: ones([2, 2]), bias: zeros([2]) });
    expect(net.weight.requiresGrad).toBe(false);
  });

  test("goes into training and evaluation with all that is inside it", () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect(new Set(net.namedModules().map(([, module]) => module.training))).toEqual(new Set([false]));
    net.train();
    expect(new Set(net.namedModules().map(([, module]) => module.training))).toEqual(new Set([true]));
  });

  test("applies a function to what is inside first", () => {
    const seen: string[] = [];
    new Net().apply((module) => seen.push(module.constructor.name));
    expect(seen).toEqual([
      "Linear",
      "BatchNorm1d",
      "Block",
      "ModuleList",
      "Linear",
      "Dropout",
      "Linear",
      "Sequential",
      "Net",
    ]);
  });

  test("drops gradients", () => {
    const net = new nn.Linear(2, 1);
    net
      .forward(ones([1, 2]))
      .sum()
      .backward();
    expect(net.parameters().every((p) => p.grad !== null)).toBe(true);
    net.zeroGrad();
    expect(net.parameters().every((p) => p.grad === null)).toBe(true);
  });

  test("changes its dtype in place, and trains on", () => {
    manualSeed(1);
    const net = new Net();
    const before = net.parameters();
    const values = read(...before);
    net.double();
    expect(net.parameters()).toEqual(before);
    expect(read(...before)).toEqual(values);
    const optimizer = new optim.RMSprop(net.parameters());
    net
      .forward(randn([4, 3], { dtype: "float64" }))
      .sum()
      .backward();
    optimizer.step();
    expect(net.stateDict()["blocks.0.bn.running_mean"]!.dtype).toBe("float64");
    expect(net.stateDict()["blocks.0.bn.num_batches_tracked"]!.dtype).toBe("int32");
    expect(net.float().forward(ones([2, 3])).dtype).toBe("float32");
  });
});

describe("a state dictionary", () => {
  test("stays as it is while training goes on, and brings the model back", () => {
    manualSeed(2);
    const net = new Net();
    const optimizer = new optim.RMSprop(net.parameters());
    const train = (steps: number) => {
      for (let i = 0; i < steps; i++) {
        optimizer.zeroGrad();
        net
          .forward(rand([8, 3]))
          .square()
          .mean()
          .backward();
        optimizer.step();
      }
    };
    train(3);
    const before = snapshot(net);
    train(1);
    const middle = net.stateDict();
    train(2);
    const after = snapshot(net);
    expect(Object.entries(middle).map(([name, x]) => `${name} ${bitsOf(x)}`)).not.toEqual(after);
    expect(Object.entries(middle).map(([name, x]) => `${name} ${bitsOf(x)}`)).not.toEqual(before);
    const identities = net.parameters();
    net.loadStateDict(middle);
    expect(net.parameters()).toEqual(identities);
    const other = new Net();
    other.loadStateDict(middle);
    expect(snapshot(other)).toEqual(snapshot(net));
    // The optimizer goes on with the parameters it was given.
    train(1);
    expect(snapshot(net)).not.toEqual(snapshot(other));
  });

  test("that does not fit names everything that is wrong, and changes nothing", () => {
    const net = new Net();
    const before = snapshot(net);
    const good = net.stateDict();
    const { scale: _, ...less } = good;
    const wrong: [nn.StateDict, RegExp][] = [
      [less, /missing: scale$/m],
      [{ ...good, extra: zeros([1]), more: zeros([1]) }, /not in the model: extra, more$/m],
      [
        { ...good, "out.1.weight": zeros([3]), scale: zeros([2]) },
        /scale has shape \[2\], the model's \[1\][\s\S]*out\.1\.weight has shape \[3\]/,
      ],
      [{ ...good, scale: tensor([1], { dtype: "int32" }) }, /scale is int32, the model's float32/],
      [{ ...good, scale: 5 as unknown as Tensor }, /scale is no tensor/],
    ];
    for (const [state, message] of wrong) {
      expect(() => net.loadStateDict(state)).toThrow(message);
      expect(() => net.loadStateDict(state)).toThrow(OptionError);
      expect(snapshot(net)).toEqual(before);
    }
    expect(net.loadStateDict({ scale: tensor([5]), extra: zeros([1]) }, { strict: false })).toEqual({
      missingKeys: KEYS.slice(1),
      unexpectedKeys: ["extra"],
    });
    expect(net.scale.item()).toBe(5);
  });

  test("of float64 fits a model of float32, as in PyTorch", () => {
    const net = new nn.Linear(1, 1);
    net.loadStateDict({ weight: tensor([[0.1]], { dtype: "float64" }), bias: zeros([1]) });
    expect([net.weight.dtype, net.weight.item()]).toEqual(["float32", Math.fround(0.1)]);
  });

  test("refuses two fields of one name", () => {
    class Twice extends nn.Module {
      myWeight = nn.parameter(ones([1]));
      my_weight = nn.parameter(ones([1]));
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Twice().stateDict()).toThrow(/two fields are both saved as "my_weight"/);
  });
});

describe("mistakes are said where they are made", () => {
  const classes = (...data: number[]) => tensor(data, { dtype: "int32" });
  test.each<[string, () => unknown, RegExp]>([
    ["sizes", () => new nn.Linear(0, 2), /Linear: inFeatures must be a whole number of 1 or more, not 0/],
    [
      "another last size",
      () => new nn.Linear(3, 2).forward(ones([4, 5])),
      /linear: the last size of the input \[4, 5\] must be 3/,
    ],
    ["no module", () => new nn.Sequential((() => 1) as unknown as nn.Module), /Sequential: element 0 is no module/],
    ["a list's forward", () => new nn.ModuleList().forward(), /ModuleList: has no forward/],
    [
      "shapes that would broadcast",
      () => new nn.MSELoss().forward(ones([3, 1]), ones([3])),
      /input \[3, 1\] and target \[3\] must have one shape/,
    ],
    [
      "a class that is none",
      () => new nn.CrossEntropyLoss().forward(ones([2, 3]), classes(0, 3)),
      /class 3 in the target is not one of the 3 classes/,
    ],
    ["one score", () => new nn.CrossEntropyLoss().forward(ones([2, 1]), classes(0, 1)), /binaryCrossEntropyWithLogits/],
    [
      "classes as floats",
      () => new nn.NLLLoss().forward(ones([2, 3]), ones([2])),
      /classes must be int32, not float32/,
    ],
    [
      "probabilities of another shape",
      () => new nn.CrossEntropyLoss().forward(ones([2, 3]), ones([2])),
      /need the input's shape \[2, 3\]/,
    ],
    [
      "as many classes as samples",
      () => new nn.CrossEntropyLoss().forward(ones([2, 3]), classes(0, 1, 2)),
      /need classes of shape \[2\], got \[3\]/,
    ],
    [
      "a reduction",
      () => nn.functional.mseLoss(ones([1]), ones([1]), { reduction: "avg" as "mean" }),
      /reduction must be "mean", "sum" or "none"/,
    ],
    ["one sample", () => new nn.BatchNorm1d(3).forward(ones([1, 3])), /training needs more than 1 value per channel/],
    [
      "channels",
      () => new nn.BatchNorm1d(3).forward(ones([2, 4])),
      /BatchNorm1d\(3\): does not take an input of shape \[2, 4\]/,
    ],
    [
      "dimensions",
      () => new nn.BatchNorm2d(3).forward(ones([2, 3])),
      /BatchNorm2d\(3\): does not take an input of shape \[2, 3\]/,
    ],
    [
      "a normalized shape",
      () => new nn.LayerNorm(3).forward(ones([2, 4])),
      /layerNorm: the last dimensions of \[2, 4\] must be \[3\]/,
    ],
    ["a probability", () => new nn.Dropout(1.5), /Dropout: p must be a probability/],
    ["a row", () => new nn.Embedding(3, 2, { paddingIdx: 3 }), /paddingIdx 3 is no row of 3/],
    ["a dtype", () => new nn.Linear(1, 1, { dtype: "int32" }), /dtype must be float32 or float64, not int32/],
    [
      "fans of a vector",
      () => nn.init.xavierUniform(ones([3])),
      /a weight of shape \[3\] has no inputs and outputs to count/,
    ],
    ["an empty interval", () => nn.init.truncNormal(ones([3]), { a: 1, b: 1 }), /expects a < b/],
    ["a parameter of ints", () => nn.parameter(classes(1)), /parameter: expects floats, got int32/],
    [
      "groups that do not divide",
      () => new nn.Conv2d(3, 4, 3, { groups: 2 }),
      /Conv2d: 3 and 4 channels cannot be cut into 2 groups/,
    ],
    [
      "a stride with padding that keeps sizes",
      () => new nn.Conv1d(1, 1, 3, { stride: 2, padding: "same" }).forward(ones([1, 5])),
      /padding "same" needs a stride of 1, not \[2\]/,
    ],
    ["a stride", () => new nn.Conv1d(1, 1, 3, { stride: 0 }), /Conv1d: stride must be a whole number of 1 or more/],
    [
      "sizes of a kernel",
      () => new nn.Conv2d(1, 1, [3]),
      /kernelSize must be a whole number of 1 or more, or 2 of them/,
    ],
    ["channels of pictures", () => new nn.Conv2d(2, 4, 3).forward(ones([1, 3, 5, 5])), /needs 2 input channels/],
    [
      "dimensions of pictures",
      () => new nn.Conv2d(2, 4, 3).forward(ones([2, 5])),
      /expects \[N, C, H, W\] or \[C, H, W\]/,
    ],
    [
      "a small picture",
      () => new nn.Conv2d(1, 1, 3).forward(ones([1, 1, 2, 5])),
      /conv2d: a kernel of \[3, 3\][\s\S]*does not fit into/,
    ],
    [
      "a wide padding",
      () => new nn.MaxPool2d(2, { padding: 2 }).forward(ones([1, 4, 4])),
      /padding \[2, 2\] is more than half of the window/,
    ],
    [
      "two dtypes",
      () => new nn.Conv1d(1, 1, 1).forward(ones([1, 1, 1], { dtype: "float64" })),
      /the input is float64, the weight float32/,
    ],
  ])("%s", (_, f, message) => {
    expect(f).toThrow(message);
  });

  test("a computed class that is none, when it is read", () => {
    const loss = nn.functional.crossEntropy(ones([2, 3]), classes(0, 2).mul(2));
    expect(() => loss.item()).toThrow(/index was outside/);
  });
});

test("classes that are computed give the loss that they give when they are there", () => {
  manualSeed(5);
  const scores = randn([6, 3]);
  const there = tensor([0, 2, -100, 1, 2, 0], { dtype: "int32" });
  for (const options of [{}, { weight: tensor([1, 2, 3]), labelSmoothing: 0.1 }]) {
    const loss = (target: Tensor) => bitsOf(nn.functional.crossEntropy(scores, target, options));
    expect(loss(there.add(1).sub(1))).toBe(loss(there));
  }
});

describe("embedding tables", () => {
  test("can be made of rows that are there, frozen or trained", () => {
    const rows = randn([4, 2]);
    const frozen = nn.Embedding.fromPretrained(rows);
    expect(read(frozen.forward(tensor([3], { dtype: "int32" })))).toEqual(read(rows).slice(6));
    expect([frozen.weight.requiresGrad, frozen.parameters().length]).toEqual([false, 1]);
    expect(nn.Embedding.fromPretrained(rows, { freeze: false }).weight.requiresGrad).toBe(true);
  });

  test("train sparsely as they train densely", () => {
    const run = (sparse: boolean): number[] => {
      manualSeed(3);
      const table = new nn.Embedding(50, 4, { sparse, paddingIdx: 0 });
      const optimizer = new optim.RMSprop(table.parameters(), { lr: 0.1 });
      for (let i = 0; i < 12; i++) {
        optimizer.zeroGrad();
        table
          .forward(tensor([0, i, (i * 7) % 50, i], { dtype: "int32" }))
          .square()
          .sum()
          .backward();
        optimizer.step();
      }
      expect(read(table.weight).slice(0, 4)).toEqual([0, 0, 0, 0]);
      return read(table.weight);
    };
    const dense = run(false);
    expect(run(true).map((value, i) => Math.abs(value - dense[i]!) < 1e-6)).not.toContain(false);
  });
});
