/** The rules that can be raced, with the options that sliders and switches change: defaults are the library's own. */
import { full, optim, type Tensor, tensor } from "thalweg";

export type OptionValue = number | boolean;
export type Options = Readonly<Record<string, OptionValue>>;

/** A rule with the options that were changed; the others have the library's defaults. */
export interface Runner {
  readonly rule: RuleName;
  readonly options: Options;
}

/** A number on a slider, or a switch. */
export type OptionSpec =
  | {
      readonly name: string;
      readonly kind: "number";
      readonly initial: number;
      readonly min: number;
      readonly max: number;
      readonly scale: "log" | "linear" | "decay";
    }
  | { readonly name: string; readonly kind: "switch"; readonly initial: boolean };

type AnyOptions = Record<string, unknown>;
type Make = (params: Tensor[], options: AnyOptions) => optim.Optimizer<object>;
const make = <O extends object>(Rule: new (params: Tensor[], options: O) => optim.Optimizer<O>): Make =>
  ((params: Tensor[], options: AnyOptions) => new Rule(params, options as O)) as Make;

const RULES = {
  SGD: make(optim.SGD),
  Rprop: make(optim.Rprop),
  Adagrad: make(optim.Adagrad),
  Adadelta: make(optim.Adadelta),
  RMSprop: make(optim.RMSprop),
  Adam: make(optim.Adam),
  AdamW: make(optim.AdamW),
  Adamax: make(optim.Adamax),
  NAdam: make(optim.NAdam),
  RAdam: make(optim.RAdam),
  Adafactor: make(optim.Adafactor),
  ASGD: make(optim.ASGD),
  Lion: make(optim.Lion),
  LAMB: make(optim.LAMB),
  Prodigy: make(optim.Prodigy),
  SGDScheduleFree: make(optim.SGDScheduleFree),
  AdamWScheduleFree: make(optim.AdamWScheduleFree),
  LBFGS: make(optim.LBFGS as unknown as new (params: Tensor[], options: object) => optim.Optimizer<object>),
} satisfies Record<string, Make>;

export type RuleName = keyof typeof RULES;
export const RULE_NAMES = Object.keys(RULES) as RuleName[];

/** What sliders cover, by option. "decay" is logarithmic in the distance from 1, where the interesting values lie. */
const RANGES: Readonly<Record<string, { min: number; max: number; scale: "log" | "linear" | "decay" }>> = {
  lr: { min: 1e-5, max: 10, scale: "log" },
  alpha: { min: 0, max: 0.9999, scale: "decay" },
  rho: { min: 0, max: 0.9999, scale: "decay" },
  beta1: { min: 0, max: 0.9999, scale: "decay" },
  beta2: { min: 0, max: 0.99999, scale: "decay" },
  momentum: { min: 0, max: 0.999, scale: "decay" },
  eps: { min: 1e-20, max: 10, scale: "log" },
  weightDecay: { min: 0, max: 1, scale: "linear" },
  initialSquareAvg: { min: 0, max: 10, scale: "linear" },
  initialAccumulatorValue: { min: 0, max: 10, scale: "linear" },
  lrDecay: { min: 0, max: 1, scale: "linear" },
  dampening: { min: 0, max: 1, scale: "linear" },
  momentumDecay: { min: 0, max: 0.1, scale: "linear" },
};

/** Switches that mean nothing on a page. */
const HIDDEN = new Set(["params", "maximize"]);

/** Options that have a slider or a switch, with the library's defaults. `betas` is two numbers, beta1 and beta2. */
export function optionsOf(rule: RuleName): OptionSpec[] {
  const [group] = RULES[rule]([full([], 0, { requiresGrad: true })], {}).paramGroups as AnyOptions[];
  const specs: OptionSpec[] = [];
  const add = (name: string, initial: number) => {
    const range = RANGES[name];
    if (range !== undefined) specs.push({ name, kind: "number", initial, ...range });
  };
  for (const [name, value] of Object.entries(group!)) {
    if (HIDDEN.has(name)) continue;
    if (name === "betas") for (const [i, beta] of (value as number[]).entries()) add(`beta${i + 1}`, beta);
    else if (typeof value === "number") add(name, value);
    else if (typeof value === "boolean") specs.push({ name, kind: "switch", initial: value });
  }
  return specs;
}

/** The options as the library takes them. */
export function libraryOptions(rule: RuleName, options: Options): AnyOptions {
  const { beta1, beta2, ...rest } = options;
  if (beta1 === undefined && beta2 === undefined) return rest;
  const initial = Object.fromEntries(optionsOf(rule).map((spec) => [spec.name, spec.initial]));
  return { ...rest, betas: [beta1 ?? initial.beta1, beta2 ?? initial.beta2] };
}

/** Makes a runner's optimizer; throws the library's own error for options that make no sense. */
export const optimizerOf = ({ rule, options }: Runner, params: Tensor[]): optim.Optimizer<object> =>
  RULES[rule](params, libraryOptions(rule, options));

/** What runners are called: by their rule, and by a number where several have the same. */
export function namesOf(runners: readonly Runner[]): string[] {
  const rules = runners.map(({ rule }) => rule);
  return rules.map((rule, i) => {
    const alike = rules.filter((other) => other === rule).length;
    return alike === 1 ? rule : `${rule} ${rules.slice(0, i + 1).filter((other) => other === rule).length}`;
  });
}

/** RMSProp's dialects, as options to be set. */
export const DIALECTS: Readonly<Record<string, Options>> = optim.dialects;

/** A point that is trained. */
export const parameterAt = ([x, y]: readonly [number, number]): Tensor => tensor([x, y], { requiresGrad: true });
