/** How the surface is looked at: moving and enlarging the map, turning the block, by pointer and by keys. */
import { enlarged, moved, partOf } from "../core/part.js";
import { turnedTo } from "../core/state.js";
import type { Surface } from "../core/surfaces.js";
import type { Ground } from "../worker/protocol.js";
import { change, ground, initialState, settings } from "./store.js";

/** How a block is first seen. */
export const FIRST_TURN = [-28, 46] as const;
const DEGREES_PER_PIXEL = 0.35;
const CLOSER = 1.6;

/** The part that has been asked for: what is on show may be a picture behind, and quick keys would be lost. */
function partNow({ facts }: Ground): Surface["view"] {
  const { start, zoom } = settings.value;
  return partOf(facts.view, start, zoom);
}

/** Enlarges what is shown about its middle, or about a point. */
export function enlarge(factor: number, about?: readonly [number, number]): void {
  const shown = ground.value;
  if (shown === null) return;
  const part = partNow(shown);
  const { x, y } = part;
  change({ zoom: enlarged(shown.facts.view, part, factor, about ?? [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2]) });
}

export const closer = () => enlarge(CLOSER);
export const farther = () => enlarge(1 / CLOSER);

export function resetView(): void {
  change({ zoom: initialState.zoom, turned: settings.value.turned === null ? null : FIRST_TURN });
}

export const viewIsReset = (): boolean => {
  const { zoom, turned } = settings.value;
  return zoom === null && (turned === null || turned.join() === FIRST_TURN.join());
};

/** Shows another part of the map, shares of its size away from one. */
function shift({ facts }: Ground, part: Surface["view"], right: number, up: number): void {
  change({ zoom: moved(facts.view, part, right, up) });
}

/** Where the arrow keys point. */
export const ARROWS: Readonly<Record<string, readonly [right: number, up: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export function lookByKey(event: KeyboardEvent): void {
  const shown = ground.value;
  if (shown === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const { turned } = settings.value;
  const arrow = ARROWS[event.key];
  if (arrow !== undefined && turned === null) shift(shown, partNow(shown), 0.1 * arrow[0], 0.1 * arrow[1]);
  else if (arrow !== undefined && turned !== null)
    change({ turned: turnedTo(turned[0] + 5 * arrow[0], turned[1] + 3 * arrow[1]) });
  else if (event.key === "+" || event.key === "=") closer();
  else if (event.key === "-") farther();
  else if (event.key === "0" || event.key === "Home") resetView();
  else return;
  event.preventDefault();
}

/** Lets a pointer drag what is shown, and a wheel with Ctrl (or two fingers on a touchpad) enlarge it. Returns how to stop. */
export function lookByPointer(
  frame: HTMLElement,
  under: (px: number, py: number) => [number, number] | null,
): () => void {
  let from: {
    x: number;
    y: number;
    shown: Ground;
    part: Surface["view"];
    turned: readonly [number, number] | null;
  } | null = null;
  const down = (event: PointerEvent) => {
    const target = event.target as Element;
    if (event.button !== 0 || ground.value === null || target.closest("button, .looking") !== null) return;
    const [shown, { turned }] = [ground.value, settings.value];
    from = { x: event.clientX, y: event.clientY, shown, part: partNow(shown), turned };
    frame.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (from === null) return;
    const [right, down] = [event.clientX - from.x, event.clientY - from.y];
    // A click that trembles is no drag.
    if (!frame.classList.contains("dragged") && Math.hypot(right, down) < 4) return;
    frame.classList.add("dragged");
    const { shown, part, turned } = from;
    if (turned === null) shift(shown, part, -right / shown.width, down / shown.height);
    else change({ turned: turnedTo(turned[0] - right * DEGREES_PER_PIXEL, turned[1] + down * DEGREES_PER_PIXEL) });
  };
  const up = () => {
    from = null;
    frame.classList.remove("dragged");
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = frame.getBoundingClientRect();
    const about = under(event.clientX - box.left, event.clientY - box.top);
    enlarge(Math.exp(-Math.min(Math.max(event.deltaY, -60), 60) * 0.006), about ?? undefined);
  };
  frame.addEventListener("pointerdown", down);
  frame.addEventListener("pointermove", move);
  frame.addEventListener("pointerup", up);
  frame.addEventListener("pointercancel", up);
  frame.addEventListener("wheel", wheel, { passive: false });
  return () => {
    frame.removeEventListener("pointerdown", down);
    frame.removeEventListener("pointermove", move);
    frame.removeEventListener("pointerup", up);
    frame.removeEventListener("pointercancel", up);
    frame.removeEventListener("wheel", wheel);
  };
}
