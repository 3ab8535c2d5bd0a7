import {
  arange,
  cat,
  configure,
  DeviceError,
  DTypeError,
  expand,
  eye,
  full,
  Generator,
  GradientError,
  grad,
  IndexError,
  linspace,
  manualSeed,
  noGrad,
  OptionError,
  ones,
  optim,
  rand,
  randint,
  randn,
  randperm,
  ShapeError,
  StaleError,
  stack,
  type Tensor,
  ThalwegError,
  tensor,
  where,
  zeros,
} from "thalweg";
import { describe, expect, test } from "vitest";
import { read } from "./support/counting.js";

type Kind = new (message: string) => ThalwegError;
type Mistake = [name: string, kind: Kind, message: RegExp, call: () => unknown];

const x = () => tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: as a matrix
const ints = (values: number | number[] | number[][]) => tensor(values, { dtype: "int32" });
const bools = () => ones([2, 3], { dtype: "bool" });
const p = () => tensor([1, 2], { requiresGrad: true });
const double = (shape: number[]) => ones(shape, { dtype: "float64" });
/** What a program in JavaScript can pass although the types say no. */
const wrong = (value: unknown): never => value as never;

const shapes: Mistake[] = [
  [
    "sizes that do not broadcast",
    ShapeError,
    /^add: shapes \[2, 3\] and \[2\] do not broadcast: dimension 1 .* 3 .* 2/,
    () => x().add(zeros([2])),
  ],
  [
    "a condition that does not broadcast",
    ShapeError,
    /^where: .*\[2\].*\[2, 3\]/,
    () => where(ones([2], { dtype: "bool" }), x(), 1),
  ],
  ["matmul's inner sizes", ShapeError, /^matmul: \[2, 3\] and \[2, 3\].* 3 and 2 must be equal/, () => x().matmul(x())],
  [
    "matmul's batches",
    ShapeError,
    /^matmul: .*\[2\] and \[3\] do not broadcast/,
    () => zeros([2, 3, 4]).matmul(zeros([3, 4, 5])),
  ],
  ["matmul of numbers", ShapeError, /^matmul: both need at least 1 dimension/, () => x().matmul(tensor(1))],
  ["dot of two lengths", ShapeError, /^dot: .*\[2\] and \[1\]/, () => tensor([1, 2]).dot(tensor([1]))],
  [
    "reshape to another number of elements",
    ShapeError,
    /^reshape: \[2, 3\] has 6 elements, \[4\] would have 4/,
    () => x().reshape([4]),
  ],
  [
    "reshape with a rest that does not divide",
    ShapeError,
    /^reshape: \[2, 3\] \(6 elements\) does not fit \[4, -1\]/,
    () => x().reshape([4, -1]),
  ],
  ["reshape with two unknown sizes", ShapeError, /^reshape: .*\[-1, -1\]/, () => x().reshape([-1, -1])],
  ["reshape with sizes as arguments", ShapeError, /^reshape: a shape is an array/, () => x().reshape(wrong(3))],
  ["expand of a size that is not 1", ShapeError, /^expand: .*dimension 1/, () => x().expand([2, 4])],
  ["expand to fewer dimensions", ShapeError, /^expand: \[2, 3\] cannot be expanded to \[3\]/, () => expand(x(), [3])],
  ["expand's -1 in front", ShapeError, /^expand: \[-1, 2, 3\] is no shape/, () => x().expand([-1, 2, 3])],
  [
    "cat of other sizes",
    ShapeError,
    /^cat: \[3, 2\] cannot be joined to \[2, 3\] along dimension 0/,
    () => cat([x(), zeros([3, 2])]),
  ],
  ["cat of other ranks", ShapeError, /^cat: \[3\] cannot be joined to \[2, 3\]/, () => cat([x(), zeros([3])])],
  ["cat of nothing", ShapeError, /^cat: expects at least one tensor/, () => cat([])],
  ["cat of numbers", ShapeError, /^cat: .*use stack/, () => cat([tensor(1), tensor(2)])],
  ["stack of two shapes", ShapeError, /^stack: .*\[2, 3\] and \[2\]/, () => stack([x(), zeros([2])])],
  ["stack of nothing", ShapeError, /^stack: expects at least one/, () => stack([])],
  ["permute that names one twice", ShapeError, /^permute: \[0, 0\]/, () => x().permute([0, 0])],
  ["permute that leaves one out", ShapeError, /^permute: \[0\]/, () => x().permute([0])],
  [
    "a dimension that is not there",
    ShapeError,
    /^sum: dimension 2 is out of range for a tensor of 2 dimensions \(-2 to 1\)/,
    () => x().sum(2),
  ],
  ["a dimension that is no whole number", ShapeError, /^amax: dimension 0.5/, () => x().amax(0.5)],
  ["a dimension named twice", ShapeError, /^mean: dimensions .* name one twice/, () => x().mean([1, -1])],
  ["transpose", ShapeError, /^transpose: dimension -3/, () => x().transpose(0, -3)],
  ["squeeze", ShapeError, /^squeeze: dimension 4/, () => x().squeeze(4)],
  ["unsqueeze", ShapeError, /^unsqueeze: dimension 4/, () => x().unsqueeze(4)],
  ["cumsum", ShapeError, /^cumsum: dimension 3/, () => x().cumsum(3)],
  ["softmax without a dimension", ShapeError, /^softmax: dimension undefined/, () => x().softmax(wrong(undefined))],
  ["logSoftmax of no dimension that there is", ShapeError, /^logSoftmax: dimension 2/, () => x().logSoftmax(2)],
  ["argmax", ShapeError, /^argmax: dimension 2/, () => x().argmax(2)],
  ["flip", ShapeError, /^flip: dimension 2/, () => x().flip([0, 2])],
  ["unfold of more than there is", ShapeError, /^unfold: a window of 9/, () => x().unfold(0, 9)],
  ["unfold by steps of nothing", ShapeError, /^unfold: size and step/, () => x().unfold(0, 1, 0)],
  ["flatten backwards", ShapeError, /^flatten: start 1 lies behind end 0/, () => x().flatten(1, 0)],
  ["narrow beyond the end", ShapeError, /^narrow: 2 elements from 1 on/, () => x().narrow(0, 1, 2)],
  ["narrow of a negative length", ShapeError, /^narrow: -1 elements/, () => x().narrow(0, 0, -1)],
  ["select beyond the end", ShapeError, /^select: index 2 is out of range/, () => x().select(0, 2)],
  ["slice with step 0", ShapeError, /^slice: the step must be/, () => x().slice(0, 0, 2, 0)],
  ["slice backwards", ShapeError, /^slice: the step must be/, () => x().slice(0, 0, 2, -1)],
  ["slice at a fraction", ShapeError, /^slice: start and end must be whole numbers, not 0.5/, () => x().slice(0, 0.5)],
  ["slice at NaN", ShapeError, /^slice: .*NaN/, () => x().slice(0, 0, Number.NaN)],
  ["split sizes", ShapeError, /^split: sizes \[1, 2\] add up to 3, but dimension 0 has 2/, () => x().split([1, 2])],
  ["split into nothing", ShapeError, /^split: .*not 0/, () => x().split(0)],
  ["chunk into nothing", ShapeError, /^chunk: .*not 0/, () => x().chunk(0)],
  ["half a pad", ShapeError, /^pad: \[1\] must hold two/, () => x().pad([1])],
  ["a pad of too many dimensions", ShapeError, /^pad: .*at most 2 dimensions/, () => x().pad([1, 1, 1, 1, 1, 1])],
  ["a pad of a fraction", ShapeError, /^pad: \[0.5, 0\] must hold two whole numbers/, () => x().pad([0.5, 0])],
  ["a pad that cuts off too much", ShapeError, /^pad: .*cuts off more/, () => x().pad([-2, -2])],
  ["t of three dimensions", ShapeError, /^t: .*use transpose/, () => zeros([1, 2, 3]).t()],
  ["item of many", ShapeError, /^item: .*\[2, 3\].*toArray/, () => x().item()],
  ["item of none", ShapeError, /^item: .*\[0\]/, () => zeros([0]).item()],
  ["an extreme of nothing", ShapeError, /^amax: no elements .*\[0, 2\]/, () => zeros([0, 2]).amax(0)],
  ["the place of an extreme of nothing", ShapeError, /^argmin: no elements/, () => zeros([0]).argmin()],
  [
    "rows of two lengths",
    ShapeError,
    /^tensor: rows differ in length: dimension 1 has 2 elements in the first row and 1/,
    () => tensor([[1, 2], [3]]),
  ],
  ["rows and numbers", ShapeError, /^tensor: rows differ in length/, () => tensor([[1, 2], 3])],
  ["numbers and rows", ShapeError, /^tensor: rows are nested to different depths/, () => tensor([1, [2]])],
  ["a negative size", ShapeError, /^zeros: \[-1\] is no shape/, () => zeros([-1])],
  ["a size that is no whole number", ShapeError, /^ones: \[1.5\] is no shape/, () => ones([1.5])],
  ["a size that is no number", ShapeError, /^randn: \[NaN\] is no shape/, () => randn([Number.NaN])],
  [
    "a number for a shape",
    ShapeError,
    /^zeros: a shape is an array of sizes, such as \[2, 3\]; got 3/,
    () => zeros(wrong(3)),
  ],
  ["eye", ShapeError, /^eye: \[-1, -1\] is no shape/, () => eye(-1)],
  [
    "indices of another rank",
    ShapeError,
    /^gather: indices of shape \[1\] do not fit \[2, 3\]/,
    () => x().gather(1, ints([0])),
  ],
  [
    "indices of a larger size",
    ShapeError,
    /^gather: indices of shape \[3, 1\]/,
    () => x().gather(1, ints([[0], [0], [0]])),
  ],
  [
    "a matrix of indices",
    ShapeError,
    /^indexSelect: the index must be a vector, got \[1, 1\]/,
    () => x().indexSelect(0, ints([[1]])),
  ],
  [
    "scatterAdd of too few values",
    ShapeError,
    /^scatterAdd: indices of shape \[1, 2\]/,
    () => x().scatterAdd(0, ints([[0, 0]]), ones([1, 1])),
  ],
  [
    "oneHot of no classes",
    ShapeError,
    /^oneHot: the number of classes must be 1 or more, not 0/,
    () => ints([0]).oneHot(0),
  ],
  ["a gradient of another shape", ShapeError, /^grad: a gradient of shape \[3\] does not fit a tensor of \[2\]/, () => { p().grad = ones([3]); }], // biome-ignore format: a row
  [
    "backward from another shape",
    ShapeError,
    /^backward: a gradient of shape \[3\]/,
    () =>
      p()
        .mul(2)
        .backward({ gradient: ones([3]) }),
  ],
  ["assign of another shape", ShapeError, /\[3\] and \[2\] do not broadcast/, () => p().assign(ones([3]))],
];

const dtypes: Mistake[] = [
  ["matmul of two dtypes", DTypeError, /^matmul: float32 and float64.*use to\(\)/, () => x().matmul(double([3, 2]))],
  ["matmul of bools", DTypeError, /^matmul: bool and bool/, () => bools().matmul(bools().t())],
  ["dot of two dtypes", DTypeError, /^dot: float32 and int32/, () => tensor([1]).dot(ints([1]))],
  ["a condition of numbers", DTypeError, /^where: the condition must be bool, not float32/, () => x().where(1, 2)],
  [
    "mean of whole numbers",
    DTypeError,
    /^mean: expects floats, got int32; use to\("float32"\)/,
    () => ints([1]).mean(),
  ],
  ["variance of whole numbers", DTypeError, /^variance: expects floats/, () => ints([1, 2]).variance()],
  ["softmax of whole numbers", DTypeError, /^softmax: expects floats/, () => ints([1, 2]).softmax(0)],
  ["norm of bools", DTypeError, /^norm: expects floats, got bool/, () => bools().norm()],
  ["neg of bools", DTypeError, /^neg: not defined for bool/, () => bools().neg()],
  ["sub of bools", DTypeError, /^sub: not defined for bool; use logicalXor/, () => bools().sub(bools())],
  ["whole numbers to a negative power", DTypeError, /^pow: .*\(-1\)/, () => ints([2]).pow(-1)],
  ["clamp without limits", DTypeError, /^clamp: give min, max or both/, () => x().clamp({})],
  ["an array as operand", DTypeError, /^add: .*an array \(make it a tensor first/, () => x().add(wrong([1]))],
  ["a string as operand", DTypeError, /^mul: expected a tensor or a number, got string/, () => x().mul(wrong("2"))],
  ["no operand", DTypeError, /^div: .*got undefined/, () => x().div(wrong(undefined))],
  ["null as operand", DTypeError, /^lt: .*got null/, () => x().lt(wrong(null))],
  [
    "a string as element",
    DTypeError,
    /^tensor: elements must be numbers or booleans, got string/,
    () => tensor(wrong(["a"])),
  ],
  ["a hole", DTypeError, /^tensor: .*got undefined/, () => tensor(wrong([1, undefined]))],
  ["bigints", DTypeError, /^tensor: cannot take a BigInt64Array/, () => tensor(new BigInt64Array(2))],
  ["NaN as a whole number", DTypeError, /^tensor: NaN is no int32/, () => ints([1, Number.NaN])],
  [
    "infinity as a whole number",
    DTypeError,
    /^full: Infinity is no int32/,
    () => full([2], Infinity, { dtype: "int32" }),
  ],
  [
    "a number beyond int32",
    DTypeError,
    /^tensor: 4294967295 is no int32/,
    () => tensor(new Uint32Array([1, 2 ** 32 - 1])),
  ],
  [
    "floats beyond int32",
    DTypeError,
    /^tensor: -3000000000 is no int32/,
    () => tensor(new Float64Array([-3e9]), { dtype: "int32" }),
  ],
  [
    "a dtype that is not there",
    DTypeError,
    /^zeros: there is no dtype "float16" \(there are: bool, int32, float32, float64\)/,
    () => zeros([2], { dtype: wrong("float16") }),
  ],
  ["to a dtype that is not there", DTypeError, /^to: there is no dtype "half"/, () => x().to(wrong("half"))],
  ["random whole numbers from rand", DTypeError, /^rand: gives floats, not int32/, () => rand([2], { dtype: "int32" })],
  [
    "float indices",
    DTypeError,
    /^gather: indices must be int32, not float32; use to\("int32"\)/,
    () => x().gather(1, x()),
  ],
  [
    "scatterAdd of two dtypes",
    DTypeError,
    /^scatterAdd: values are float64, the target is float32/,
    () => x().scatterAdd(0, ints([[0]]), double([1, 1])),
  ],
  ["oneHot of floats", DTypeError, /^oneHot: expects int32, got float32/, () => x().oneHot()],
  [
    "a whole number that requires a gradient",
    DTypeError,
    /^requiresGrad: only floats have gradients, not int32/,
    () => zeros([2], { dtype: "int32", requiresGrad: true }),
  ],
  ["the same, set later", DTypeError, /^requiresGrad: .*bool/, () => { bools().requiresGrad = true; }], // biome-ignore format: a row
  ["a gradient of another dtype", DTypeError, /^grad: a float64 gradient does not fit a float32 tensor/, () => { p().grad = double([2]); }], // biome-ignore format: a row
  [
    "backward from another dtype",
    DTypeError,
    /^backward: a float64 gradient/,
    () =>
      p()
        .mul(2)
        .backward({ gradient: double([2]) }),
  ],
];

const rmsprop = (options: object) => new optim.RMSprop([p()], options);
const sgd = (options: object) => new optim.SGD([p()], options);

const options: Mistake[] = [
  ["arange with step 0", OptionError, /^arange: cannot get from 0 to 1 in steps of 0/, () => arange(0, 1, 0)],
  ["arange the wrong way", OptionError, /^arange: cannot get from 1 to 0/, () => arange(1, 0)],
  ["arange to NaN", OptionError, /^arange: .*NaN/, () => arange(Number.NaN)],
  ["linspace of -1 steps", OptionError, /^linspace: .*-1/, () => linspace(0, 1, -1)],
  ["randint of nothing", OptionError, /^randint: .*3 and 3/, () => randint(3, 3, [2])],
  ["randint to NaN", OptionError, /^randint: .*NaN/, () => randint(0, Number.NaN, [2])],
  ["randperm", OptionError, /^randperm: .*-1/, () => randperm(-1)],
  ["a seed of NaN", OptionError, /^manualSeed: .*NaN/, () => manualSeed(Number.NaN)],
  [
    "a generator's state that is none",
    OptionError,
    /^setState: not a generator's state/,
    () => new Generator().setState(wrong({})),
  ],
  [
    "gelu",
    OptionError,
    /^gelu: approximate must be "none" or "tanh", not "fast"/,
    () => x().gelu({ approximate: wrong("fast") }),
  ],
  ["a backend", OptionError, /^configure: there is no backend "cuda"/, () => configure({ backend: wrong("cuda") })],
  ["a device", DeviceError, /^to: there is no device "cuda" here/, () => tensor([1]).to(wrong("cuda"))],
  ...["lr", "eps", "alpha", "momentum", "weightDecay"].flatMap((name): Mistake[] => [
    [
      `RMSprop's ${name} below 0`,
      OptionError,
      new RegExp(`^RMSprop: ${name} must be .*-0.1`),
      () => rmsprop({ [name]: -0.1 }),
    ],
    [
      `RMSprop's ${name} NaN`,
      OptionError,
      new RegExp(`^RMSprop: ${name} must be .*NaN`),
      () => rmsprop({ [name]: Number.NaN }),
    ],
  ]),
  ...["lr", "momentum", "weightDecay"].flatMap((name): Mistake[] => [
    [`SGD's ${name} below 0`, OptionError, new RegExp(`^SGD: ${name} must be .*-1`), () => sgd({ [name]: -1 })],
    [`SGD's ${name} NaN`, OptionError, new RegExp(`^SGD: ${name} must be .*NaN`), () => sgd({ [name]: Number.NaN })],
  ]),
  ["nesterov without momentum", OptionError, /^SGD: nesterov needs a momentum/, () => sgd({ nesterov: true })],
  [
    "nesterov with dampening",
    OptionError,
    /^SGD: nesterov .*dampening of 0/,
    () => sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 }),
  ],
  [
    "options of a group",
    OptionError,
    /^SGD: lr must be .*-1/,
    () => new optim.SGD([{ params: [p()] }, { params: [p()], lr: -1 }]),
  ],
  ["no parameters", OptionError, /^optimizer: got an empty list of parameters/, () => new optim.RMSprop([])],
  [
    "a parameter that is computed",
    OptionError,
    /^optimizer: only leaves can be optimized/,
    () => new optim.SGD([p().mul(2)]),
  ],
  [
    "a parameter without gradient",
    OptionError,
    /^optimizer: every parameter needs requiresGrad/,
    () => new optim.SGD([x()]),
  ],
  ["a parameter twice", OptionError, /^optimizer: a parameter appears more than once/, () => { const q = p(); return new optim.SGD([{ params: [q] }, { params: [q] }]); }], // biome-ignore format: a row
];

/** A rule that makes something else of a parameter than a new value for it. */
class Odd extends optim.Optimizer<{ lr: number }> {
  constructor(
    params: Tensor[],
    private readonly make: (p: Tensor) => Tensor,
  ) {
    super(params, { lr: 1 });
  }
  update(p: Tensor): Tensor {
    return this.make(p);
  }
}

function oddStep(make: (p: Tensor) => Tensor): void {
  const q = p();
  q.grad = ones([2]);
  try {
    new Odd([q], make).step();
  } finally {
    expect(read(q)).toEqual([1, 2]);
  }
}

const rest: Mistake[] = [
  [
    "a rule that changes the shape",
    OptionError,
    /^update: the new value is float32 of shape \[\], the old one float32 of \[2\]/,
    () => oddStep((q) => q.sum()),
  ],
  ["a rule that changes the dtype", OptionError, /^update: the new value is float64/, () => oddStep((q) => q.double())],

  [
    "an index on the heap",
    IndexError,
    /^gather: index 3 is out of bounds for a dimension of size 3 \(0 to 2\)/,
    () => x().gather(1, ints([[3], [0]])),
  ],
  ["a negative index", IndexError, /^indexSelect: index -1 is out of bounds/, () => x().indexSelect(0, ints([0, -1]))],
  [
    "an index of scatterAdd",
    IndexError,
    /^scatterAdd: index 5 is out of bounds for a dimension of size 2/,
    () => x().scatterAdd(0, ints([[5]]), ones([1, 1])),
  ],
  ["a class", IndexError, /^oneHot: index 3 is out of bounds/, () => ints([3]).oneHot(3)],
  [
    "a computed index",
    IndexError,
    /an index was outside the bounds/,
    () =>
      x()
        .gather(1, ints([[3], [0]]).mul(1))
        .dataSync(),
  ],
  [
    "a computed index, fused into a sum",
    IndexError,
    /an index was outside the bounds/,
    () =>
      x()
        .indexSelect(0, ints([1]).add(1))
        .sum()
        .item(),
  ],
  [
    "a computed negative index",
    IndexError,
    /an index was outside the bounds/,
    () =>
      x()
        .indexSelect(1, ints([1]).neg())
        .toArray(),
  ],
  [
    "a computed index of scatterAdd",
    IndexError,
    /an index was outside the bounds/,
    () =>
      x()
        .scatterAdd(0, ints([[2]]).mul(1), ones([1, 1]))
        .dataSync(),
  ],
  [
    "an index in a view",
    IndexError,
    /out(side| of).*bounds/,
    () =>
      x()
        .gather(
          1,
          ints([
            [0, 5],
            [0, 0],
          ]).t(),
        )
        .dataSync(),
  ],

  [
    "backward from many elements",
    GradientError,
    /^backward: .*\[2\].*pass \{ gradient \}/,
    () => p().mul(2).backward(),
  ],
  [
    "backward from data",
    GradientError,
    /^backward: the tensor does not require a gradient/,
    () => x().sum().backward(),
  ],
  ["backward from noGrad", GradientError, /^backward: .*noGrad/, () => noGrad(() => p().sum()).backward()],
  ["backward from behind detach", GradientError, /^backward: .*detach/, () => p().detach().sum().backward()],
  ["backward twice", GradientError, /^backward: .*retainGraph: true/, () => { const l = p().square().sum(); l.backward(); l.backward(); }], // biome-ignore format: a row
  ["grad of what has no part", GradientError, /^grad: the outputs do not depend on input 1/, () => { const q = p(); grad(q.sum(), [q, p()]); }], // biome-ignore format: a row
  ["grad of data", GradientError, /^grad: the tensor does not require a gradient/, () => grad(x().sum(), p())],
  ["requiresGrad of a result", GradientError, /^requiresGrad: can only be changed on leaves/, () => { p().mul(2).requiresGrad = false; }], // biome-ignore format: a row
  ["assign to a result", GradientError, /^assign: can only change leaves/, () => p().mul(2).assign(1)],
  ["retainGrad of data", GradientError, /^retainGrad: the tensor does not require/, () => x().retainGrad()],
  [
    "noGrad around something async",
    GradientError,
    /^noGrad: the function must not be async/,
    () => noGrad(async () => 1),
  ],

  [
    "more memory than there is",
    DeviceError,
    /^out of memory: \d+ MB more .*4 GB/,
    () => ones([1]).expand([70_000, 70_000]).mul(2).dataSync(),
  ],
];

describe.each([
  ["shapes", shapes],
  ["dtypes", dtypes],
  ["options", options],
  ["places, gradients, memory", rest],
])("%s", (_, mistakes) => {
  test.each(mistakes)("%s: an error that says so, and nothing is lost", (_name, kind, message, call) => {
    // Things that are pending while the mistake is made.
    const q = tensor([10, 20], { requiresGrad: true });
    const optimizer = new optim.SGD([q], { lr: 1 });
    const before = q.mul(3);
    q.square().sum().backward();
    optimizer.step();
    const open = q.add(1);

    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(kind);
    expect(error).toBeInstanceOf(ThalwegError);
    expect((error as Error).name).toBe(kind.name);
    expect((error as Error).message).toMatch(message);

    expect([read(open), read(before), read(q), read(q.grad!)]).toEqual([
      [-9, -19],
      [30, 60],
      [-10, -20],
      [20, 40],
    ]);
    optimizer.zeroGrad();
    q.sum().backward();
    optimizer.step();
    expect(read(q)).toEqual([-11, -21]);
    expect(x().matmul(x().t()).toArray()).toEqual([
      [14, 32],
      [32, 77],
    ]);
  });
});

describe("values that are gone", () => {
  const KEEP = /changed by step\(\).*Read it .*before/;

  function trained() {
    const q = p();
    const optimizer = new optim.SGD([q], { lr: 1 });
    const step = () => {
      optimizer.zeroGrad();
      q.square().sum().backward();
      optimizer.step();
    };
    return { q, step };
  }

  /** What can be asked of a value that was recorded before the parameters moved on. */
  const uses: [string, (h: Tensor) => unknown][] = [
    ["read", (h) => h.dataSync()],
    ["read as arrays", (h) => h.toArray()],
    ["printed", (h) => String(h)],
    ["used", (h) => h.add(1)],
    ["used and summed", (h) => h.sum().item()],
    ["realized", (h) => h.realize()],
    ["part of a new loss", (h) => h.square().sum().backward()],
  ];

  test.each(uses)("an inner value %s after the next step", (_, use) => {
    const { q, step } = trained();
    const h = q.mul(2);
    h.square().sum().backward();
    step();
    step();
    expect(() => use(h)).toThrow(StaleError);
    expect(() => use(h)).toThrow(KEEP);
    expect(read(q)).toEqual([1, 2]);
    expect(read(q.mul(2))).toEqual([2, 4]);
  });

  test("an inner value read before the next step is there, and stays", () => {
    const { q, step } = trained();
    const h = q.mul(2);
    const kept = q.mul(4).realize();
    h.square().add(kept).sum().backward();
    step();
    expect(read(h)).toEqual([2, 4]);
    step();
    step();
    expect([read(h), read(kept)]).toEqual([
      [2, 4],
      [4, 8],
    ]);
  });

  test.each<[string, (loss: Tensor) => unknown]>([
    ["not read", () => {}],
    ["read at once", (loss) => loss.item()],
  ])("backward through a loss of two steps ago, %s", (_, look) => {
    const { q, step } = trained();
    const loss = q.square().exp().sum();
    look(loss);
    step();
    q.dataSync();
    step();
    q.dataSync();
    const gradient = read(q.grad!);
    expect(() => loss.backward()).toThrow(StaleError);
    expect(() => loss.backward()).toThrow(/backward/);
    expect([read(q), read(q.grad!)]).toEqual([[1, 2], gradient]);
    step();
    expect(read(q)).toEqual([-1, -2]);
  });

  test("assign moves a parameter on as a step does", () => {
    const q = p();
    const inner = q.mul(2);
    inner.exp();
    q.assign(7);
    q.assign(8);
    expect(() => inner.dataSync()).toThrow(StaleError);
    expect(read(q)).toEqual([8, 8]);
  });

  test("what was given back early", () => {
    const t = x();
    t.dispose();
    expect(() => t.toArray()).toThrow(StaleError);
    expect(() => t.add(1)).toThrow(StaleError);
    expect(read(x())).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("errors that come late", () => {
  test("a computed index that is out of bounds is an error each time it is read", () => {
    const y = x().indexSelect(0, ints([1]).add(4));
    expect(() => y.dataSync()).toThrow(IndexError);
    expect(() => y.dataSync()).toThrow(ThalwegError);
    expect(() => y.add(1).dataSync()).toThrow(ThalwegError);
  });

  test("a plan that needs too much memory changes nothing", () => {
    const q = p();
    const optimizer = new optim.SGD([q], { lr: 1 });
    q.sum().backward();
    optimizer.step();
    const huge = q.sum().expand([70_000, 70_000]).mul(2);
    for (let i = 0; i < 3; i++) expect(() => huge.dataSync()).toThrow(DeviceError);
    expect(read(q)).toEqual([0, 1]);
    expect(huge.slice(0, 0, 2).slice(1, 0, 2).sum().item()).toBe(8);
  });
});
