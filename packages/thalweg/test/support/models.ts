import { cat, type Tensor } from "thalweg";

/** What the models below are made of: x [24, 16], W [16, 16], b [16], all of positive and negative numbers. */
export interface Inputs {
  x: Tensor;
  W: Tensor;
  b: Tensor;
}

/** Losses that between them go through every kind of primitive, as networks do. */
export const models: Readonly<Record<string, (inputs: Inputs) => Tensor>> = {
  "a line": ({ x, b }) => x.mul(b).add(b).sub(1).pow(2).mean(),
  "two layers": ({ x, W, b }) => x.matmul(W).add(b).tanh().matmul(W).square().mean(),
  "cross entropy": ({ x, W, b }) =>
    x
      .matmul(W)
      .add(b)
      .relu()
      .matmul(W)
      .logSoftmax(1)
      .gather(1, x.argmax(1, { keepdim: true }))
      .mean()
      .neg(),
  gelu: ({ x, W, b }) => x.matmul(W).add(b).gelu().matmul(W).gelu({ approximate: "tanh" }).square().mean(),
  "normalised layers": ({ x, W, b }) => {
    const h = x.matmul(W);
    const centered = h.sub(h.mean(1, { keepdim: true }));
    return centered
      .mul(h.variance(1, { keepdim: true }).add(1e-5).rsqrt())
      .mul(b)
      .matmul(W)
      .square()
      .mean();
  },
  "layers that add": ({ x, W, b }) => {
    let h = x;
    for (let i = 0; i < 3; i++) h = h.add(h.matmul(W).add(b).sigmoid());
    return h.logsumexp(1).mean();
  },
  attention: ({ x, W, b }) => x.matmul(W).matmul(x.add(b).matmul(W).t()).div(4).softmax(1).matmul(x).square().mean(),
  "products and running sums": ({ x, W, b }) =>
    x.matmul(W).tanh().add(2).prod(1).log().mean().add(b.exp().cumsum(0).sum().sin()),
  "joined and cut": ({ x, W, b }) =>
    cat([x.matmul(W).sin(), x.mul(b).cos()], 1)
      .slice(1, 1, 30, 3)
      .flip(0)
      .pad([1, 2])
      .pow(3)
      .mean(),
  "extremes of a dimension": ({ x, W, b }) => x.matmul(W).max(0).values.mul(b).add(x.mul(b).amax(0)).sum(),
  "rows chosen by computed places": ({ x, W, b }) =>
    x.matmul(W).indexSelect(0, x.matmul(W).argmax(0)).mul(b).square().mean(),
  "limits and roots": ({ x, W, b }) =>
    x.matmul(W).clamp({ min: -1, max: 1 }).maximum(b).abs().add(0.1).sqrt().norm(3, 1).sum().add(b.softplus().std()),
};
