/**
 * Draws `docs/ravine.svg`: plain gradient descent and RMSprop in one valley, from one point, with as many steps.
 * `node examples/dist/ravine.js` after the build.
 */
import { writeFileSync } from "node:fs";
import { contour } from "@thalweg/plot";
import { optim, type Tensor, tensor } from "thalweg";

const STEPS = 60;
const START = [-9, 1.78] as const;

/** A winding valley, fifty times as steep across as it falls along. Numbers and tensors have one formula each. */
const height = (x: number, y: number) => 0.05 * x ** 2 + 2.5 * (y - 0.55 * Math.sin(0.55 * x)) ** 2;
const heightOf = (x: Tensor, y: Tensor) =>
  x
    .square()
    .mul(0.05)
    .add(y.sub(x.mul(0.55).sin().mul(0.55)).square().mul(2.5));

function walk(optimizerOf: (p: Tensor[]) => { zeroGrad(): void; step(): void }): [number, number][] {
  const x = tensor(START[0], { requiresGrad: true });
  const y = tensor(START[1], { requiresGrad: true });
  const optimizer = optimizerOf([x, y]);
  const path: [number, number][] = [[x.item(), y.item()]];
  for (let step = 0; step < STEPS; step++) {
    optimizer.zeroGrad();
    heightOf(x, y).backward();
    optimizer.step();
    path.push([x.item(), y.item()]);
  }
  return path;
}

const rmsprop = walk((p) => new optim.RMSprop(p, { lr: 0.2, alpha: 0.95 }));
// 0.4 is where plain gradient descent would begin to diverge across the valley: much larger steps it cannot take.
const descent = walk((p) => new optim.SGD(p, { lr: 0.378 }));

const figure = contour(height, {
  xRange: [-10.4, 2.4],
  yRange: [-2.1, 2.1],
  paths: [
    { name: "RMSprop", points: rmsprop, note: { text: "RMSProp follows its floor", at: [-2.5, -1.3] } },
    {
      name: "gradient descent",
      points: descent,
      note: { text: "gradient descent bounces between the walls", at: [-6.6, 1.35] },
    },
  ],
  minimum: [0, 0],
  axes: false,
  width: 800,
  height: 380,
});
writeFileSync(new URL("../../docs/ravine.svg", import.meta.url), figure.toSVG({ theme: "auto" }));
process.stdout.write(`${figure.alt}\n`);
