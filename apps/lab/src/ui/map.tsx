/** The surface with the paths on it, from above or turned, and the start that can be dragged. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Grid } from "../core/grid.js";
import type { Track } from "../core/path.js";
import { words } from "../i18n/index.js";
import { drawContours, type Size, toPixel, toPoint } from "./contours.js";
import { short } from "./format.js";
import { colour, DASHES, runnerColour } from "./palette.js";
import { type Relief, reliefOf } from "./relief.js";
import { change, lab, lossAt, positionAt, surface, tracks } from "./store.js";
import { theme } from "./theme.js";

type Project = (x: number, y: number, loss: number) => readonly [number, number];

export function SurfaceMap() {
  const frame = useRef<HTMLDivElement>(null);
  const ground = useRef<HTMLCanvasElement>(null);
  const top = useRef<HTMLCanvasElement>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  const hover = useSignal<string | null>(null);
  const projection = useRef<Project | null>(null);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width: Math.round(width), height: Math.round(height) };
    });
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, [size]);

  const { start, turned, step } = lab.value;
  const shown = surface.value;
  const area = size.value;
  const look = theme.value;

  // The ground: drawn when the surface, the size, the theme or the angle changes.
  useEffect(() => {
    if (shown === null || area.width === 0) return;
    const context = prepare(ground.current!, area);
    if (turned === null) {
      drawContours(context, shown.grid, shown.levels, area);
      projection.current = (x, y) => toPixel(shown.grid, area, x, y);
    } else {
      const relief: Relief = reliefOf(shown.grid, shown.levels, turned, area);
      relief.draw(context);
      projection.current = relief.project;
    }
  }, [shown, area, turned, look]);

  // The paths: drawn at each step.
  useEffect(() => {
    const project = projection.current;
    if (project === null || shown === null || area.width === 0) return;
    const context = prepare(top.current!, area);
    for (const [x, y] of shown.facts.minima) drawStar(context, project(x, y, shown.levels[0] ?? 0));
    tracks.value.forEach((track, i) => {
      drawPath(context, track, step, project, i);
    });
  }, [shown, area, turned, look, step, tracks.value]);

  const drag = (event: PointerEvent) => {
    if (shown === null || turned !== null) return;
    const box = frame.current!.getBoundingClientRect();
    const inside = (value: number, most: number) => Math.min(Math.max(value, 0), most);
    move(
      ...toPoint(
        shown.grid,
        area,
        inside(event.clientX - box.left, area.width),
        inside(event.clientY - box.top, area.height),
      ),
    );
  };
  const onKey = (event: KeyboardEvent) => {
    if (shown === null) return;
    const direction = ARROWS[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    const { x, y } = shown.grid.view;
    const pace = event.shiftKey ? 0.1 : 0.01;
    move(start[0] + direction[0] * pace * (x[1] - x[0]), start[1] + direction[1] * pace * (y[1] - y[0]));
  };
  // Listening, and not a control: what the pointer shows is said by the paths' own figures too.
  useEffect(() => {
    const target = frame.current!;
    if (shown === null || turned !== null) return;
    const under = (event: MouseEvent): [number, number] => {
      const box = target.getBoundingClientRect();
      return toPoint(shown.grid, area, event.clientX - box.left, event.clientY - box.top);
    };
    const point = (event: PointerEvent) => {
      const [x, y] = under(event);
      const { axes } = shown.facts;
      const height = heightAt(shown.grid, x, y);
      hover.value = height === undefined ? null : `${axes[0]} ${short(x)}  ${axes[1]} ${short(y)}  f ${short(height)}`;
    };
    const leave = () => {
      hover.value = null;
    };
    const place = (event: MouseEvent) => move(...under(event));
    target.addEventListener("pointermove", point);
    target.addEventListener("pointerleave", leave);
    target.addEventListener("dblclick", place);
    return () => {
      target.removeEventListener("pointermove", point);
      target.removeEventListener("pointerleave", leave);
      target.removeEventListener("dblclick", place);
      leave();
    };
  }, [shown, area, turned, hover]);

  const handle = shown === null || turned !== null ? null : toPixel(shown.grid, area, ...start);
  const w = words.value;
  return (
    <div class="map" ref={frame}>
      <canvas ref={ground} />
      <canvas ref={top} role="img" aria-label={w.mapLabel(shown === null ? "" : w.surfaces[shown.facts.name])} />
      {handle === null ? null : (
        <button
          type="button"
          class="start"
          style={{ left: `${handle[0]}px`, top: `${handle[1]}px` }}
          aria-label={w.startAt(short(start[0]), short(start[1]))}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={(event) => {
            if (event.currentTarget.hasPointerCapture(event.pointerId)) drag(event);
          }}
          onKeyDown={onKey}
        />
      )}
      {shown === null || turned !== null ? null : (
        <>
          <span class="axis x">{shown.facts.axes[0]} →</span>
          <span class="axis y">↑ {shown.facts.axes[1]}</span>
        </>
      )}
      {hover.value === null ? null : <output class="hover">{hover.value}</output>}
    </div>
  );
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
};

/** The height at the nearest point of the grid. */
function heightAt({ view, columns, rows, heights }: Grid, x: number, y: number): number | undefined {
  const c = Math.round(((x - view.x[0]) / (view.x[1] - view.x[0])) * (columns - 1));
  const r = Math.round(((y - view.y[0]) / (view.y[1] - view.y[0])) * (rows - 1));
  return heights[r * columns + c];
}

/** Four digits are enough for a start, and keep addresses short. */
const tidy = (x: number): number => Number(x.toPrecision(4));

const move = (x: number, y: number) => change({ start: [tidy(x), tidy(y)] });

function prepare(canvas: HTMLCanvasElement, { width, height }: Size): CanvasRenderingContext2D {
  const density = Math.min(devicePixelRatio, 2);
  const [columns, rows] = [Math.round(width * density), Math.round(height * density)];
  const context = canvas.getContext("2d")!;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

function drawPath(context: CanvasRenderingContext2D, track: Track, step: number, project: Project, i: number): void {
  const last = Math.min(step, track.steps);
  context.beginPath();
  let [fromX, fromY] = [Number.POSITIVE_INFINITY, 0];
  for (let s = 0; s <= last; s++) {
    const x = track.positions[2 * s]!;
    const y = track.positions[2 * s + 1]!;
    if (!Number.isFinite(x) || !Number.isFinite(y)) break;
    const [px, py] = project(x, y, track.losses[s]!);
    // Canvases lose their way far outside.
    if (Math.abs(px) > 1e5 || Math.abs(py) > 1e5) break;
    // Thousands of steps near a minimum are one pixel.
    if (s < last && Math.abs(px - fromX) + Math.abs(py - fromY) < 0.6) continue;
    context.lineTo(px, py);
    [fromX, fromY] = [px, py];
  }
  context.lineJoin = "round";
  context.setLineDash([]);
  context.strokeStyle = colour("--halo");
  context.lineWidth = 4.5;
  context.stroke();
  context.setLineDash([...DASHES[i % DASHES.length]!]);
  context.strokeStyle = runnerColour(i);
  context.lineWidth = 2.25;
  context.stroke();
  context.setLineDash([]);
  if (last <= 200) {
    context.fillStyle = runnerColour(i);
    for (let s = 1; s < last; s++) dot(context, project(...positionAt(track, s), track.losses[s]!), 2.4);
  }
  const [px, py] = project(...positionAt(track, last), lossAt(track, last));
  if (!Number.isFinite(px) || !Number.isFinite(py)) return;
  context.fillStyle = colour("--halo");
  dot(context, [px, py], 7.5);
  context.fillStyle = runnerColour(i);
  dot(context, [px, py], 5.5);
}

function dot(context: CanvasRenderingContext2D, [px, py]: readonly [number, number], radius: number): void {
  context.beginPath();
  context.arc(px, py, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawStar(context: CanvasRenderingContext2D, [px, py]: readonly [number, number]): void {
  context.beginPath();
  for (let i = 0; i < 10; i++) {
    const radius = i % 2 === 0 ? 8 : 3.4;
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    context.lineTo(px + radius * Math.cos(angle), py + radius * Math.sin(angle));
  }
  context.closePath();
  context.fillStyle = colour("--ink");
  context.strokeStyle = colour("--halo");
  context.lineWidth = 2;
  context.stroke();
  context.fill();
}
