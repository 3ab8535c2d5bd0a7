/** The update rules by the names that one types, with the options that each takes: read from the library's own defaults. */
import { nn, optim, type Tensor, zeros } from "thalweg";
import { CommandError, EXIT, usage } from "./exit.js";

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
  muon: rule(optim.Muon),
  prodigy: rule(optim.Prodigy),
  rprop: rule(optim.Rprop),
  sparseadam: rule(optim.SparseAdam),
  lbfgs: rule(optim.LBFGS as unknown as new (params: Tensor[], options: object) => Optimizer),
  "sgd-schedule-free": rule(optim.SGDScheduleFree),
  "adamw-schedule-free": rule(optim.AdamWScheduleFree),
};

export const RULE_NAMES = Object.keys(RULES);

/** A rule that is made for some parameters only; another one, `rest`, trains the others beside it. */
interface Partial {
  readonly takes: (network: nn.Module) => Tensor[];
  /** Which parameters those are, in words. */
  readonly what: string;
  readonly rest: string;
  /** Why there may be nothing for it. */
  readonly lack: string;
}

const PARTIAL: Readonly<Record<string, Partial>> = {
  muon: {
    takes: hiddenMatrices,
    what: "the weight matrices of all layers but the last",
    rest: "adamw",
    lack: "muon is for the weight matrices of hidden layers, and this model has none: add some by --hidden, or use adamw",
  },
  sparseadam: {
    takes: tables,
    what: "the vectors of categories",
    rest: "adam",
    lack: "sparseadam is for tables of which a batch touches a few rows, and this model has none: have vectors learnt of a column's values by --embed COLUMN, or use adam",
  },
};

/** Vectors of categories' values. */
function tables(network: nn.Module): Tensor[] {
  return network.namedModules().flatMap(([, module]) => (module instanceof nn.Embedding ? [module.weight] : []));
}

/** Weights of layers that others follow. */
function hiddenMatrices(network: nn.Module): Tensor[] {
  const layers = network.namedModules().map(([, module]) => module);
  return layers.flatMap((layer) => (layer instanceof nn.Linear ? [layer.weight] : [])).slice(0, -1);
}

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
  muon: 0.02,
  "sgd-schedule-free": 0.5,
};

/** Rules whose steps are as long as the learning rate says, whatever the gradients: on few rows a third of it does better. */
const SIGNED = new Set(["rmsprop", "adam", "adamw", "nadam"]);
const FEW_ROWS = 500;

/** Options of a rule that depend on the number of training rows, where the usual ones are not for so few. */
export function optionsForRows(name: string, rows: number): Options {
  return rows < FEW_ROWS && SIGNED.has(name) ? { lr: LEARNING_RATES[name]! / 3 } : {};
}

/** Options that a person does not set. */
const INTERNAL = new Set(["params", "maximize", "k", "lrMax", "weightSum", "trainMode"]);

/** Options that are words although their default is none. */
const WORDS = new Set(["lineSearch"]);

/** Options of the other rule of two have this before their names. */
const REST = "rest.";

/**
 * The options of a rule with their defaults.
 *
 * @param rest - for a rule that is made for some parameters only: which rule trains the others. Default: its own choice
 */
export function optionsOf(name: string, rest?: string): Options {
  const [group] = make(name)([zeros([1, 1], { requiresGrad: true })], {}).paramGroups as Options[];
  const known = Object.entries(group!).filter(([option]) => !INTERNAL.has(option));
  const options = Object.fromEntries(known);
  const lr = LEARNING_RATES[name];
  if (lr !== undefined) options.lr = lr;
  const partial = PARTIAL[name];
  if (partial === undefined) return options;
  const other = rest ?? partial.rest;
  if (other === "lbfgs" || Object.hasOwn(PARTIAL, other) || !Object.hasOwn(RULES, other))
    throw usage(
      `${name}: rest is "${other}"; it must be a rule that can train any parameters beside it, such as adamw`,
    );
  return { ...options, rest: other, ...named(optionsOf(other), (option) => `${REST}${option}`) };
}

const named = (options: Options, name: (option: string) => string): Options =>
  Object.fromEntries(Object.entries(options).map(([option, value]) => [name(option), value]));

function make(name: string): Make {
  const found = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
  if (found === undefined) throw usage(`--optimizer is "${name}"; it must be one of ${RULE_NAMES.join(", ")}`);
  return found;
}

/** Makes an optimizer for a network's parameters. */
export function optimizerOf(name: string, network: nn.Module, given: Options): Optimizer {
  const parameters = network.parameters();
  const partial = PARTIAL[name];
  if (partial === undefined) return alone(name, parameters, given);
  const own = partial.takes(network);
  if (own.length === 0) throw new CommandError(partial.lack, EXIT.usage);
  const { rest, options, others } = shared(given, partial);
  const taken = new Set(own);
  return new optim.Combined([
    alone(name, own, options),
    alone(
      rest,
      parameters.filter((p) => !taken.has(p)),
      others,
    ),
  ]);
}

/** Which options are of which of two rules. */
function shared(given: Options, partial: Partial): { rest: string; options: Options; others: Options } {
  const { rest = partial.rest, ...all } = given;
  const isOthers = ([option]: [string, unknown]) => option.startsWith(REST);
  const entries = Object.entries(all);
  return {
    rest: String(rest),
    options: Object.fromEntries(entries.filter((entry) => !isOthers(entry))),
    others: named(Object.fromEntries(entries.filter(isOthers)), (option) => option.slice(REST.length)),
  };
}

/** From so many numbers on a step on some rows of a table is faster than one on all of it. */
const LARGE = 2 ** 19;

/**
 * How many numbers a table of vectors must have for the rule that trains it to get its gradients as rows. A rule with momentum moves
 * rows that no batch touches; those are brought up to date whenever the model is saved, which is not at the same steps in a run that
 * is resumed.
 */
export function sparseFrom(name: string, given: Options): number {
  const partial = PARTIAL[name];
  // It is made for nothing else.
  if (partial?.takes === tables) return 0;
  const { rest, others } = partial === undefined ? { rest: name, others: given } : shared(given, partial);
  const optimizer = alone(rest, [zeros([1, 1], { requiresGrad: true })], others);
  const { weightDecay = 0, momentum = 0 } = optimizer.paramGroups[0] as Options;
  return optimizer.idle !== undefined && weightDecay === 0 && momentum === 0 ? LARGE : Number.POSITIVE_INFINITY;
}

const alone = (name: string, params: Tensor[], options: Options): Optimizer =>
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

/**
 * What a person typed for an option, as the rule takes it: a number, yes or no, or a list of numbers.
 *
 * @param known - the rule's options, of {@link optionsOf}
 */
export function readOption(ruleName: string, known: Options, option: string, text: string | boolean): unknown {
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

/** A rule's options as help texts list them, with how each is given. */
export function optionTable(name: string, flags: Readonly<Record<string, string>>, rest?: string): string {
  const lines = Object.entries(optionsOf(name, rest)).map(([option, value]) => {
    const flag = flags[option] ?? `--set ${option}=${typeof value === "boolean" ? "<yes|no>" : "<x>"}`;
    const text = value === null ? "none" : Array.isArray(value) ? value.join() : String(value);
    const few = Object.entries(optionsForRows(name, 0)).find(([other]) => other === option)?.[1];
    return [flag, few === undefined ? text : `${text} (${few} on under ${FEW_ROWS} training rows)`] as const;
  });
  const width = Math.max(...lines.map(([flag]) => flag.length));
  const partial = PARTIAL[name];
  const why =
    partial === undefined ? "" : `\n\n${name} trains ${partial.what}; the rule "rest" trains everything else.`;
  return `Options of ${name} and their defaults:\n${lines.map(([flag, text]) => `  ${flag.padEnd(width)}  ${text}`).join("\n")}${why}`;
}
