import { confusionMatrix } from "../charts/confusionMatrix.js";
import { histogram, parameterHistograms } from "../charts/histogram.js";
import { predictedVsActual } from "../charts/predictedVsActual.js";
import { lossCurves, metricCurves, metricNames } from "../charts/runCurves.js";
import { stepSizes } from "../charts/stepSizes.js";
import { escapeHTML } from "../html.js";
import { lessIsBetter, metricTitle } from "../metrics.js";
import { count, digits, percent } from "../numbers.js";
import { type EvaluationLike, type FindingLike, type HistoryData, num } from "../shapes.js";
import { halfChart, pairs, wideChart } from "./chart.js";

/** A part of the report with a heading of its own. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

const paragraph = (text: string) => `<p>${escapeHTML(text)}</p>`;

/** Names and values. */
export function facts(entries: Readonly<Record<string, string>>): string {
  const rows = Object.entries(entries).map(
    ([name, value]) => `<div><dt>${escapeHTML(name)}</dt><dd>${escapeHTML(value)}</dd></div>`,
  );
  return `<dl class="facts">${rows.join("\n")}</dl>`;
}

// A tick, an i, an exclamation mark and a cross, each in a circle of its severity's colour.
const ICONS = {
  good: ["Good", "M7.5 12.4l3 3 6-6.4"],
  info: ["Note", "M12 11v6M12 7.4v.1"],
  warning: ["Warning", "M12 7v6.5M12 16.9v.1"],
  error: ["Problem", "M8.5 8.5l7 7m0-7l-7 7"],
} as const;

function finding({ kind, severity, title, detail, advice, epoch, parameter }: FindingLike): string {
  const look = kind === "healthy" ? "good" : severity in ICONS ? severity : "info";
  const [word, path] = ICONS[look];
  const where = [
    ...(epoch === null || epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(parameter === null || parameter === undefined ? [] : [parameter]),
  ];
  return `<li class="${look}"><svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="${path}" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>
<h3><span class="hidden">${word}: </span>${escapeHTML(title)}</h3>${paragraph(detail)}${advice === "" ? "" : paragraph(advice)}${where.length === 0 ? "" : `<p class="where">${escapeHTML(where.join(", "))}</p>`}</li>`;
}

const RANK = { error: 2, warning: 1, info: 0 };

/** What weighs most first. */
export const bySeverity = (findings: readonly FindingLike[]): FindingLike[] =>
  [...findings].sort((a, b) => (RANK[b.severity] ?? 0) - (RANK[a.severity] ?? 0));

export function verdict(findings: readonly FindingLike[]): Section {
  const html =
    findings.length === 0
      ? paragraph("The diagnosis found nothing to remark on.")
      : `<ul class="findings">${bySeverity(findings).map(finding).join("\n")}</ul>`;
  return { id: "verdict", title: "Verdict", html };
}

export function curves(history: HistoryData): Section {
  const { epochs } = history;
  const validated = epochs.some((e) => e.validation);
  const scale = { yScale: "auto" } as const;
  const caption = validated
    ? "Where training goes on falling and validation does not, the model learns the training rows by heart."
    : "This run had no validation rows, so the curve cannot tell learning from learning by heart.";
  const loss = wideChart(lossCurves(history, { ...scale, height: 420 }), { title: "Loss", caption });
  const names = metricNames(history).filter((name) => name !== "loss");
  const metrics = names.map((name) =>
    (names.length === 1 ? wideChart : halfChart)(metricCurves(history, name, { ...scale, height: 320 }), {
      title: metricTitle(name),
    }),
  );
  return { id: "curves", title: "How training went", html: loss + (names.length === 1 ? metrics[0] : pairs(metrics)) };
}

export function comparison({ metrics = {}, baseline = {}, split, rows, task }: EvaluationLike): Section {
  const trivial = task === "regression" ? "always says the training rows' mean" : "always says the commonest class";
  const body = Object.keys(metrics).map((name) => {
    const ours = num(metrics[name]);
    const theirs = num(baseline[name]);
    return `<tr><th scope="row">${escapeHTML(metricTitle(name))}</th><td class="n ours">${digits(ours, 4)}</td><td class="n">${Number.isNaN(theirs) ? "–" : digits(theirs, 4)}</td><td class="n">${gain(name, ours, theirs)}</td></tr>`;
  });
  const where = `Measured on ${rows === undefined ? "the rows" : count(rows, "row")}${split === undefined ? "" : ` of the ${split} split`}, beside a baseline that ${trivial}.`;
  const html = `${paragraph(where)}<div class="scroll" tabindex="0" role="region" aria-label="Metrics"><table class="metrics"><caption class="hidden">Metrics of the model and of the baseline</caption>
<thead><tr><th scope="col">Metric</th><th scope="col" class="n">Model</th><th scope="col" class="n">Baseline</th><th scope="col" class="n">Gain</th></tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>`;
  return {
    id: "metrics",
    title: "Against the baseline",
    html: body.length === 0 ? paragraph("No metrics were measured.") : html,
  };
}

/** How much better than the trivial predictor: for errors the share that is gone, otherwise the difference. */
function gain(name: string, ours: number, theirs: number): string {
  if (!Number.isFinite(ours) || !Number.isFinite(theirs)) return "–";
  if (!lessIsBetter(name)) return `${ours >= theirs ? "+" : ""}${digits(ours - theirs, 3)}`;
  if (theirs === 0) return "–";
  const less = 1 - ours / theirs;
  return less >= 0 ? `${percent(less)} less` : `${percent(-less)} more`;
}

export function predictions(evaluation: EvaluationLike): Section | undefined {
  const { predictedVsActual: pairsOf, confusion } = evaluation;
  if (pairsOf === undefined && confusion === undefined) return undefined;
  const charts: string[] = [];
  if (pairsOf !== undefined) {
    charts.push(
      halfChart(predictedVsActual(evaluation), {
        title: "Predicted against actual",
        caption: "A dot for each row; on the dashed line the prediction is exact.",
      }),
    );
    const errors = pairsOf.predicted.map((p, i) => num(p) - num(pairsOf.actual[i]));
    charts.push(
      halfChart(histogram(errors, { height: 360 }), {
        title: "Errors",
        caption: "Predicted minus actual: centred on 0 if the model leans neither way.",
      }),
    );
  }
  const wide =
    confusion === undefined
      ? ""
      : (confusion.labels.length > 4 ? wideChart : halfChart)(confusionMatrix(evaluation), {
          title: "Confusion matrix",
          caption:
            "Rows are what it was, columns what the model said; the stronger the colour, the larger the share of the row.",
        });
  return { id: "predictions", title: "Predictions", html: wide + pairs(charts) };
}

export function steps(history: HistoryData): Section | undefined {
  if (!history.epochs.some((e) => Object.values(e.parameters ?? {}).some((p) => p.stepSize))) return undefined;
  const caption =
    "What each element's gradient is multiplied with, for each parameter on one log scale: RMSProp gives small steps where gradients are large, and large ones where they are small.";
  return {
    id: "steps",
    title: "Step sizes",
    html: wideChart(stepSizes(history), { title: "Step size by epoch", caption }),
  };
}

export function parameters(history: HistoryData): Section | undefined {
  const kinds = (["value", "gradient"] as const).filter((kind) =>
    history.epochs.some((e) => Object.values(e.parameters ?? {}).some((p) => p[kind])),
  );
  if (kinds.length === 0) return undefined;
  const titles = { value: "Parameters", gradient: "Gradients" };
  const charts = kinds.map((of) => {
    const figure = parameterHistograms(history, { of });
    return wideChart(figure, { title: figure.title ?? titles[of] });
  });
  return { id: "parameters", title: "Parameters and gradients", html: charts.join("\n") };
}

export function settings(entries: Readonly<Record<string, string>>, history: HistoryData): Section {
  const { epochs, stopped } = history;
  const last = epochs.at(-1);
  const lr = last?.lr?.map((v) => digits(num(v))).join(", ");
  const seen: Record<string, string> = {
    ...entries,
    Epochs: digits(epochs.length),
    Steps: digits(last?.step ?? 0),
    ...(lr === undefined || lr === "" ? {} : { "Learning rate at the end": lr }),
    ...(stopped ? { Stopped: stopped.detail === "" ? stopped.reason : stopped.detail } : {}),
  };
  return { id: "settings", title: "What was trained", html: facts(seen) };
}

export function reproduction(
  command: string | undefined,
  versions: Readonly<Record<string, string>>,
): Section | undefined {
  if (command === undefined && Object.keys(versions).length === 0) return undefined;
  const how =
    command === undefined ? "" : `<pre tabindex="0" role="region" aria-label="Command">${escapeHTML(command)}</pre>`;
  const intro = "The same data, settings and seed give the same bits, on any machine and with any number of threads.";
  return {
    id: "reproduce",
    title: "How to do it again",
    html: `${paragraph(intro)}${how}${Object.keys(versions).length === 0 ? "" : facts(versions)}`,
  };
}
