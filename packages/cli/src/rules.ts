/** The update rules by the names that one types, with the options that each takes: read from the library's own defaults. */
import { optim, type Tensor, zeros } from "thalweg";
import { usage } from "./exit.js";

type Options = Record<string, unknown>;
export type Optimizer = optim.Optimizer<object>;
type Make = (params: Tensor[], options: Options) => Optimizer;

const rule = <O extends object>(Rule: new (params: Tensor[], options: O) => optim.Optimizer<O>): Make =>
  ((params: Tensor[], options: Options) => new Rule(params, options as O)) as Make;

const RULES: Readonly<Record<string, Make>> = {
  rmsprop: rule(optim.RMSprop),
  sgd: rule(optim.SGD),
  adam: rule(optim.Adam),
  adamw: rule(optim.AdamW),
  adagrad: rule(optim.Adagrad),
  adadelta: rule(optim.Adadelta),
  adamax: rule(optim.Adamax),
  nadam: rule(optim.NAdam),
  radam: rule(optim.RAdam),
  adafactor: rule(optim.Adafactor),
  asgd: rule(optim.ASGD),
  lamb: rule(optim.LAMB),
  lion: rule(optim.Lion),
  prodigy: rule(optim.Prodigy),
  rprop: rule(optim.Rprop),
  lbfgs: rule(optim.LBFGS as unknown as new (params: Tensor[], options: object) => Optimizer),
  "sgd-schedule-free": rule(optim.SGDScheduleFree),
  "adamw-schedule-free": rule(optim.AdamWScheduleFree),
};

export const RULE_NAMES = Object.keys(RULES);

/** Learning rates for standardised tables; rules that are not here have the library's. */
const LEARNING_RATES: Readonly<Record<string, number>> = {
  rmsprop: 0.003,
  sgd: 0.05,
  adam: 0.003,
  adamw: 0.003,
  nadam: 0.003,
  radam: 0.005,
  adagrad: 0.03,
  asgd: 0.05,
  "sgd-schedule-free": 0.5,
};

/** Options that a person does not set. */
const INTERNAL = new Set(["params", "maximize", "k", "lrMax", "weightSum", "trainMode"]);

/** Options that are words although their default is none. */
const WORDS = new Set(["lineSearch"]);

/** The options of a rule with their defaults. */
export function optionsOf(name: string): Options {
  const [group] = make(name)([zeros([1], { requiresGrad: true })], {}).paramGroups as Options[];
  const known = Object.entries(group!).filter(([option]) => !INTERNAL.has(option));
  const options = Object.fromEntries(known);
  const lr = LEARNING_RATES[name];
  return lr === undefined ? options : { ...options, lr };
}

function make(name: string): Make {
  const found = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
  if (found === undefined) throw usage(`--optimizer is "${name}"; it must be one of ${RULE_NAMES.join(", ")}`);
  return found;
}

/** Makes an optimizer. */
export const optimizerOf = (name: string, params: Tensor[], options: Options): Optimizer =>
  make(name)(params, {
    ...("lr" in options || LEARNING_RATES[name] === undefined ? {} : { lr: LEARNING_RATES[name] }),
    ...options,
  });

/** RMSProp as other programs mean it. */
export function dialectOf(name: string): Options {
  if (!Object.hasOwn(optim.dialects, name))
    throw usage(`--dialect is "${name}"; it must be one of ${Object.keys(optim.dialects).join(", ")}`);
  return { ...optim.dialects[name as keyof typeof optim.dialects] };
}

/** What a person typed for an option, as the rule takes it: a number, yes or no, or a list of numbers. */
export function readOption(ruleName: string, option: string, text: string | boolean): unknown {
  const known = optionsOf(ruleName);
  if (!Object.hasOwn(known, option)) {
    throw usage(`${ruleName} has no option ${option}; it has ${Object.keys(known).join(", ")}`);
  }
  const like = known[option];
  const number = (part: string) => {
    const value = part.trim() === "" ? Number.NaN : Number(part);
    if (Number.isNaN(value)) throw usage(`${option} must be a number, not "${part}"`);
    return value;
  };
  if (typeof like === "boolean") {
    if (text === true || text === "true" || text === "yes") return true;
    if (text === false || text === "false" || text === "no") return false;
    throw usage(`${option} is yes or no, not "${text}"`);
  }
  if (typeof text === "boolean") throw usage(`${option} needs a value, such as ${JSON.stringify(like)}`);
  if (Array.isArray(like)) {
    const parts = text.split(",").map(number);
    if (parts.length !== like.length)
      throw usage(`${option} takes ${like.length} numbers, such as ${like.join()}, not "${text}"`);
    return parts;
  }
  if (typeof like === "string") return text;
  if (like === null && text === "null") return null;
  if (WORDS.has(option)) return text;
  return number(text);
}
