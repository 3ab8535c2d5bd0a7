/** What came of a run: figures beside the trivial predictor's, predictions, step sizes, the diagnosis. */

import type { ParameterRecord } from "thalweg/train";
import type { Outcome as OutcomeData } from "../core/dataRun.js";
import { words } from "../i18n/index.js";
import { short } from "./format.js";

export function Outcome({ outcome }: { readonly outcome: OutcomeData }) {
  const w = words.value;
  const { evaluation, findings, stopped } = outcome;
  return (
    <section class="outcome">
      <h2>{w.data.verdict}</h2>
      <ul class="findings">
        {findings.map(({ kind, severity, title, detail, advice }) => (
          <li key={kind + title} class={severity}>
            <b>{title}.</b> {detail} {advice}
          </li>
        ))}
        {stopped?.reason === "notFinite" ? <li class="error">{stopped.detail}</li> : null}
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
              <th scope="row">{name}</th>
              <td>{short(value)}</td>
              <td>{short(evaluation.baseline[name]!)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {evaluation.predictedVsActual === undefined ? null : <Scatter {...evaluation.predictedVsActual} />}
      {evaluation.confusion === undefined ? null : <Confusion {...evaluation.confusion} />}
    </section>
  );
}

const SIDE = 320;

function Scatter({ actual, predicted }: { readonly actual: readonly number[]; readonly predicted: readonly number[] }) {
  const w = words.value;
  const all = [...actual, ...predicted].filter(Number.isFinite);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const at = (x: number) => ((x - least) / (most - least || 1)) * (SIDE - 20) + 10;
  return (
    <figure class="chart">
      <figcaption>{w.data.scatter}</figcaption>
      <svg viewBox={`0 0 ${SIDE} ${SIDE}`} class="scatter" role="img" aria-label={w.data.scatterLabel(actual.length)}>
        <line x1={10} y1={SIDE - 10} x2={SIDE - 10} y2={10} stroke="var(--muted)" stroke-dasharray="4 4" />
        {actual.map((x, i) =>
          Number.isFinite(predicted[i]!) ? (
            <circle key={i} cx={at(x)} cy={SIDE - at(predicted[i]!)} r={2.6} fill="var(--c2)" fill-opacity={0.65} />
          ) : null,
        )}
      </svg>
      <p class="range">
        {short(least)} … {short(most)}
      </p>
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

/** Step sizes of each parameter: a bar for each bin of its histogram. */
export function StepSizes({ parameters }: { readonly parameters: Readonly<Record<string, ParameterRecord>> }) {
  const w = words.value;
  return (
    <figure class="chart">
      <figcaption>{w.data.stepSizes}</figcaption>
      <div class="histograms">
        {Object.entries(parameters).map(([name, { stepSize }]) => {
          if (stepSize === null) return null;
          const { counts } = stepSize.histogram;
          const most = Math.max(...counts, 1);
          const [low, , middle, , high] = stepSize.quantiles;
          return (
            <div key={name}>
              <b>{name}</b>
              <svg
                viewBox="0 0 120 40"
                role="img"
                aria-label={w.data.stepSizeLabel(name, short(low), short(middle), short(high))}
              >
                {counts.map((n, i) => {
                  const height = (n / most) * 38;
                  return <rect key={i} x={i * 4} y={40 - height} width={3.4} height={height} fill="var(--c1)" />;
                })}
              </svg>
              <small>
                {short(stepSize.min)} … {short(stepSize.max)}
              </small>
            </div>
          );
        })}
      </div>
    </figure>
  );
}
