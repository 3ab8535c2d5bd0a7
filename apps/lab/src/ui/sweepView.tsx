/** A heat map of the loss over two options, computed while one watches; a click loads the setting. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Axis, MOST_STEPS } from "../core/state.js";
import { sweepable } from "../core/sweep.js";
import { words } from "../i18n/index.js";
import { Line } from "../worker/client.js";
import type { Answer, Complaint } from "../worker/protocol.js";
import { saidOf } from "./complaints.js";
import { short } from "./format.js";
import { channels, colour } from "./palette.js";
import { RunnerSelect } from "./runnerSelect.js";
import { change, changeRunner, failure, playing, settings } from "./store.js";
import { SurfacePicker } from "./surfacePicker.js";
import { theme } from "./theme.js";

type Swept = Extract<Answer, { kind: "sweep" }>;

const COUNT = 20;
const swept = signal<Swept | null>(null);
const refusal = signal<Complaint | null>(null);
const cell = signal<readonly [number, number] | null>(null);

let line: Line | null = null;

/** Runs the sweep of the selected runner; a worker of its own leaves the race undisturbed. */
function run(): void {
  const { surface, formula, start, runners, selected, sweep } = settings.value;
  line ??= new Line((message) => {
    failure.value = message;
  });
  refusal.value = null;
  swept.value = null;
  cell.value = null;
  const { x, y, steps } = sweep;
  line.ask(
    { kind: "sweep", surface, formula, start, runner: runners[selected]!, x, y, steps, count: COUNT },
    (answer) => {
      if (answer.kind === "sweep") swept.value = answer;
      if (answer.kind === "complaint") refusal.value = answer.complaint;
    },
  );
}

export function SweepView() {
  const w = words.value;
  const { runners, selected, sweep, surface, formula, start } = settings.value;
  const runner = runners[selected]!;
  const known = sweepable(runner.rule);
  const own = (axis: Axis, i: number): Axis =>
    known.some(({ name }) => name === axis.name) ? axis : axisOf(known[Math.min(i, known.length - 1)]!);
  const x = own(sweep.x, 0);
  const y = own(sweep.y, 1);
  const question = JSON.stringify([surface, formula, start, runner, x, y, sweep.steps]);

  // The question holds all that the sweep depends on.
  useEffect(() => {
    if (x !== sweep.x || y !== sweep.y) change({ sweep: { ...sweep, x, y } });
    const timer = setTimeout(run, 120);
    return () => clearTimeout(timer);
  }, [question]);

  const set = (name: "x" | "y", axis: Axis) => change({ sweep: { ...sweep, [name]: axis } });
  return (
    <div class="sweep">
      <div class="controls">
        <p class="intro">{w.sweepIntro}</p>
        <SurfacePicker turnable={false} />
        <RunnerSelect />
        <AxisPicker label={w.across} axis={x} known={known} onChange={(axis) => set("x", axis)} />
        <AxisPicker label={w.up} axis={y} known={known} onChange={(axis) => set("y", axis)} />
        <label class="inline">
          {w.steps}
          <input
            type="number"
            min={1}
            max={MOST_STEPS}
            value={sweep.steps}
            onChange={(event) => {
              const steps = Math.round(event.currentTarget.valueAsNumber);
              if (steps >= 1 && steps <= MOST_STEPS) change({ sweep: { ...sweep, steps } });
              else event.currentTarget.value = String(sweep.steps);
            }}
          />
        </label>
      </div>
      {refusal.value === null ? (
        <HeatMap x={x.name} y={y.name} />
      ) : (
        <p class="complaint" role="alert">
          {saidOf(refusal.value)}
        </p>
      )}
    </div>
  );
}

type NumberSpec = ReturnType<typeof sweepable>[number];

/** A part of an option's range in which something happens. */
function axisOf({ name, initial, scale, min, max }: NumberSpec): Axis {
  if (scale === "log") return { name, from: Math.max(min, initial / 100), to: Math.min(max, initial * 100) };
  return { name, from: scale === "decay" ? 0.5 : min, to: scale === "decay" ? 0.999 : max };
}

interface AxisPickerProps {
  readonly label: string;
  readonly axis: Axis;
  readonly known: readonly NumberSpec[];
  readonly onChange: (axis: Axis) => void;
}

function AxisPicker({ label, axis, known, onChange }: AxisPickerProps) {
  const w = words.value;
  const spec = known.find(({ name }) => name === axis.name);
  const end = (which: "from" | "to") => (
    <label class="inline">
      {w[which]}
      <input
        type="text"
        inputMode="decimal"
        value={String(axis[which])}
        onChange={(event) => {
          const value = Number(event.currentTarget.value);
          const fits = spec !== undefined && value >= spec.min && value <= spec.max;
          const next = { ...axis, [which]: value };
          if (event.currentTarget.value.trim() !== "" && fits && next.from < next.to) onChange(next);
          else event.currentTarget.value = String(axis[which]);
        }}
      />
    </label>
  );
  return (
    <fieldset class="axis-picker">
      <legend>{label}</legend>
      <select
        aria-label={label}
        value={axis.name}
        onChange={(event) => onChange(axisOf(known.find(({ name }) => name === event.currentTarget.value)!))}
      >
        {known.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {end("from")}
      {end("to")}
    </fieldset>
  );
}

function HeatMap({ x, y }: { readonly x: string; readonly y: string }) {
  const w = words.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const result = swept.value;
  const look = theme.value;

  useEffect(() => {
    if (result === null) return;
    draw(canvas.current!, result.losses);
  }, [result, look]);

  const best = result === null ? null : bestOf(result.losses);
  const load = ([c, r]: readonly [number, number]) => {
    if (result === null) return;
    const { runners, selected } = settings.value;
    const runner = runners[selected]!;
    changeRunner(selected, {
      ...runner,
      options: { ...runner.options, [x]: result.xs[c]!, [y]: result.ys[r]! },
    });
    playing.value = false;
    change({ view: "paths", steps: settings.value.sweep.steps, step: settings.value.sweep.steps });
  };
  const at = (event: MouseEvent): [number, number] => {
    const box = canvas.current!.getBoundingClientRect();
    const place = (share: number) => Math.min(Math.max(Math.floor(share * COUNT), 0), COUNT - 1);
    return [place((event.clientX - box.left) / box.width), place(1 - (event.clientY - box.top) / box.height)];
  };
  const onKey = (event: KeyboardEvent) => {
    const [c, r] = cell.value ?? best ?? [0, 0];
    const moved = (
      { ArrowLeft: [c - 1, r], ArrowRight: [c + 1, r], ArrowUp: [c, r + 1], ArrowDown: [c, r - 1] } as const
    )[event.key as "ArrowLeft"];
    if (moved !== undefined)
      cell.value = [Math.min(Math.max(moved[0], 0), COUNT - 1), Math.min(Math.max(moved[1], 0), COUNT - 1)];
    else return;
    event.preventDefault();
  };
  const said = cell.value ?? best;
  const sentence = (() => {
    if (result === null || said === null) return w.computing;
    const loss = result.losses[said[1] * COUNT + said[0]]!;
    const text = w.sweepCell(
      `${x} ${short(result.xs[said[0]]!)}`,
      `${y} ${short(result.ys[said[1]]!)}`,
      Number.isFinite(loss) ? short(loss) : w.never,
    );
    return cell.value === null ? `${w.best}: ${text}` : text;
  })();
  return (
    <figure class="heat">
      <div class="plane">
        <span class="axis y">↑ {y}</span>
        <Marks along="y" values={result?.ys ?? []} />
        <div class="field">
          <button
            type="button"
            aria-label={w.sweepLabel}
            onPointerMove={(event) => {
              cell.value = at(event);
            }}
            onPointerLeave={() => {
              cell.value = null;
            }}
            onClick={(event) => load(event.detail === 0 ? (cell.value ?? best ?? [0, 0]) : at(event))}
            onKeyDown={onKey}
          >
            <canvas ref={canvas} width={COUNT} height={COUNT} />
          </button>
          {said === null ? null : (
            <i class="mark" style={{ left: `${(said[0] / COUNT) * 100}%`, bottom: `${(said[1] / COUNT) * 100}%` }} />
          )}
        </div>
        <Marks along="x" values={result?.xs ?? []} />
        <span class="axis x">{x} →</span>
      </div>
      <figcaption>
        <output aria-live="polite">{sentence}</output>
        <progress max={settings.value.sweep.steps} value={result?.steps ?? 0} aria-label={w.steps} />
        <span class="scale">
          {w.lower} <i /> {w.higher}
        </span>
      </figcaption>
    </figure>
  );
}

/** The values of every few cells, beside them. */
function Marks({ along, values }: { readonly along: "x" | "y"; readonly values: readonly number[] }) {
  const shown = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * (COUNT - 1)));
  return (
    <div class={`marks ${along}`} aria-hidden="true">
      {values.length === 0
        ? null
        : shown.map((i) => {
            const at = `${((i + 0.5) / COUNT) * 100}%`;
            return (
              <span key={i} style={along === "x" ? { left: at } : { bottom: at }}>
                {short(values[i]!, 3)}
              </span>
            );
          })}
    </div>
  );
}

function bestOf(losses: Float32Array): [number, number] | null {
  let best = -1;
  losses.forEach((loss, i) => {
    if (Number.isFinite(loss) && (best < 0 || loss < losses[best]!)) best = i;
  });
  return best < 0 ? null : [best % COUNT, Math.floor(best / COUNT)];
}

/** One pixel a setting; ranks rather than values, so that one diverging run does not hide the others. */
function draw(canvas: HTMLCanvasElement, losses: Float32Array): void {
  const context = canvas.getContext("2d")!;
  const sorted = Float32Array.from(losses).filter(Number.isFinite).sort();
  const stops = ["--heat1", "--heat2", "--heat3", "--heat4"].map((name) => channels(colour(name)));
  const never = channels(colour("--never"));
  const image = context.createImageData(COUNT, COUNT);
  losses.forEach((loss, i) => {
    const rank = sorted.length < 2 ? 0 : lowerBound(sorted, loss) / (sorted.length - 1);
    const scaled = Math.min(rank, 1) * (stops.length - 1);
    const k = Math.min(Math.floor(scaled), stops.length - 2);
    const row = COUNT - 1 - Math.floor(i / COUNT);
    const pixel = 4 * (row * COUNT + (i % COUNT));
    for (let c = 0; c < 3; c++) {
      const value = stops[k]![c]! + (stops[k + 1]![c]! - stops[k]![c]!) * (scaled - k);
      image.data[pixel + c] = Number.isFinite(loss) ? value : never[c]!;
    }
    image.data[pixel + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

function lowerBound(sorted: Float32Array, x: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < x) low = middle + 1;
    else high = middle;
  }
  return low;
}
