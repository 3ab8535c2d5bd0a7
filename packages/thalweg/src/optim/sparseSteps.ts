import { OptionError } from "../errors.js";
import type { Node } from "../graph/node.js";
import { recording } from "../graph/node.js";
import { step as recordStep } from "../plan/engine.js";
import { tensor, zeros, zerosLike } from "../tensor/create.js";
import { gather, scatterAdd } from "../tensor/indexing.js";
import { cat, expand, reshape } from "../tensor/movement.js";
import { rowsOf, setLazy } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";
import { mutable, type Slots, type State } from "./slots.js";

/** How long rows have been left alone, as columns [n, 1, …] that broadcast over the rows. */
export interface Gap {
  /** rateᵏ for a row that k steps passed by. */
  decay(rate: number): Tensor;
  /**
   * Σ μʲ lrⱼ over the k steps (j = 1 … k): how far momentum carried the row. lrⱼ is the learning rate at the j-th step, or
   * the number given (1, for momenta that hold the learning rate already).
   */
  travelled(momentum: number, lr?: number): Tensor;
}

/** What of an optimizer a sparse step needs. */
export interface SparseRule<O> {
  readonly rule: string;
  update(p: Tensor, g: Tensor, state: State, options: O, step: number): Tensor;
  idle?(p: Tensor, state: State, options: O, gap: Gap): Tensor;
}

type Write = (holder: Tensor, rows: Tensor, index: Tensor) => void;

/** Momentum that carries less than this part of a step further is over. */
const NEGLIGIBLE = 1e-12;

/**
 * Exact steps on a few rows of a large table.
 *
 * Where the gradient is zero an update rule does something simple: RMSProp leaves the parameter and multiplies the mean
 * square by α. So rows that nobody touched are left as they are, and brought up to date, for all the steps that passed
 * them by at once, when they are touched or read next. Then the rule's own formula runs on the touched rows alone. A step
 * costs in proportion to the rows touched, and equals the dense one to rounding.
 */
export class SparseSteps {
  /** Up to which step each row has been brought. */
  private readonly last: Int32Array;
  /** The learning rate of each step, from `firstLr` on. */
  private readonly lrs: number[] = [];
  private moves = false;
  private own: Node | null = null;

  constructor(
    private readonly p: Tensor,
    private readonly slots: Slots,
    private readonly rule: SparseRule<never>,
    private readonly options: () => object,
  ) {
    if (rule.idle === undefined) {
      throw new OptionError(
        `${rule.rule}: has no exact form for rows that a sparse gradient leaves out; use embedding without { sparse: true }`,
      );
    }
    this.last = new Int32Array(p.shape[0]!).fill(slots.step);
    this.lrs.length = slots.step;
  }

  /** Records one step on the rows that have gradients. */
  step(options: object, write: Write): void {
    const { last } = this;
    const {
      weightDecay = 0,
      momentum = 0,
      lr = 0,
    } = options as { weightDecay?: number; momentum?: number; lr?: number };
    if (weightDecay !== 0) {
      throw new OptionError(`${this.rule.rule}: weightDecay moves every row at every step, so it cannot be sparse`);
    }
    const step = ++this.slots.step;
    this.lrs.push(lr);
    const { rows, g } = this.gradient();
    const index = rows.dataSync() as Int32Array;
    this.onRows(rows, this.gapOf(index, step - 1), write, (pRows, state) =>
      this.rule.update(pRows, g, state, options as never, step),
    );
    for (const row of index) last[row] = step;
    if (momentum !== 0 && !this.moves) this.intercept();
  }

  /** Brings every row up to date. */
  settle(): void {
    const step = this.slots.step;
    if (this.last.every((at) => at === step)) return;
    const gap = this.gapOf(null, step);
    const { holders } = this.slots;
    const state: State = { ...holders };
    this.recorded(() => {
      const base = new Tensor(this.nodeOf(this.p));
      const value = this.rule.idle!(base, state, this.options() as never, gap);
      const changed = Object.keys(holders).filter((name) => state[name] !== holders[name]);
      const tensors = [...(value === base ? [] : [this.p]), ...changed.map((name) => holders[name]!)];
      const values = [...(value === base ? [] : [value]), ...changed.map((name) => state[name]!)];
      if (tensors.length === 0) return;
      const nodes = recordStep(tensors.map((x, i) => ({ old: this.nodeOf(x), value: values[i]!.node })));
      tensors.forEach((x, i) => {
        x.node = nodes[i]!;
      });
    });
    this.last.fill(step);
  }

  /** Prepares for a step on the whole table. */
  beforeDense(options: object): void {
    this.settle();
    this.lrs.push((options as { lr?: number }).lr ?? 0);
    this.last.fill(this.slots.step + 1);
  }

  /** Stops bringing rows up to date when the table is read. */
  detach(): void {
    if (!this.moves) return;
    const node = this.own!;
    Reflect.deleteProperty(this.p, "node");
    this.p.node = node;
    setLazy(this.p, null);
    this.moves = false;
  }

  /** The rows that were touched, in order (a row may occur twice), and each one's whole gradient. */
  private gradient(): { rows: Tensor; g: Tensor } {
    const parts = rowsOf(this.p);
    const rows = parts.length === 1 ? parts[0]!.rows : cat(parts.map((part) => part.rows));
    const values = (parts.length === 1 ? parts[0]!.values : cat(parts.map((part) => part.values))).detach();
    const index = rows.dataSync() as Int32Array;
    const firstAt = new Map<number, number>();
    const first = index.map((row, i) => {
      const known = firstAt.get(row);
      if (known === undefined) firstAt.set(row, i);
      return known ?? i;
    });
    if (firstAt.size === index.length) return { rows, g: values };
    // Every occurrence of a row gets the sum, so that all of them compute, and write, the same.
    const slot = expand(reshape(tensor(first), [index.length, ...this.ones()]), values.shape);
    const sums = scatterAdd(zeros(values.shape, { dtype: values.dtype }), 0, slot, values);
    return { rows, g: gather(sums, 0, slot) };
  }

  /** Runs a formula on rows of the table and of its state, brought up to date first. */
  private onRows(index: Tensor, gap: Gap, write: Write, formula: (p: Tensor, state: State) => Tensor): void {
    const { holders } = this.slots;
    const shape = [index.numel, ...this.p.shape.slice(1)];
    const at = expand(reshape(index, [index.numel, ...this.ones()]), shape);
    const unset = new Proxy({} as State, {
      get: (_, name) => (typeof name === "string" ? zeros(shape, { dtype: this.p.dtype }) : undefined),
    });
    const state = Object.create(unset) as State;
    for (const name of Object.keys(holders)) state[name] = gather(holders[name]!, 0, at);
    const before = gather(new Tensor(this.nodeOf(this.p)), 0, at);
    const idle = this.rule.idle!(before, state, this.options() as never, gap);
    write(this.p, formula(idle, state), index);
    for (const name of Object.keys(state)) write((holders[name] ??= mutable(zerosLike(this.p))), state[name]!, index);
  }

  /** What passed by the given rows (null: all of them) up to and with a step. */
  private gapOf(index: Int32Array | null, until: number): Gap {
    const { last, lrs } = this;
    const froms = index === null ? last : index.map((row) => last[row]!);
    const column = (f: (from: number) => number): Tensor => {
      const known = new Map<number, number>();
      const values = new Float64Array(froms.length);
      froms.forEach((from, i) => {
        let value = known.get(from);
        if (value === undefined) known.set(from, (value = f(from)));
        values[i] = value;
      });
      return reshape(tensor(values, { dtype: this.p.dtype }), [froms.length, ...this.ones()]);
    };
    return {
      decay: (rate) => column((from) => rate ** (until - from)),
      travelled: (momentum, lr) =>
        column((from) => {
          let sum = 0;
          let weight = 1;
          for (let step = from; step < until; step++) {
            weight *= momentum;
            if (weight < NEGLIGIBLE) break;
            sum += weight * (lr ?? lrs[step] ?? 0);
          }
          return sum;
        }),
    };
  }

  private ones(): number[] {
    return this.p.shape.slice(1).map(() => 1);
  }

  private recorded(f: () => void): void {
    const { gradEnabled, internal } = recording;
    recording.gradEnabled = false;
    recording.internal = true;
    try {
      f();
    } finally {
      recording.gradEnabled = gradEnabled;
      recording.internal = internal;
    }
  }

  private nodeOf(x: Tensor): Node {
    return x === this.p && this.moves ? this.own! : x.node;
  }

  /**
   * With momentum, rows that nobody touches keep moving. From now on, reading the table as a whole brings all rows up to
   * date first, and reading some of them through an embedding those.
   */
  private intercept(): void {
    this.moves = true;
    this.own = this.p.node;
    const steps = this;
    Object.defineProperty(this.p, "node", {
      configurable: true,
      enumerable: true,
      get(): Node {
        if (!recording.internal) steps.settle();
        return steps.own!;
      },
      set(node: Node) {
        steps.own = node;
      },
    });
    setLazy(this.p, {
      node: () => this.own!,
      before: (rows) => this.touch(rows),
    });
  }

  /** Brings some rows up to date. */
  private touch(rows: Tensor): void {
    const { step } = this.slots;
    const index = rows.dataSync() as Int32Array;
    if (index.every((row) => this.last[row] === step)) return;
    this.recorded(() => {
      const holders: Tensor[] = [];
      const changes: { old: Node; value: Node; rows: Node }[] = [];
      const write: Write = (holder, value, at) => {
        holders.push(holder);
        changes.push({ old: this.nodeOf(holder), value: value.node, rows: at.node });
      };
      this.onRows(rows, this.gapOf(index, step), write, (p) => p);
      const nodes = recordStep(changes);
      holders.forEach((holder, i) => {
        holder.node = nodes[i]!;
      });
    });
    for (const row of index) this.last[row] = step;
  }
}
