/** A step as mathematics: each rule's formula, and the same with a step's numbers in it. */
import type { Track } from "./path.js";
import { type Options, optionsOf, type RuleName } from "./rules.js";

/** A number as TeX; `inside` puts brackets around a sign. */
type Show = (x: number, inside?: boolean) => string;

/** Each rule's formula in general, one line an equation: as in the library's documentation of the rule. */
export const FORMULAS: Readonly<Record<RuleName, readonly string[]>> = {
  SGD: ["b \\leftarrow \\mu b + g", "p \\leftarrow p - \\eta\\, b \\quad (\\mu = 0:\\ b = g)"],
  Rprop: [
    "\\eta_i \\leftarrow \\eta_i \\cdot \\begin{cases} 1.2 & g_i\\text{ kept its sign} \\\\ 0.5 & g_i\\text{ changed it} \\end{cases}",
    "p \\leftarrow p - \\eta\\,\\mathrm{sign}\\,g",
  ],
  Adagrad: ["s \\leftarrow s + g^2", "p \\leftarrow p - \\frac{\\eta}{\\sqrt{s} + \\varepsilon}\\, g"],
  Adadelta: [
    "v \\leftarrow \\rho v + (1-\\rho) g^2",
    "\\Delta = \\frac{\\sqrt{u + \\varepsilon}}{\\sqrt{v + \\varepsilon}}\\, g,\\quad u \\leftarrow \\rho u + (1-\\rho)\\Delta^2",
    "p \\leftarrow p - \\eta\\,\\Delta",
  ],
  RMSprop: [
    "v \\leftarrow \\alpha v + (1-\\alpha)\\, g^2",
    "p \\leftarrow p - \\frac{\\eta}{\\sqrt{v} + \\varepsilon}\\, g",
  ],
  Adam: [
    "m \\leftarrow \\beta_1 m + (1-\\beta_1) g,\\quad v \\leftarrow \\beta_2 v + (1-\\beta_2) g^2",
    "\\hat m = \\frac{m}{1-\\beta_1^t},\\quad \\hat v = \\frac{v}{1-\\beta_2^t}",
    "p \\leftarrow p - \\frac{\\eta}{\\sqrt{\\hat v} + \\varepsilon}\\,\\hat m",
  ],
  AdamW: [
    "p \\leftarrow (1 - \\eta\\lambda)\\,p",
    "m \\leftarrow \\beta_1 m + (1-\\beta_1) g,\\quad v \\leftarrow \\beta_2 v + (1-\\beta_2) g^2",
    "p \\leftarrow p - \\frac{\\eta}{\\sqrt{\\hat v} + \\varepsilon}\\,\\hat m",
  ],
  Adamax: [
    "m \\leftarrow \\beta_1 m + (1-\\beta_1) g,\\quad u \\leftarrow \\max(\\beta_2 u,\\ |g| + \\varepsilon)",
    "p \\leftarrow p - \\frac{\\eta}{(1-\\beta_1^t)\\,u}\\, m",
  ],
  NAdam: [
    "m \\leftarrow \\beta_1 m + (1-\\beta_1) g,\\quad v \\leftarrow \\beta_2 v + (1-\\beta_2) g^2",
    "\\hat m = \\frac{\\mu_{t+1} m}{1-\\Pi_{t+1}} + \\frac{(1-\\mu_t)\\, g}{1-\\Pi_t}",
    "p \\leftarrow p - \\frac{\\eta}{\\sqrt{\\hat v} + \\varepsilon}\\,\\hat m",
  ],
  RAdam: [
    "m \\leftarrow \\beta_1 m + (1-\\beta_1) g,\\quad v \\leftarrow \\beta_2 v + (1-\\beta_2) g^2",
    "p \\leftarrow p - \\eta\\, r_t\\,\\frac{\\hat m}{\\sqrt{\\hat v} + \\varepsilon} \\quad (\\text{early steps: } p - \\eta\\,\\hat m)",
  ],
  Adafactor: [
    "v \\leftarrow \\beta_t v + (1-\\beta_t)\\, g^2",
    "p \\leftarrow p - \\eta_t\\,\\mathrm{clip}\\!\\left(\\frac{g}{\\sqrt{v}}\\right)",
  ],
  ASGD: ["p \\leftarrow (1 - \\lambda\\eta_t)\\,p - \\eta_t\\, g", "a \\leftarrow a + \\mu_t\\,(p - a)"],
  Lion: [
    "p \\leftarrow p - \\eta\\,\\mathrm{sign}(\\beta_1 m + (1-\\beta_1) g)",
    "m \\leftarrow \\beta_2 m + (1-\\beta_2) g",
  ],
  LAMB: [
    "r = \\frac{\\hat m}{\\sqrt{\\hat v} + \\varepsilon} + \\lambda p",
    "p \\leftarrow p - \\eta\\,\\frac{\\|p\\|}{\\|r\\|}\\, r",
  ],
  Prodigy: [
    "d \\leftarrow \\max(d,\\ \\hat d)",
    "p \\leftarrow p - \\eta\\, d\\,\\frac{m}{\\sqrt{v} + d\\,\\varepsilon}",
  ],
  SGDScheduleFree: [
    "y = (1-\\beta)\\,z + \\beta\\, x,\\quad z \\leftarrow z - \\eta\\, \\nabla f(y)",
    "x \\leftarrow (1-c_t)\\,x + c_t\\, z",
  ],
  AdamWScheduleFree: [
    "y = (1-\\beta_1)\\,z + \\beta_1 x,\\quad z \\leftarrow z - \\frac{\\eta}{\\sqrt{\\hat v}+\\varepsilon}\\,\\nabla f(y)",
    "x \\leftarrow (1-c_t)\\,x + c_t\\, z",
  ],
  LBFGS: ["d = -H_t\\, g \\quad (H_t\\text{ from the last steps and gradients})", "p \\leftarrow p + \\eta\\, d"],
};

/** What one step did to one coordinate. */
export interface StepNumbers {
  readonly position: number;
  readonly gradient: number;
  readonly stepSize: number | null;
  readonly update: number;
  readonly next: number;
  /** What the rule remembered before the step, and after it. */
  readonly state: Readonly<Record<string, { readonly before: number; readonly after: number }>>;
}

/** The numbers of step `step` (1, 2, …) for coordinate 0 or 1; null if the path has no such step. */
export function numbersOf(track: Track, step: number, coordinate: 0 | 1): StepNumbers | null {
  if (step < 1 || step > track.steps) return null;
  const at = 2 * (step - 1) + coordinate;
  const position = track.positions[at]!;
  const next = track.positions[at + 2]!;
  const initial = step === 1 ? initialOf(track) : 0;
  return {
    position,
    gradient: track.gradients[at]!,
    stepSize: track.stepSizes[at] ?? null,
    update: next - position,
    next,
    state: Object.fromEntries(
      Object.entries(track.state).map(([name, rows]) => [
        name,
        { before: step === 1 ? (name === "squareAvg" ? initial : 0) : rows[at - 2]!, after: rows[at]! },
      ]),
    ),
  };
}

const initialOf = ({ runner }: Track): number => Number(runner.options.initialSquareAvg ?? 0);

/** All options of a runner, defaults included. */
export function settled(rule: RuleName, options: Options): Record<string, number | boolean> {
  return { ...Object.fromEntries(optionsOf(rule).map((spec) => [spec.name, spec.initial])), ...options };
}

/** The rule's formula with one coordinate's numbers in it; null for rules whose steps are not written out. */
export function linesOf(track: Track, numbers: StepNumbers, axis: string, step: number, show: Show): string[] | null {
  const { rule, options } = track.runner;
  const o = settled(rule, options) as Record<string, number>;
  const on = o as unknown as Record<string, boolean>;
  const { gradient: g, position: p, next, state, stepSize } = numbers;
  const n = show;
  const b = (x: number) => show(x, true);
  /** A power of ten cannot be raised again without brackets. */
  const squared = (x: number) => `${show(x).includes("^") ? `(${show(x)})` : b(x)}^2`;
  const moved = (amount: string) => `${axis} \\leftarrow ${n(p)} - ${amount} = ${n(next)}`;
  const squares = (symbol: string, decay: number, values: { before: number; after: number }) =>
    `${symbol} \\leftarrow ${n(decay)} \\cdot ${n(values.before)} + ${n(1 - decay)} \\cdot ${squared(g)} = ${n(values.after)}`;

  switch (rule) {
    case "SGD": {
      const buffer = state.momentumBuffer;
      if (o.weightDecay !== 0 || on.nesterov) return null;
      if (buffer === undefined) return [moved(`${n(o.lr!)} \\cdot ${b(g)}`)];
      return [
        step === 1
          ? `b \\leftarrow g = ${n(buffer.after)}`
          : `b \\leftarrow ${n(o.momentum!)} \\cdot ${b(buffer.before)} + ${n(1 - o.dampening!)} \\cdot ${b(g)} = ${n(buffer.after)}`,
        moved(`${n(o.lr!)} \\cdot ${b(buffer.after)}`),
      ];
    }
    case "Rprop":
      return stepSize === null
        ? null
        : [`\\eta = ${n(stepSize)}`, `${axis} \\leftarrow ${n(p)} - \\eta\\,\\mathrm{sign}${b(g)} = ${n(next)}`];
    case "Adagrad": {
      const sum = state.sum;
      if (sum === undefined || stepSize === null || o.weightDecay !== 0) return null;
      return [
        `s \\leftarrow s + ${squared(g)} = ${n(sum.after)}`,
        `\\frac{\\eta}{\\sqrt{s} + \\varepsilon} = ${n(stepSize)}`,
        moved(`${n(stepSize)} \\cdot ${b(g)}`),
      ];
    }
    case "RMSprop": {
      const v = state.squareAvg;
      if (v === undefined || stepSize === null || o.weightDecay !== 0) return null;
      const lines = [squares("v", o.alpha!, v)];
      const m = state.gradAvg;
      if (on.centered && m !== undefined)
        lines.push(
          `m \\leftarrow ${n(o.alpha!)} \\cdot ${b(m.before)} + ${n(1 - o.alpha!)} \\cdot ${b(g)} = ${n(m.after)}`,
        );
      const inner = on.centered ? "v - m^2" : "v";
      const root = on.epsInsideSqrt ? `\\sqrt{${inner} + \\varepsilon}` : `\\sqrt{${inner}} + \\varepsilon`;
      lines.push(`\\frac{\\eta}{${root}} = \\frac{${n(o.lr!)}}{${n(o.lr! / stepSize)}} = ${n(stepSize)}`);
      const buffer = state.momentumBuffer;
      if (o.momentum === 0) lines.push(moved(`${n(stepSize)} \\cdot ${b(g)}`));
      else if (buffer !== undefined) {
        const kick = on.lrInMomentum ? stepSize * g : (stepSize / o.lr!) * g;
        lines.push(`b \\leftarrow ${n(o.momentum!)} \\cdot ${b(buffer.before)} + ${b(kick)} = ${n(buffer.after)}`);
        lines.push(
          `${axis} \\leftarrow ${n(p)} ${numbers.update < 0 ? "-" : "+"} ${n(Math.abs(numbers.update))} = ${n(next)}`,
        );
      }
      return lines;
    }
    case "Adam": {
      const m = state.expAvg;
      const v = state.expAvgSq;
      if (m === undefined || v === undefined || stepSize === null || o.weightDecay !== 0) return null;
      const unbiased = m.after / (1 - o.beta1! ** step);
      return [
        `m \\leftarrow ${n(o.beta1!)} \\cdot ${b(m.before)} + ${n(1 - o.beta1!)} \\cdot ${b(g)} = ${n(m.after)}`,
        squares("v", o.beta2!, v),
        `\\hat m = \\frac{${n(m.after)}}{1 - ${n(o.beta1!)}^{${step}}} = ${n(unbiased)}`,
        `\\frac{\\eta}{\\sqrt{\\hat v} + \\varepsilon} = ${n(stepSize)}`,
        moved(`${n(stepSize)} \\cdot ${b(unbiased)}`),
      ];
    }
    default:
      return null;
  }
}
