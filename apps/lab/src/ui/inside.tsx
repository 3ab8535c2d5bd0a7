/** A step of the chosen rule, in formulas with their numbers, and what it is made of over time. */

import { useMemo } from "preact/hooks";
import { FORMULAS, linesOf, numbersOf, type StepNumbers } from "../core/inside.js";
import type { Track } from "../core/path.js";
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import { short, tex } from "./format.js";
import { Later } from "./later.js";
import { SurfaceMap } from "./map.js";
import { Maths } from "./maths.js";
import { RunnerSelect } from "./runnerSelect.js";
import { RunnerOptions } from "./runners.js";
import { facts, selectedTrack, settings, step, told } from "./store.js";
import { SurfacePicker } from "./surfacePicker.js";
import { Transport } from "./transport.js";

export function InsideView() {
  const w = words.value;
  const { runners, selected } = settings.value;
  const track = selectedTrack.value;
  const axes = facts.value?.axes ?? ["x", "y"];
  const runner = runners[selected]!;
  return (
    <div class="inside">
      <div class="stage">
        <p class="intro">{w.insideIntro}</p>
        <SurfacePicker />
        <SurfaceMap />
        <Transport />
      </div>
      <div class="explained">
        <RunnerSelect />
        <RunnerOptions runner={runner} i={selected} />
        <section>
          <h2>{w.general}</h2>
          <Later height={100}>
            {FORMULAS[runner.rule].map((line) => (
              <Maths key={line} tex={line} block />
            ))}
          </Later>
        </section>
        {track === null ? null : (
          <Later height={420}>
            <StepInNumbers track={track} axes={axes} />
          </Later>
        )}
      </div>
      {track === null ? null : (
        <section class="charts">
          <OverTime track={track} axes={axes} />
        </section>
      )}
    </div>
  );
}

interface TrackProps {
  readonly track: Track;
  readonly axes: readonly [string, string];
}

function StepInNumbers({ track, axes }: TrackProps) {
  const w = words.value;
  const step = Math.min(told.value, track.steps);
  const both = [numbersOf(track, step, 0), numbersOf(track, step, 1)] as const;
  const [first, second] = both;
  if (first === null || second === null) return <p>{w.noStep}</p>;
  const quantity = (name: string, of: (n: StepNumbers) => number | null) => {
    const values = [of(first), of(second)];
    return values[0] === null ? null : (
      <tr key={name}>
        <th scope="row">{name}</th>
        {values.map((x, i) => (
          <td key={axes[i]}>{short(x!)}</td>
        ))}
      </tr>
    );
  };
  const { quantities: q } = w;
  return (
    <section>
      <h2>{w.thisStep(step)}</h2>
      {both.map((numbers, c) => {
        const lines = linesOf(track, numbers!, axes[c]!, step, tex);
        return lines === null ? null : (
          <div key={axes[c]} class={`numbers c${c}`}>
            {lines.map((line) => (
              <Maths key={line} tex={line} block />
            ))}
          </div>
        );
      })}
      <table>
        <thead>
          <tr>
            <th scope="col">{w.coordinate}</th>
            {axes.map((axis) => (
              <th key={axis} scope="col">
                {axis}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {quantity(q.position, (n) => n.position)}
          {quantity(q.gradient, (n) => n.gradient)}
          {Object.keys(first.state).map((name) => quantity(name, (n) => n.state[name]!.after))}
          {quantity(q.stepSize, (n) => n.stepSize)}
          {quantity(q.update, (n) => n.update)}
          {quantity(q.next, (n) => n.next)}
        </tbody>
      </table>
      <Verdict first={first} second={second} axes={axes} />
    </section>
  );
}

/** In a sentence: how unequal the gradients are, and how equal the updates. */
function Verdict({
  first,
  second,
  axes,
}: {
  first: StepNumbers;
  second: StepNumbers;
  axes: readonly [string, string];
}) {
  const w = words.value;
  const ratio = (a: number, b: number) => Math.max(Math.abs(a), Math.abs(b)) / Math.min(Math.abs(a), Math.abs(b));
  const gradients = ratio(first.gradient, second.gradient);
  const updates = ratio(first.update, second.update);
  if (!Number.isFinite(gradients) || !Number.isFinite(updates) || gradients < 1.5 || gradients > 1e4) return null;
  const steep = Math.abs(first.gradient) > Math.abs(second.gradient) ? 0 : 1;
  return (
    <p class="verdict">
      {w.steep(axes[steep]!, axes[1 - steep]!, short(gradients))}{" "}
      {updates < gradients / 1.5 ? w.evened(short(updates)) : ""}
    </p>
  );
}

export function OverTime({ track, axes }: TrackProps) {
  const w = words.value;
  // Made once for each run: charts draw lines anew when they are others.
  const lines = useMemo(() => {
    /** Rows belong to steps 1, 2, …; step 0 has none. */
    const column = (rows: readonly number[], c: number, of: (x: number) => number = (x) => x) => [
      Number.NaN,
      ...Array.from({ length: track.steps }, (_, i) => of(rows[2 * i + c]!)),
    ];
    const both = (rows: readonly number[], of?: (x: number) => number) =>
      axes.map((axis, c) => ({ name: axis, colour: `--a${c + 1}`, dashed: c === 1, values: column(rows, c, of) }));
    const squares = track.state.squareAvg ?? track.state.expAvgSq ?? track.state.sum;
    return {
      gradients: both(track.gradients),
      roots: squares === undefined ? null : both(squares, Math.sqrt),
      stepSizes: track.stepSizes.length === 0 ? null : both(track.stepSizes),
    };
  }, [track, axes.join()]);
  return (
    <>
      <StepChart title={w.gradients} step={step} told={told} lines={lines.gradients} />
      {lines.roots === null ? null : <StepChart title={w.roots} step={step} told={told} log lines={lines.roots} />}
      {lines.stepSizes === null ? (
        <p>{w.noStepSize}</p>
      ) : (
        <StepChart title={w.stepSizes} step={step} told={told} log lines={lines.stepSizes} />
      )}
    </>
  );
}
