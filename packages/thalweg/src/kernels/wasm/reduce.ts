/** Reduce kernels as functions, in the three orders of folding. */
import type { BasicOp, Fold, ReduceKernel, RegisterType } from "../kernel.js";
import { isStrided } from "../strided.js";
import type { FunctionBuilder } from "./assembler.js";
import { Evaluator, type PushFold } from "./evaluator.js";
import { type Induction, isWide, type LoweredStore, Lowering, type Node } from "./lower.js";
import { evaluatorsFor, nested, segments, size } from "./map.js";
import { type Count, Nest, type Segment } from "./nest.js";
import { control, f32, f64, I32, i32, V128 } from "./opcodes.js";
import { INSTRUCTIONS, shuffle32, splatBytes, TYPES } from "./operations.js";
import { lowerRows, type Rows, strip, widths } from "./strips.js";

/** Bodies of up to this many nodes are evaluated for 32 columns, which is two cache lines, at a time, larger for 4. */
const SMALL = 24;

const COMBINE: Readonly<Record<Fold["op"], BasicOp>> = {
  sum: "add",
  prod: "mul",
  max: "max",
  min: "min",
  argmax: "max",
  argmin: "min",
};

/** What a fold starts from. */
function identity(op: Fold["op"], type: RegisterType): number {
  if (op === "sum") return 0;
  if (op === "prod") return 1;
  const least = op === "max" || op === "argmax";
  if (type === "bool") return least ? 0 : 1;
  if (type === "int32") return least ? -(2 ** 31) : 2 ** 31 - 1;
  return least ? -Infinity : Infinity;
}

export interface LoweredFold {
  readonly op: Fold["op"];
  readonly value: Node;
  /** For argmax and argmin: the position along the reduced loop. */
  readonly position: Induction | undefined;
}

/** Emits one reduce kernel. */
export class Reduction {
  readonly loops: readonly number[];
  private readonly lowering: Lowering;
  readonly nest: Nest;
  readonly f: FunctionBuilder;
  readonly folds: readonly LoweredFold[];
  private readonly body: readonly LoweredStore[];
  readonly stores: readonly LoweredStore[];
  /** Number of the innermost kept loop; the reduced loop comes next. */
  readonly kept: number;
  readonly order: ReduceKernel["order"];
  readonly ragged: { readonly index: Induction; readonly last: number; readonly count: number } | undefined;
  private readonly single: Evaluator;
  /** If the fold goes along rows: what is folded at each of the rows that are worked on at a time. */
  private readonly rows: Rows | null;
  /** The values that are computed at every point. */
  private readonly inner: readonly Node[];
  /** The values that are computed at every kept point. */
  private readonly outer: readonly Node[];
  /** Pushes the folds' values wherever the code stands. */
  fold: PushFold = () => {
    throw new Error("no fold yet");
  };

  constructor(kernel: ReduceKernel) {
    const reduced = kernel.loops.at(-1)!;
    const keptLoops = nested(kernel.loops.slice(0, -1));
    this.loops = [...keptLoops, reduced];
    this.kept = keptLoops.length - 1;
    // A kernel without kept loops gets one of size 1, in which nothing moves.
    const missing = this.loops.length - kernel.loops.length;
    const { ragged } = kernel;
    this.order =
      kernel.order === "columns" && ragged !== undefined && ragged.loop + missing === this.kept
        ? "serial"
        : kernel.order;
    const all = (1 << this.loops.length) - 1;
    const lowering = new Lowering(this.loops.length, all, missing);
    this.folds = kernel.folds.map(({ op, value }) => ({
      op,
      value: lowering.use(value, value.type),
      position: op === "argmax" || op === "argmin" ? lowering.index(this.kept + 1) : undefined,
    }));
    this.body = kernel.body.map((store) => lowering.store(store));
    this.rows = this.order !== "serial" && isStrided(kernel) ? lowerRows(kernel, this.folds, lowering) : null;
    lowering.stage((1 << (this.kept + 1)) - 1);
    this.stores = kernel.stores.map((store) => lowering.store(store));
    this.lowering = lowering;
    this.ragged = ragged && {
      index: lowering.index(ragged.loop + missing),
      last: this.loops[ragged.loop + missing]! - 1,
      count: ragged.count,
    };
    this.nest = new Nest(kernel, this.lowering, this.loops);
    this.f = this.nest.f;
    this.single = new Evaluator(this.nest, this.pushFold);
    // If there is nothing to fold, nothing of it may be looked at either.
    this.inner = reduced === 0 ? [] : [...this.folds.map(({ value }) => value), ...this.body.map(({ value }) => value)];
    this.outer = this.stores.map(({ value }) => value);
  }

  readonly pushFold: PushFold = (fold, evaluator, part) => this.fold(fold, evaluator, part);

  emit(): FunctionBuilder {
    return this.nest.function(() => {
      if (!this.loops.slice(0, -1).includes(0)) this.from(0);
    });
  }

  /** Emits the kept loops from number `l` inwards. */
  private from(l: number): void {
    const { nest, kept, order } = this;
    const vector = new Evaluator(nest, this.pushFold, 4, order === "columns" ? kept : kept + 1);
    const width = this.loops[kept]!;
    if (order === "columns") {
      const users = evaluatorsFor(kept > 0 ? { known: width } : { local: 0 }, this.single, vector);
      for (const user of users) user.hoist([...this.inner, ...this.outer], l);
    } else {
      for (const user of this.lanesUsers(vector)) user.hoist(this.inner, l);
      this.single.hoist(this.outer, l);
    }
    const count = nest.count(l);
    const { rows } = this;
    const strips =
      rows === null
        ? []
        : widths(order, this.folds).map((points): Segment => ({ points, body: () => strip(this, rows, points) }));
    if (l < kept) nest.loop(l, count, [{ points: 1, body: () => this.from(l + 1) }]);
    else if (order === "columns") {
      const unrolls = size(this.inner, l) <= SMALL ? [8, 2, 1] : [1];
      const vectors = (times: number, active: number) =>
        this.columns(
          Array.from({ length: times }, (_, u) => new Evaluator(nest, this.pushFold, 4, kept, 4 * u, active)),
        );
      nest.loop(l, count, [...strips, ...segments(count, unrolls, vectors, () => this.columns([this.single]))]);
    } else if (order === "lanes") nest.loop(l, count, [...strips, { points: 1, body: () => this.lanes() }]);
    else nest.loop(l, count, [{ points: 1, body: () => this.columns([this.single]) }]);
  }

  /** The evaluators that run within the reduced loop, for hoisting. */
  private lanesUsers(vector: Evaluator): Evaluator[] {
    return this.order === "lanes" ? [vector] : [this.single];
  }

  /** Pushes whether the ragged loop stands at its end. */
  pushLast({ index, last }: NonNullable<typeof this.ragged>): void {
    this.f.get(this.nest.induction(index));
    this.f.i32(last);
    this.f.op(i32.eq);
  }

  /** Pushes an identity for one of an evaluator's locals. */
  pushIdentity({ op, value: { type } }: LoweredFold, width: 1 | 4): void {
    const { f } = this;
    const start = identity(op, type);
    if (width === 4) f.v128(splatBytes(type, start));
    else if (type === "float32") f.f32(start);
    else if (type === "float64") f.f64(start);
    else f.i32(start);
  }

  /** Applies a fold's operation to two values on the stack. */
  combine({ op, value: { type } }: LoweredFold, width: 1 | 4): void {
    this.f.op(INSTRUCTIONS[COMBINE[op]]![type]![width === 1 ? 0 : 1]!);
  }

  /** Folds the reduced loop one element after another, for all points of the evaluators at a time. */
  private columns(evaluators: readonly Evaluator[]): void {
    const { nest, f, kept } = this;
    // One running value per fold, evaluator and part; behind it the position of an extreme value.
    const running = this.folds.map(({ value, position }) =>
      evaluators.map((evaluator) => ({
        values: Array.from({ length: evaluator.parts(value.type) }, () => nest.local(evaluator.valueType(value.type))),
        position: position && nest.local(I32),
      })),
    );
    this.folds.forEach((fold, i) => {
      evaluators.forEach(({ width }, e) => {
        const { values, position } = running[i]![e]!;
        for (const local of values) {
          this.pushIdentity(fold, width);
          f.set(local);
        }
        if (position !== undefined) {
          f.i32(0);
          f.set(position);
        }
      });
    });
    this.fold = (fold, evaluator, part) => {
      const { values, position } = running[fold]![evaluator.width === 1 ? 0 : evaluators.indexOf(evaluator)]!;
      f.get(position ?? values[part]!);
    };
    const n = this.loops[kept + 1]!;
    let count: Count = { known: n };
    if (this.ragged !== undefined) {
      count = { local: nest.local(I32) };
      f.i32(this.ragged.count);
      f.i32(n);
      this.pushLast(this.ragged);
      f.op(control.select);
      f.set(count.local);
    }
    nest.scoped(() => {
      for (const evaluator of evaluators) evaluator.hoist(this.inner, kept + 1);
      const body = () => {
        evaluators.forEach((evaluator, e) => {
          this.folds.forEach((fold, i) => {
            const { values, position } = running[i]![e]!;
            if (position !== undefined) this.extreme(fold, evaluator, values[0]!, position);
            else this.accumulate(fold, evaluator, values);
          });
          evaluator.store(this.body);
        });
      };
      nest.loop(kept + 1, count, [{ points: 1, body }]);
    });
    for (const evaluator of evaluators) evaluator.store(this.stores);
  }

  /** `running = running op value`; at points that are not active the identity stands for the value. */
  accumulate(fold: LoweredFold, evaluator: Evaluator, values: readonly number[], partial = false): void {
    const { f } = this;
    const { type } = fold.value;
    const perPart = isWide(type) ? 2 : 4;
    values.forEach((local, part) => {
      const active = partial ? Math.min(perPart, evaluator.active - perPart * part) : perPart;
      if (active <= 0) return;
      if (evaluator.width === 1 && type === "int32" && (fold.op === "max" || fold.op === "min")) {
        const value = evaluator.local(fold.value);
        const [first, second] = fold.op === "min" ? [local, value] : [value, local];
        for (const each of [local, value, first, second]) f.get(each);
        f.op(i32.ltS, control.select);
        f.set(local);
        return;
      }
      f.get(local);
      evaluator.push(fold.value, part);
      if (active < perPart) {
        this.pushIdentity(fold, 4);
        const own = (lane: number) => lane < active * (4 / perPart);
        f.shuffle(shuffle32(...[0, 1, 2, 3].map((lane) => (own(lane) ? lane : 4 + lane))));
      }
      this.combine(fold, evaluator.width);
      f.set(local);
    });
  }

  /** argmax and argmin: takes the value if it is more extreme than the running one, or the first NaN. */
  private extreme({ op, value, position }: LoweredFold, evaluator: Evaluator, running: number, at: number): void {
    const { f } = this;
    const { type } = value;
    const current = evaluator.local(value);
    const [less, more] = op === "argmax" ? [running, current] : [current, running];
    f.get(less);
    f.get(more);
    f.op((type === "bool" ? INSTRUCTIONS.lt!.int32! : INSTRUCTIONS.lt![type]!)[0]!);
    if (type === "float32" || type === "float64") {
      const ne = type === "float32" ? f32.ne : f64.ne;
      const eq = type === "float32" ? f32.eq : f64.eq;
      for (const local of [current, current]) f.get(local);
      f.op(ne);
      for (const local of [running, running]) f.get(local);
      f.op(eq, i32.and, i32.or);
    }
    f.if(undefined, () => {
      f.get(current);
      f.set(running);
      f.get(this.nest.induction(position!));
      f.set(at);
    });
  }

  /** Folds the reduced loop into 16 partials and these into one. */
  private lanes(): void {
    const { nest, f, kept, ragged } = this;
    const n = this.loops[kept + 1]!;
    const most = Math.max(n, ragged?.count ?? 0);
    // Partials beyond the number of elements stay at the identity and change nothing, so they need not exist.
    const vectors = Math.max(1, Math.min(4, Math.ceil(most / 4)));
    const partials = this.folds.map((fold) =>
      Array.from({ length: vectors }, () => {
        const locals = Array.from({ length: isWide(fold.value.type) ? 2 : 1 }, () => nest.local(V128));
        for (const local of locals) {
          this.pushIdentity(fold, 4);
          f.set(local);
        }
        return locals;
      }),
    );
    if (ragged === undefined) this.fillLanes(n, partials);
    else {
      this.pushLast(ragged);
      f.if(
        undefined,
        () => this.fillLanes(ragged.count, partials),
        () => this.fillLanes(n, partials),
      );
    }
    const results = this.folds.map((fold, i) => this.mergeLanes(fold, partials[i]!));
    this.fold = (fold) => f.get(results[fold]!);
    this.single.store(this.stores);
  }

  private fillLanes(count: number, partials: readonly (readonly (readonly number[])[])[]): void {
    const { nest, kept } = this;
    const step = (vectors: number, active: number, first = 0) => {
      for (let u = 0; u < vectors; u++) {
        const evaluator = new Evaluator(nest, this.pushFold, 4, kept + 1, 4 * u, active);
        this.folds.forEach((fold, i) => {
          this.accumulate(fold, evaluator, partials[i]![first + u]!, active < 4);
        });
        evaluator.store(this.body);
      }
    };
    const vectors = Math.floor((count % 16) / 4);
    const rest = count % 4;
    const all = [{ points: 16, body: () => step(4, 4) }];
    if (vectors > 0) all.push({ points: 4 * vectors, body: () => step(vectors, 4) });
    if (rest > 0) all.push({ points: rest, body: () => step(1, rest, vectors) });
    nest.scoped(() => {
      new Evaluator(nest, this.pushFold, 4, kept + 1).hoist(this.inner, kept + 1);
      nest.loop(kept + 1, { known: count }, all);
    });
  }

  /** Combines the partials of a fold, in halves, and returns the local of the result. */
  private mergeLanes(fold: LoweredFold, partials: readonly (readonly number[])[]): number {
    const { nest, f } = this;
    const { type } = fold.value;
    const locals = partials.flat();
    const perVector = isWide(type) ? 2 : 4;
    for (let half = 8 / perVector; half >= 1; half /= 2) {
      for (let i = 0; i < half && i + half < locals.length; i++) {
        f.get(locals[i]!);
        f.get(locals[i + half]!);
        this.combine(fold, 4);
        f.set(locals[i]!);
      }
    }
    for (let half = perVector / 2; half >= 1; half /= 2) {
      const other = isWide(type) ? [2, 3, 2, 3] : half === 2 ? [2, 3, 2, 3] : [1, 1, 1, 1];
      f.get(locals[0]!);
      f.get(locals[0]!);
      f.get(locals[0]!);
      f.shuffle(shuffle32(...other));
      this.combine(fold, 4);
      f.set(locals[0]!);
    }
    const result = nest.local(TYPES[type].value);
    if (type === "bool") f.i32(0);
    f.get(locals[0]!);
    f.lane(TYPES[type].extract, 0);
    if (type === "bool") f.op(i32.sub);
    f.set(result);
    return result;
  }
}

export const emitReduce = (kernel: ReduceKernel): FunctionBuilder => new Reduction(kernel).emit();
