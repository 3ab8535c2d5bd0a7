import { OptionError } from "../errors.js";
import { sameShape, showShape } from "../graph/shape.js";
import { tensor } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import type { SparseSteps } from "./sparseSteps.js";

/** What a rule remembers, by name. */
export interface State {
  [name: string]: Tensor;
}

/** Plain numbers that a rule remembers: kept in JavaScript, saved with the state, handed to kernels like any number. */
export interface Numbers {
  [name: string]: number;
}

/** A tensor as plain data. */
export interface SavedTensor {
  dtype: Tensor["dtype"];
  shape: number[];
  data: ReturnType<Tensor["dataSync"]>;
}

/** Marks a tensor's storage as one that later steps overwrite. */
export function mutable(x: Tensor): Tensor {
  x.node.mutable = true;
  x.node.live = true;
  return x;
}

/**
 * The state of one parameter (or of a whole optimizer): the tensors that hold it from step to step, and the object that
 * a rule sees, in which the rule puts new values in the tensors' places.
 */
export class Slots {
  /** The tensors that hold the state. */
  readonly holders: State = {};
  /** What the rule reads and sets. */
  readonly state: State;
  /** Steps made so far. */
  step = 0;
  /** What is known of rows, for a table that is trained sparsely. */
  sparse: SparseSteps | null = null;
  /** What the last step did to the parameter, if the optimizer observes. */
  update: Tensor | null = null;

  /**
   * @param initial - values of the state before the first step
   * @param zeros - makes the value of a state that is read before it was ever set
   * @param numbers - numbers of the state, which the rule sets from step to step
   */
  constructor(
    initial: State,
    private readonly zeros: () => Tensor,
    readonly numbers: Numbers = {},
  ) {
    // A name that was not set yet is looked up in the prototype; one that was costs nothing extra.
    const unset = new Proxy({} as State, {
      get: (_, name) => (typeof name === "string" ? (this.holders[name] ??= mutable(zeros())) : undefined),
    });
    this.state = Object.create(unset) as State;
    this.put(initial);
  }

  /** Sets values from outside. */
  put(values: State): void {
    for (const [name, value] of Object.entries(values)) this.holders[name] = this.state[name] = mutable(value);
  }

  /** Hands the new values that a rule has set to `change`, and puts the holding tensors back in their places. */
  takeOver(change: (holder: Tensor, value: Tensor) => void): void {
    for (const name of Object.keys(this.state)) {
      const value = this.state[name]!;
      const holder = (this.holders[name] ??= mutable(this.zeros()));
      if (value === holder) continue;
      change(holder, value);
      this.state[name] = holder;
    }
  }

  /** The state as tensors, numbers included. */
  get all(): State {
    const numbers = Object.entries(this.numbers).map(([name, x]) => [name, tensor(x, { dtype: "float64" })]);
    return numbers.length === 0 ? this.holders : { ...this.holders, ...Object.fromEntries(numbers) };
  }

  save(): Record<string, SavedTensor> {
    const saved: Record<string, SavedTensor> = {};
    for (const [name, x] of Object.entries(this.all)) {
      saved[name] = { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() };
    }
    return saved;
  }
}

/** Refuses a new value that does not fit what holds it. */
export function checkUpdate(holder: Tensor, value: Tensor): void {
  if (!sameShape(value.shape, holder.shape) || value.dtype !== holder.dtype) {
    throw new OptionError(
      `update: the new value is ${value.dtype} of shape ${showShape(value.shape)}, the old one ${holder.dtype} of ${showShape(holder.shape)}`,
    );
  }
}

/** A saved tensor as a tensor; refused if it is not what it says. */
export function restore(what: string, saved: SavedTensor): Tensor {
  const x = tensor(saved.data, { dtype: saved.dtype });
  const size = saved.shape.reduce((a, b) => a * b, 1);
  if (x.numel !== size) {
    throw new OptionError(
      `loadStateDict: ${what} has ${x.numel} elements, its shape ${showShape(saved.shape)} needs ${size}`,
    );
  }
  return sameShape(x.shape, saved.shape) ? x : x.reshape(saved.shape).clone();
}
