/** The minimum of Rosenbrock's valley, by several update rules. */
import process from "node:process";
import { optim, type Tensor, tensor } from "thalweg";

const { rosenbrock } = optim.testFunctions;

const rules: [name: string, options: optim.MinimizeOptions<Tensor>][] = [
  ["L-BFGS (the default)", {}],
  ["RMSprop", { optimizer: (params) => new optim.RMSprop(params, { lr: 0.002, alpha: 0.9 }) }],
  ["SGD, momentum 0.9", { optimizer: (params) => new optim.SGD(params, { lr: 0.0005, momentum: 0.9 }) }],
  ["SGD, too fast", { optimizer: (params) => new optim.SGD(params, { lr: 0.01 }) }],
];

process.stdout.write(`${rosenbrock.formula}, from (${rosenbrock.start.join(", ")})\n\n`);
process.stdout.write(
  `${"".padEnd(22)}${"x".padStart(9)}${"y".padStart(9)}${"f(x, y)".padStart(10)}${"steps".padStart(7)}   stopped by\n`,
);
for (const [name, options] of rules) {
  const start = tensor(Float64Array.from(rosenbrock.start));
  const { x, value, steps, reason } = optim.minimize((at) => rosenbrock.evaluate(at), start, {
    maxSteps: 3000,
    ...options,
  });
  const [first, second] = Array.from(x.dataSync(), (v) => v.toFixed(4).padStart(9));
  const row = [name.padEnd(22), first, second, value.toExponential(1).padStart(10), String(steps).padStart(7)];
  process.stdout.write(`${row.join("")}   ${reason}\n`);
}
