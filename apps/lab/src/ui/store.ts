/** What the page knows: its state, which the address holds, and what the worker has answered. */
import { batch, computed, effect, signal } from "@preact/signals";
import type { Track } from "../core/path.js";
import type { Options, Runner } from "../core/rules.js";
import { fromHash, initialState, type LabState, MOST_RUNNERS, toHash } from "../core/state.js";
import { lowestOf } from "../core/terrain.js";
import { Line } from "../worker/client.js";
import type { Answer, Complaint, Ground, GroundRequest, SceneRequest } from "../worker/protocol.js";

/** The state but for its step: what stays the same while the paths are played. Set it with {@link change}. */
export const settings = signal<Omit<LabState, "step">>(fromHash(location.hash));
/** The step on show; up to sixty a second while playing. */
export const step = signal(fromHash(location.hash).step);
/** The whole state. Whoever reads it is called for each step that is played. */
export const lab = computed((): LabState => ({ ...settings.value, step: step.value }));
export const playing = signal(false);

/** The step that words and figures tell: the one on show, but at most every so many milliseconds while playing. */
export const told = signal(0);
const TELL_EVERY = 100;

/** The ground that is shown; null until the worker has answered. */
export const ground = signal<Ground | null>(null);
export const facts = computed(() => ground.value?.facts ?? null);
/** The lowest loss on show. */
export const floor = computed(() => (ground.value === null ? 0 : lowestOf(ground.value.grid)));
export const tracks = signal<readonly Track[]>([]);
export const computing = signal(true);
export const complaint = signal<Complaint | null>(null);
/** Set if the worker itself has failed. */
export const failure = signal<string | null>(null);

/** Changes some of the state. */
export function change({ step: next, ...others }: Partial<LabState>): void {
  batch(() => {
    if (Object.keys(others).length > 0) settings.value = { ...settings.value, ...others };
    if (next !== undefined) step.value = next;
  });
}

/** Changes options of one runner. */
export function changeRunner(i: number, runner: Runner): void {
  change({ runners: settings.value.runners.map((old, j) => (j === i ? runner : old)) });
}

export function setOption(i: number, name: string, value: Options[string]): void {
  const runner = settings.value.runners[i]!;
  changeRunner(i, { ...runner, options: { ...runner.options, [name]: value } });
}

export function addRunner(runner: Runner): void {
  const { runners } = settings.value;
  if (runners.length >= MOST_RUNNERS) return;
  change({ runners: [...runners, runner], selected: runners.length });
}

export function removeRunner(i: number): void {
  const { runners, selected } = settings.value;
  if (runners.length === 1) return;
  const left = runners.filter((_, j) => j !== i);
  change({ runners: left, selected: Math.min(selected > i ? selected - 1 : selected, left.length - 1) });
}

export const selectedTrack = computed(() => tracks.value[settings.value.selected] ?? null);

const line = new Line((message) => {
  failure.value = message;
});

/** What the paths depend on: the rest of the state changes nothing that is computed. */
const scene = computed((): string => {
  const { surface, formula, start, runners, steps } = settings.value;
  return JSON.stringify([surface, surface === "formula" ? formula : "", start, runners, steps]);
});

/** Starts keeping worker and address in step with the state. Called once. */
export function connect(): void {
  effect(() => {
    void scene.value;
    const { surface, formula, start, runners, steps } = settings.peek();
    const request: SceneRequest = { kind: "scene", surface, formula, start, runners, steps };
    computing.value = true;
    line.ask(request, take);
  });
  effect(() => {
    const now = step.value;
    const on = playing.value;
    if (!on) told.value = now;
    else if (performance.now() - lastTold >= TELL_EVERY) {
      lastTold = performance.now();
      told.value = now;
    }
  });
  effect(() => {
    // Another view, or stop of the tour, is another page to go back from.
    const now = placeOf(settings.value);
    if (now === place) return;
    place = now;
    // At once: what is written later would come in another order.
    write("pushState", `#${toHash(lab.peek())}`);
  });
  effect(() => {
    void [settings.value, step.value];
    // While something is dragged or played the address waits: writing it costs a frame, and browsers allow so many changes a second.
    clearTimeout(pendingAddress);
    pendingAddress = setTimeout(() => write("replaceState", `#${toHash(lab.peek())}`), 150);
  });
  window.addEventListener("hashchange", ({ newURL }) => {
    // What another address shows stands still.
    playing.value = false;
    known = new URL(newURL).hash;
    place = placeOf(fromHash(known));
    change(fromHash(known));
  });
}
function placeOf({ view, stop }: Pick<LabState, "view" | "stop">): string {
  return view === "why" ? `${view}${stop}` : view;
}
/** The address as it was last written or read. */
let known = location.hash;
/** The view, or the stop, that the latest entry of the browser's history is for. */
let place = placeOf(settings.peek());

function write(how: "pushState" | "replaceState", hash: string): void {
  // Somebody has gone elsewhere, of which the page will be told in a moment: that address is not this state's.
  if (location.hash !== known) return;
  if (known === hash || (known === "" && hash === "#")) return;
  history[how](null, "", hash);
  known = location.hash;
}

let pendingAddress: ReturnType<typeof setTimeout> | undefined;
let lastTold = 0;

function take(answer: Answer): void {
  batch(() => {
    if (answer.kind === "tracks") {
      tracks.value = answer.tracks;
      complaint.value = null;
      computing.value = !answer.done;
    } else if (answer.kind === "complaint") {
      complaint.value = answer.complaint;
      computing.value = false;
    }
  });
}

let drawing = false;
let waiting: GroundRequest | null = null;

/** Has the ground drawn; while one is being drawn, only the latest request waits. */
export function askGround(request: GroundRequest): void {
  if (drawing) {
    waiting = request;
    return;
  }
  drawing = true;
  line.ask(request, (answer) => {
    drawing = false;
    if (answer.kind === "ground") ground.value = answer;
    const next = waiting;
    waiting = null;
    if (next !== null) askGround(next);
  });
}

/** The address of the page as it stands. */
export const address = (): string => `${location.origin}${location.pathname}#${toHash(lab.value)}`;

/** Where a path stands at a step (or where it ended). */
export function positionAt(track: Track, at: number): readonly [number, number] {
  const i = 2 * Math.min(at, track.steps);
  return [track.positions[i]!, track.positions[i + 1]!];
}

/** The loss at a step. */
export const lossAt = (track: Track, at: number): number => track.losses[Math.min(at, track.steps)]!;

export { initialState };
