/** What came of a run: the diagnosis, figures beside the trivial predictor's, predictions. */
import type { ComponentChildren } from "preact";
import type { Outcome as OutcomeData } from "../core/dataRun.js";
import { type Curves, saidOf } from "../i18n/findings.js";
import { words } from "../i18n/index.js";
import { short } from "./format.js";
import { roundMarks } from "./scale.js";

interface OutcomeProps {
  readonly outcome: OutcomeData;
  readonly curves: Curves;
  /** What stands below the figures. */
  readonly children: ComponentChildren;
}

export function Outcome({ outcome, curves, children }: OutcomeProps) {
  const w = words.value;
  const { evaluation, findings } = outcome;
  const metric = (name: string) => w.data.metrics[name as keyof typeof w.data.metrics] ?? name;
  return (
    <section class="outcome">
      <div class="said">
        <h2>{w.data.verdict}</h2>
        <ul class="findings">
          {findings.map((finding) => {
            const { title, detail, advice } = saidOf(finding, curves);
            return (
              <li key={finding.kind + finding.title} class={finding.severity}>
                <b>{w.data.finding(title)}</b> {detail} {advice}
              </li>
            );
          })}
        </ul>
        <table>
          <thead>
            <tr>
              <th scope="col">{w.data.rows(evaluation.rows)}</th>
              <th scope="col">{w.data.model}</th>
              <th scope="col">{w.data.trivial}</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(evaluation.metrics).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{metric(name)}</th>
                <td>{short(value)}</td>
                <td>{short(evaluation.baseline[name]!)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {children}
      </div>
      {evaluation.predictedVsActual === undefined ? null : <Scatter {...evaluation.predictedVsActual} />}
      {evaluation.confusion === undefined ? null : <Confusion {...evaluation.confusion} />}
    </section>
  );
}

/** In the picture's own units: its side, and what its numbers take on the left and below. */
const SIDE = 340;
const MARGIN = 46;
const PAD = 10;

function Scatter({ actual, predicted }: { readonly actual: readonly number[]; readonly predicted: readonly number[] }) {
  const w = words.value;
  const all = [...actual, ...predicted].filter(Number.isFinite);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const at = (x: number) => ((x - least) / (most - least || 1)) * (SIDE - MARGIN - 2 * PAD) + PAD;
  const across = (x: number) => MARGIN + at(x);
  const up = (y: number) => SIDE - MARGIN - at(y);
  return (
    <figure class="chart">
      <figcaption>{w.data.scatter}</figcaption>
      <svg viewBox={`0 0 ${SIDE} ${SIDE}`} class="scatter" role="img" aria-label={w.data.scatterLabel(actual.length)}>
        {(most > least ? roundMarks(least, most, 5) : []).map((mark) => (
          <g key={mark}>
            <path d={`M${MARGIN} ${up(mark)}H${SIDE}M${across(mark)} 0V${SIDE - MARGIN}`} class="grid" />
            <text x={MARGIN - 6} y={up(mark) + 4} text-anchor="end">
              {short(mark)}
            </text>
            <text x={across(mark)} y={SIDE - MARGIN + 16} text-anchor="middle">
              {short(mark)}
            </text>
          </g>
        ))}
        <text x={(SIDE + MARGIN) / 2} y={SIDE - 8} text-anchor="middle">
          {w.data.actual} →
        </text>
        <text transform={`translate(12 ${(SIDE - MARGIN) / 2}) rotate(-90)`} text-anchor="middle">
          {w.data.predicted} →
        </text>
        <path d={`M${across(least)} ${up(least)}L${across(most)} ${up(most)}`} class="exact" />
        {actual.map((x, i) =>
          Number.isFinite(predicted[i]!) ? (
            <circle key={i} cx={across(x)} cy={up(predicted[i]!)} r={2.6} fill="var(--c2)" fill-opacity={0.65} />
          ) : null,
        )}
      </svg>
    </figure>
  );
}

function Confusion({
  labels,
  counts,
}: {
  readonly labels: readonly string[];
  readonly counts: readonly (readonly number[])[];
}) {
  const w = words.value;
  return (
    <table class="confusion">
      <caption>{w.data.confusion}</caption>
      <thead>
        <tr>
          <td />
          {labels.map((label) => (
            <th key={label} scope="col">
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {labels.map((label, r) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            {labels.map((other, c) => (
              <td key={other} class={r === c ? "right" : ""}>
                {counts[r]![c]}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
