import { bestEpoch } from "../charts/runCurves.js";
import { escapeHTML, page } from "../html.js";
import { metricTitle, tellingMetric } from "../metrics.js";
import { count, digits } from "../numbers.js";
import { dataOf, type EvaluationLike, type FindingLike, type HistoryData, type HistoryLike, num } from "../shapes.js";
import {
  bySeverity,
  comparison,
  curves,
  parameters,
  predictions,
  reproduction,
  type Section,
  settings,
  steps,
  verdict,
} from "./sections.js";
import { STYLE } from "./style.js";

/** What a report is made of. What is left out has no section. */
export interface ReportOptions {
  /** Such as the target and the data file. */
  readonly title: string;
  readonly history: HistoryLike;
  /** What was trained, on what, how: names and values as they shall be read. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly evaluation?: EvaluationLike;
  /** What `diagnose` says. */
  readonly findings?: readonly FindingLike[];
  /** What somebody types to train the same model again. */
  readonly command?: string;
  /** Programs and files with their versions, hashes, seeds. */
  readonly versions?: Readonly<Record<string, string>>;
  /** When the run ended, as it shall be read. */
  readonly date?: string;
}

/**
 * A run as one page: one file, no scripts, no network, light or dark as the reader prefers, for a phone and for a desk. Every
 * picture has a sentence for those who cannot see it and a table behind it.
 *
 * ```ts
 * writeFileSync("report.html", report({ title: "Miles per gallon", history, evaluation, findings: diagnose(history.data) }));
 * ```
 */
export function report(options: ReportOptions): string {
  const { title, evaluation, findings, date } = options;
  const history = dataOf(options.history);
  const sections = [
    settings(options.settings ?? {}, history),
    findings && verdict(findings),
    curves(history),
    evaluation && comparison(evaluation),
    evaluation && predictions(evaluation),
    steps(history),
    parameters(history),
    reproduction(options.command, options.versions ?? {}),
  ].filter((s) => s !== undefined);

  const over = ["Training report", ...(date === undefined ? [] : [date])].join(" · ");
  const body = `<div class="page">
<header><p class="over">${escapeHTML(over)}</p><h1>${escapeHTML(title)}</h1>
<p class="lead">${escapeHTML(lead(history, findings))}</p>
${keyFigures(history, evaluation)}</header>
<div class="body"><nav aria-label="Contents"><ul>${sections.map((s) => `<li><a href="#${s.id}">${s.title}</a></li>`).join("")}</ul></nav>
<main>${sections.map(section).join("\n")}</main></div>
<footer>Made by Thalweg. This page is one file and needs no network.</footer>
</div>`;
  return page(`${title} – training report`, body, STYLE);
}

const section = ({ id, title, html }: Section) =>
  `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>\n${html}</section>`;

/** The page in a sentence: what weighs most among the findings, or else what is known of the run. */
function lead({ epochs }: HistoryData, findings: readonly FindingLike[] = []): string {
  const first = bySeverity(findings)[0];
  if (first !== undefined) return /[.!?]$/.test(first.title) ? first.title : `${first.title}.`;
  return epochs.length === 0 ? "No epoch was finished." : `Trained for ${count(epochs.length, "epoch")}.`;
}

function keyFigures(history: HistoryData, evaluation: EvaluationLike | undefined): string {
  const { epochs } = history;
  const figures: [name: string, value: string, remark: string][] = [];
  const metrics = evaluation?.metrics ?? {};
  const metric = tellingMetric(Object.keys(metrics));
  if (metric !== undefined) {
    const trivial = num(evaluation?.baseline?.[metric]);
    const remark = Number.isNaN(trivial) ? (evaluation?.split ?? "") : `baseline ${digits(trivial, 3)}`;
    figures.push([metricTitle(metric), digits(num(metrics[metric]), 4), remark]);
  }
  const best = bestEpoch(history);
  const at = epochs.find((e) => e.epoch === best);
  if (at !== undefined) {
    const loss = num(at.validation?.loss ?? at.train.loss);
    figures.push([
      at.validation ? "Validation loss" : "Training loss",
      digits(loss, 4),
      `at its best, epoch ${at.epoch}`,
    ]);
  } else if (epochs.length > 0) {
    figures.push(["Training loss", digits(num(epochs.at(-1)!.train.loss), 4), "at the end"]);
  }
  figures.push(["Epochs", digits(epochs.length), count(epochs.at(-1)?.step ?? 0, "step")]);
  const seconds = epochs.reduce((sum, e) => sum + (e.seconds ?? 0), 0);
  const samples = epochs.reduce((sum, e) => sum + (e.samples ?? 0), 0);
  if (seconds > 0) {
    figures.push([
      "Time",
      duration(seconds),
      samples > 0 ? `${digits(Math.round(samples / seconds))} rows a second` : "",
    ]);
  }
  return `<dl class="key">${figures
    .map(
      ([name, value, remark]) =>
        `<div><dt>${escapeHTML(name)}</dt><dd>${escapeHTML(value)}<small>${escapeHTML(remark)}</small></dd></div>`,
    )
    .join("")}</dl>`;
}

/** "4.2 s", "3 min 20 s", "2 h 5 min". */
function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
