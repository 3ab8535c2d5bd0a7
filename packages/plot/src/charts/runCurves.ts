import { type Curve, drawCurves, type Note } from "../curves.js";
import { Figure } from "../figure.js";
import { message } from "../message.js";
import { metricTitle } from "../metrics.js";
import { digits } from "../numbers.js";
import { type ChartOptions, checkSize, plainOptions } from "../options.js";
import { drawable, plain, type Series } from "../series.js";
import { dataOf, type HistoryData, type HistoryLike, num } from "../shapes.js";

/** How the curves of a run are drawn. */
export interface CurveOptions extends ChartOptions {
  /** What lies on the x axis: `"epoch"` (the default), or `"step"`: optimizer steps. */
  readonly x?: "epoch" | "step";
  /** `"linear"` (the default) or `"log"`, or `"auto"`: log where the values are positive and span more than a factor of 20. */
  readonly yScale?: "linear" | "log" | "auto";
}

/**
 * The loss of a run, training and validation, epoch by epoch; behind them the loss of each step, pale. The best epoch is
 * marked: the one that the history names, else the one with the lowest validation loss.
 *
 * ```ts
 * lossCurves(await fit(model, { train, validation, … }), { yScale: "log" }).show();
 * ```
 */
export function lossCurves(history: HistoryLike, options: CurveOptions = {}): Figure {
  return runCurves("lossCurves", dataOf(history), "loss", options);
}

/** A metric of a run, training and validation, epoch by epoch, the best epoch marked. `name` as `fit` was given it. */
export function metricCurves(history: HistoryLike, name: string, options: CurveOptions = {}): Figure {
  const data = dataOf(history);
  const known = metricNames(data);
  if (data.epochs.length > 0 && !known.includes(name)) {
    throw new RangeError(`metricCurves: no epoch has "${name}"; this history has ${known.join(", ") || "no metrics"}`);
  }
  return runCurves("metricCurves", data, name, options);
}

/** What was measured at some epoch, the loss first. */
export function metricNames({ epochs }: HistoryData): string[] {
  const names = new Set(epochs.flatMap((e) => [...Object.keys(e.train), ...Object.keys(e.validation ?? {})]));
  return [...names].sort((a, b) => Number(b === "loss") - Number(a === "loss"));
}

function runCurves(who: string, data: HistoryData, name: string, options: CurveOptions): Figure {
  const { x = "epoch", yScale: asked = "linear", ...rest } = options;
  if (x !== "epoch" && x !== "step")
    throw new RangeError(`${who}: x is ${JSON.stringify(x)}; it must be "epoch" or "step"`);
  checkSize(who, asked === "auto" ? rest : { ...rest, yScale: asked });
  const { title, ...size } = plainOptions(rest);
  const label = metricTitle(plain(name));
  const { epochs } = data;
  if (epochs.length === 0)
    return new Figure(message(title ?? label, "No epoch was finished, so there is no curve to draw."));

  const curves = readCurves(data, name, x);
  const firm = curves.filter((c) => !c.faint);
  const yScale = asked === "auto" ? suitedScale(firm) : asked;
  const drawn = curves.map((c) => ({ ...c, ...drawable(c, yScale) })).filter((c) => !c.y.every(Number.isNaN));
  if (!drawn.some((c) => !c.faint)) {
    const why = yScale === "log" ? "is positive and finite, so a log scale has nothing to draw" : "is finite";
    return new Figure(message(title ?? label, `No ${name} in ${epochs.length} epochs ${why}.`));
  }
  const best = name === "loss" || data.best ? bestEpoch(data) : undefined;
  const notes =
    best === undefined
      ? []
      : noteOf(
          best,
          firm,
          epochs.findIndex((e) => e.epoch === best),
        );
  const xLabel = x === "epoch" ? "Epoch" : "Step";
  return new Figure(
    drawCurves({
      curves: drawn,
      title,
      alt: describe(label, firm, x, best),
      xLabel,
      yLabel: label,
      yScale,
      notes: notes.filter((n) => yScale === "linear" || n.y > 0),
      table: {
        columns: [xLabel, ...firm.map((c) => c.name ?? "")],
        rows: epochs.map((e, i) => [e[x], ...firm.map((c) => c.y[i]!)]),
      },
      ...size,
    }),
  );
}

/** Training and validation at the end of each epoch and, for the loss, what each step measured. */
function readCurves({ epochs, steps = [] }: HistoryData, name: string, x: "epoch" | "step"): Curve[] {
  const at = epochs.map((e) => e[x]);
  const curves: Curve[] = [{ name: "training", x: at, y: epochs.map((e) => num(e.train[name])) }];
  if (epochs.some((e) => e.validation !== null && e.validation !== undefined && name in e.validation)) {
    curves.push({ name: "validation", x: at, y: epochs.map((e) => num(e.validation?.[name])) });
  }
  if (name !== "loss" || steps.length <= epochs.length) return curves;
  const perEpoch = epochs.at(-1)!.step / epochs.at(-1)!.epoch;
  const place = (step: number) => (x === "step" ? step : step / perEpoch);
  const each = { name: "each step", x: steps.map((s) => place(s.step)), y: steps.map((s) => num(s.loss)) };
  return [...curves, { ...each, faint: true, colour: 0 }];
}

/** The epoch to mark: the one that the history names, else the one with the lowest validation loss. */
export function bestEpoch({ best, epochs }: HistoryData): number | undefined {
  if (best) return best.epoch;
  let lowest = Number.POSITIVE_INFINITY;
  let at: number | undefined;
  for (const { epoch, validation } of epochs) {
    const value = num(validation?.loss);
    if (value < lowest) [lowest, at] = [value, epoch];
  }
  return at;
}

function noteOf(best: number, curves: readonly Series[], index: number): Note[] {
  const curve = curves.at(-1)!;
  const y = index < 0 ? Number.NaN : curve.y[index]!;
  return Number.isFinite(y) ? [{ x: curve.x[index]!, y, label: `best: epoch ${best}, ${digits(y, 4)}` }] : [];
}

/** Log where nothing would be seen of most of the curve otherwise. */
export function suitedScale(curves: readonly Series[]): "linear" | "log" {
  const values = curves.flatMap((c) => c.y.filter(Number.isFinite));
  return values.every((v) => v > 0) && Math.max(...values) > 20 * Math.min(...values) ? "log" : "linear";
}

function describe(label: string, curves: readonly Series[], x: string, best: number | undefined): string {
  const ways = curves.map(({ name, y }) => {
    const seen = y.filter(Number.isFinite);
    if (seen.length === 0) return `${name} is nowhere finite`;
    const way = `${name} goes from ${digits(seen[0]!, 4)} to ${digits(seen.at(-1)!, 4)}`;
    return seen.length < y.length
      ? `${way}, with ${y.length - seen.length} of ${y.length} values missing or not finite`
      : way;
  });
  return `${label} against ${x}: ${ways.join("; ")}${best === undefined ? "" : `; best epoch ${best}`}`;
}
