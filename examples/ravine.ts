/**
 * Draws `docs/ravine.svg`: plain gradient descent and RMSprop in one ravine, from one point, with as many steps.
 * `node examples/dist/ravine.js` after the build.
 */
import { writeFileSync } from "node:fs";
import * as Plot from "@observablehq/plot";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import { optim, type Tensor, tensor } from "thalweg";

const STEPS = 45;
const START: Point = [-9, 1.7];

type Point = [x: number, y: number];

/** Fifty times as steep across as it is along. */
const height = (x: number, y: number) => 0.05 * x ** 2 + 2.5 * y ** 2;

function walk(optimizerOf: (p: Tensor[]) => { zeroGrad(): void; step(): void }): Point[] {
  const x = tensor(START[0], { requiresGrad: true });
  const y = tensor(START[1], { requiresGrad: true });
  const optimizer = optimizerOf([x, y]);
  const path: Point[] = [[x.item(), y.item()]];
  for (let step = 0; step < STEPS; step++) {
    optimizer.zeroGrad();
    x.square().mul(0.05).add(y.square().mul(2.5)).backward();
    optimizer.step();
    path.push([x.item(), y.item()]);
  }
  return path;
}

// 0.4 is where plain gradient descent would begin to diverge across the ravine: larger steps it cannot take.
const descent = walk((p) => new optim.SGD(p, { lr: 0.385 }));
const rmsprop = walk((p) => new optim.RMSprop(p, { lr: 0.25, alpha: 0.9 }));

const paths: { name: string; label: string; at: Point; path: Point[]; colour: string }[] = [
  {
    name: "gradient descent",
    label: "gradient descent bounces between the walls",
    at: [-6.6, 1.45],
    path: descent,
    colour: "#d55e00",
  },
  { name: "RMSprop", label: "RMSprop follows the floor", at: [-3.4, -0.75], path: rmsprop, colour: "#0072b2" },
];
const levels = [0.02, 0.1, 0.3, 0.7, 1.3, 2.2, 3.5, 5.2, 7.4, 10, 13, 17];
const domain = { x: [-10.4, 2.4], y: [-2.1, 2.1] };

const svg = Plot.plot({
  document: new DOMImplementation().createDocument("http://www.w3.org/1999/xhtml", "html", null) as unknown as Document,
  width: 760,
  height: 330,
  margin: 0,
  ariaLabel: "Plain gradient descent bounces between the walls of a ravine; RMSprop follows its floor",
  style: `font: 15px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; background: #ffffff;`,
  x: { axis: null, domain: domain.x },
  y: { axis: null, domain: domain.y },
  color: { type: "sqrt", domain: [0, 17], range: ["#ffffff", "#c9d6df"] },
  marks: [
    Plot.frame({ fill: "#ffffff", stroke: "none" }),
    Plot.contour({
      fill: (x: number, y: number) => height(x, y),
      stroke: "#8fa3b0",
      strokeOpacity: 0.5,
      thresholds: levels,
      pixelSize: 8,
      x1: domain.x[0]!,
      x2: domain.x[1]!,
      y1: domain.y[0]!,
      y2: domain.y[1]!,
    }),
    ...paths.flatMap(({ path, colour }) => [
      Plot.line(path, { stroke: "#ffffff", strokeWidth: 5, strokeOpacity: 0.7, strokeLinejoin: "round" }),
      Plot.line(path, { stroke: colour, strokeWidth: 2.25, strokeLinejoin: "round" }),
      Plot.dot(path, { fill: colour, r: 3 }),
    ]),
    Plot.dot([START], { r: 6, fill: "#1f2933" }),
    Plot.dot([[0, 0]], { symbol: "star", r: 6, fill: "#1f2933" }),
    ...paths.map(({ label, at, colour }) =>
      Plot.text([at], {
        text: () => label,
        fill: colour,
        stroke: "#ffffff",
        strokeWidth: 5,
        fontSize: 17,
        fontWeight: 600,
        textAnchor: "start",
      }),
    ),
  ],
});

const path = new URL("../../docs/ravine.svg", import.meta.url);
writeFileSync(path, `${new XMLSerializer().serializeToString(svg as never)}\n`);
process.stdout.write(`after ${STEPS} steps\n`);
for (const { name, path } of paths) {
  const [x, y] = path[STEPS]!;
  process.stdout.write(
    `${name.padEnd(18)} ${x.toFixed(4)}, ${y.toFixed(4)}: height ${height(x, y).toExponential(2)}\n`,
  );
}
