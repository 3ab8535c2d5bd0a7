import { Buffer } from "../device/buffer.js";
import { allocate } from "../dtype.js";
import { IndexError, OptionError } from "../errors.js";
import { leafNode, type Node, recording } from "../graph/node.js";
import type { Shape } from "../graph/shape.js";
import { type Change, step as recordStep } from "../plan/engine.js";
import { tensor, zeros, zerosLike } from "../tensor/create.js";
import { constant, sub, where } from "../tensor/elementwise.js";
import { gather, scatterAdd } from "../tensor/indexing.js";
import { cat, expand, reshape } from "../tensor/movement.js";
import { rowsOf, setLazy } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";
import { mutable, type Numbers, type SavedTensor, type Slots, type State } from "./slots.js";

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

/** Rows that are about to be worked on. */
interface Touched {
  /** The row at each place [n]; -1 where a row is named again. */
  readonly index: Tensor;
  /** For the first place of each row the second [n, 1, …], else -1; null if no row is named twice. */
  readonly seconds: Tensor | null;
  /** The place where each place's row is named first [n, 1, …]; null if no row is named more than twice. */
  readonly firsts: Tensor | null;
}

/** A tensor of an array that nobody writes to any more. */
const holding = (data: Int32Array, shape: Shape): Tensor =>
  new Tensor(leafNode(new Buffer("int32", data.length, data), shape));

/** Momentum that carries less than this part of a step further is over. */
const NEGLIGIBLE = 1e-12;
/** Powers are looked up in a table of so many; before a row has been left alone for longer, all are brought up to date. */
const LONGEST_GAP = 16384;
/** Rates whose powers are remembered. */
const MOST_RATES = 4;

/**
 * Exact steps on a few rows of a large table.
 *
 * Where the gradient is zero an update rule does something simple: RMSProp leaves the parameter and multiplies the mean
 * square by α. So rows that nobody touched are left as they are, and brought up to date, for all the steps that passed
 * them by at once, when they are touched or read next. Then the rule's own formula runs on the touched rows alone. A step
 * costs in proportion to the rows touched, and equals the dense one to rounding.
 */
export class SparseSteps {
  /** The step that last touched each row (int32), a thing like the rule's own state: kernels read and write it. */
  private readonly last: Tensor;
  /** All rows have been brought up to this step at least. */
  private settled: number;
  /** The learning rate of each step, from `firstLr` on. */
  private readonly lrs: number[] = [];
  private readonly powers: { readonly rate: number; readonly table: Tensor }[] = [];
  private places = new Int32Array(0);
  /** From this number on, what stands in `places` is of the present batch. */
  private since = 1;
  /** For batches of so many rows: that none is named twice, and what a rule reads that has not set what it reads. */
  private fresh: { readonly n: number; readonly once: Int32Array; readonly zeros: State } | null = null;
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
    this.last = mutable(zeros([p.shape[0]!], { dtype: "int32" }));
    this.settled = slots.step;
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
    if (step - 1 - this.settled >= LONGEST_GAP) this.settle(step - 1);
    const touched = this.take(rows);
    const g = this.summed(values, touched);
    this.onRows(touched, step - 1, step, write, (pRows, state) =>
      this.rule.update(pRows, g, state, options as never, step, this.slots.numbers),
    );
    if (momentum !== 0 && !this.moves) this.intercept();
  }

  /** Brings every row up to date. */
  settle(step = this.slots.step): void {
    if (this.settled === step) return;
    const { holders } = this.slots;
    const state: State = { ...holders };
    this.recorded(() => {
      const base = new Tensor(this.nodeOf(this.p));
      const gap = this.gapOf(this.last.maximum(this.settled), step);
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
    this.settled = step;
  }

  /**
   * What is to be saved: the step that all rows have been brought to at least, and then for each row the step that last touched
   * it. Null if all are up to date, which those that move are made.
   */
  progress(): SavedTensor | null {
    if (this.moves) this.settle();
    if (this.settled === this.slots.step) return null;
    const data = new Int32Array(this.last.numel + 1);
    data[0] = this.settled;
    data.set(this.last.dataSync(), 1);
    return { dtype: "int32", shape: [data.length], data };
  }

  /** Goes on from what {@link progress} has saved. */
  goOn({ dtype, data }: SavedTensor): void {
    const { last, slots } = this;
    if (dtype !== "int32" || data.length !== last.numel + 1 || !data.every((at) => at >= 0 && at <= slots.step)) {
      throw new OptionError(
        `loadStateDict: rows must be ${last.numel + 1} whole numbers of 0 to ${slots.step}, one for each row of the table behind one for all`,
      );
    }
    this.settled = data[0]!;
    last.assign(tensor(data.slice(1)));
  }

  /** Prepares for a step on the whole table. */
  beforeDense(options: object): void {
    this.settle();
    this.lrs.push((options as { lr?: number }).lr ?? 0);
    this.settled = this.slots.step + 1;
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

  /** Finds out which rows are named, and which more than once. */
  private take(rows: Tensor): Touched {
    const index = rows.dataSync() as Int32Array;
    const n = index.length;
    const count = this.p.shape[0]!;
    // A hash table of places, at most an eighth full, with the next one free where two rows meet. What older batches have
    // left in it is smaller than `since`, so it need not be cleared.
    const bits = 35 - Math.clz32(n);
    if (this.places.length !== 1 << bits || this.since > 2 ** 30 - n) {
      this.places = new Int32Array(1 << bits);
      this.since = 1;
    }
    const { places, since } = this;
    this.since += n;
    const mask = places.length - 1;
    const shift = 31 - bits;
    let seconds: Int32Array | null = null;
    const again: [place: number, first: number][] = [];
    let thrice = false;
    for (let i = 0; i < n; i++) {
      const row = index[i]!;
      if (row < 0 || row >= count)
        throw new IndexError(`embedding: row ${row} is out of bounds for a table of ${count} rows`);
      let at = (Math.imul(row, 0x9e3779b1) >> shift) & mask;
      let first = places[at]! - since;
      while (first >= 0 && index[first] !== row) first = places[(at = (at + 1) & mask)]! - since;
      if (first < 0) {
        places[at] = since + i;
        continue;
      }
      index[i] = -1;
      again.push([i, first]);
      seconds ??= this.freshFor(n).once.slice();
      if (seconds[first]! < 0) seconds[first] = i;
      else thrice = true;
    }
    const column = [n, ...this.ones()];
    const firsts = thrice ? Int32Array.from({ length: n }, (_, i) => i) : null;
    if (firsts !== null) for (const [i, first] of again) firsts[i] = first;
    return {
      index: holding(index, [n]),
      seconds: seconds && holding(seconds, column),
      firsts: firsts && holding(firsts, column),
    };
  }

  /** The gradients with those of a row that is named more than once added up at the first place. */
  private summed(values: Tensor, { firsts, seconds }: Touched): Tensor {
    if (seconds === null && values.node.buffer !== null) return values;
    if (firsts === null) {
      // Of gradients yet to be computed, whether a row is named twice is no matter of the graph, so that compiled steps
      // with and without such rows are alike. The gather has them computed first: they may read the rows as they were.
      const n = values.shape[0]!;
      const second = seconds ?? holding(this.freshFor(n).once, [n, ...this.ones()]);
      const more = gather(values, 0, expand(second.relu(), values.shape));
      return values.add(where(second.ge(0), more, 0));
    }
    return scatterAdd(constant(values.shape, 0, values.dtype), 0, expand(firsts, values.shape), values);
  }

  /** Runs a formula on rows of the table and of its state, brought up to date first. */
  private onRows(
    { index }: Touched,
    until: number,
    step: number,
    write: Write,
    formula: (p: Tensor, state: State) => Tensor,
  ): void {
    const { holders } = this.slots;
    const n = index.numel;
    const shape = [n, ...this.p.shape.slice(1)];
    // What is computed for a row that is named again goes nowhere.
    const rows = index.relu();
    const at = expand(reshape(rows, [n, ...this.ones()]), shape);
    const lasts = gather(this.last, 0, rows).maximum(this.settled);
    const state: State = {};
    for (const name of Object.keys(holders)) state[name] = gather(holders[name]!, 0, at);
    Object.setPrototypeOf(state, this.freshFor(n).zeros);
    const before = gather(new Tensor(this.nodeOf(this.p)), 0, at);
    const idle = this.rule.idle!(before, state, this.options() as never, this.gapOf(lasts, until));
    write(this.p, formula(idle, state), index);
    for (const name of Object.keys(state)) write((holders[name] ??= mutable(zerosLike(this.p))), state[name]!, index);
    write(this.last, constant(index.shape, step, "int32"), index);
  }

  private freshFor(n: number): NonNullable<typeof this.fresh> {
    if (this.fresh?.n !== n) {
      const { shape, dtype } = this.p;
      const get = (_: State, name: string | symbol) =>
        typeof name === "string" ? zeros([n, ...shape.slice(1)], { dtype }) : undefined;
      this.fresh = { n, once: new Int32Array(n).fill(-1), zeros: new Proxy({} as State, { get }) };
    }
    return this.fresh;
  }

  /** What passed by rows that have been brought up to some steps (int32 [n]), up to and with another. */
  private gapOf(lasts: Tensor, until: number): Gap {
    const { lrs } = this;
    const column = (x: Tensor): Tensor => reshape(x, [lasts.numel, ...this.ones()]);
    const decays = new Map<number, Tensor>();
    return {
      decay: (rate) => {
        let found = decays.get(rate);
        if (found === undefined) {
          // Few enough operations for the kernel of the rows to take them in.
          decays.set(rate, (found = column(gather(this.powersOf(rate), 0, sub(until, lasts)))));
        }
        return found;
      },
      travelled: (momentum, lr) => {
        const froms = lasts.dataSync();
        const known = new Map<number, number>();
        const distance = (from: number): number => {
          let sum = 0;
          let weight = 1;
          for (let step = from; step < until; step++) {
            weight *= momentum;
            if (weight < NEGLIGIBLE) break;
            sum += weight * (lr ?? lrs[step] ?? 0);
          }
          known.set(from, sum);
          return sum;
        };
        const values = allocate(this.p.dtype, froms.length);
        for (let i = 0; i < froms.length; i++) values[i] = known.get(froms[i]!) ?? distance(froms[i]!);
        return column(tensor(values));
      },
    };
  }

  /** rateᵏ for k = 0, 1, …, remembered from step to step. */
  private powersOf(rate: number): Tensor {
    let found = this.powers.find((one) => one.rate === rate);
    if (found === undefined) {
      if (this.powers.length === MOST_RATES) this.powers.shift();
      const values = allocate(this.p.dtype, LONGEST_GAP + 1);
      for (let k = 0; k < values.length; k++) values[k] = rate ** k;
      this.powers.push((found = { rate, table: tensor(values) }));
    }
    return found.table;
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
    if (this.settled === step) return;
    this.recorded(() => {
      if (
        gather(this.last, 0, rows)
          .dataSync()
          .every((at) => at === step)
      )
        return;
      const holders: Tensor[] = [];
      const changes: Change[] = [];
      const write: Write = (holder, value, at) => {
        holders.push(holder);
        changes.push({ old: this.nodeOf(holder), value: value.node, rows: at.node, holder });
      };
      this.onRows(this.take(rows), step, step, write, (p) => p);
      const nodes = recordStep(changes);
      holders.forEach((holder, i) => {
        holder.node = nodes[i]!;
      });
    });
  }
}
