/**
 * The gradients of the primitives: one rule each, in ordinary tensor code, so that rules are differentiable, fuse and
 * run on every device. A primitive without a rule has no gradient (comparisons, positions).
 */
import type { Node } from "../graph/node.js";
import { type Shape, sameShape } from "../graph/shape.js";
import { constant, where } from "../tensor/elementwise.js";
import { gather, matmul, positions, scatterAdd } from "../tensor/indexing.js";
import { expand, flip, narrow, overlap, permute, reshape, unfold } from "../tensor/movement.js";
import { cumsum } from "../tensor/reduce.js";
import { Tensor } from "../tensor/tensor.js";
import { padStrided } from "./strided.js";

/** What a rule knows of the operation: its sources, its result, its attributes, and whose gradient is wanted. */
export class Operation {
  constructor(private readonly node: Node) {}

  get x(): Tensor {
    return new Tensor(this.node.srcs[0]!);
  }
  get y(): Tensor {
    return new Tensor(this.node.srcs[1]!);
  }
  get z(): Tensor {
    return new Tensor(this.node.srcs[2]!);
  }
  get srcs(): readonly Tensor[] {
    return this.node.srcs.map((src) => new Tensor(src));
  }
  get out(): Tensor {
    return new Tensor(this.node);
  }
  get attr(): readonly number[] {
    return this.node.attr ?? [];
  }
  wants(i: number): boolean {
    return this.node.srcs[i]!.requiresGrad;
  }
}

type Gradient = Tensor | null;
/** From the gradient `g` of the result to the gradients of the sources (of wanted ones; null is zero). */
type Rule = (g: Tensor, operation: Operation) => readonly Gradient[];

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

/** Gives a rule of two sources only those parts that are wanted. */
const both =
  (left: (g: Tensor, o: Operation) => Tensor, right: (g: Tensor, o: Operation) => Tensor): Rule =>
  (g, o) => [
    o.wants(0) ? unbroadcast(left(g, o), o.x.shape) : null,
    o.wants(1) ? unbroadcast(right(g, o), o.y.shape) : null,
  ];

/** The gradient of a staircase. */
const flat: Rule = (_, { x }) => [constant(x.shape, 0, x.dtype)];

export const rules: Readonly<Record<string, Rule>> = {
  neg: (g) => [g.neg()],
  abs: (g, { x }) => [g.mul(x.sign())],
  square: (g, { x }) => [g.mul(x.mul(2))],
  sqrt: (g, { out }) => [g.div(out.mul(2))],
  rsqrt: (g, { out }) => [g.mul(out.square().mul(out)).mul(-0.5)],
  reciprocal: (g, { out }) => [g.mul(out.square()).neg()],
  exp: (g, { out }) => [g.mul(out)],
  expm1: (g, { out }) => [g.mul(out.add(1))],
  log: (g, { x }) => [g.div(x)],
  log1p: (g, { x }) => [g.div(x.add(1))],
  sin: (g, { x }) => [g.mul(x.cos())],
  cos: (g, { x }) => [g.mul(x.sin()).neg()],
  tanh: (g, { out }) => [g.mul(oneMinus(out.square()))],
  sigmoid: (g, { out }) => [g.mul(out.mul(oneMinus(out)))],
  relu: (g, { out }) => [where(out.le(0), 0, g)],
  erf: (g, { x }) => [g.mul(x.square().neg().exp().mul(TWO_OVER_SQRT_PI))],
  cast: (g, { x }) => [g.to(x.dtype)],
  sign: flat,
  floor: flat,
  ceil: flat,
  round: flat,
  trunc: flat,

  add: both(
    (g) => g,
    (g) => g,
  ),
  sub: both(
    (g) => g,
    (g) => g.neg(),
  ),
  mul: both(
    (g, { y }) => g.mul(y),
    (g, { x }) => g.mul(x),
  ),
  div: both(
    (g, { y }) => g.div(y),
    (g, { x, y }) => g.mul(x.div(y).div(y)).neg(),
  ),
  pow: both(
    (g, { x, y }) => where(y.eq(0), 0, g.mul(y.mul(x.pow(y.sub(1))))),
    (g, { x, y, out }) => g.mul(where(x.eq(0).logicalAnd(y.ge(0)), 0, out.mul(x.log()))),
  ),
  // Equal operands share the gradient.
  maximum: both(
    (g, { x, y }) => g.mul(share(x, y)),
    (g, { x, y }) => g.mul(share(y, x)),
  ),
  minimum: both(
    (g, { x, y }) => g.mul(share(y, x)),
    (g, { x, y }) => g.mul(share(x, y)),
  ),
  where: (g, o) => [
    null,
    o.wants(1) ? unbroadcast(where(o.x, g, 0), o.y.shape) : null,
    o.wants(2) ? unbroadcast(where(o.x, 0, g), o.z.shape) : null,
  ],

  reshape: (g, { x }) => [reshape(g, x.shape)],
  permute: (g, { attr }) => [
    permute(
      g,
      attr.map((_, d) => attr.indexOf(d)),
    ),
  ],
  expand: (g, { x }) => [unbroadcast(g, x.shape)],
  slice: (g, { x, attr }) => [padStrided(g, x.shape, attr)],
  unfold: (g, { x, attr }) => [overlap(g, x.shape, attr)],
  overlap: (g, { attr: [dim, size, dilation] }) => [unfold(g, dim!, size!, 1, dilation)],
  pad: (g, { x, attr }) => [x.shape.reduce((part, size, d) => narrow(part, d, attr[d]!, size), g)],

  sum: (g, { x, attr }) => [expand(kept(g, x.shape, attr), x.shape)],
  prod: (g, { x, out, attr }) => [kept(g, x.shape, attr).mul(productOfOthers(x, kept(out, x.shape, attr), attr))],
  // Elements that are equally extreme share the gradient.
  max: (g, { x, out, attr }) => [extremes(g, x, out, attr)],
  min: (g, { x, out, attr }) => [extremes(g, x, out, attr)],

  cat: (g, o) => {
    const dim = o.attr[0]!;
    let start = 0;
    return o.srcs.map((src, i) => {
      const length = src.shape[dim]!;
      start += length;
      return o.wants(i) ? narrow(g, dim, start - length, length) : null;
    });
  },
  matmul: (g, o) => [o.wants(0) ? matmul(g, transposed(o.y)) : null, o.wants(1) ? matmul(transposed(o.x), g) : null],
  chosen: (g, { y, z }) => [null, null, unchosen(g, y, z.shape)],
  gather: (g, { x, y, attr }) => [ungathered(g, x, y, attr[0]!)],
  scatterAdd: (g, o) => [o.wants(0) ? g : null, null, o.wants(2) ? gather(g, o.attr[0]!, o.y) : null],
  cumsum: (g, { attr }) => [flip(cumsum(flip(g, attr[0]!), attr[0]!), attr[0]!)],
};

const oneMinus = (x: Tensor): Tensor => x.neg().add(1);

/**
 * The gradient of values that were looked up along a dimension. Where one was taken from each row (as of a loss that takes
 * each row's class), it is a comparison with the place, computed wherever it is read, and nothing is scattered.
 */
function ungathered(g: Tensor, x: Tensor, index: Tensor, dim: number): Tensor {
  const single = x.shape.every((n, d) => index.shape[d] === (d === dim ? 1 : n));
  if (!single) return scatterAdd(constant(x.shape, 0, x.dtype), dim, index, g);
  return where(index.eq(positions(x.shape, dim)), g, 0);
}

/** The gradient of elements chosen from windows [..., place, element, place, element]: computed wherever it is read. */
function unchosen(g: Tensor, place: Tensor, shape: Shape): Tensor {
  const pairs = shape.length - g.shape.length;
  const first = g.shape.length - pairs;
  const isElement = (d: number) => d > first && (d - first) % 2 === 1;
  let at: Tensor | null = null;
  shape.forEach((size, d) => {
    if (isElement(d)) at = at === null ? positions(shape, d) : at.mul(size).add(positions(shape, d));
  });
  const one = shape.map((size, d) => (isElement(d) ? 1 : size));
  // Plus zero: as where the gradients of all elements add up, -0 does not come out.
  return where(reshape(place, one).eq(at!), reshape(g, one), 0).add(0);
}

/** 1 where x is not the lesser, 0.5 where both are equal. */
const share = (x: Tensor, y: Tensor): Tensor => where(x.eq(y), 0.5, where(x.lt(y), 0, 1)).to(x.dtype);

const transposed = (x: Tensor): Tensor => x.transpose(-1, -2);

/** The gradient of something that was broadcast: summed over the dimensions that were repeated. */
function unbroadcast(g: Tensor, shape: Shape): Tensor {
  if (sameShape(g.shape, shape)) return g;
  const skip = g.shape.length - shape.length;
  const dims = g.shape.map((_, d) => d).filter((d) => d < skip || (shape[d - skip] === 1 && g.shape[d] !== 1));
  return dims.length === 0 ? reshape(g, shape) : reshape(g.sum(dims), shape);
}

/** A reduction's result, or its gradient, with the reduced dimensions of size 1 in place. */
function kept(g: Tensor, shape: Shape, dims: readonly number[]): Tensor {
  return reshape(
    g,
    shape.map((size, d) => (dims.includes(d) ? 1 : size)),
  );
}

/** For each element the product of all others: by division, except around zeros. */
function productOfOthers(x: Tensor, product: Tensor, dims: readonly number[]): Tensor {
  const zero = x.eq(0);
  const zeros = zero.to("int32").sum(dims, { keepdim: true });
  const ofNonzero = where(zero, 1, x).prod(dims, { keepdim: true });
  const atZero = where(zeros.eq(1), ofNonzero, 0);
  return where(zero, atZero, product.div(where(zero, 1, x)));
}

function extremes(g: Tensor, x: Tensor, out: Tensor, dims: readonly number[]): Tensor {
  // A NaN is more extreme than any number.
  const hit = x
    .eq(kept(out, x.shape, dims))
    .logicalOr(x.isnan())
    .to(x.dtype);
  const reduced = dims.filter((d) => d >= 0);
  return hit.div(hit.sum(reduced, { keepdim: true })).mul(kept(g, x.shape, reduced));
}
