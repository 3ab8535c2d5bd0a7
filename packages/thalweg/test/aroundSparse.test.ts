import { embedding, optim, type Tensor, tensor } from "thalweg";
import { loadOptimizer, saveOptimizer } from "thalweg/safetensors";
import { expect, test } from "vitest";

// Rows of a table that is trained sparsely are brought up to date when somebody looks: whoever reads or replaces
// parameters around an optimizer has to find what dense training gives.

interface Run {
  table: Tensor;
  optimizer: optim.RMSprop;
  average: optim.AveragedParameters;
}

/** What is done before a step and after it. */
interface Around {
  before?: (run: Run, seen: number[]) => void;
  after?: (run: Run, step: number) => void;
}

const arounds: Record<string, Around> = {
  "gradients clipped by norm": { before: ({ table }, seen) => seen.push(optim.clipGradNorm(table, 1).item()) },
  "gradients clipped by value": { before: ({ table }) => optim.clipGradValue(table, 0.5) },
  "an average": { after: ({ average }) => average.update() },
  "an average swapped in and out": {
    after: ({ average }, step) => {
      average.update();
      if (step % 3 === 1) average.during(() => {});
    },
  },
  "saved and loaded in the middle": {
    after: ({ optimizer, table }, step) => {
      if (step === 6) loadOptimizer(optimizer, saveOptimizer(optimizer, { table }), { table });
    },
  },
  "a learning rate range test in the middle": {
    after: ({ optimizer, table }, step) => {
      if (step !== 6) return;
      optim.lrRangeTest(optimizer, () => {
        optimizer.zeroGrad();
        const loss = table.square().sum();
        loss.backward();
        optimizer.step();
        return loss;
      });
    },
  },
};

function train(sparse: boolean, momentum: number, { before, after }: Around): number[] {
  const table = tensor(
    Array.from({ length: 40 }, (_, i) => [i / 7, -i, 0.3]),
    { requiresGrad: true, dtype: "float64" },
  );
  const optimizer = new optim.RMSprop([table], { lr: 0.1, momentum });
  const run = { table, optimizer, average: new optim.AveragedParameters([table]) };
  const seen: number[] = [];
  for (let step = 0; step < 12; step++) {
    optimizer.zeroGrad();
    const rows = tensor([step % 5, (step * 7) % 40, 3], { dtype: "int32" });
    embedding(table, rows, { sparse }).square().sum().backward();
    before?.(run, seen);
    optimizer.step();
    after?.(run, step);
  }
  return [...seen, ...table.dataSync(), ...run.average.averages[0]!.dataSync()];
}

test.each(
  Object.entries(arounds).flatMap(([name, around]) => [0, 0.9].map((momentum) => [name, momentum, around] as const)),
)("%s, momentum %d: a sparsely trained table equals the dense one", (_, momentum, around) => {
  const [sparse, dense] = [train(true, momentum, around), train(false, momentum, around)];
  sparse.forEach((x, i) => {
    expect(Math.abs(x - dense[i]!)).toBeLessThanOrEqual(1e-11 * Math.max(1, Math.abs(x)));
  });
});
