/** The surface with the paths on it, from above or as a block, and the start that can be dragged. */
import { computed, effect, signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Grid } from "../core/grid.js";
import { words } from "../i18n/index.js";
import type { GroundRequest } from "../worker/protocol.js";
import { short } from "./format.js";
import { showGround } from "./groundCanvas.js";
import { Icon } from "./icon.js";
import { ARROWS, closer, farther, lookByKey, lookByPointer, resetView, viewIsReset } from "./looking.js";
import { groundPalette, runnerColour } from "./palette.js";
import { PathLayer } from "./pathLayer.js";
import { type Placing, placingOf } from "./projection.js";
import { askGround, change, floor, ground, lossAt, positionAt, settings, step, tracks } from "./store.js";
import { theme } from "./theme.js";

const size = signal({ width: 0, height: 0 });
const placing = computed((): Placing | null => (ground.value === null ? null : placingOf(ground.value)));

export function SurfaceMap() {
  const frame = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const heads = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width: Math.round(width), height: Math.round(height) };
    });
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);

  // All of this goes past the components: a step that is played changes pixels and nothing else of the page.
  useEffect(() => {
    const [canvas, paths, marks] = [below.current!, above.current!, heads.current!];
    const stops = [
      effect(requestGround),
      effect(() => {
        void theme.value;
        if (ground.value !== null) showGround(canvas, ground.value, placing.value!, floor.value);
      }),
      effect(() => drawPaths(paths, marks)),
      lookByPointer(frame.current!, (px, py) => placing.value?.under(px, py) ?? null),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);

  const w = words.value;
  const { turned } = settings.value;
  const facts = ground.value?.facts;
  const name = facts === undefined ? "" : w.surfaces[facts.name];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved and turned by keys.
    <div class="map" ref={frame} role="application" tabIndex={0} aria-label={w.looking} onKeyDown={lookByKey}>
      <canvas ref={below} />
      <canvas ref={above} role="img" aria-label={w.mapLabel(name)} />
      <div class="heads" ref={heads} aria-hidden="true" />
      <Handle frame={frame} />
      {facts === undefined || turned !== null ? null : (
        <>
          <span class="axis x">{facts.axes[0]} →</span>
          <span class="axis y">↑ {facts.axes[1]}</span>
        </>
      )}
      <Hover frame={frame} />
      <div class="looking">
        <button type="button" class="icon" aria-label={w.closer} title={w.closer} onClick={closer}>
          <Icon name="plus" />
        </button>
        <button type="button" class="icon" aria-label={w.farther} title={w.farther} onClick={farther}>
          <Icon name="minus" />
        </button>
        <button
          type="button"
          class="icon"
          aria-label={w.resetView}
          title={w.resetView}
          disabled={viewIsReset()}
          onClick={resetView}
        >
          <Icon name="whole" />
        </button>
      </div>
    </div>
  );
}

/** All that the ground depends on but the theme, so that nothing else has it drawn anew. */
const question = computed((): string | null => {
  const { width, height } = size.value;
  if (width === 0 || height === 0) return null;
  const { surface, formula, start, zoom, turned } = settings.value;
  // The start matters only where the view must grow to hold it.
  const known = ground.peek()?.facts;
  const fits =
    known?.name === surface && [known.view.x, known.view.y].every(([a, b], i) => start[i]! >= a && start[i]! <= b);
  const request: Omit<GroundRequest, "palette"> = {
    kind: "ground",
    surface,
    formula: surface === "formula" ? formula : "",
    start: fits ? known.start : start,
    zoom,
    turned,
    width,
    height,
    density: Math.min(devicePixelRatio, 2),
  };
  return JSON.stringify(request);
});

function requestGround(): void {
  void theme.value;
  if (question.value !== null) askGround({ ...JSON.parse(question.value), palette: groundPalette() });
}

interface Drawn {
  readonly of: readonly unknown[];
  readonly layer: PathLayer;
}
const drawn = new WeakMap<HTMLCanvasElement, Drawn>();

/** After so many milliseconds at rest, paths that grew piece by piece are drawn in one piece, as a link to them would. */
const REST = 300;
let resting: ReturnType<typeof setTimeout> | undefined;

/** Called for each step: one forward adds to the picture, anything else draws it anew. */
function drawPaths(canvas: HTMLCanvasElement, heads: HTMLElement): void {
  const [shown, place, runs, now, look] = [ground.value, placing.value, tracks.value, step.value, theme.value];
  if (shown === null || place === null) return;
  // What rests may be of paths that are gone.
  clearTimeout(resting);
  let last = drawn.get(canvas);
  const of = [shown, runs, look];
  if (last === undefined || of.some((x, i) => x !== last!.of[i])) {
    const { pixels, width, height } = shown;
    if (canvas.width !== pixels.width || canvas.height !== pixels.height) {
      canvas.width = pixels.width;
      canvas.height = pixels.height;
    }
    const context = canvas.getContext("2d")!;
    context.setTransform(pixels.width / width, 0, 0, pixels.height / height, 0, 0);
    last = { of, layer: new PathLayer(context, place, runs, width, height) };
    drawn.set(canvas, last);
    last.layer.draw(now);
    dress(heads, runs.length);
  } else {
    const { layer } = last;
    layer.extend(now);
    resting = setTimeout(() => layer.draw(step.peek()), REST);
  }
  runs.forEach((track, i) => {
    const at = positionAt(track, now);
    const loss = lossAt(track, now);
    const [px, py] = place.project(...at, loss);
    const seen = px > -20 && py > -20 && px < shown.width + 20 && py < shown.height + 20;
    const { style } = heads.children[i] as HTMLElement;
    style.transform = seen ? `translate(${px.toFixed(1)}px, ${py.toFixed(1)}px)` : "translate(-99px, -99px)";
    style.opacity = place.hidden(...at, loss) ? "0.35" : "1";
  });
}

/** A head for each path. */
function dress(heads: HTMLElement, count: number): void {
  heads.replaceChildren(
    ...Array.from({ length: count }, (_, i) => {
      const head = document.createElement("i");
      head.style.background = runnerColour(i);
      return head;
    }),
  );
}

/** Four digits are enough for a start, and keep addresses short. */
const tidy = (x: number): number => Number(x.toPrecision(4));
const moveStart = (x: number, y: number) => change({ start: [tidy(x), tidy(y)] });

interface InFrame {
  readonly frame: { readonly current: HTMLDivElement | null };
}

function Handle({ frame }: InFrame) {
  const w = words.value;
  const shown = ground.value;
  const place = placing.value;
  const { start } = settings.value;
  if (shown === null || place === null) return null;
  const [px, py] = place.project(...start, heightAt(shown.grid, ...start) ?? floor.value);
  if (px < 0 || py < 0 || px > shown.width || py > shown.height) return null;
  const drag = (event: PointerEvent) => {
    const box = frame.current!.getBoundingClientRect();
    const inside = (value: number, most: number) => Math.min(Math.max(value, 0), most - 1);
    const at = place.under(
      inside(event.clientX - box.left, shown.width),
      inside(event.clientY - box.top, shown.height),
    );
    if (at !== null) moveStart(...at);
  };
  const onKey = (event: KeyboardEvent) => {
    const direction = ARROWS[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const { x, y } = shown.grid.view;
    const pace = event.shiftKey ? 0.1 : 0.01;
    moveStart(start[0] + direction[0] * pace * (x[1] - x[0]), start[1] + direction[1] * pace * (y[1] - y[0]));
  };
  return (
    <button
      type="button"
      class="start"
      style={{ left: `${px}px`, top: `${py}px` }}
      aria-label={w.startAt(short(start[0]), short(start[1]))}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) drag(event);
      }}
      onKeyDown={onKey}
    />
  );
}

/** The point and the loss under the pointer; what it shows is said by the paths' own figures too. */
function Hover({ frame }: InFrame) {
  const said = useSignal<string | null>(null);
  useEffect(() => {
    const target = frame.current!;
    const under = (event: MouseEvent): [number, number] | null => {
      const box = target.getBoundingClientRect();
      return placing.value?.under(event.clientX - box.left, event.clientY - box.top) ?? null;
    };
    const leave = () => {
      said.value = null;
    };
    const point = (event: PointerEvent) => {
      const at = under(event);
      const shown = ground.value;
      const height = at === null || shown === null ? undefined : heightAt(shown.grid, ...at);
      if (at === null || shown === null || height === undefined) return leave();
      const { axes } = shown.facts;
      said.value = `${axes[0]} ${short(at[0], 3)}  ${axes[1]} ${short(at[1], 3)}  f ${short(height, 3)}`;
    };
    const place = (event: MouseEvent) => {
      const at = under(event);
      if (at !== null && (event.target as Element).closest("button, .looking") === null) moveStart(...at);
    };
    target.addEventListener("pointermove", point);
    target.addEventListener("pointerleave", leave);
    target.addEventListener("dblclick", place);
    return () => {
      target.removeEventListener("pointermove", point);
      target.removeEventListener("pointerleave", leave);
      target.removeEventListener("dblclick", place);
    };
  }, []);
  return said.value === null ? null : <output class="hover">{said.value}</output>;
}

/** The height at the nearest point of the grid. */
function heightAt({ view, columns, rows, heights }: Grid, x: number, y: number): number | undefined {
  const c = Math.round(((x - view.x[0]) / (view.x[1] - view.x[0])) * (columns - 1));
  const r = Math.round(((y - view.y[0]) / (view.y[1] - view.y[0])) * (rows - 1));
  return c < 0 || c >= columns ? undefined : heights[r * columns + c];
}
