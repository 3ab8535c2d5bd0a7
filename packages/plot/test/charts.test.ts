import { readFileSync } from "node:fs";
import {
  compareRuns,
  confusionMatrix,
  contour,
  type Figure,
  type HistoryData,
  heatMap,
  histogram,
  lossCurves,
  metricCurves,
  parameterHistograms,
  predictedVsActual,
  stepSizes,
} from "@thalweg/plot";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trainOnCars } from "../../../examples/carRuns.js";
import { clip } from "../src/charts/clip.js";
import { corners, parse } from "./svg.js";

const csv = readFileSync(new URL("../../../examples/data/cars.csv", import.meta.url), "utf8");
const cars = await trainOnCars(csv);
const origins = await trainOnCars(csv, { task: "multiclass", epochs: 20 });
const { history } = cars;
const settings = {
  x: [0.001, 0.01, 0.1],
  y: [0.9, 0.99],
  values: [
    [0.4, 0.2, Number.NaN],
    [0.5, 0.125, 0.75],
  ],
};
const bowl = (x: number, y: number) => x ** 2 + 4 * y ** 2;
const spiral = Array.from({ length: 40 }, (_, i): [number, number] => [
  3 * 0.93 ** i * Math.cos(i / 3),
  3 * 0.93 ** i * Math.sin(i / 3),
]);
const plane = { xRange: [-2, 2], yRange: [-1, 1] } as const;

const charts: Record<string, Figure> = {
  lossCurves: lossCurves(history, { title: "Loss" }),
  "lossCurves by step": lossCurves(history, { x: "step", yScale: "log" }),
  metricCurves: metricCurves(history, "mae"),
  compareRuns: compareRuns([
    { name: "one", history },
    { name: "other", history: origins.history },
  ]),
  stepSizes: stepSizes(history, { title: "Step sizes" }),
  parameterHistograms: parameterHistograms(history),
  gradients: parameterHistograms(origins.history, { of: "gradient" }),
  histogram: histogram(Float32Array.of(1, 2, 2, 3, 3, 3)),
  predictedVsActual: predictedVsActual(cars.evaluation),
  confusionMatrix: confusionMatrix(origins.evaluation),
  contour: contour(bowl, { ...plane, paths: [{ name: "spiral", points: spiral }], minimum: [0, 0] }),
  heatMap: heatMap(settings, { xLabel: "lr", yLabel: "alpha", best: "min" }),
};

describe.each(Object.entries(charts))("%s", (_, figure) => {
  it("is one picture with a sentence, in every theme and width", () => {
    for (const theme of ["light", "dark", "auto"] as const) {
      for (const width of [undefined, 358]) {
        const svg = figure.toSVG({ theme, ...(width === undefined ? {} : { width }) });
        const { root, elements } = parse(svg);
        expect(root.getAttribute("role")).toBe("img");
        expect(root.getAttribute("aria-label")).toBe(figure.alt);
        expect(elements("g").some((g) => g.hasAttribute("aria-label"))).toBe(false);
        if (width !== undefined) expect(root.getAttribute("viewBox")).toMatch(/^0 0 358 /);
        expect(svg.replace(/aria-label="[^"]*"/, "")).not.toMatch(/NaN|undefined|Infinity/);
        expect(svg.includes("var(--tw-ink)")).toBe(theme === "auto");
        expect(svg.includes("prefers-color-scheme")).toBe(theme === "auto");
      }
    }
  });

  it("is the same bytes each time", () => {
    expect(figure.toSVG()).toBe(figure.toSVG());
  });

  it("has a form in text and a table", () => {
    expect(figure.toText({ columns: 70 }).split("\n").length).toBeGreaterThan(3);
    expect(figure.toText()).not.toMatch(/undefined/);
    const { columns, rows } = figure.table;
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) expect(row).toHaveLength(columns.length);
  });
});

describe("curves of a run", () => {
  it("draw training and validation epoch by epoch, and each step behind them", () => {
    const { lines, texts } = parse(lossCurves(history).toSVG());
    expect(lines).toHaveLength(3);
    const [steps, training, validation] = lines.map(({ d }) => corners(d));
    expect(training).toHaveLength(40);
    expect(validation).toHaveLength(40);
    expect(steps!.length).toBeGreaterThan(300);
    for (const name of ["training", "validation", "each step", "↑ Loss", "Epoch →"]) expect(texts).toContain(name);
  });

  it("mark the best epoch where validation is lowest", () => {
    const best = history.best!;
    const { texts, parts, lines } = parse(lossCurves(history).toSVG());
    expect(texts.some((t) => t.startsWith(`best: epoch ${best.epoch}, `))).toBe(true);
    const validation = corners(lines[2]!.d);
    const lowest = Math.max(...validation.map(([, y]) => y));
    const dot = parts("dot", "circle").at(-1)!.element;
    expect(Number(dot.getAttribute("cy"))).toBeCloseTo(lowest, 2);
    expect(Number(dot.getAttribute("cx"))).toBeCloseTo(validation[best.epoch - 1]![0], 2);
    expect(lossCurves(history).toText()).toContain(`◆ best: epoch ${best.epoch}`);
    // Without the history's word, the lowest validation loss is it.
    expect(lossCurves({ ...history, best: null }).toSVG()).toBe(lossCurves(history).toSVG());
  });

  it("lie on steps if asked", () => {
    const last = history.epochs.at(-1)!.step;
    const { texts } = parse(lossCurves(history, { x: "step" }).toSVG());
    expect(texts).toContain(String(last));
    expect(texts).toContain("Step →");
    expect(lossCurves(history, { x: "step" }).table.rows.at(-1)![0]).toBe(last);
  });

  it("take a log scale by themselves where most would be flat otherwise", () => {
    const falling = (factor: number): HistoryData => ({
      epochs: [1, 2, 3].map((epoch) => ({ epoch, step: epoch, train: { loss: factor ** -epoch }, validation: null })),
    });
    const logarithmic = (h: HistoryData) => {
      const [a, b, c] = corners(parse(lossCurves(h, { yScale: "auto" }).toSVG()).lines[0]!.d).map(([, y]) => y);
      return Math.abs(b! - a! - (c! - b!)) < 0.01;
    };
    expect(logarithmic(falling(10))).toBe(true);
    expect(logarithmic(falling(2))).toBe(false);
  });

  it("are the same from a History, from its data, and from JSON, which has no NaN", () => {
    const holed = structuredClone(history) as { epochs: { validation: Record<string, number> }[] } & HistoryData;
    holed.epochs[4]!.validation.loss = Number.NaN;
    const svg = lossCurves(holed).toSVG();
    expect(svg).not.toBe(lossCurves(history).toSVG());
    expect(lossCurves({ data: holed }).toSVG()).toBe(svg);
    expect(lossCurves(JSON.parse(JSON.stringify(holed))).toSVG()).toBe(svg);
    expect(corners(parse(svg).lines[2]!.d)).toHaveLength(39);
    expect(lossCurves(holed).alt).toContain("1 of 40 values missing or not finite");
  });

  it("name what there is when a metric is unknown", () => {
    expect(() => metricCurves(history, "accuracy")).toThrow(/no epoch has "accuracy"; this history has loss, mae/);
  });

  it("set runs side by side, each in its colour, dashed where validation is missing", () => {
    const blind = { epochs: history.epochs.map((e) => ({ ...e, validation: null })) };
    const { lines, texts } = parse(
      compareRuns([
        { name: "seen", history },
        { name: "blind", history: blind },
      ]).toSVG(),
    );
    expect(lines.map((l) => l.dashes !== null)).toEqual([false, true]);
    expect(new Set(lines.map((l) => l.stroke)).size).toBe(2);
    expect(texts).toContain("blind (training)");
    expect(() => compareRuns([])).toThrow(/no run was given/);
  });
});

describe("distributions", () => {
  it("count every value in some bin, and say what is in none", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: -1e6, max: 1e6 }), fc.constant(Number.NaN))), (values) => {
        const finite = values.filter(Number.isFinite).length;
        const figure = histogram(values);
        if (finite === 0) {
          expect(String(figure)).toContain("No value is finite");
          return;
        }
        const counted = figure.table.rows.reduce((sum, row) => sum + Number(row[2]), 0);
        expect(counted).toBe(finite);
        if (finite < values.length) expect(figure.alt).toContain(`${values.length - finite} not finite`);
      }),
      { numRuns: 100 },
    );
  });

  it("draw each parameter's last gradient, by name", () => {
    const { texts } = parse(parameterHistograms(history, { of: "gradient" }).toSVG());
    for (const name of ["0.weight", "0.bias", "2.weight", "2.bias", "Gradients at epoch 40"])
      expect(texts).toContain(name);
    const text = String(parameterHistograms(history, { epoch: 3, parameters: ["2.weight", "0.bias"] }));
    expect(text).toMatch(/Parameters at epoch 3\n2\.weight .*16 values from .*\n0\.bias/s);
    expect(() => parameterHistograms(history, { parameters: ["9.weight"] })).toThrow(
      /nothing was recorded for "9.weight"/,
    );
  });

  it("say how many parameters are left out", () => {
    expect(stepSizes(history, { most: 1 }).toSVG()).toContain("… and 3 parameters more");
    expect(parse(stepSizes(history, { most: 1 }).toSVG()).texts).toContain("0.weight");
  });

  it("hold the recorded quantiles of the step sizes", () => {
    const row = stepSizes(history).table.rows.find((r) => r[0] === "2.weight" && r[1] === 7)!;
    expect(row.slice(2)).toEqual(history.epochs[6]!.parameters!["2.weight"]!.stepSize!.quantiles);
  });
});

describe("predictions", () => {
  it("lie on the diagonal where they are exact", () => {
    const { parts, lines } = parse(predictedVsActual({ actual: [1, 2, 5], predicted: [1, 3, 5] }).toSVG());
    const dots = parts("dot", "circle").map(({ element: e }) => [
      Number(e.getAttribute("cx")),
      Number(e.getAttribute("cy")),
    ]);
    const [[x1, y1], [x2, y2]] = corners(lines[0]!.d) as [[number, number], [number, number]];
    const off = dots.map(([x, y]) => Math.abs((x! - x1) * (y2 - y1) - (y! - y1) * (x2 - x1)) / (x2 - x1));
    expect(off[0]).toBeLessThan(0.1);
    expect(off[1]).toBeGreaterThan(10);
    expect(off[2]).toBeLessThan(0.1);
  });

  it("of 100,000 rows cost what some thousands do, and keep the furthest", () => {
    const actual = Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
    const predicted = actual.map((v, i) => (i === 77_777 ? 3 : v + 0.1 * Math.cos(7 * i)));
    const figure = predictedVsActual({ actual, predicted });
    const svg = figure.toSVG();
    expect(svg.length).toBeLessThan(700_000);
    expect(figure.alt).toContain("100,000 rows from −1.079 to 3");
    const highest = Math.min(
      ...parse(svg)
        .parts("dot", "circle")
        .map(({ element }) => Number(element.getAttribute("cy"))),
    );
    expect(highest).toBeLessThan(60);
  });

  it("of classes are counted row by row", () => {
    const { labels, counts } = origins.evaluation.confusion!;
    const { texts } = parse(confusionMatrix(origins.evaluation).toSVG());
    for (const text of [...labels, ...counts.flat().map(String)]) expect(texts).toContain(text);
    const figure = confusionMatrix({
      labels: ["a", "b"],
      counts: [
        [3, 1],
        [0, 6],
      ],
    });
    expect(figure.alt).toBe(
      "Confusion matrix of 2 classes: 9 of 10 rows right, 90 %; most often mistaken: a for b, 1 time",
    );
    expect(figure.table.rows).toEqual([
      ["a", 3, 1, "75 %"],
      ["b", 0, 6, "100 %"],
    ]);
    expect(String(figure)).toMatch(/a │ +3 +1 +75 %/);
  });

  it.each([
    ["as many", () => predictedVsActual({ actual: [1], predicted: [1, 2] })],
    ["rows of as many counts", () => confusionMatrix({ labels: ["a", "b"], counts: [[1, 2]] })],
    ["rows of 3 values", () => heatMap({ ...settings, values: [[1, 2, 3]] })],
    ["the smaller first", () => contour(bowl, { xRange: [1, 0], yRange: [0, 1] })],
  ])("refuse what does not fit: %s", (message, draw) => {
    expect(draw).toThrow(message);
  });
});

describe("fields", () => {
  it("mark the best setting and cross out what is not finite", () => {
    const figure = heatMap(settings, { xLabel: "lr", yLabel: "alpha", valueLabel: "loss", best: "min" });
    expect(figure.alt).toBe(
      "Loss from 0.125 to 0.75 for 3 × 2 settings; the smallest at lr 0.01, alpha 0.99; 1 value not finite",
    );
    expect(parse(figure.toSVG()).texts.filter((t) => t === "×")).toHaveLength(1);
    expect(String(figure)).toContain("best: 0.125 at lr 0.01, alpha 0.99");
  });

  it("cut a path at the edges", () => {
    const { lines } = parse(contour(bowl, { ...plane, paths: [{ name: "spiral", points: spiral }] }).toSVG());
    const xs = corners(lines.at(-1)!.d).map(([x]) => x);
    expect(lines.at(-1)!.d.match(/M/g)!.length).toBeGreaterThan(1);
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(64);
    expect(Math.max(...xs)).toBeLessThanOrEqual(620);
  });

  it("keep of a line exactly what lies inside", () => {
    const box = { x: [0, 1], y: [0, 2] } as const;
    const point = fc.tuple(fc.double({ min: -2, max: 3, noNaN: true }), fc.double({ min: -2, max: 3, noNaN: true }));
    const inside = ([x, y]: readonly [number, number]) => x >= -1e-9 && x <= 1 + 1e-9 && y >= -1e-9 && y <= 2 + 1e-9;
    fc.assert(
      fc.property(fc.array(point, { minLength: 2, maxLength: 8 }), (line) => {
        const kept = clip(line, box);
        expect(kept.every((p) => Number.isNaN(p[0]) || inside(p))).toBe(true);
        // Points of the line that are inside and not on the edge are all there.
        const strictly = line.filter(([x, y]) => x > 1e-6 && x < 1 - 1e-6 && y > 1e-6 && y < 2 - 1e-6);
        for (const [x, y] of strictly) expect(kept.some((p) => Math.hypot(p[0] - x, p[1] - y) < 1e-9)).toBe(true);
      }),
    );
  });
});

describe("where there is little or nothing", () => {
  const epochs = (losses: (number | null)[]): HistoryData => ({
    epochs: losses.map((loss, i) => ({ epoch: i + 1, step: i + 1, train: { loss }, validation: null })),
  });
  it.each([
    ["no epoch", () => lossCurves(epochs([])), "No epoch was finished"],
    ["nothing finite", () => lossCurves(epochs([Number.NaN, null])), "No loss in 2 epochs is finite"],
    ["nothing positive", () => lossCurves(epochs([-1, 0]), { yScale: "log" }), "a log scale has nothing to draw"],
    ["no step sizes", () => stepSizes(epochs([1])), "No step sizes were recorded"],
    ["no parameters", () => parameterHistograms(epochs([1])), "Nothing was recorded of the parameters"],
    ["no predictions", () => predictedVsActual({}), "no predictions of numbers"],
    ["no rows", () => predictedVsActual({ actual: [], predicted: [] }), "no rows to draw"],
    ["no finite row", () => predictedVsActual({ actual: [1], predicted: [null] }), "None of 1 row"],
    ["no classes", () => confusionMatrix({}), "no classes"],
    ["no row in any class", () => confusionMatrix({ labels: ["a"], counts: [[0]] }), "all counts are 0"],
    ["no finite value", () => heatMap({ x: [1], y: [1], values: [[null]] }), "No value is finite"],
  ])("%s: says so in the picture and in text", (_, draw, words) => {
    const figure = draw();
    expect(parse(figure.toSVG()).root.textContent).toContain(words.split(" ")[0]);
    expect(String(figure)).toContain(words);
    expect(figure.alt).toContain(words);
  });

  it.each([
    ["one epoch", () => lossCurves(epochs([3])), "circle"],
    ["one row", () => predictedVsActual({ actual: [2], predicted: [2] }), "circle"],
    ["one class", () => confusionMatrix({ labels: ["a"], counts: [[7]] }), "rect"],
    ["one value", () => histogram([5, 5, 5]), "rect"],
    ["a loss that blows up", () => lossCurves(epochs([3, 1e200, Number.POSITIVE_INFINITY, null])), "path"],
    ["a flat loss", () => lossCurves(epochs([2, 2, 2])), "path"],
    ["one epoch of step sizes", () => stepSizes({ epochs: history.epochs.slice(0, 1) }), "circle"],
    ["a flat field", () => heatMap({ x: [1, 2], y: [1], values: [[3, 3]] }), "rect"],
    ["a flat function", () => contour(() => 1, plane), "rect"],
  ])("%s: draws it", (_, draw, shape) => {
    const svg = draw().toSVG();
    expect(parse(svg).elements(shape).length).toBeGreaterThan(0);
    expect(svg.replace(/aria-label="[^"]*"/, "")).not.toMatch(/NaN|undefined|Infinity/);
    expect(String(draw())).not.toMatch(/undefined/);
  });
});
