import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Generator, optim, randn, type Tensor, tensor, zeros } from "thalweg";
import { expect, test } from "vitest";

/**
 * The numbers of docs/dialects.md come from here: each table stands in the page between `<!-- name -->` and
 * `<!-- end -->`. With UPDATE_DOCS=1 the tables are written; otherwise they must be the ones that stand there.
 */
const file = fileURLToPath(new URL("../../../docs/dialects.md", import.meta.url));

type Name = keyof typeof optim.dialects;
type Options = Partial<optim.RMSpropOptions>;

const titles: Record<Name, string> = {
  pytorch: "PyTorch",
  tensorflow1: "TensorFlow 1, timm",
  keras: "Keras 3",
  tensorflowjs: "TensorFlow.js",
  optax: "optax",
  hinton: "Hinton",
  graves: "Graves",
};
const names = Object.keys(titles) as Name[];

/** The dialect's formula and defaults, except for one learning rate for all. */
const make = (name: Name, params: Tensor[], options: Options): optim.RMSprop =>
  new optim.RMSprop(params, { ...optim.dialects[name], lr: 0.01, momentum: 0, centered: false, ...options });

/** The sizes of all steps from `count` equal gradients, for each of some gradients, in units of the learning rate. */
function stepsOf(name: Name, gradients: number[], count: number, options: Options = {}): number[][] {
  const p = zeros([gradients.length], { dtype: "float64", requiresGrad: true });
  const optimizer = make(name, [p], options);
  const { lr } = optimizer.paramGroups[0]!;
  const steps: number[][] = [];
  for (let i = 0; i < count; i++) {
    const before = Array.from(p.dataSync(), Number);
    p.grad = tensor(gradients, { dtype: "float64" });
    optimizer.step();
    steps.push(Array.from(p.dataSync(), (after, j) => (before[j]! - Number(after)) / lr));
  }
  return steps;
}

const short = (x: number): string => (x >= 1000 || x < 0.001 ? x.toExponential(1) : x.toPrecision(2));

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

function firstSteps(): string {
  const at = [1, 2, 10, 30, 100, 300];
  const rows = names.map((name) => {
    const steps = stepsOf(name, [0.01], 300);
    return [titles[name], ...at.map((step) => short(steps[step - 1]![0]!))];
  });
  return table(["step", ...at.map(String)], rows);
}

function smallGradients(): string {
  const gradients = [1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8];
  const rows = names.map((name) => [titles[name], ...stepsOf(name, gradients, 2000).at(-1)!.map(short)]);
  return table(["gradient", ...gradients.map(String)], rows);
}

function lowerRate(): string {
  const at = [1, 2, 5, 10, 20, 40];
  const rows = names.map((name) => {
    const p = zeros([1], { dtype: "float64", requiresGrad: true });
    const optimizer = make(name, [p], { momentum: 0.9 });
    const steps: number[] = [];
    for (let i = 0; i < 1040; i++) {
      if (i === 1000) optimizer.paramGroups[0]!.lr = 0.001;
      const before = p.item();
      p.grad = tensor([1], { dtype: "float64" });
      optimizer.step();
      if (i >= 1000) steps.push((before - p.item()) / 0.001 / 10);
    }
    return [titles[name], ...at.map((step) => short(steps[step - 1]!))];
  });
  return table(["steps after the change", ...at.map(String)], rows);
}

/** How many steps least squares takes to a hundredth of its first loss, if the loss is measured in other units. */
function units(): string {
  const generator = new Generator().manualSeed(2012);
  const x = randn([100, 4], { generator });
  const y = x.matmul(tensor([[1], [-1], [2], [-2]]));
  const factors = [1e4, 1, 1e-2, 1e-4, 1e-6];
  const most = 5000;
  const needed = (name: Name, factor: number): string => {
    const w = zeros([4, 1], { requiresGrad: true });
    const optimizer = make(name, [w], {});
    let enough = 0;
    for (let step = 0; step <= most; step++) {
      const loss = x.matmul(w).sub(y).square().mean().mul(factor);
      if (step === 0) enough = loss.item() / 100;
      if (loss.item() < enough) return String(step);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
    }
    return `over ${most}`;
  };
  const rows = names.map((name) => [titles[name], ...factors.map((factor) => needed(name, factor))]);
  return table(["loss times", ...factors.map(String)], rows);
}

test.each([
  ["first steps", firstSteps],
  ["small gradients", smallGradients],
  ["a lower rate", lowerRate],
  ["units of the loss", units],
])("docs/dialects.md shows what a run gives: %s", (name, compute) => {
  const page = readFileSync(file, "utf8");
  const pattern = new RegExp(`(<!-- ${name} -->\\n\\n)([^]*?)(\\n\\n<!-- end -->)`);
  const numbers = compute();
  if (process.env.UPDATE_DOCS === "1") {
    writeFileSync(
      file,
      page.replace(pattern, (_, open: string, _old: string, close: string) => open + numbers + close),
    );
  } else expect(pattern.exec(page)?.[2]).toBe(numbers);
});
