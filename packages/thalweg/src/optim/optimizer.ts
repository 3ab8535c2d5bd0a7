import { OptionError } from "../errors.js";
import { type Node, recording } from "../graph/node.js";
import { sameShape, showShape } from "../graph/shape.js";
import { step as recordStep, release } from "../plan/engine.js";
import { tensor, zerosLike } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";

/** What a rule remembers of one parameter: tensors of the parameter's shape, all zero until the rule sets them. */
export interface State {
  [name: string]: Tensor;
}

/** Parameters with options of their own; an option that is left out has the optimizer's value. */
export type ParamGroup<O> = Partial<O> & { params: readonly Tensor[] };

/** Plain data: numbers, strings, booleans and typed arrays. */
export interface StateDict<O> {
  /** By the parameter's number, counted over all groups: its state. */
  state: Record<number, Record<string, SavedTensor>>;
  paramGroups: (O & { params: number[] })[];
}

export interface SavedTensor {
  dtype: Tensor["dtype"];
  shape: number[];
  data: ReturnType<Tensor["dataSync"]>;
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
export abstract class Optimizer<O extends object> {
  /** The parameters in groups, with each group's options. Options may be changed at any time: nothing is compiled. */
  readonly paramGroups: (O & { params: Tensor[] })[] = [];
  private readonly slots = new Map<Tensor, Slots>();
  private readonly defaults: O;

  /**
   * @param params - parameters (leaves with requiresGrad), or groups of them
   * @param defaults - the options of every group that does not have its own
   */
  constructor(params: Iterable<Tensor> | Iterable<ParamGroup<O>>, defaults: O) {
    this.defaults = defaults;
    const list = [...params];
    if (list.length === 0) throw new OptionError("optimizer: got an empty list of parameters");
    if (list[0] instanceof Tensor) this.addParamGroup({ params: list as Tensor[] } as unknown as ParamGroup<O>);
    else for (const group of list as ParamGroup<O>[]) this.addParamGroup(group);
  }

  /**
   * The formula. Records tensor operations and returns the parameter's new value; what it sets in `state` is there
   * again at the next step. A state that it reads before it was ever set is all zeros.
   */
  abstract update(p: Tensor, g: Tensor, state: State, options: O): Tensor;

  /** Refuses options that make no sense; called for every group. */
  protected validate(_options: O): void {}

  /** Adds parameters, such as those of a layer that is trained from now on. */
  addParamGroup(group: ParamGroup<O>): void {
    const params = [...group.params];
    for (const p of params) {
      if (!(p instanceof Tensor)) throw new OptionError("optimizer: parameters must be tensors");
      if (!p.isLeaf) throw new OptionError("optimizer: only leaves can be optimized, not the results of operations");
      if (!p.requiresGrad) throw new OptionError("optimizer: every parameter needs requiresGrad");
      if (this.parameters().includes(p) || params.indexOf(p) !== params.lastIndexOf(p)) {
        throw new OptionError("optimizer: a parameter appears more than once");
      }
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
      }
    }
  }

  /** Updates every parameter that has a gradient. Recorded, and run when its results are needed. */
  step(): void {
    const { gradEnabled, internal } = recording;
    recording.gradEnabled = false;
    recording.internal = true;
    try {
      const holders: Tensor[] = [];
      const pairs: [Node, Node][] = [];
      const change = (holder: Tensor, value: Tensor): void => {
        checkUpdate(holder, value);
        holders.push(holder);
        pairs.push([holder.node, value.node]);
      };
      for (const group of this.paramGroups) {
        for (const p of group.params) {
          if (p.gradient === null) continue;
          const slots = this.slotsOf(p);
          change(p, this.update(p, p.gradient, slots.state, group));
          // The rule has put new values where the state's tensors stood; those take the values over and stand there again.
          for (const name of Object.keys(slots.state)) {
            const value = slots.state[name]!;
            const holder = (slots.holders[name] ??= zeroState(p));
            if (value === holder) continue;
            change(holder, value);
            slots.state[name] = holder;
          }
        }
      }
      const nodes = recordStep(pairs);
      for (let i = 0; i < nodes.length; i++) holders[i]!.node = nodes[i]!;
    } finally {
      recording.gradEnabled = gradEnabled;
      recording.internal = internal;
    }
  }

  private slotsOf(p: Tensor): Slots {
    let slots = this.slots.get(p);
    if (slots === undefined) {
      const holders: State = {};
      // A name that the rule has not set yet is looked up in the prototype: zeros, made when they are first read.
      const zeros = new Proxy({} as State, {
        get: (_, name) => (typeof name === "string" ? (holders[name] ??= zeroState(p)) : undefined),
      });
      slots = { holders, state: Object.create(zeros) as State };
      this.slots.set(p, slots);
    }
    return slots;
  }

  /** What the rule remembers of a parameter, by name; nothing before its first step. */
  stateOf(p: Tensor): Readonly<State> {
    return this.slots.get(p)?.holders ?? {};
  }

  private parameters(): Tensor[] {
    return this.paramGroups.flatMap((group) => group.params);
  }

  /** Options and state as plain data, to be saved. */
  stateDict(): StateDict<O> {
    const parameters = this.parameters();
    const state: StateDict<O>["state"] = {};
    parameters.forEach((p, i) => {
      if (!this.slots.has(p)) return;
      state[i] = {};
      for (const [name, x] of Object.entries(this.stateOf(p))) {
        state[i][name] = { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() };
      }
    });
    const paramGroups = this.paramGroups.map((group) => ({
      ...group,
      params: group.params.map((p) => parameters.indexOf(p)),
    }));
    return { state, paramGroups } as StateDict<O>;
  }

  /**
   * Takes options and state from {@link stateDict}'s data. Everything is checked first: if anything does not fit, the
   * optimizer stays as it was.
   */
  loadStateDict(saved: StateDict<O>): void {
    const parameters = this.parameters();
    const sizes = (groups: readonly { params: readonly unknown[] }[]) =>
      groups.map((group) => group.params.length).join(", ");
    if (sizes(saved.paramGroups) !== sizes(this.paramGroups)) {
      throw new OptionError(
        `loadStateDict: the saved groups have ${sizes(saved.paramGroups)} parameters, this optimizer's have ${sizes(this.paramGroups)}`,
      );
    }
    const loaded = new Map<Tensor, Record<string, Tensor>>();
    parameters.forEach((p, i) => {
      const entries = saved.state[i];
      if (entries === undefined) return;
      const tensors: Record<string, Tensor> = {};
      for (const [name, entry] of Object.entries(entries)) {
        if (entry.data.length !== p.numel || !sameShape(entry.shape, p.shape)) {
          throw new OptionError(
            `loadStateDict: ${name} of parameter ${i} has shape ${showShape(entry.shape)}, the parameter has ${showShape(p.shape)}`,
          );
        }
        tensors[name] = mutable(tensor(entry.data, { dtype: entry.dtype }).reshape(entry.shape));
      }
      loaded.set(p, tensors);
    });
    for (const group of saved.paramGroups) this.validate(group);
    this.slots.clear();
    for (const [p, tensors] of loaded) {
      const slots = this.slotsOf(p);
      Object.assign(slots.holders, tensors);
      Object.assign(slots.state, tensors);
    }
    saved.paramGroups.forEach((group, i) => {
      const { params: _, ...options } = group;
      Object.assign(this.paramGroups[i]!, options);
    });
  }
}

/** A parameter's state: the tensors that hold it from step to step, and the object that the rule sees. */
interface Slots {
  readonly holders: State;
  readonly state: State;
}

/** A state's first value, in storage that later steps overwrite. */
const zeroState = (p: Tensor): Tensor => mutable(zerosLike(p));

function mutable(x: Tensor): Tensor {
  x.node.mutable = true;
  x.node.live = true;
  return x;
}

function checkUpdate(holder: Tensor, value: Tensor): void {
  if (!sameShape(value.shape, holder.shape) || value.dtype !== holder.dtype) {
    throw new OptionError(
      `update: the new value is ${value.dtype} of shape ${showShape(value.shape)}, the old one ${holder.dtype} of ${showShape(holder.shape)}`,
    );
  }
}

function stripUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** Refuses an option below its least value, as PyTorch does. */
export function atLeast(rule: string, name: string, value: number, least: number): void {
  if (!(value >= least)) throw new OptionError(`${rule}: ${name} must be ${least} or more, got ${value}`);
}
