import {
  explain,
  lastPlan,
  manualSeed,
  nn,
  optim,
  randint,
  randn,
  scatterAdd,
  type Tensor,
  tensor,
  zeros,
} from "thalweg";
import { expect, test } from "vitest";
import { bitsOf } from "./support/counting.js";

const firstLine = (plan: string): string => plan.split("\n")[1]!;

test("a step of RMSProp moves what it must and no more: three arrays read, two written", () => {
  const n = 100_000;
  const p = randn([n], { requiresGrad: true });
  p.grad = randn([n]);
  const optimizer = new optim.RMSprop([p], { lr: 0.01 });
  for (let step = 0; step < 3; step++) optimizer.step();
  p.sum().item();
  // The sum that was read comes with the step, and so does its number.
  expect(firstLine(lastPlan())).toMatch(
    /^moves 20\d\d kB; each input read and each result written once would be 2000 kB$/,
  );
});

test("a plan tells what each kernel moves: an embedding only the rows that it looks up", () => {
  const table = randn([10_000, 16]);
  const rows = table.indexSelect(0, tensor([5, 7, 5], { dtype: "int32" }));
  expect(explain(rows)).toMatch(/1\. map over 48 points.*moves \d{3} B$/m);
  const large = randn([300, 200]);
  expect(explain(large.exp().sum(1))).toMatch(/1\. reduce .*moves 241 kB$/m);
});

test("what is computed from a product alone is stored in its place", () => {
  const [x, W, b, r] = [randn([70, 30]), randn([30, 40]), randn([40]), randn([70, 40])];
  const bits = (y: Tensor, reference: Tensor) => expect(bitsOf(y)).toBe(bitsOf(reference));
  const product = () => x.matmul(W);
  const there = product().realize();
  for (const then of [
    (y: Tensor) => y.add(b).tanh(),
    (y: Tensor) => y.mul(2).sub(r.exp()).relu(),
    (y: Tensor) => b.sub(y).mul(y),
  ]) {
    expect(explain(then(product()))).toMatch(/^1 kernels.*\n.*\n1\. special .*matmul\[70, 40\]; then /);
    bits(then(product()), then(there));
  }
  // The product itself is wanted too, or read elsewhere; or rows and columns do not say which bias it is.
  const z = product();
  bits(z.add(b).relu().add(z.sum()), there.add(b).relu().add(there.sum()));
  const [images, weight, bias] = [randn([3, 4, 8, 8]), randn([6, 4, 3, 3]), randn([6])];
  expect(explain(nn.functional.conv2d(images, weight, bias))).toMatch(/^2 kernels/);
  bits(
    nn.functional.conv2d(images, weight, bias),
    nn.functional
      .conv2d(images, weight)
      .realize()
      .add(bias.reshape([6, 1, 1])),
  );
});

test("the gradient of a cross-entropy is computed where it is read: nothing is scattered", () => {
  manualSeed(1);
  const x = randn([64, 10]);
  const W = zeros([10, 10], { requiresGrad: true });
  const optimizer = new optim.SGD([W], { lr: 0.1 });
  nn.functional.crossEntropy(x.matmul(W), randint(0, 10, [64])).backward();
  optimizer.step();
  W.sum().item();
  expect(lastPlan()).not.toMatch(/scatter/);
  expect(lastPlan()).toMatch(/matmul/);
});

test.each([
  [0, [1, 4, 3]],
  [1, [2, 1, 3]],
  [2, [2, 4, 1]],
])("values looked up once along dimension %i have the gradient of the general rule", (dim, shape) => {
  manualSeed(2);
  const x = randn([2, 4, 3], { requiresGrad: true });
  const index = randint(0, x.shape[dim]!, shape);
  const g = randn(shape);
  x.gather(dim, index).mul(g).sum().backward();
  expect(bitsOf(x.grad!)).toBe(bitsOf(scatterAdd(zeros([2, 4, 3]), dim, index, g)));
});

test("a cross-entropy reads its scores twice, keeps their exponentials, and writes the gradient from those", () => {
  manualSeed(3);
  const [rows, classes] = [512, 200];
  const scores = randn([rows, classes]);
  const target = randint(0, classes, [rows]);
  const gradient = (loss: (x: Tensor) => Tensor): { loss: Tensor; grad: Tensor } => {
    const x = scores.clone().detach().realize();
    x.requiresGrad = true;
    const value = loss(x);
    value.backward();
    return { loss: value, grad: x.grad!.realize() };
  };
  const got = gradient((x) => nn.functional.crossEntropy(x, target));
  const plan = lastPlan();
  const moved = Number(/^moves (\d+) kB/m.exec(plan)![1]) * 1000;
  expect(moved / (4 * rows * classes), plan).toBeLessThan(5.1);
  const long = gradient((x) => nn.functional.nllLoss(x.logSoftmax(1), target));
  expect(bitsOf(got.loss)).toBe(bitsOf(long.loss));
  expect(bitsOf(got.grad)).toBe(bitsOf(long.grad));
});
