/** How the step sizes of each parameter are spread, on one scale of factors. */
import type { ParameterRecord } from "thalweg/train";
import { words } from "../i18n/index.js";
import { short } from "./format.js";
import { decades } from "./scale.js";

export function StepSizes({ parameters }: { readonly parameters: Readonly<Record<string, ParameterRecord>> }) {
  const w = words.value;
  const spreads = Object.entries(parameters).flatMap(([name, { stepSize }]) =>
    stepSize !== null && stepSize.quantiles[0] > 0 && Number.isFinite(stepSize.quantiles[4])
      ? [{ name, quantiles: stepSize.quantiles }]
      : [],
  );
  if (spreads.length === 0) return null;
  // Whole powers of ten, one at least.
  const first = Math.floor(Math.log10(Math.min(...spreads.map(({ quantiles }) => quantiles[0]))));
  const last = Math.max(Math.ceil(Math.log10(Math.max(...spreads.map(({ quantiles }) => quantiles[4])))), first + 1);
  const at = (x: number) => `${(((Math.log10(x) - first) / (last - first)) * 100).toFixed(2)}%`;
  const width = (from: number, to: number) => `${((Math.log10(to / from) / (last - first)) * 100).toFixed(2)}%`;
  const marks = decades(10 ** first, 10 ** last);
  return (
    <figure class="chart">
      <figcaption>{w.data.stepSizes}</figcaption>
      <div class="spreads">
        {spreads.map(({ name, quantiles: [low, lower, middle, upper, high] }) => (
          <>
            <b>{name}</b>
            <div
              class="spread"
              role="img"
              aria-label={w.data.stepSizeLabel(name, short(low), short(middle), short(high))}
            >
              {marks.map((mark) => (
                <s key={mark} style={{ left: at(mark) }} />
              ))}
              <i class="most" style={{ left: at(low), width: width(low, high) }} />
              <i class="half" style={{ left: at(lower), width: width(lower, upper) }} />
              <i class="median" style={{ left: at(middle) }} />
            </div>
          </>
        ))}
        <div class="scale" aria-hidden="true">
          {marks.map((mark) => (
            <small key={mark} style={{ left: at(mark) }}>
              {short(mark)}
            </small>
          ))}
        </div>
      </div>
    </figure>
  );
}
