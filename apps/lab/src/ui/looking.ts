/** How the surface is looked at: moving and enlarging the map, turning the block, by pointer and by keys. */
import { enlarged, moved, partOf } from "../core/part.js";
import { type LabState, turnedTo } from "../core/state.js";
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

/** Where one or two fingers (or the mouse) took hold of what is shown. */
interface Grip {
  readonly shown: Ground;
  readonly part: Surface["view"];
  readonly turned: LabState["turned"];
  readonly zoom: LabState["zoom"];
  /** Between the fingers, in the window. */
  readonly middle: readonly [number, number];
  /** From finger to finger; 0 with one. */
  readonly spread: number;
  /** The point of the surface that lies under the middle. */
  readonly about: readonly [number, number] | null;
}

/**
 * Lets a pointer drag what is shown; two fingers, or a wheel with Ctrl (which is what two fingers on a touchpad send), enlarge
 * it. Returns how to stop.
 */
export function lookByPointer(
  frame: HTMLElement,
  under: (px: number, py: number) => [number, number] | null,
): () => void {
  const fingers = new Map<number, readonly [number, number]>();
  let grip: Grip | null = null;

  const underWindow = ([x, y]: readonly [number, number]) => {
    const box = frame.getBoundingClientRect();
    return under(x - box.left, y - box.top);
  };
  const held = (): Pick<Grip, "middle" | "spread"> => {
    const [[ax, ay], [bx, by] = [ax, ay]] = [...fingers.values()] as [[number, number], [number, number]?];
    return { middle: [(ax + bx) / 2, (ay + by) / 2], spread: Math.hypot(ax - bx, ay - by) };
  };
  /** Takes hold anew: with each finger that comes or goes what is shown stays where it is. */
  const take = () => {
    const shown = ground.value;
    if (fingers.size === 0 || shown === null) {
      grip = null;
      frame.classList.remove("dragged");
      return;
    }
    const { middle, spread } = held();
    const { turned, zoom } = settings.value;
    grip = { shown, part: partNow(shown), turned, zoom, middle, spread, about: underWindow(middle) };
  };

  const down = (event: PointerEvent) => {
    const target = event.target as Element;
    if (event.button !== 0 || fingers.size === 2 || target.closest("button, .looking") !== null) return;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    frame.setPointerCapture(event.pointerId);
    take();
  };
  const move = (event: PointerEvent) => {
    if (grip === null || !fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    const { shown, part, turned } = grip;
    const { middle, spread } = held();
    const [right, down] = [middle[0] - grip.middle[0], middle[1] - grip.middle[1]];
    const pinched = Math.abs(spread - grip.spread);
    // A click that trembles is no drag.
    if (!frame.classList.contains("dragged") && Math.hypot(right, down) < 4 && pinched < 4) return;
    frame.classList.add("dragged");
    if (grip.spread > 0) pinch(grip, spread / grip.spread, right, down);
    else if (turned === null) shift(shown, part, -right / shown.width, down / shown.height);
    else change({ turned: turnedTo(turned[0] - right * DEGREES_PER_PIXEL, turned[1] + down * DEGREES_PER_PIXEL) });
  };
  const up = (event: PointerEvent) => {
    if (fingers.delete(event.pointerId)) take();
  };
  const cancel = (event: PointerEvent) => {
    // The browser took the finger for one that scrolls the page: what it has moved so far goes back.
    if (grip !== null && fingers.has(event.pointerId)) change({ zoom: grip.zoom, turned: grip.turned });
    up(event);
  };
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const about = underWindow([event.clientX, event.clientY]);
    enlarge(Math.exp(-Math.min(Math.max(event.deltaY, -60), 60) * 0.006), about ?? undefined);
  };
  // With two fingers on the surface the page does not scroll.
  const touch = (event: TouchEvent) => {
    if (event.touches.length > 1) event.preventDefault();
  };
  const stop = new AbortController();
  const { signal } = stop;
  frame.addEventListener("pointerdown", down, { signal });
  frame.addEventListener("pointermove", move, { signal });
  frame.addEventListener("pointerup", up, { signal });
  frame.addEventListener("pointercancel", cancel, { signal });
  frame.addEventListener("wheel", wheel, { passive: false, signal });
  frame.addEventListener("touchstart", touch, { passive: false, signal });
  frame.addEventListener("touchmove", touch, { passive: false, signal });
  return () => stop.abort();
}

/** What lies between two fingers stays there. */
function pinch({ shown, part, about }: Grip, factor: number, right: number, down: number): void {
  const { x, y } = part;
  const own = shown.facts.view;
  const zoom = enlarged(own, part, factor, about ?? [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2]);
  if (shown.turned !== null) change({ zoom });
  else change({ zoom: moved(own, partOf(own, settings.value.start, zoom), -right / shown.width, down / shown.height) });
}
