import * as Plot from "@observablehq/plot";
import type { Canvas, Drawing } from "../drawing.js";
import { Figure } from "../figure.js";
import { draw, fontSize, textWidth } from "../frame.js";
import { message } from "../message.js";
import { count, digits, percent, shorten } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { plain } from "../series.js";
import { type EvaluationLike, type Num, num } from "../shapes.js";
import { HEAT_TURNS } from "../theme.js";

/** How often each class was taken for each. */
export interface Confusion {
  readonly labels: readonly string[];
  /** `counts[actual][predicted]`. */
  readonly counts: readonly (readonly Num[])[];
}

interface Cell {
  readonly actual: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the rows of the actual class; 0 where it has none. */
  readonly share: number;
}

/**
 * How often each class (down) was taken for each class (across): right on the diagonal. Colour is the share of the actual class's
 * rows. Takes an evaluation, or labels and counts.
 */
export function confusionMatrix(evaluation: EvaluationLike | Confusion, options: ChartOptions = {}): Figure {
  checkSize("confusionMatrix", options);
  const given = "counts" in evaluation ? evaluation : evaluation.confusion;
  const { title, width = 560, height } = plainOptions(options);
  if (given === undefined || given.labels.length === 0) {
    return new Figure(message(title, "This evaluation has no classes, so there is no confusion matrix."));
  }
  const { labels: names, counts } = given;
  if (counts.length !== names.length || counts.some((row) => row.length !== names.length)) {
    throw new RangeError(`confusionMatrix: ${names.length} labels need ${names.length} rows of as many counts`);
  }
  const labels = names.map((name) => plain(name));
  const cells = counts.flatMap((row, actual) => {
    const total = row.reduce<number>((sum, n) => sum + num(n), 0);
    return row.map(
      (n, predicted): Cell => ({ actual, predicted, count: num(n), share: total > 0 ? num(n) / total : 0 }),
    );
  });
  const total = cells.reduce((sum, c) => sum + c.count, 0);
  if (total === 0)
    return new Figure(message(title ?? "Confusion matrix", "No row was classified, so all counts are 0."));
  const right = cells.filter((c) => c.actual === c.predicted).reduce((sum, c) => sum + c.count, 0);
  const worst = cells.filter((c) => c.actual !== c.predicted && c.count > 0).sort((a, b) => b.count - a.count)[0];
  const mistake =
    worst === undefined
      ? ""
      : `; most often mistaken: ${labels[worst.actual]} for ${labels[worst.predicted]}, ${count(worst.count, "time")}`;
  const alt = `Confusion matrix of ${labels.length === 1 ? "one class" : `${labels.length} classes`}: ${digits(right)} of ${count(total, "row")} right, ${percent(right / total)}${mistake}`;
  const drawing: Drawing = {
    title,
    alt,
    svg: (canvas) => svg(canvas, { title, alt, width: canvas.width ?? width, height }, labels, cells),
    text: () => text(title, labels, cells),
    table: () => ({
      columns: ["Actual", ...labels.map((l) => `as ${l}`), "found"],
      rows: labels.map((label, i) => {
        const row = cells.filter((c) => c.actual === i);
        return [label, ...row.map((c) => c.count), percent(row[i]!.share)];
      }),
    }),
  };
  return new Figure(drawing);
}

interface Place {
  readonly title: string | undefined;
  readonly alt: string;
  readonly width: number;
  readonly height: number | undefined;
}

function svg(canvas: Canvas, { title, alt, width, height }: Place, labels: readonly string[], cells: readonly Cell[]) {
  const { theme } = canvas;
  const n = labels.length;
  const longest = width < 420 ? 9 : 16;
  const written = labels.map((label) => shorten(label, longest));
  const font = fontSize(width);
  const marginLeft = Math.max(48, Math.max(...written.map((l) => textWidth(l, font))) + 16);
  const side = (width - marginLeft - 20) / n;

  // Labels side by side must not run into each other: where they would, only every so many-th is written.
  const every = Math.ceil(Math.max(...written.map((l) => textWidth(l, font) + 8)) / side);
  const indices = labels.map((_, i) => i);
  const heat = (c: Cell) => Math.min(theme.heat.length - 1, Math.floor(c.share * theme.heat.length));
  const fit = Math.min(font + 1, (side * 0.8) / (Math.max(...cells.map((c) => digits(c.count).length)) * 0.62));
  const crossing = (i: number) => written[i]!;
  return draw(canvas, {
    title,
    alt,
    width,
    height: height ?? { inner: Math.min(side, Math.max(24, Math.min(64, 480 / n))) * n },
    marginLeft,
    x: {
      label: "Predicted",
      scale: { type: "band", domain: indices, padding: 0 },
      ticks: indices.filter((i) => i % every === 0),
      format: crossing,
    },
    y: { label: "Actual", scale: { type: "band", domain: indices, padding: 0 }, format: crossing },
    marks: [
      Plot.cell(cells, {
        x: "predicted",
        y: "actual",
        inset: n > 25 ? 0 : 1,
        fill: { value: (c: Cell) => theme.heat[c.count === 0 ? 0 : Math.max(1, heat(c))]!, scale: null } as never,
      }),
      ...(fit < 7
        ? []
        : [
            Plot.text(cells, {
              x: "predicted",
              y: "actual",
              text: (c: Cell) => digits(c.count),
              fontSize: fit,
              fontWeight: 600,
              filter: (c: Cell) => c.count > 0 && c.actual === c.predicted,
              fill: { value: (c: Cell) => (heat(c) >= HEAT_TURNS ? theme.paper : theme.ink), scale: null } as never,
            }),
            Plot.text(cells, {
              x: "predicted",
              y: "actual",
              text: (c: Cell) => digits(c.count),
              fontSize: fit,
              filter: (c: Cell) => c.actual !== c.predicted,
              fill: {
                value: (c: Cell) => (c.count === 0 ? theme.muted : heat(c) >= HEAT_TURNS ? theme.paper : theme.ink),
                scale: null,
              } as never,
            }),
          ]),
    ],
  });
}

function text(title: string | undefined, labels: readonly string[], cells: readonly Cell[]): string {
  const n = labels.length;
  const written = labels.map((label) => shorten(label, 12));
  const width = Math.max(3, ...written.map((l) => l.length), ...cells.map((c) => digits(c.count).length));
  const row = (i: number) => cells.slice(i * n, (i + 1) * n);
  const lines = written.map(
    (label, i) =>
      `${label.padStart(width)} │ ${row(i)
        .map((c) => digits(c.count).padStart(width))
        .join("  ")}   ${percent(row(i)[i]!.share).padStart(5)}`,
  );
  return [
    ...(title === undefined ? [] : [title]),
    `${"".padStart(width)}   predicted`,
    `${"actual".padStart(width)} │ ${written.map((l) => l.padStart(width)).join("  ")}   found`,
    `${"─".repeat(Math.max(width, 6) + 1)}┼${"─".repeat((width + 2) * n + 9)}`,
    ...lines,
  ].join("\n");
}
