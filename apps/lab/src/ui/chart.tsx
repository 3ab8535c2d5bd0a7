/** Numbers by step, drawn by uPlot: one line for each name, and a mark at the step on show. */
import { effect, type ReadonlySignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { short } from "./format.js";
import { Later } from "./later.js";
import { colour } from "./palette.js";
import { decades } from "./scale.js";
import { theme } from "./theme.js";

export interface Line {
  readonly name: string;
  /** The name of a colour of the style sheet. */
  readonly colour: string;
  /** One number for each step, from step 0. */
  readonly values: readonly number[];
  readonly dashed?: boolean;
}

interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** The step that is marked, and the one whose values are told, which may lag behind. */
  readonly step: ReadonlySignal<number>;
  readonly told: ReadonlySignal<number>;
  /** Equal distances are equal factors; values that are not above 0 are gaps. */
  readonly log?: boolean;
}

const HEIGHT = 170;
/** How far above its beginning a line is followed. */
const MOST_RISE = 1e4;

export function StepChart({ title, lines, step, told, log = false }: ChartProps) {
  return (
    <figure class="chart">
      <figcaption>
        {title}
        <Legend lines={lines} told={told} />
      </figcaption>
      <Later height={HEIGHT}>
        <Plot lines={lines} step={step} log={log} />
      </Later>
    </figure>
  );
}

function Plot({ lines, step, log = false }: Pick<ChartProps, "lines" | "step" | "log">) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const look = theme.value;
  const form = JSON.stringify(lines.map(({ name, colour, dashed }) => [name, colour, dashed]));

  // The chart is made anew when its form changes, not its numbers.
  useLayoutEffect(() => {
    const target = place.current!;
    const ink = colour("--muted");
    const axis = {
      stroke: ink,
      grid: { stroke: colour("--rule"), width: 1 },
      ticks: { stroke: colour("--rule"), width: 1 },
    };
    // The step on show is a line of its own above the chart, so that moving it draws nothing anew.
    const now = document.createElement("i");
    now.className = "now";
    const mark = (u: uPlot) => {
      now.style.transform = `translateX(${u.valToPos(step.peek(), "x").toFixed(1)}px)`;
    };
    const made = new uPlot(
      {
        width: Math.max(target.clientWidth, 100),
        height: HEIGHT,
        scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
        legend: { show: false },
        cursor: { points: { show: false } },
        axes: [
          { ...axis, size: 30, values: (_, marks) => marks.map(String) },
          {
            ...axis,
            size: 58,
            values: (_, marks) => marks.map((mark) => (mark === null ? "" : short(mark))),
            // On a scale of factors only powers of ten are marked, and not all of many.
            ...(log
              ? {
                  splits: (_u: uPlot, _i: number, from: number, to: number) => decades(from, to),
                  filter: (_u: uPlot, marks: number[]) => marks,
                }
              : {}),
          },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.name,
            stroke: colour(line.colour),
            width: 1.75,
            points: { show: false },
            ...(line.dashed ? { dash: [6, 4] } : {}),
          })),
        ],
        hooks: { setSize: [mark], setScale: [mark] },
      },
      dataOf(lines, log),
      target,
    );
    made.over.append(now);
    chart.current = made;
    const follow = effect(() => {
      void step.value;
      mark(made);
    });
    const observer = new ResizeObserver(() => {
      const width = Math.max(target.clientWidth, 100);
      if (width !== made.width) made.setSize({ width, height: HEIGHT });
    });
    observer.observe(target);
    return () => {
      follow();
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [form, log, look, step]);

  const drawn = useRef(lines);
  useEffect(() => {
    if (drawn.current !== lines) chart.current?.setData(dataOf(lines, log));
    drawn.current = lines;
  }, [lines, log]);

  return <div ref={place} aria-hidden="true" />;
}

function Legend({ lines, told }: Pick<ChartProps, "lines" | "told">) {
  const step = told.value;
  return (
    <span class="legend">
      {lines.map((line, i) => (
        <span key={`${i}${line.name}`} style={{ "--mine": `var(${line.colour})` }} class={line.dashed ? "dashed" : ""}>
          <i aria-hidden="true" /> {line.name} <b>{figureAt(line, step)}</b>
        </span>
      ))}
    </span>
  );
}

/** What is counted from step 1 on has no figure at step 0. */
function figureAt({ values }: Line, step: number): string {
  const value = values[Math.min(step, values.length - 1)] ?? Number.NaN;
  return step === 0 && Number.isNaN(value) ? "–" : short(value);
}

function dataOf(lines: readonly Line[], log: boolean): uPlot.AlignedData {
  const length = Math.max(1, ...lines.map(({ values }) => values.length));
  // On a scale of factors a run that flies off would leave the others no room.
  const most = log
    ? MOST_RISE * Math.max(...lines.map(({ values }) => values.find(Number.isFinite) ?? 0))
    : Number.MAX_VALUE;
  const gap = (x: number | undefined) =>
    x === undefined || !Number.isFinite(x) || x > most || (log && x <= 0) ? null : x;
  return [
    Array.from({ length }, (_, i) => i),
    ...lines.map(({ values }) => Array.from({ length }, (_, i) => gap(values[i]))),
  ];
}
