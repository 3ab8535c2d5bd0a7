/** A grid of settings, run all at once: two options vary, the others are the runner's. */
import { optim } from "thalweg";
import { type OptionSpec, optimizerOf, optionsOf, type Runner } from "./rules.js";
import type { Axis } from "./state.js";
import type { Surface } from "./surfaces.js";

type NumberSpec = Extract<OptionSpec, { kind: "number" }>;

/** Where a value lies on its slider, 0 to 1. */
export function toSlider({ min, max, scale }: NumberSpec, value: number): number {
  if (scale === "linear") return (value - min) / (max - min);
  if (scale === "log") return Math.log(Math.max(value, min) / min) / Math.log(max / min);
  return Math.log((1 - min) / (1 - Math.min(value, max))) / Math.log((1 - min) / (1 - max));
}

/** The value at a slider's place, 0 to 1; written with three digits, so that addresses stay short. */
export function fromSlider({ min, max, scale }: NumberSpec, place: number): number {
  if (place <= 0) return min;
  if (place >= 1) return max;
  if (scale === "linear") return Number((min + (max - min) * place).toPrecision(3));
  if (scale === "log") return Number((min * (max / min) ** place).toPrecision(3));
  // Three digits of the distance from 1.
  const distance = Number(((1 - min) * ((1 - max) / (1 - min)) ** place).toPrecision(3));
  return Number((1 - distance).toPrecision(12));
}

/** The number options of a rule: those that a sweep can vary. */
export const sweepable = (rule: Runner["rule"]): NumberSpec[] =>
  optionsOf(rule).filter((spec): spec is NumberSpec => spec.kind === "number");

/** The values of an axis: `count` of them, evenly spaced on the option's scale. */
export function axisValues(rule: Runner["rule"], axis: Axis, count: number): number[] {
  const spec = sweepable(rule).find(({ name }) => name === axis.name);
  if (spec === undefined) throw new RangeError(`${rule} has no option ${axis.name}`);
  const from = toSlider(spec, axis.from);
  const to = toSlider(spec, axis.to);
  return Array.from({ length: count }, (_, i) => fromSlider(spec, from + ((to - from) * i) / (count - 1)));
}

/** The losses of a grid of settings as they are trained. */
export class SweepRun {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  private readonly sweep: optim.Sweep;

  constructor(surface: Surface, start: readonly [number, number], runner: Runner, x: Axis, y: Axis, count: number) {
    this.xs = axisValues(runner.rule, x, count);
    this.ys = axisValues(runner.rule, y, count);
    const settings = this.ys.flatMap((yValue) =>
      this.xs.map((xValue): optim.SettingOf => {
        const options = { ...runner.options, [x.name]: xValue, [y.name]: yValue };
        return (params) => optimizerOf({ rule: runner.rule, options }, params);
      }),
    );
    this.sweep = new optim.Sweep((points) => (surface.sample ?? surface.evaluate)(points), start, settings);
    this.measure = () => surface.evaluate(this.sweep.points.detach()).dataSync() as Float32Array;
  }

  /** The loss of each setting where it stands now, y by y from the lowest, x by x. */
  readonly measure: () => Float32Array;

  get steps(): number {
    return this.sweep.steps;
  }

  advance(steps: number): void {
    this.sweep.advance(steps);
  }
}
