/** The guided tour: a stop's sentences beside the run that shows them. */
import { useEffect } from "preact/hooks";
import { TOUR } from "../core/tour.js";
import { language, words } from "../i18n/index.js";
import { OverTime } from "./inside.js";
import { Later } from "./later.js";
import { LossChart } from "./lossChart.js";
import { SurfaceMap } from "./map.js";
import { Runners } from "./runners.js";
import { change, facts, playing, selectedTrack, settings } from "./store.js";
import { Transport } from "./transport.js";

const stopNow = (): number => Math.min(settings.value.stop, TOUR.length - 1);

export function TourView() {
  const w = words.value;
  const stop = stopNow();
  const { title, text } = TOUR[stop]!;
  const go = (to: number) => {
    const next = TOUR[to];
    if (next === undefined) return;
    // Whoever wants less motion is shown where it leads.
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    change({ ...next.state, view: "why", stop: to, ...(still ? {} : { step: 0 }) });
    playing.value = !still;
  };
  // Arriving from another view: the stop's own state is shown.
  // Only on arrival.
  useEffect(() => {
    const { view, runners, surface } = settings.value;
    // Whoever has gone on meanwhile is left alone.
    if (view !== "why") return;
    const arrived = stopNow();
    const { state } = TOUR[arrived]!;
    if (JSON.stringify([runners, surface]) !== JSON.stringify([state.runners, state.surface]))
      change({ ...state, stop: arrived });
  }, []);
  const track = selectedTrack.value;
  return (
    <div class="tour">
      <section class="words" aria-label={w.tour.label}>
        <p class="count">{w.tour.stop(stop + 1, TOUR.length)}</p>
        <h2>{title[language.value]}</h2>
        <p>{text[language.value]}</p>
        <div class="buttons">
          <button type="button" disabled={stop === 0} onClick={() => go(stop - 1)}>
            ← {w.tour.previous}
          </button>
          <button type="button" class="main" disabled={stop === TOUR.length - 1} onClick={() => go(stop + 1)}>
            {w.tour.next} →
          </button>
          <button type="button" class="quiet" onClick={() => change({ view: "paths" })}>
            {w.tour.open}
          </button>
        </div>
      </section>
      <div class="stage">
        <SurfaceMap />
        <Transport />
        <div class="charts">
          <LossChart />
          {track === null ? null : <OverTime track={track} axes={facts.value?.axes ?? ["x", "y"]} />}
        </div>
      </div>
      <Later height={400}>
        <Runners />
      </Later>
      <ol class="stops" aria-label={w.tour.label}>
        {TOUR.map((known, i) => (
          <li key={known.title.en}>
            <button type="button" aria-current={i === stop ? "step" : undefined} onClick={() => go(i)}>
              {known.title[language.value]}
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}
