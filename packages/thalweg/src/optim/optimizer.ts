import { isFloat } from "../dtype.js";
import { OptionError } from "../errors.js";
import { recording, scalarNode } from "../graph/node.js";
import { sameShape, showShape } from "../graph/shape.js";
import { refuseUnknown } from "../options.js";
import { type Change, engine, step as recordStep, release } from "../plan/engine.js";
import { zerosLike } from "../tensor/create.js";
import { denseGradient, dropRows, hasRows, rowNode } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";
import { checkUpdate, type Numbers, restore, type SavedTensor, Slots, type State } from "./slots.js";
import { type Gap, type SparseRule, SparseSteps } from "./sparseSteps.js";
import { alike, isElementwise, type Member, updateTogether } from "./together.js";

export type { Gap, Numbers, SavedTensor, State };

/** Parameters with options of their own; an option that is left out has the optimizer's value. */
export type ParamGroup<O> = Partial<O> & { params: readonly Tensor[] };

/** What an optimizer is built from: parameters, or groups of them. */
export type Params<O> = Iterable<Tensor> | Iterable<ParamGroup<O>>;

/** Options and state as plain data: numbers, strings, booleans and typed arrays. */
export interface StateDict<O> {
  /** By the parameter's number, counted over all groups: its state, and how many steps it has made. */
  state: Record<
    number,
    {
      step: number;
      tensors: Record<string, SavedTensor>;
      /** Of a table that is trained sparsely: how far its rows have been brought. Left out: all of them to `step`. */
      rows?: SavedTensor;
    }
  >;
  /** The state of the optimizer as a whole, for rules that have one. */
  shared: Record<string, SavedTensor>;
  paramGroups: (O & { params: number[] })[];
}

/** A change and the tensor that will hold it. */
export type HeldChange = Change & { readonly holder: Tensor };

/** One parameter that is about to be updated. */
export interface Entry<O> {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly state: State;
  readonly options: O;
  /** 1 at the parameter's first step. */
  readonly step: number;
  readonly numbers: Numbers;
}

/** What the last step did to a parameter, as tensors of the parameter's shape. */
export interface StepReport {
  /** What the gradient (or the rule's direction) was multiplied with, element by element. */
  readonly stepSize: Tensor;
  /** The parameter's change: new value minus old. Null unless the optimizer observes ({@link Optimizer.observe}). */
  readonly update: Tensor | null;
  /** What the rule remembers, such as the mean square. */
  readonly state: Readonly<State>;
}

/**
 * The base of all update rules. A rule is its formula: {@link update} takes a parameter, its gradient and what the rule
 * remembers of it, and returns the parameter's new value. Recording, fusing, groups and saving are done here.
 *
 * ```ts
 * class SignDescent extends Optimizer<{ lr: number }> {
 *   update(p: Tensor, g: Tensor, state: State, { lr }: { lr: number }) {
 *     return p.sub(g.sign().mul(lr));
 *   }
 * }
 * ```
 */
export abstract class Optimizer<O extends object> implements SparseRule<O> {
  /** The rule's name, as it is saved. (A class's own name does not survive minification.) */
  readonly rule: string = this.constructor.name;
  /** The parameters in groups, with each group's options. Options may be changed at any time: nothing is compiled. */
  readonly paramGroups: (O & { params: Tensor[] })[] = [];
  private readonly slots = new Map<Tensor, Slots>();
  private readonly defaults: O;
  private whole: Slots | null = null;
  private observing = false;

  /**
   * @param params - parameters (leaves with requiresGrad), or groups of them
   * @param defaults - all options that there are, with their usual values
   * @param given - options of every group that does not have its own; of the others the defaults are taken
   * @throws OptionError if there is no option of such a name
   */
  constructor(params: Params<O>, defaults: O, given: Partial<O> = {}) {
    refuseUnknown(this.constructor.name, given, Object.keys(defaults));
    this.defaults = { ...defaults, ...stripUndefined(given) };
    if (typeof (params as Partial<Iterable<Tensor>> | null)?.[Symbol.iterator] !== "function") {
      throw new OptionError("optimizer: expects a list of parameters, or of groups { params: [...] }");
    }
    const list = [...params];
    if (list.length === 0) throw new OptionError("optimizer: got an empty list of parameters");
    if (list[0] instanceof Tensor) this.addParamGroup({ params: list as Tensor[] } as unknown as ParamGroup<O>);
    else for (const group of list as ParamGroup<O>[]) this.addParamGroup(group);
  }

  /**
   * The formula. Records tensor operations and returns the parameter's new value; what it sets in `state` is there
   * again at the next step. A state that it reads before it was ever set is all zeros, in the parameter's shape.
   *
   * @param step - 1 at the parameter's first step; a number, so using it compiles nothing
   * @param numbers - what {@link initialNumbers} gave; the rule may set them anew, and finds them at the next step
   */
  abstract update(p: Tensor, g: Tensor, state: State, options: O, step: number, numbers: Numbers): Tensor;

  /** State that is not all zeros before the first step, or not of the parameter's shape. */
  protected initialState(_p: Tensor, _options: O): State {
    return {};
  }

  /**
   * State that is plain numbers, before the first step. A number costs no kernel: what is computed from it is computed in
   * JavaScript, in float64, as long as it depends on no tensor.
   */
  initialNumbers(_options: O): Numbers {
    return {};
  }

  /** State of the optimizer as a whole before the first step, for rules that combine all parameters. */
  protected initialShared(): State {
    return {};
  }

  /**
   * For sparse gradients: what steps in which the gradient is zero do to a parameter (returned) and its state (set).
   * Rules without such a form refuse sparse gradients.
   */
  idle?(p: Tensor, state: State, options: O, gap: Gap): Tensor;

  /** That state: in a step what it is set to, after it what it was set to; nothing before the first step. */
  protected get shared(): Readonly<State> {
    return this.whole?.state ?? {};
  }

  /** Called once per step before the updates, with all parameters that have gradients. */
  protected prepare(_entries: readonly Entry<O>[], _shared: State): void {}

  /** @internal What the rule remembers before the first step; null if it updates parameters together, or in its own way. */
  initialOf(p: Tensor, options: O): State | null {
    const { prototype } = Optimizer;
    const own = this.prepare !== prototype.prepare || this.step !== prototype.step;
    return own ? null : this.initialState(p, options);
  }

  /** The step size of each element, for {@link report}; null if the rule has no such notion. */
  protected stepSize(_p: Tensor, _state: Readonly<State>, _options: O, _step: number): Tensor | null {
    return null;
  }

  /** Refuses options that make no sense; called for every group. */
  protected validate(_options: O): void {}

  /**
   * Adds parameters, such as those of a layer that is trained from now on.
   *
   * @throws OptionError if something is no leaf that requires a gradient, is there already, or there is no option of such a name
   */
  addParamGroup(group: ParamGroup<O>): void {
    if (!Array.isArray(group?.params)) throw new OptionError("optimizer: a group needs params, a list of tensors");
    const who = `${this.constructor.name}, group ${this.paramGroups.length}`;
    refuseUnknown(who, group, [...Object.keys(this.defaults), ...OF_GROUPS]);
    const params = [...group.params];
    const known = new Set(this.parameters());
    for (const p of params) {
      if (!(p instanceof Tensor)) throw new OptionError("optimizer: parameters must be tensors");
      if (!p.isLeaf) throw new OptionError("optimizer: only leaves can be optimized, not the results of operations");
      if (!p.requiresGrad) throw new OptionError("optimizer: every parameter needs requiresGrad");
      if (known.has(p)) throw new OptionError("optimizer: a parameter appears more than once");
      known.add(p);
    }
    const options = { ...this.defaults, ...stripUndefined(group), params };
    this.validate(options);
    this.paramGroups.push(options);
  }

  /** Sets the gradients of all parameters to none. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) {
      for (const p of params) {
        // Nobody else can have got hold of a gradient that was never looked at: its storage is free at once.
        if (p.gradient !== null && p.gradient.node.srcs.length === 0) release(p.gradient.node);
        p.gradient = null;
        if (hasRows(p)) dropRows(p);
      }
    }
  }

  /** Updates every parameter that has a gradient. Recorded, and run when its results are needed. */
  step(): void {
    const { gradEnabled, internal } = recording;
    recording.gradEnabled = false;
    recording.internal = true;
    try {
      const changes = this.record();
      const nodes = recordStep(changes);
      for (let i = 0; i < nodes.length; i++) changes[i]!.holder.node = nodes[i]!;
    } finally {
      recording.gradEnabled = gradEnabled;
      recording.internal = internal;
    }
  }

  /** @internal What a step changes: parameters and state with their new values, recorded and not made yet. */
  record(): HeldChange[] {
    const members: Member<O>[] = [];
    const tables: { p: Tensor; group: O }[] = [];
    for (const group of this.paramGroups) {
      for (const p of group.params) {
        if (hasRows(p) && p.gradient !== null) p.gradient = denseGradient(p);
        if (hasRows(p)) {
          tables.push({ p, group });
          continue;
        }
        if (p.gradient === null) continue;
        const slots = this.slotsOf(p, group);
        slots.sparse?.beforeDense(group);
        slots.step++;
        members.push({ p, g: p.gradient, slots, options: group });
      }
    }
    this.whole ??= new Slots(this.initialShared(), () => new Tensor(scalarNode(0, "float32")));
    if (this.prepare !== Optimizer.prototype.prepare) this.prepare(members.map(entryOf), this.whole.state);
    const changes: HeldChange[] = [];
    const change = (holder: Tensor, value: Tensor): void => {
      checkUpdate(holder, value);
      changes.push({ old: holder.node, value: value.node, holder });
    };
    const together = !this.observing && !engine.eager && isElementwise(this);
    for (let m = 0; m < members.length; m++) {
      const { p, g, slots, options } = members[m]!;
      const count = together ? alike(members, m) : 1;
      const update = () => this.update(p, g, slots.state, options, slots.step, slots.numbers);
      const value = count === 1 ? update() : updateTogether(members, m, m + count, update, changes);
      if (value === null) {
        m += count - 1;
        continue;
      }
      if (this.observing) this.noteUpdate(p, value);
      change(p, value);
      slots.takeOver(change);
    }
    for (const { p, group } of tables) {
      const slots = this.slotsOf(p, group);
      slots.sparse ??= new SparseSteps(p, slots, this, () => group);
      slots.sparse.step(group, (holder, value, rows) => {
        changes.push({ old: rowNode(holder), value: value.node, rows: rows.node, holder });
      });
    }
    this.whole.takeOver(change);
    return changes;
  }

  /** The difference that a step makes, as an open end: computed with the step. */
  private noteUpdate(p: Tensor, value: Tensor): void {
    recording.internal = false;
    this.slots.get(p)!.update = value.sub(p);
    recording.internal = true;
  }

  private slotsOf(p: Tensor, options: O): Slots {
    let slots = this.slots.get(p);
    if (slots === undefined) this.slots.set(p, (slots = this.freshSlots(p, options)));
    return slots;
  }

  private freshSlots(p: Tensor, options: O): Slots {
    return new Slots(this.initialState(p, options), () => zerosLike(p), this.initialNumbers(options));
  }

  /** What the rule remembers of a parameter, by name; nothing before its first step. */
  stateOf(p: Tensor): Readonly<State> {
    const slots = this.slots.get(p);
    if (slots === undefined) return {};
    this.settleRows(slots);
    return slots.all;
  }

  /** Brings all rows of a table that is trained sparsely up to date. */
  private settleRows(slots: Slots): void {
    slots.sparse?.settle();
  }

  /** Whether steps also keep what they change, for {@link report}. Costs one more array per parameter. */
  observe(on = true): void {
    this.observing = on;
  }

  /**
   * The step size of each element of a parameter (for RMSProp lr / (√v + ε)), what the rule remembers, and what the last
   * step changed if the optimizer observes. Computed when read; costs nothing when nobody asks. Null before the first step.
   */
  report(p: Tensor): StepReport | null {
    const slots = this.slots.get(p);
    const options = this.paramGroups.find((group) => group.params.includes(p));
    if (slots === undefined || options === undefined) return null;
    this.settleRows(slots);
    const state = slots.all;
    const stepSize = this.stepSize(p.detach(), state, options, slots.step);
    return stepSize === null ? null : { stepSize, update: slots.update, state };
  }

  /** The groups and their options, as PyTorch prints them. */
  toString(): string {
    const groups = this.paramGroups.map(({ params: _, ...options }, i) => {
      const lines = Object.entries(options).sort();
      return [`Parameter Group ${i}`, ...lines.map(([name, value]) => `    ${name}: ${value}`)].join("\n");
    });
    return `${this.rule} (\n${groups.join("\n\n")}\n)`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  private parameters(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }

  /**
   * Options and state as plain data, to be saved.
   *
   * @param options - `settle`: first bring all rows of tables that are trained sparsely up to date, so that the state means the
   *   same to other programs. Default true. Without, saving changes no later bit: where a row is brought up to date in two
   *   goes, it may be rounded otherwise than in one.
   */
  stateDict({ settle = true }: { settle?: boolean } = {}): StateDict<O> {
    const parameters = this.parameters();
    const state: StateDict<O>["state"] = {};
    parameters.forEach((p, i) => {
      const slots = this.slots.get(p);
      if (slots === undefined) return;
      if (settle) this.settleRows(slots);
      const rows = settle ? null : (slots.sparse?.progress() ?? null);
      state[i] = { step: slots.step, tensors: slots.save(), ...(rows === null ? {} : { rows }) };
    });
    const paramGroups = this.paramGroups.map((group) => ({
      ...group,
      params: group.params.map((p) => parameters.indexOf(p)),
    }));
    return { state, shared: this.whole?.save() ?? {}, paramGroups } as StateDict<O>;
  }

  /**
   * Takes options and state from {@link stateDict}'s data. Everything is checked first: if anything does not fit, the
   * optimizer stays as it was.
   */
  loadStateDict(saved: StateDict<O>): void {
    checkForm(saved);
    const parameters = this.parameters();
    const sizes = (groups: readonly { params: readonly unknown[] }[]) =>
      groups.map((group) => group.params.length).join(", ");
    if (sizes(saved.paramGroups) !== sizes(this.paramGroups)) {
      throw new OptionError(
        `loadStateDict: the saved groups have ${sizes(saved.paramGroups)} parameters, this optimizer's have ${sizes(this.paramGroups)}`,
      );
    }
    const loaded = new Map<Tensor, Slots>();
    const ownState = new Map(this.paramGroups.flatMap((group) => group.params.map((p) => [p, group] as const)));
    parameters.forEach((p, i) => {
      const entry = saved.state[i];
      if (entry === undefined) return;
      if (!Number.isInteger(entry.step) || entry.step < 0) {
        throw new OptionError(`loadStateDict: the step of parameter ${i} must be a whole number, not ${entry.step}`);
      }
      const slots = this.freshSlots(p, ownState.get(p)!);
      for (const [name, data] of Object.entries(entry.tensors)) {
        const x = restore(`${name} of parameter ${i}`, data);
        if (Object.hasOwn(slots.numbers, name)) {
          if (x.numel !== 1 || !isFloat(x.dtype))
            throw new OptionError(`loadStateDict: ${name} of parameter ${i} must be a number, a float of shape []`);
          slots.numbers[name] = x.item();
          continue;
        }
        const { shape, dtype } = slots.holders[name] ?? p;
        if (x.dtype !== dtype) {
          throw new OptionError(`loadStateDict: ${name} of parameter ${i} is ${x.dtype}, this optimizer's is ${dtype}`);
        }
        if (!sameShape(x.shape, shape)) {
          throw new OptionError(
            `loadStateDict: ${name} of parameter ${i} has shape ${showShape(x.shape)}, this optimizer's has ${showShape(shape)}`,
          );
        }
        slots.put({ [name]: x });
      }
      slots.step = entry.step;
      if (entry.rows !== undefined) {
        const group = ownState.get(p)!;
        slots.sparse = new SparseSteps(p, slots, this, () => group);
        slots.sparse.goOn(entry.rows);
      }
      loaded.set(p, slots);
    });
    const whole = new Slots(this.initialShared(), () => new Tensor(scalarNode(0, "float32")));
    for (const [name, data] of Object.entries(saved.shared)) whole.put({ [name]: restore(name, data) });
    for (const group of saved.paramGroups) this.validate(group);
    for (const slots of this.slots.values()) slots.sparse?.detach();
    this.slots.clear();
    for (const [p, slots] of loaded) this.slots.set(p, slots);
    this.whole = whole;
    saved.paramGroups.forEach((group, i) => {
      const { params: _, ...options } = group;
      Object.assign(this.paramGroups[i]!, options);
    });
  }
}

const entryOf = <O>({ p, g, slots, options }: Member<O>): Entry<O> => {
  const { state, step, numbers } = slots;
  return { p, g, state, options, step, numbers };
};

/** What a group may have beside options: where schedules start from is told by a group that goes on with one. */
const OF_GROUPS = ["params", "initialLr"];

/** Refuses what is no state dictionary at all. */
function checkForm(saved: unknown): void {
  const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;
  const bad = (what: string) => new OptionError(`loadStateDict: ${what}; expected what stateDict() gives`);
  if (!isObject(saved)) throw bad("got no object");
  const { state, shared, paramGroups } = saved;
  if (!Array.isArray(paramGroups) || !paramGroups.every((group) => isObject(group) && Array.isArray(group.params))) {
    throw bad("paramGroups is no list of groups with params");
  }
  if (!isObject(state) || !isObject(shared)) throw bad("state or shared is missing");
  const tensors = [shared, ...Object.values(state).map((entry) => (isObject(entry) ? entry.tensors : undefined))];
  for (const named of tensors) {
    if (!isObject(named)) throw bad("a parameter's state has no tensors");
    for (const [name, x] of Object.entries(named)) {
      const isTensor = isObject(x) && Array.isArray(x.shape) && typeof x.dtype === "string" && isObject(x.data);
      if (!isTensor) throw bad(`${name} is no saved tensor (dtype, shape, data)`);
    }
  }
}

export function stripUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** Refuses an option below its least value, as PyTorch does. */
export function atLeast(rule: string, name: string, value: number, least: number): void {
  if (!(value >= least)) throw new OptionError(`${rule}: ${name} must be ${least} or more, got ${value}`);
}
