import {
  cat,
  clamp,
  div,
  dot,
  gather,
  grad,
  max,
  maximum,
  minimum,
  nn,
  pow,
  scatterAdd,
  stack,
  sub,
  type Tensor,
  tensor,
  where,
} from "thalweg";
import { describe, expect, test } from "vitest";
import { rules } from "../src/autograd/rules.js";
import { primitives } from "../src/graph/primitive.js";
import { read } from "./support/counting.js";
import { Chance } from "./support/program.js";

/** Values of an input: drawn from a range, at least 0.05 from each other and from whole numbers, or as given. */
interface Input {
  shape: number[];
  low?: number;
  high?: number;
  data?: number[];
}

interface Case {
  name: string;
  inputs: Input[];
  f: (...xs: Tensor[]) => Tensor | Tensor[];
  /** The gradient is not differentiable everywhere that it is asked for. */
  once?: boolean;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function valuesOf({ shape, low = -2.4, high = 2.4, data }: Input, seed: number): number[] {
  if (data !== undefined) return data;
  const n = sizeOf(shape);
  const chance = new Chance(seed + 1);
  // A random order of places at equal distances, so that extremes are clear and kinks far from finite differences.
  return chance.order(n).map((place) => {
    const x = low + ((high - low) * (place + 0.3 + 0.4 * chance.next())) / n;
    return Math.abs(x - Math.round(x)) < 0.02 ? x + 0.05 : x;
  });
}

const ints = (data: number[], shape = [data.length]): Tensor => tensor(data, { dtype: "int32" }).reshape(shape);

const any = (...shapes: number[][]): Input[] => shapes.map((shape) => ({ shape }));
const positive = (...shapes: number[][]): Input[] => shapes.map((shape) => ({ shape, low: 0.3, high: 2.6 }));

/** One case for each call of a list. */
function each(name: string, inputs: Input[], fs: Record<string, Case["f"]>, more: Partial<Case> = {}): Case[] {
  return Object.entries(fs).map(([call, f]) => ({ name: `${name} ${call}`, inputs, f, ...more }));
}

const unary = [
  "neg",
  "abs",
  "square",
  "exp",
  "expm1",
  "sin",
  "cos",
  "tanh",
  "sigmoid",
  "relu",
  "erf",
  "gelu",
  "softplus",
  "sign",
  "floor",
  "ceil",
  "round",
  "trunc",
  "clone",
] as const;
const ofPositive = ["sqrt", "rsqrt", "reciprocal", "log", "log1p"] as const;

/** What the rule of unfold makes of windows along a dimension. */
function adjointOfUnfold(windows: Tensor, shape: number[], dim: number, dilation = 1): Tensor {
  const operation = { x: { shape }, attr: [dim, windows.shape.at(-1), dilation] };
  return rules.unfold!(windows as never, operation as never)[0] as unknown as Tensor;
}

const cases: Case[] = [
  ...unary.map((name): Case => ({ name, inputs: any([2, 4]), f: (x) => x![name]() })),
  ...ofPositive.map((name): Case => ({ name, inputs: positive([2, 4]), f: (x) => x![name]() })),
  { name: "reciprocal of negative numbers", inputs: [{ shape: [4], low: -3, high: -0.3 }], f: (x) => x!.reciprocal() },
  { name: "log1p below 0", inputs: [{ shape: [4], low: -0.9, high: -0.1 }], f: (x) => x!.log1p() },
  { name: "gelu, tanh", inputs: any([2, 4]), f: (x) => x!.gelu({ approximate: "tanh" }) },
  { name: "gelu far out", inputs: [{ shape: [4], data: [-9, -5.5, 5.5, 9] }], f: (x) => x!.gelu() },
  {
    name: "softplus at 0, far below, and on both sides of its threshold",
    inputs: [{ shape: [8], data: [0, -1e-3, -30, -700, 15, 19.9, 20.1, 800] }],
    f: (x) => x!.softplus(),
  },
  {
    name: "sigmoid and tanh far out",
    inputs: [{ shape: [4], data: [-40, -8, 8, 40] }],
    f: (x) => [x!.sigmoid(), x!.tanh()],
  },
  { name: "exp of large numbers", inputs: [{ shape: [3], data: [-20, 3, 5] }], f: (x) => x!.exp().mul(1e-2) },

  // Two sources: equal shapes, one of size 1, missing dimensions, both broadcast, numbers.
  ...(["add", "sub", "mul", "maximum", "minimum"] as const).flatMap((name) =>
    [
      [
        [2, 3],
        [2, 3],
      ],
      [[2, 3], [3]],
      [
        [2, 1, 3],
        [4, 1],
      ],
      [[3], []],
      [[1], [2, 2, 2]],
    ].map(
      (shapes): Case => ({
        name: `${name} ${JSON.stringify(shapes)}`,
        inputs: any(...shapes),
        f: (x, y) => x![name](y!),
      }),
    ),
  ),
  ...[
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 1, 3],
      [4, 1],
    ],
    [[], [5]],
  ].flatMap((shapes): Case[] => [
    {
      name: `div ${JSON.stringify(shapes)}`,
      inputs: [...any(shapes[0]!), ...positive(shapes[1]!)],
      f: (x, y) => x!.div(y!),
    },
    {
      name: `pow ${JSON.stringify(shapes)}`,
      inputs: [...positive(shapes[0]!), ...any(shapes[1]!)],
      f: (x, y) => x!.pow(y!),
    },
  ]),
  ...each("numbers,", positive([2, 3]), {
    "x + 2": (x) => x!.add(2),
    "2 - x": (x) => sub(2, x!),
    "x · 3": (x) => x!.mul(3),
    "x / 3": (x) => x!.div(3),
    "2 / x": (x) => div(2, x!),
    "2 ** x": (x) => pow(2, x!),
    "max(x, 1.5)": (x) => maximum(x!, 1.5),
    "min(1.5, x)": (x) => minimum(1.5, x!),
    ...Object.fromEntries([0, 1, 2, 3, 4, 0.5, -0.5, -1, -2, 1.7].map((p) => [`x ** ${p}`, (x?: Tensor) => x!.pow(p)])),
  }),
  {
    name: "pow of negative numbers",
    inputs: any([2, 3]),
    f: (x) => [x!.pow(2), x!.pow(3), x!.pow(4), x!.pow(5), x!.pow(0)],
  },
  {
    name: "pow of negative numbers to whole tensors",
    inputs: any([2, 3]),
    f: (x) => x!.pow(tensor([2, 3, 4], { dtype: "float64" })),
  },
  {
    name: "a tensor with itself",
    inputs: positive([3]),
    f: (x) => [x!.mul(x!), x!.div(x!.add(1)), x!.pow(x!), x!.sub(x!)],
  },
  {
    name: "where",
    inputs: any([2, 3], [3]),
    f: (x, y) =>
      where(
        tensor([
          [true, false, true],
          [false, false, true],
        ]),
        x!,
        y!,
      ),
  },
  {
    name: "where with a condition that is broadcast, and numbers",
    inputs: any([2, 3]),
    f: (x) => [
      where(tensor([[true], [false]]), x!, 3),
      where(tensor([true, false, true]), 3, x!),
      where(x!.gt(0), x!, x!.mul(2)),
    ],
  },
  ...each("clamp", any([3, 4]), {
    min: (x) => clamp(x!, { min: -0.98 }),
    max: (x) => clamp(x!, { max: 0.98 }),
    both: (x) => clamp(x!, { min: -0.98, max: 0.98 }),
    crossed: (x) => clamp(x!, { min: 1, max: -1 }),
  }),

  // Reductions, over each choice of dimensions.
  ...[undefined, 0, -1, [0, 2], [1], [0, 1, 2]].flatMap((dims) =>
    [false, true].flatMap((keepdim) =>
      each(`over ${JSON.stringify(dims) ?? "all"}${keepdim ? " kept" : ""},`, any([2, 3, 2]), {
        sum: (x) => x!.sum(dims, { keepdim }),
        mean: (x) => x!.mean(dims, { keepdim }),
        prod: (x) => x!.prod(dims, { keepdim }),
        amax: (x) => x!.amax(dims, { keepdim }),
        amin: (x) => x!.amin(dims, { keepdim }),
        logsumexp: (x) => x!.logsumexp(dims, { keepdim }),
        variance: (x) => x!.variance(dims, { keepdim }),
        "std, correction 0": (x) => x!.std(dims, { keepdim, correction: 0 }),
        norm: (x) => x!.norm(2, dims, { keepdim }),
      }),
    ),
  ),
  ...each("reductions of a matrix,", any([3, 4]), {
    "max of all": (x) => [x!.max(), x!.min()],
    "max of a dimension": (x) => [x!.max(1).values, x!.min(0, { keepdim: true }).values],
    "softmax 0": (x) => x!.softmax(0),
    "softmax -1": (x) => x!.softmax(-1),
    "logSoftmax 0": (x) => x!.logSoftmax(0),
    "logSoftmax 1": (x) => x!.logSoftmax(1),
    "cumsum 0": (x) => x!.cumsum(0),
    "cumsum 1": (x) => x!.cumsum(-1),
    "1-norm": (x) => x!.norm(1, 1),
    "3-norm": (x) => x!.norm(3, 0),
    "1.5-norm": (x) => x!.norm(1.5),
    "infinity-norm": (x) => [x!.norm(Infinity, 1), x!.norm(-Infinity)],
    "0-norm": (x) => x!.norm(0, 1).add(x!.sum()),
    "variance, correction 2": (x) => x!.variance(1, { correction: 2 }),
  }),
  {
    name: "reductions of one number",
    inputs: any([]),
    f: (x) => [x!.sum(), x!.mean(), x!.prod(), x!.amax(), x!.cumsum(0), x!.logsumexp()],
  },
  {
    name: "reductions of size 1",
    inputs: any([2, 1]),
    f: (x) => [x!.sum(1), x!.prod(1), x!.max(1).values, x!.amin(1), x!.logsumexp(1), x!.softmax(1), x!.norm(2, 1)],
  },
  { name: "sum over a long dimension", inputs: [{ shape: [1, 5000, 1] }], f: (x) => x!.square().sum(1), once: true },
  {
    name: "prod with a zero",
    inputs: [{ shape: [2, 3], data: [1.5, 0, -2, 0.5, 1.25, 3] }],
    f: (x) => [x!.prod(), x!.prod(1), x!.prod(0)],
  },
  {
    name: "prod with several zeros",
    inputs: [{ shape: [2, 3], data: [0, 0, -2, 0, 1.25, 0] }],
    f: (x) => [x!.prod(), x!.prod(1), x!.prod(0)],
    once: true,
  },
  {
    name: "equal numbers shared by logsumexp and softmax",
    inputs: [{ shape: [4], data: [1, 1, 1, 0] }],
    f: (x) => [x!.logsumexp(), x!.softmax(0)],
  },
  {
    name: "logsumexp and logSoftmax of large numbers",
    inputs: [{ shape: [3], data: [1000, 1001, 999] }],
    f: (x) => [x!.logsumexp(), x!.logSoftmax(0)],
  },

  // Movement.
  ...each("movement,", any([2, 3, 4]), {
    reshape: (x) => x!.reshape([4, -1]),
    view: (x) => x!.view([24]),
    permute: (x) => x!.permute([2, 0, 1]),
    transpose: (x) => x!.transpose(0, -1),
    T: (x) => x!.T,
    unsqueeze: (x) => [x!.unsqueeze(1), x!.unsqueeze(-1)],
    expand: (x) => x!.unsqueeze(2).expand([5, 2, 3, 2, -1]),
    flatten: (x) => [x!.flatten(), x!.flatten(1), x!.flatten(0, 1)],
    narrow: (x) => x!.narrow(1, 1, 2),
    select: (x) => [x!.select(0, 1), x!.select(-1, -2)],
    "slice from the end": (x) => x!.slice(2, -3, -1),
    "slice with a step": (x) => [x!.slice(2, 0, 4, 2), x!.slice(2, 1, 4, 2), x!.slice(1, 0, 3, 3)],
    "slice of a slice": (x) => x!.slice(2, 1, 4, 2).slice(1, 1).slice(0, 1, 2),
    "empty slice": (x) => [x!.slice(2, 2, 2).sum(), x!.sum()],
    unfold: (x) => [x!.unfold(2, 2, 1), x!.unfold(1, 3, 2), x!.unfold(0, 1, 1), x!.unfold(-1, 2, 2).unfold(1, 2, 1)],
    "unfold's gradient": (x) => [adjointOfUnfold(x!, [2, 6], 1), adjointOfUnfold(x!, [8, 3], 0, 2)],
    flip: (x) => [x!.flip(0), x!.flip([1, -1]), x!.flip([0, 1, 2])],
    "flip of a slice with a step": (x) => x!.slice(2, 0, 4, 3).flip(2),
    pad: (x) => [x!.pad([1, 2]), x!.pad([0, 1, 2, 0]), x!.pad([1, 1, 0, 2, 3, 0])],
    "pad that cuts": (x) => [x!.pad([-1, 0]), x!.pad([2, -1, -1, 1]), x!.pad([-1, -2, 0, 0, 1, -1])],
    "pad with a value": (x) => x!.pad([1, 1, 2, -1], 7),
    split: (x) => x!.split(2, 1).map((part, i) => part.mul(i + 1)),
    "split of sizes": (x) => x!.split([1, 3], 2).map((part, i) => part.square().mul(i + 1)),
    chunk: (x) => x!.chunk(3, -1).map((part, i) => part.mul(i + 1)),
  }),
  { name: "squeeze", inputs: any([1, 3, 1]), f: (x) => [x!.squeeze(), x!.squeeze(0), x!.squeeze([-1])] },
  { name: "t", inputs: any([2, 3]), f: (x) => x!.t() },
  { name: "expand of one number", inputs: any([]), f: (x) => x!.expand([2, 3]).square() },
  { name: "cat", inputs: any([2, 3], [1, 3], [2, 3]), f: (x, y, z) => cat([x!, y!, z!, x!], 0) },
  { name: "cat along the last dimension", inputs: any([2, 1], [2, 3]), f: (x, y) => cat([x!, y!.square()], -1) },
  {
    name: "stack",
    inputs: any([2, 3], [2, 3]),
    f: (x, y) => [stack([x!, y!, x!]), stack([x!, y!], -1), stack([y!, x!], 1)],
  },
  {
    name: "movements of movements",
    inputs: any([3, 4]),
    f: (x) =>
      x!
        .t()
        .slice(0, 0, 4, 3)
        .pad([1, -1])
        .flip(1)
        .reshape([-1])
        .unsqueeze(0)
        .expand([2, 6])
        .mul(x!.flatten().slice(0, 0, 12, 2)),
  },

  // Products, in all pairs of ranks.
  ...[
    [[3], [3]],
    [[3], [3, 2]],
    [[2, 3], [3]],
    [
      [2, 3],
      [3, 4],
    ],
    [
      [1, 3],
      [3, 1],
    ],
    [
      [2, 3],
      [3, 1],
    ],
    [
      [1, 3],
      [3, 2],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[3], [2, 3, 4]],
    [[2, 2, 3], [3]],
    [
      [2, 2, 3],
      [3, 2],
    ],
    [
      [2, 3],
      [2, 3, 2],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 2, 3],
      [1, 3, 2],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [
      [1, 2, 3],
      [2, 2, 3, 1],
    ],
  ].map(
    (shapes): Case => ({
      name: `matmul ${JSON.stringify(shapes)}`,
      inputs: any(...shapes),
      f: (x, y) => x!.matmul(y!),
    }),
  ),
  {
    name: "matmul of views",
    inputs: any([3, 2], [4, 3]),
    f: (x, y) => [x!.t().matmul(y!.t()), y!.matmul(x!), y!.slice(0, 0, 4, 2).matmul(x!.flip(0)), x!.t().matmul(x!)],
  },
  { name: "dot", inputs: any([4], [4]), f: (x, y) => [dot(x!, y!), dot(x!, x!)] },

  // Places.
  ...each("places,", any([3, 4]), {
    "gather 0, repeated": (x) => gather(x!, 0, ints([0, 2, 2, 1, 0, 2, 2, 2], [2, 4])),
    "gather 1, repeated": (x) => gather(x!, 1, ints([3, 3, 0, 0, 1, 2, 3, 2, 1, 1, 1, 1], [3, 4])),
    "gather of fewer rows": (x) => x!.gather(1, ints([3, 0], [2, 1])),
    "indexSelect, repeated": (x) => [x!.indexSelect(0, ints([2, 0, 2, 2])), x!.indexSelect(-1, ints([1]))],
    "by computed places": (x) => [x!.gather(1, x!.argmax(1, { keepdim: true })), x!.indexSelect(1, x!.argmin(0))],
  }),
  {
    name: "maxPool2d over windows side by side, and a rest",
    inputs: any([2, 5, 6]),
    f: (x) => nn.functional.maxPool2d(x!, [2, 3]).square(),
  },
  {
    name: "scatterAdd, repeated",
    inputs: any([3, 4], [2, 4]),
    f: (x, src) => scatterAdd(x!, 0, ints([0, 2, 2, 1, 0, 2, 1, 1], [2, 4]), src!),
  },
  {
    name: "scatterAdd of fewer places than values",
    inputs: any([3, 2], [3, 5]),
    f: (x, src) => x!.scatterAdd(1, ints([1, 1, 0, 0, 1, 1], [3, 2]), src!.square()),
  },

  // Programs.
  {
    name: "a network",
    inputs: any([4, 3], [3, 5], [5], [5, 2]),
    f: (x, W, b, V) =>
      x!
        .matmul(W!)
        .add(b!)
        .tanh()
        .matmul(V!)
        .logSoftmax(1)
        .gather(1, ints([0, 1, 1, 0], [4, 1]))
        .mean()
        .neg(),
  },
  {
    name: "a normalised layer",
    inputs: any([4, 5], [5], [5]),
    f: (x, scale, shift) =>
      x!
        .sub(x!.mean(1, { keepdim: true }))
        .div(x!.variance(1, { correction: 0, keepdim: true }).add(1e-5).sqrt())
        .mul(scale!)
        .add(shift!),
  },
  {
    name: "attention",
    inputs: any([3, 4], [3, 4], [3, 2]),
    f: (q, k, v) => q!.matmul(k!.t()).mul(0.5).softmax(-1).matmul(v!),
  },
  { name: "detach holds still", inputs: any([4]), f: (x) => x!.mul(x!.square().detach().mul(0).add(3)) },
];

const leaves = (inputs: Input[], values: number[][]): Tensor[] =>
  inputs.map(({ shape }, i) => tensor(values[i]!, { dtype: "float64" }).reshape(shape));

/** Weights that make every element count. */
const weights = (x: Tensor, k: number): Tensor =>
  tensor(
    Array.from({ length: x.numel }, (_, i) => 0.3 + ((i * 7 + k * 3 + 2) % 11) / 8),
    { dtype: "float64" },
  ).reshape(x.shape);

function loss({ f }: Case, xs: Tensor[]): Tensor {
  const outputs = [f(...xs)].flat();
  return outputs.map((y, k) => y.mul(weights(y, k)).sum()).reduce((a, b) => a.add(b));
}

/** A number made of all gradients of a case's loss, and how to differentiate it once more. */
function slope(one: Case, xs: Tensor[]): Tensor {
  for (const x of xs) x.requiresGrad = true;
  const l = loss(one, xs);
  if (l.requiresGrad) l.backward({ createGraph: true });
  let total: Tensor = tensor(0, { dtype: "float64" });
  xs.forEach((x, k) => {
    if (x.grad !== null) total = total.add(x.grad.mul(weights(x, k + 5)).sum());
    x.grad = null;
  });
  return total;
}

const replaced = (data: readonly number[], j: number, x: number): number[] => data.map((y, i) => (i === j ? x : y));

/** Compares gradients with central differences of `value`; the kinks of a case are further away than the step. */
function expectSlopes(values: number[][], gradients: (number[] | null)[], value: (values: number[][]) => number): void {
  const h = 1e-5;
  values.forEach((data, i) => {
    // Of long inputs a sample is enough.
    const stride = Math.max(1, Math.floor(data.length / 40));
    for (let j = 0; j < data.length; j += stride) {
      const at = (x: number) => value(values.map((other, k) => (k === i ? replaced(other, j, x) : other)));
      const wanted = (at(data[j]! + h) - at(data[j]! - h)) / (2 * h);
      const got = gradients[i]?.[j] ?? 0;
      expect(Math.abs(got - wanted), `input ${i} [${j}]: ${got}, differences say ${wanted}`).toBeLessThanOrEqual(
        2e-7 * Math.max(1, Math.abs(wanted)),
      );
    }
  });
}

const named = cases.map((one) => [one.name, one] as const);

describe("gradients agree with finite differences in float64", () => {
  test.each(named)("%s", (_, one) => {
    const values = one.inputs.map(valuesOf);
    const xs = leaves(one.inputs, values);
    for (const x of xs) x.requiresGrad = true;
    const l = loss(one, xs);
    if (l.requiresGrad) l.backward();
    const gradients = xs.map((x) => (x.grad === null ? null : read(x.grad)));
    for (const [i, x] of xs.entries()) {
      if (x.grad !== null) expect([x.grad.dtype, x.grad.shape, i]).toEqual(["float64", x.shape, i]);
    }
    expectSlopes(values, gradients, (moved) => loss(one, leaves(one.inputs, moved)).item());
  });
});

describe("gradients of gradients agree with finite differences of gradients", () => {
  test.each(named.filter(([, one]) => !one.once))("%s", (_, one) => {
    const values = one.inputs.map(valuesOf);
    const xs = leaves(one.inputs, values);
    const total = slope(one, xs);
    if (total.requiresGrad) total.backward();
    const gradients = xs.map((x) => (x.grad === null ? null : read(x.grad)));
    expectSlopes(values, gradients, (moved) => slope(one, leaves(one.inputs, moved)).item());
  });

  test("grad(grad) of grad(grad): derivatives of higher order", () => {
    const x = tensor([0.4, 1.3], { dtype: "float64", requiresGrad: true });
    let y: Tensor = x.sin();
    const expected = [Math.sin, Math.cos, (v: number) => -Math.sin(v), (v: number) => -Math.cos(v)];
    for (let order = 0; order < 9; order++) {
      read(y).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[order % 4]!([0.4, 1.3][i]!), 12);
      });
      [y] = grad(y.sum(), x, { createGraph: true }) as [Tensor];
    }
  });
});

/** Functions at places where there is no one slope, or no finite difference, with the slope that PyTorch chooses. */
const kinks: [string, (x: Tensor) => Tensor, number[], number[]][] = [
  ["relu", (x) => x.relu(), [-1, 0, 1], [0, 0, 1]],
  ["abs", (x) => x.abs(), [-1, 0, 1], [-1, 0, 1]],
  ["clamp at its limits", (x) => x.clamp({ min: -1, max: 1 }), [-1, 0, 1, 2], [0, 1, 0, 0]],
  ["maximum of equal numbers", (x) => x.maximum(1), [0, 1, 2], [0, 0.5, 1]],
  ["minimum of equal numbers", (x) => x.minimum(1), [0, 1, 2], [1, 0.5, 0]],
  ["amax of equal numbers", (x) => x.amax(), [3, 1, 3, 2], [0.5, 0, 0.5, 0]],
  ["max of all, equal numbers", (x) => max(x), [3, 1, 3, 2], [0.5, 0, 0.5, 0]],
  ["max of a dimension, equal numbers: the first", (x) => x.max(0).values, [3, 1, 3, 2], [1, 0, 0, 0]],
  ["min of a dimension, equal numbers: the first", (x) => x.min(0).values, [3, 1, 1, 2], [0, 1, 0, 0]],
  ["2-norm of zeros", (x) => x.norm(), [0, 0], [0, 0]],
  ["3-norm of zeros", (x) => x.norm(3), [0, 0], [0, 0]],
  ["std of equal numbers", (x) => x.std(), [2, 2, 2], [0, 0, 0]],
  ["sqrt at 0", (x) => x.sqrt(), [0, 4], [Infinity, 0.25]],
  ["0 to the power of 0", (x) => x.pow(0), [0, 2], [0, 0]],
  ["0 to the power of 2 and 1", (x) => x.pow(2).add(x.pow(1)), [0, 1], [1, 3]],
  [
    "x to a tensor of powers, at 0",
    (x) => x.pow(tensor([0, 1, 2, 3], { dtype: "float64" })),
    [0, 0, 0, 0],
    [0, 1, 0, 0],
  ],
  [
    "sign, floor, ceil, round, trunc",
    (x) => x.sign().add(x.floor()).add(x.ceil()).add(x.round()).add(x.trunc()),
    [0, 0.5, 1],
    [0, 0, 0],
  ],
  ["softplus far out", (x) => x.softplus(), [-1000, 0, 1000], [0, 0.5, 1]],
  ["where hides infinities", (x) => where(x.gt(0), x, 0).add(where(x.gt(0), x.detach(), 1).log()), [0, 1], [0, 1]],
  ["logsumexp with -∞", (x) => x.logsumexp(), [-Infinity, 0], [0, 1]],
  ["softmax with -∞", (x) => x.softmax(0).slice(0, 1, 2), [-Infinity, 0], [0, 0]],
  ["prod of zeros", (x) => x.prod(), [0, 0, 3], [0, 0, 0]],
  ["a cast there and back", (x) => x.mul(2).float().double().mul(3), [1, 2.5], [6, 6]],
];

describe("at kinks", () => {
  test.each(kinks)("%s", (_, f, at, expected) => {
    const x = tensor(at, { dtype: "float64", requiresGrad: true });
    f(x).sum().backward();
    expect(read(x.grad!).map((g) => g + 0)).toEqual(expected);
  });
});

describe("the table of rules", () => {
  test("every rule is exercised by a case above", () => {
    const table = rules as Record<string, (typeof rules)[string]>;
    const originals = { ...table };
    const used = new Set<string>();
    for (const [name, rule] of Object.entries(originals)) {
      table[name] = (g, operation) => {
        used.add(name);
        return rule(g, operation);
      };
    }
    try {
      for (const one of cases) {
        const xs = leaves(one.inputs, one.inputs.map(valuesOf));
        for (const x of xs) x.requiresGrad = true;
        const l = loss(one, xs);
        if (l.requiresGrad) l.backward();
      }
      for (const [, f, at] of kinks)
        f(tensor(at, { dtype: "float64", requiresGrad: true }))
          .sum()
          .backward();
    } finally {
      Object.assign(table, originals);
    }
    expect([...used].sort()).toEqual(Object.keys(originals).sort());
  });

  test("a primitive has a rule or is known to have no gradient", () => {
    const none = [
      ...["leaf", "scalar", "assign", "assignRows", "formula", "applied", "assignBy"],
      ...["detach", "position", "argmax", "argmin", "eq", "ne", "lt", "le", "not", "and", "or", "xor"],
    ];
    const without = primitives.map(({ name }) => name).filter((name) => !(name in rules));
    expect(without.sort()).toEqual(none.sort());
    const names = new Set(primitives.map(({ name }) => name));
    expect(Object.keys(rules).filter((name) => !names.has(name))).toEqual([]);
  });
});
