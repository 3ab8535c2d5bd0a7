/** The whole state of the page, and how it is written into the address: a link reproduces the picture. */
import { type Options, type OptionValue, optionsOf, RULE_NAMES, type RuleName, type Runner } from "./rules.js";
import { SURFACES, type SurfaceName } from "./surfaces.js";

export const VIEWS = ["paths", "inside", "why", "sweep", "data"] as const;
export type View = (typeof VIEWS)[number];

/** One option that a sweep varies: its values, evenly spaced on the slider's scale. */
export interface Axis {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export type Zoom = readonly [x: number, y: number, factor: number];

export interface LabState {
  readonly view: View;
  readonly surface: SurfaceName;
  /** The formula, for the surface "formula". */
  readonly formula: string;
  readonly start: readonly [number, number];
  readonly runners: readonly Runner[];
  /** Which runner's steps are looked into. */
  readonly selected: number;
  /** How many steps the paths have. */
  readonly steps: number;
  /** The step that is shown. */
  readonly step: number;
  /** Steps a second when playing. */
  readonly speed: number;
  /** Turned as a surface: angle and tilt in degrees; null is the map from above. */
  readonly turned: readonly [number, number] | null;
  /** The part of the surface that is looked at: its middle and how many times it is enlarged; null is all of it. */
  readonly zoom: Zoom | null;
  readonly sweep: { readonly x: Axis; readonly y: Axis; readonly steps: number };
  /** The stop of the tour, from 0. */
  readonly stop: number;
}

export const MOST_STEPS = 5000;
/** A surface is enlarged up to so many times: beyond, float32 cannot tell neighbours apart. */
export const MOST_ZOOM = 1000;
export const LEAST_ZOOM = 0.2;
export const MOST_RUNNERS = 6;

export const initialState: LabState = {
  view: "paths",
  surface: "ravine",
  formula: "x^2/20 + 2.5*y^2",
  start: [-9, 1.7],
  runners: [
    { rule: "SGD", options: { lr: 0.385 } },
    { rule: "RMSprop", options: { lr: 0.25, alpha: 0.9 } },
  ],
  selected: 1,
  steps: 100,
  step: 45,
  speed: 20,
  turned: null,
  zoom: null,
  sweep: { x: { name: "lr", from: 1e-3, to: 10 }, y: { name: "alpha", from: 0.5, to: 0.999 }, steps: 100 },
  stop: 0,
};

/** The state as the part of an address behind `#`. Only what differs from the initial state is written. */
export function toHash(state: LabState): string {
  const parts: string[] = [];
  const put = (name: string, value: string, initial: string) => {
    if (value !== initial)
      parts.push(`${name}=${encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":")}`);
  };
  const plain = ["view", "surface", "formula", "selected", "steps", "step", "speed", "stop"] as const;
  for (const name of plain) put(name, String(state[name]), String(initialState[name]));
  put("start", state.start.join(), initialState.start.join());
  put("turned", state.turned?.join() ?? "", "");
  put("zoom", state.zoom?.join() ?? "", "");
  put("sweep", sweepText(state), sweepText(initialState));
  const runners = state.runners.map(runnerText).join(";");
  put("run", runners, initialState.runners.map(runnerText).join(";"));
  return parts.join("&");
}

const sweepText = ({ sweep: { x, y, steps } }: LabState): string =>
  [x.name, x.from, x.to, y.name, y.from, y.to, steps].join();

const runnerText = ({ rule, options }: Runner): string =>
  [rule, ...Object.entries(options).map(([name, value]) => `${name}:${value}`)].join();

/** Reads an address. What is missing, or makes no sense, has its initial value: a damaged link still opens the page. */
export function fromHash(hash: string): LabState {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const oneOf = <T extends string>(name: string, known: readonly T[], initial: T): T => {
    const value = given.get(name) as T | null;
    return value !== null && known.includes(value) ? value : initial;
  };
  const whole = (name: "selected" | "steps" | "step" | "speed" | "stop", least: number, most: number) => {
    const value = given.has(name) ? Number(given.get(name)) : initialState[name];
    return Number.isInteger(value) ? Math.min(Math.max(value, least), most) : initialState[name];
  };
  const runners = readRunners(given.get("run")) ?? initialState.runners;
  const steps = whole("steps", 1, MOST_STEPS);
  return {
    view: oneOf("view", VIEWS, initialState.view),
    surface: oneOf("surface", SURFACES, initialState.surface),
    formula: given.get("formula") ?? initialState.formula,
    start: readPair(given.get("start")) ?? initialState.start,
    runners,
    selected: Math.min(whole("selected", 0, MOST_RUNNERS - 1), runners.length - 1),
    steps,
    step: Math.min(whole("step", 0, MOST_STEPS), steps),
    speed: whole("speed", 1, 1000),
    turned: readTurned(given.get("turned")),
    zoom: readZoom(given.get("zoom")),
    sweep: readSweep(given.get("sweep")) ?? initialState.sweep,
    stop: whole("stop", 0, 99),
  };
}

function readNumbers(text: string | null, count: number): number[] | null {
  const numbers = text?.split(",").map(Number) ?? [];
  return text !== "" && numbers.length === count && numbers.every(Number.isFinite) ? numbers : null;
}

const readPair = (text: string | null) => readNumbers(text, 2) as [number, number] | null;

function readTurned(text: string | null): LabState["turned"] {
  const pair = readPair(text);
  return pair === null ? null : turnedTo(...pair);
}

/** Angle and tilt within what can be shown, in whole degrees. */
export function turnedTo(turn: number, tilt: number): [number, number] {
  const round = Math.round(turn);
  return [round - 360 * Math.floor((round + 180) / 360), Math.min(Math.max(Math.round(tilt), 5), 85)];
}

function readZoom(text: string | null): Zoom | null {
  const numbers = readNumbers(text, 3) as [number, number, number] | null;
  if (numbers === null || numbers[2] <= 0) return null;
  const [x, y, factor] = numbers;
  return [x, y, Math.min(Math.max(factor, LEAST_ZOOM), MOST_ZOOM)];
}

function readRunners(text: string | null): Runner[] | null {
  if (text === null) return null;
  const runners: Runner[] = [];
  for (const part of text.split(";").slice(0, MOST_RUNNERS)) {
    const [rule, ...options] = part.split(",");
    if (!RULE_NAMES.includes(rule as RuleName)) continue;
    runners.push({ rule: rule as RuleName, options: readOptions(rule as RuleName, options) });
  }
  return runners.length > 0 ? runners : null;
}

function readOptions(rule: RuleName, texts: readonly string[]): Options {
  const options: Record<string, OptionValue> = {};
  for (const text of texts) {
    const [name, value] = text.split(":");
    const spec = optionsOf(rule).find((known) => known.name === name);
    if (spec === undefined || value === undefined) continue;
    if (spec.kind === "switch") options[spec.name] = value === "true";
    else if (value !== "" && Number.isFinite(Number(value))) options[spec.name] = Number(value);
  }
  return options;
}

function readSweep(text: string | null): LabState["sweep"] | null {
  const [xName, xFrom, xTo, yName, yFrom, yTo, steps] = text?.split(",") ?? [];
  const numbers = [xFrom, xTo, yFrom, yTo, steps].map(Number);
  if (steps === undefined || !numbers.every(Number.isFinite)) return null;
  const [a, b, c, d, n] = numbers as [number, number, number, number, number];
  return {
    x: { name: xName!, from: a, to: b },
    y: { name: yName!, from: c, to: d },
    steps: Math.min(Math.max(Math.round(n), 1), MOST_STEPS),
  };
}
