/** What the page knows: its state, which the address holds, and what the worker has answered. */
import { batch, computed, effect, signal } from "@preact/signals";
import type { Grid } from "../core/grid.js";
import type { Track } from "../core/path.js";
import type { Options, Runner } from "../core/rules.js";
import { fromHash, initialState, type LabState, MOST_RUNNERS, toHash } from "../core/state.js";
import { Line } from "../worker/client.js";
import type { Answer, Complaint, SceneRequest, SurfaceFacts } from "../worker/protocol.js";

/** The state of the page; set it with {@link change}. */
export const lab = signal<LabState>(fromHash(location.hash));
export const playing = signal(false);

/** The surface on show; null until the worker has answered. */
export const surface = signal<{
  readonly key: string;
  readonly facts: SurfaceFacts;
  readonly grid: Grid;
  readonly levels: readonly number[];
} | null>(null);
export const tracks = signal<readonly Track[]>([]);
export const computing = signal(true);
export const complaint = signal<Complaint | null>(null);
/** Set if the worker itself has failed. */
export const failure = signal<string | null>(null);

/** Changes some of the state. */
export function change(changes: Partial<LabState>): void {
  lab.value = { ...lab.value, ...changes };
}

/** Changes options of one runner. */
export function changeRunner(i: number, runner: Runner): void {
  change({ runners: lab.value.runners.map((old, j) => (j === i ? runner : old)) });
}

export function setOption(i: number, name: string, value: Options[string]): void {
  const runner = lab.value.runners[i]!;
  changeRunner(i, { ...runner, options: { ...runner.options, [name]: value } });
}

export function addRunner(runner: Runner): void {
  const { runners } = lab.value;
  if (runners.length >= MOST_RUNNERS) return;
  change({ runners: [...runners, runner], selected: runners.length });
}

export function removeRunner(i: number): void {
  const { runners, selected } = lab.value;
  if (runners.length === 1) return;
  const left = runners.filter((_, j) => j !== i);
  change({ runners: left, selected: Math.min(selected > i ? selected - 1 : selected, left.length - 1) });
}

export const selectedTrack = computed(() => tracks.value[lab.value.selected] ?? null);

const line = new Line((message) => {
  failure.value = message;
});

/** What the paths depend on: the rest of the state changes nothing that is computed. */
const scene = computed((): string => {
  const { surface: name, formula, start, runners, steps } = lab.value;
  return JSON.stringify([name, name === "formula" ? formula : "", start, runners, steps]);
});

/** Starts keeping worker and address in step with the state. Called once. */
export function connect(): void {
  effect(() => {
    void scene.value;
    const { surface: name, formula, start, runners, steps } = lab.peek();
    const request: SceneRequest = {
      kind: "scene",
      surface: name,
      formula,
      start,
      runners,
      steps,
      known: surface.peek()?.key ?? "",
    };
    computing.value = true;
    line.ask(request, take);
  });
  effect(() => {
    const hash = toHash(lab.value);
    // While something is dragged or played the address follows at its own pace: browsers allow so many changes a second.
    clearTimeout(pendingAddress);
    pendingAddress = setTimeout(() => {
      if (location.hash.slice(1) !== hash) history.replaceState(null, "", `#${hash}`);
    }, 150);
  });
  addEventListener("hashchange", () => {
    lab.value = fromHash(location.hash);
  });
}
let pendingAddress: ReturnType<typeof setTimeout> | undefined;

function take(answer: Answer): void {
  batch(() => {
    switch (answer.kind) {
      case "surface":
        surface.value = answer;
        complaint.value = null;
        break;
      case "tracks":
        tracks.value = answer.tracks;
        complaint.value = null;
        computing.value = !answer.done;
        break;
      case "complaint":
        complaint.value = answer.complaint;
        computing.value = false;
        break;
    }
  });
}

/** The address of the page as it stands. */
export const address = (): string => `${location.origin}${location.pathname}#${toHash(lab.value)}`;

/** Where a path stands at the step on show (or where it ended). */
export function positionAt(track: Track, step: number): readonly [number, number] {
  const at = 2 * Math.min(step, track.steps);
  return [track.positions[at]!, track.positions[at + 1]!];
}

/** The loss at the step on show. */
export const lossAt = (track: Track, step: number): number => track.losses[Math.min(step, track.steps)]!;

export { initialState };
