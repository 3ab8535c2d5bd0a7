import { allocate, type TypedArray } from "../dtype.js";
import { IndexError, OptionError } from "../errors.js";
import type { Node } from "../graph/node.js";
import { recording } from "../graph/node.js";
import { type Change, step as recordStep } from "../plan/engine.js";
import { tensor, zeros, zerosLike } from "../tensor/create.js";
import { constant } from "../tensor/elementwise.js";
import { gather, scatterAdd } from "../tensor/indexing.js";
import { cat, expand, reshape } from "../tensor/movement.js";
import { rowsOf, setLazy } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";
import { mutable, type Numbers, type Slots, type State } from "./slots.js";

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
  update(p: Tensor, g: Tensor, state: State, options: O, step: number, numbers: Numbers): Tensor;
  idle?(p: Tensor, state: State, options: O, gap: Gap): Tensor;
}

type Write = (holder: Tensor, rows: Tensor, index: Tensor) => void;

/** Rows that are about to be worked on, as they are named, and how long each has been left alone. */
interface Touched {
  /** The row at each place; -1 where a row is named again. */
  readonly index: Int32Array;
  /** The place where each place's row is named first; null if no row is named twice. */
  readonly firsts: Int32Array | null;
  /** Up to which step each row has been brought. */
  readonly froms: Int32Array;
}

/** Momentum that carries less than this part of a step further is over. */
const NEGLIGIBLE = 1e-12;
/** Powers that are remembered: of so many rates, up to so large an exponent. */
const MOST_RATES = 4;
const MOST_POWERS = 4096;

/** 0, 1, … n − 1. (Int32Array.from takes longer than the rest of a step.) */
function ownPlaces(n: number): Int32Array {
  const places = new Int32Array(n);
  for (let i = 0; i < n; i++) places[i] = i;
  return places;
}

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
  private readonly powers: { readonly rate: number; readonly values: Float64Array }[] = [];
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
    const parts = rowsOf(this.p);
    const rows = parts.length === 1 ? parts[0]!.rows : cat(parts.map((part) => part.rows));
    const values = parts.length === 1 ? parts[0]!.values : cat(parts.map((part) => part.values));
    const touched = this.take(rows, step);
    const g = this.summed(values.detach(), touched);
    this.onRows(touched, step - 1, write, (pRows, state) =>
      this.rule.update(pRows, g, state, options as never, step, this.slots.numbers),
    );
    if (momentum !== 0 && !this.moves) this.intercept();
  }

  /** Brings every row up to date. */
  settle(): void {
    const step = this.slots.step;
    if (this.last.every((at) => at === step)) return;
    const gap = this.gapOf(this.last, step);
    const { holders } = this.slots;
    const state: State = { ...holders };
    this.recorded(() => {
      const base = new Tensor(this.nodeOf(this.p));
      const value = this.rule.idle!(base, state, this.options() as never, gap);
      const changed = Object.keys(holders).filter((name) => state[name] !== holders[name]);
      const tensors = [...(value === base ? [] : [this.p]), ...changed.map((name) => holders[name]!)];
      const values = [...(value === base ? [] : [value]), ...changed.map((name) => state[name]!)];
      if (tensors.length === 0) return;
      const nodes = recordStep(tensors.map((x, i) => ({ old: this.nodeOf(x), value: values[i]!.node, holder: x })));
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

  /** Takes rows, which are then brought up to a step. */
  private take(rows: Tensor, step: number): Touched {
    const { last } = this;
    const index = rows.dataSync() as Int32Array;
    const n = index.length;
    for (let i = 0; i < n; i++) {
      const row = index[i]!;
      if (row >= 0 && row < last.length) continue;
      throw new IndexError(`embedding: row ${row} is out of bounds for a table of ${last.length} rows`);
    }
    // The rows' entries are anywhere in memory. A loop that does nothing else lets the processor fetch many at a time.
    const froms = new Int32Array(n);
    for (let i = 0; i < n; i++) froms[i] = last[index[i]!]!;
    // While this goes on, a row that was met before has the place where that was, as a number below 0.
    let firsts: Int32Array | null = null;
    for (let i = 0; i < n; i++) {
      const row = index[i]!;
      const met = last[row]!;
      if (met >= 0) {
        last[row] = ~i;
        continue;
      }
      firsts ??= ownPlaces(n);
      firsts[i] = ~met;
      index[i] = -1;
    }
    for (let i = 0; i < n; i++) if (index[i]! >= 0) last[index[i]!] = step;
    return { index, firsts, froms };
  }

  /** The gradients with those of a row that is named more than once added up at the first place. */
  private summed(values: Tensor, { firsts }: Touched): Tensor {
    if (firsts === null) return values;
    const slot = expand(reshape(tensor(firsts), [firsts.length, ...this.ones()]), values.shape);
    return scatterAdd(constant(values.shape, 0, values.dtype), 0, slot, values);
  }

  /** Runs a formula on rows of the table and of its state, brought up to date first. */
  private onRows(touched: Touched, until: number, write: Write, formula: (p: Tensor, state: State) => Tensor): void {
    const { holders } = this.slots;
    const index = tensor(touched.index);
    const shape = [index.numel, ...this.p.shape.slice(1)];
    // What is computed for a row that is named again goes nowhere.
    const at = expand(reshape(index.relu(), [index.numel, ...this.ones()]), shape);
    const unset = new Proxy({} as State, {
      get: (_, name) => (typeof name === "string" ? zeros(shape, { dtype: this.p.dtype }) : undefined),
    });
    const state = Object.create(unset) as State;
    for (const name of Object.keys(holders)) state[name] = gather(holders[name]!, 0, at);
    const before = gather(new Tensor(this.nodeOf(this.p)), 0, at);
    const idle = this.rule.idle!(before, state, this.options() as never, this.gapOf(touched.froms, until));
    write(this.p, formula(idle, state), index);
    for (const name of Object.keys(state)) write((holders[name] ??= mutable(zerosLike(this.p))), state[name]!, index);
  }

  /** What passed by rows that have been brought up to some steps, up to and with another. */
  private gapOf(froms: Int32Array, until: number): Gap {
    const { lrs } = this;
    const column = (values: TypedArray): Tensor => reshape(tensor(values), [froms.length, ...this.ones()]);
    const gaps = new Int32Array(froms.length);
    for (let i = 0; i < gaps.length; i++) gaps[i] = until - froms[i]!;
    const decays = new Map<number, Tensor>();
    return {
      decay: (rate) => {
        let found = decays.get(rate);
        if (found === undefined) decays.set(rate, (found = column(this.powersOf(rate, gaps))));
        return found;
      },
      travelled: (momentum, lr) => {
        const known = new Map<number, number>();
        const distance = (gap: number): number => {
          let sum = 0;
          let weight = 1;
          for (let step = until - gap; step < until; step++) {
            weight *= momentum;
            if (weight < NEGLIGIBLE) break;
            sum += weight * (lr ?? lrs[step] ?? 0);
          }
          known.set(gap, sum);
          return sum;
        };
        const values = allocate(this.p.dtype, gaps.length);
        for (let i = 0; i < gaps.length; i++) values[i] = known.get(gaps[i]!) ?? distance(gaps[i]!);
        return column(values);
      },
    };
  }

  /** rateᵏ for each k, remembered from step to step up to {@link MOST_POWERS}. */
  private powersOf(rate: number, ks: Int32Array): TypedArray {
    let found = this.powers.find((one) => one.rate === rate);
    if (found === undefined) {
      if (this.powers.length === MOST_RATES) this.powers.shift();
      this.powers.push((found = { rate, values: Float64Array.from({ length: MOST_POWERS }, (_, k) => rate ** k) }));
    }
    const { values } = found;
    const out = allocate(this.p.dtype, ks.length);
    for (let i = 0; i < ks.length; i++) {
      const k = ks[i]!;
      out[i] = k < MOST_POWERS ? values[k]! : rate ** k;
    }
    return out;
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
      const changes: Change[] = [];
      const write: Write = (holder, value, at) => {
        holders.push(holder);
        changes.push({ old: this.nodeOf(holder), value: value.node, rows: at.node, holder });
      };
      this.onRows(this.take(rows, step), step, write, (p) => p);
      const nodes = recordStep(changes);
      holders.forEach((holder, i) => {
        holder.node = nodes[i]!;
      });
    });
  }
}
