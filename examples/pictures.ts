/**
 * Draws the pictures of `docs/pictures.md` from runs on the cars: `node examples/dist/pictures.js` after the build.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import {
  compareRuns,
  confusionMatrix,
  type Figure,
  heatMap,
  lossCurves,
  metricCurves,
  parameterHistograms,
  predictedVsActual,
  stepSizes,
} from "@thalweg/plot";
import { trainOnCars } from "./carRuns.js";

const folder = new URL("../../docs/pictures/", import.meta.url);
const csv = readFileSync(new URL("../data/cars.csv", import.meta.url), "utf8");

const cars = await trainOnCars(csv);
const origins = await trainOnCars(csv, { task: "multiclass", epochs: 60 });
// One after the other: runs side by side would draw from the same random numbers.
const runs = [];
for (const lr of [0.0005, 0.005, 0.05]) {
  runs.push({ name: `lr ${lr}`, history: (await trainOnCars(csv, { lr })).history });
}

const lrs = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
const alphas = [0.5, 0.9, 0.99, 0.999];
const values: number[][] = [];
for (const alpha of alphas) {
  const row: number[] = [];
  for (const lr of lrs) row.push((await trainOnCars(csv, { lr, alpha, epochs: 15 })).history.best!.value);
  values.push(row);
}

const figures: Record<string, Figure> = {
  loss: lossCurves(cars.history, { yScale: "log" }),
  metric: metricCurves(origins.history, "accuracy", { height: 320 }),
  steps: stepSizes(cars.history),
  histograms: parameterHistograms(cars.history, { of: "gradient" }),
  predictions: predictedVsActual(cars.evaluation, { title: "Miles per gallon", width: 480 }),
  confusion: confusionMatrix(origins.evaluation, { title: "Where the cars come from", width: 480 }),
  compare: compareRuns(runs, { yScale: "log", height: 320 }),
  heat: heatMap(
    { x: lrs, y: alphas, values },
    {
      xLabel: "Learning rate",
      yLabel: "alpha",
      valueLabel: "best validation loss in 15 epochs",
      scale: "log",
      range: [0.12, 0.5],
      best: "min",
    },
  ),
};

mkdirSync(folder, { recursive: true });
for (const [name, figure] of Object.entries(figures)) {
  writeFileSync(new URL(`${name}.svg`, folder), figure.toSVG({ theme: "auto" }));
  process.stdout.write(`${name}: ${figure.alt}\n`);
}
