/** Emits the value of nodes, one point or four points at a time. */
import { BYTES, type DType } from "../../dtype.js";
import { ERROR_CELL, type RegisterType } from "../kernel.js";
import { isWide, type LoweredStore, level, type Node, type Place } from "./lower.js";
import type { Nest } from "./nest.js";
import {
  control,
  f32x4,
  f64x2,
  I32,
  i8x16,
  i16x8,
  i32,
  i32x4,
  i64,
  i64x2,
  V128,
  type ValueType,
  v128,
} from "./opcodes.js";
import { INSTRUCTIONS, SCALAR_BITCASTS, SCALAR_CASTS, splatBytes, TYPES } from "./operations.js";

/** Pushes the value of a fold for the evaluator that asks. */
export type PushFold = (fold: number, evaluator: Evaluator, part: number) => void;

type Apply = Extract<Node, { kind: "apply" }>;
type Access = Extract<Node, { kind: "load" | "gather" }>;

/** Shuffle that takes the given 32-bit lanes of two vectors (0 … 3 and 4 … 7). */
export const shuffle32 = (...lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]);
const EVEN = shuffle32(0, 2, 4, 6);
const LOW = shuffle32(0, 1, 4, 5);
const UPPER = shuffle32(2, 3, 2, 3);

/** Keys of cached values: 32 per node. */
const SCALAR = 0;
const SPLAT = 1;
const VECTOR = 2;
const MASK = 12;
const CONDITION = 22;

/**
 * Evaluates at one point (`width` 1), or at the four points that begin `shift` points after the loops' position along
 * loop `along` (`width` 4). In the latter case a value of a 4-byte type or bool (a mask) is one vector, and one of an
 * 8-byte type is two, part 0 and part 1. With fewer than four `active` points memory is touched for these only, and the
 * other lanes hold anything.
 */
export class Evaluator {
  /** Evaluates what does not vary along the vector's loop. */
  readonly single: Evaluator;

  constructor(
    private readonly nest: Nest,
    private readonly pushFold: PushFold,
    readonly width: 1 | 4 = 1,
    private readonly along = 0,
    readonly shift = 0,
    readonly active = 4,
  ) {
    this.single = width === 1 ? this : new Evaluator(nest, pushFold);
  }

  /** How many locals a value of this type takes. */
  parts(type: RegisterType): 1 | 2 {
    return this.width === 4 && isWide(type) ? 2 : 1;
  }

  valueType(type: RegisterType): ValueType {
    return this.width === 4 ? V128 : TYPES[type].value;
  }

  /** True if a node has different values at this evaluator's points. */
  private differs(node: Node): boolean {
    return this.width === 4 && ((node.varies >> this.along) & 1) === 1;
  }

  /** Emits now, in the current scope, what the nodes need that does not vary in loop `l` or within. */
  hoist(nodes: readonly Node[], l: number, seen = new Map<Evaluator, Set<Node>>()): void {
    let visited = seen.get(this);
    if (visited === undefined) {
      visited = new Set();
      seen.set(this, visited);
    }
    for (const node of nodes) {
      if (visited.has(node)) continue;
      visited.add(node);
      // Conditions that differ from point to point are looked at where they are needed.
      if (node.kind === "inRange" && this.differs(node)) continue;
      if (level(node) >= l) {
        const scalars = !this.differs(node) || node.kind === "load" || node.kind === "gather";
        for (const arg of node.args) (scalars && !this.differs(arg) ? this.single : this).hoist([arg], l, seen);
      } else if (this.width === 4 || node.kind !== "constant") {
        for (let part = 0; part < this.parts(node.type); part++) this.local(node, part);
      }
    }
  }

  /** Pushes part of a node's value. */
  push(node: Node, part = 0): void {
    const { f } = this.nest;
    if (node.kind === "folded" && (this.width === 1 || this.differs(node))) {
      this.pushFold(node.fold, this, part);
      return;
    }
    const local = this.nest.find(this.key(node, part));
    if (local !== undefined) {
      f.get(local);
      return;
    }
    this.compute(node, part);
    if (node.uses > 1 && (this.width === 4 || node.kind !== "constant")) {
      f.tee(this.nest.keep(this.key(node, part), this.valueType(node.type)));
    }
  }

  /** The local that holds part of a node's value, computed now if it was not before. */
  local(node: Node, part = 0): number {
    const key = this.key(node, part);
    const found = this.nest.find(key);
    if (found !== undefined) return found;
    if (node.kind === "folded" && (this.width === 1 || this.differs(node))) {
      // A fold's value changes, so it is copied and not kept.
      const copy = this.nest.local(this.valueType(node.type));
      this.push(node, part);
      this.nest.f.set(copy);
      return copy;
    }
    this.compute(node, part);
    const local = this.nest.keep(key, this.valueType(node.type));
    this.nest.f.set(local);
    return local;
  }

  /** Stores values at the evaluator's points, after all of them are computed. */
  store(stores: readonly LoweredStore[]): void {
    if (stores.length > 1) {
      for (const { value } of stores) {
        for (let part = 0; part < this.parts(value.type); part++) {
          if (value.kind !== "folded" && value.kind !== "constant") this.local(value, part);
        }
      }
    }
    for (const store of stores) {
      if (this.width === 1) {
        const offset = this.address(this.nest.induction(store.place.induction), delta(store.place));
        this.push(store.value);
        this.nest.f.memory(TYPES[store.dtype].store, offset);
      } else if (this.contiguous(store.place, store.dtype)) this.storeRun(store);
      else this.storeLanes(store);
    }
  }

  private key(node: Node, part: number): number {
    if (this.width === 1) return node.id * 32 + SCALAR;
    return node.id * 32 + (this.differs(node) ? VECTOR + (this.shift >> 1) + part : SPLAT);
  }

  private compute(node: Node, part: number): void {
    const { f } = this.nest;
    if (this.width === 4 && !this.differs(node)) {
      if (node.kind === "constant") {
        f.v128(splatBytes(node.type, node.value));
        return;
      }
      if (node.type === "bool") f.i32(0);
      this.single.push(node);
      if (node.type === "bool") f.op(i32.sub);
      f.op(TYPES[node.type].splat);
      return;
    }
    switch (node.kind) {
      case "constant":
        if (node.type === "float32") f.f32(Number(node.value));
        else if (node.type === "float64") f.f64(Number(node.value));
        else if (node.type === "int64") f.i64(BigInt(node.value));
        else f.i32(Number(node.value));
        return;
      case "scalar":
        this.nest.pushScalar(node.slot);
        return;
      case "position":
        f.get(this.nest.induction(node.induction));
        if (this.width === 4) {
          const stride = node.induction.strides[this.along]!;
          f.op(i32x4.splat);
          f.v128(new Uint8Array(Int32Array.from([0, 1, 2, 3], (i) => (i + this.shift) * stride).buffer));
          f.op(i32x4.add);
        }
        return;
      case "inRange":
        this.condition(node, 0);
        return;
      case "load":
        if (this.width === 1) this.loadGuarded(node);
        else this.loadVectorGuarded(node, part);
        return;
      case "checked":
        this.check(node);
        return;
      case "gather":
        this.gather(node, part);
        return;
      case "apply":
        if (node.op === "cast") this.cast(node, part);
        else if (node.op === "bitcast") this.bitcast(node, part);
        else if (node.op === "select") this.select(node, part);
        else this.basic(node, part);
        return;
      case "folded":
        this.pushFold(node.fold, this, part);
    }
  }

  // Operations

  private basic(node: Apply, part: number): void {
    const { f } = this.nest;
    const { op, args, amount } = node;
    const type = args[0]!.type;
    const [scalar, vector] = INSTRUCTIONS[op]?.[type] ?? [];
    if (this.width === 4 && vector !== undefined) {
      const emit = (p: number) => {
        for (const arg of args) this.push(arg, p);
        if (op === "shl" || op === "shr") f.i32(amount);
        f.op(vector);
      };
      // Comparing 8-byte values makes one vector of two.
      if (isWide(type) && node.type === "bool") {
        emit(0);
        emit(1);
        f.shuffle(EVEN);
      } else emit(part);
      return;
    }
    if (this.width === 1 && scalar !== undefined) {
      for (const arg of args) this.push(arg);
      if (op === "shl" || op === "shr") this.integer(type, amount);
      f.op(scalar);
      return;
    }
    this.composed(node, part);
  }

  /** Integer operations that are no single instruction. */
  private composed({ op, args, type }: Apply, part: number): void {
    const { f } = this.nest;
    const a = this.local(args[0]!, part);
    const wide = type === "int64";
    if (op === "min" || op === "max") {
      const b = this.local(args[1]!, part);
      const [first, second] = op === "min" ? [a, b] : [b, a];
      for (const local of [a, b, first, second]) f.get(local);
      if (this.width === 4) f.op(i64x2.ltS, v128.bitselect);
      else f.op(wide ? i64.ltS : i32.ltS, control.select);
    } else if (op === "not") {
      f.get(a);
      this.integer(type, -1);
      f.op(wide ? i64.xor : i32.xor);
    } else if (op === "neg") {
      this.integer(type, 0);
      f.get(a);
      f.op(wide ? i64.sub : i32.sub);
    } else if (op === "abs") {
      const sign = () => {
        f.get(a);
        this.integer(type, wide ? 63 : 31);
        f.op(wide ? i64.shrS : i32.shrS);
      };
      f.get(a);
      sign();
      f.op(wide ? i64.xor : i32.xor);
      sign();
      f.op(wide ? i64.sub : i32.sub);
    } else throw new Error(`no operation ${op} on ${args[0]!.type}`);
  }

  private integer(type: RegisterType, value: number): void {
    if (type === "int64") this.nest.f.i64(BigInt(value));
    else this.nest.f.i32(value);
  }

  private select({ args: [condition, a, b], type }: Apply, part: number): void {
    const { f } = this.nest;
    this.push(a!, part);
    this.push(b!, part);
    if (this.width === 1) {
      this.push(condition!);
      f.op(control.select);
      return;
    }
    if (isWide(type)) this.pushMask(condition!, part);
    else this.push(condition!);
    f.op(v128.bitselect);
  }

  /** Pushes the 64-bit mask of two of the four points of a bool. */
  private pushMask(node: Node, part: number): void {
    const { f } = this.nest;
    if (!this.differs(node)) {
      this.push(node);
      return;
    }
    const key = node.id * 32 + MASK + (this.shift >> 1) + part;
    const found = this.nest.find(key);
    if (found !== undefined) {
      f.get(found);
      return;
    }
    // What compares 8-byte values has such a mask at hand and need not go through the 32-bit one.
    const type = node.args[0]?.type ?? "bool";
    const [, vector] = (node.kind === "apply" && INSTRUCTIONS[node.op]?.[type]) || [];
    if (vector !== undefined && isWide(type)) {
      for (const arg of node.args) this.push(arg, part);
      f.op(vector);
    } else if (vector !== undefined && type === "bool") {
      for (const arg of node.args) this.pushMask(arg, part);
      f.op(vector);
    } else {
      this.push(node);
      f.op(part === 0 ? i64x2.extendLowI32 : i64x2.extendHighI32);
    }
    if (node.uses > 1) f.tee(this.nest.keep(key, V128));
  }

  private bitcast({ args: [arg], type }: Apply, part: number): void {
    this.push(arg!, part);
    if (this.width === 1 && arg!.type !== type) {
      this.nest.f.op(instruction(SCALAR_BITCASTS, arg!.type, type));
    }
  }

  private cast({ args: [arg], type }: Apply, part: number): void {
    const { f } = this.nest;
    const from = arg!.type;
    if (from === type) this.push(arg!, part);
    else if (type === "bool") this.castToBool(arg!);
    else if (this.width === 1) {
      this.push(arg!);
      f.op(...instruction(SCALAR_CASTS, from, type));
    } else if (from === "bool") {
      if (isWide(type)) this.pushMask(arg!, part);
      else this.push(arg!);
      f.v128(splatBytes(type, 1));
      f.op(v128.and);
    } else if (isWide(type) && isWide(from)) this.castLanes(arg!, type, part);
    else if (isWide(type)) this.widen(arg!, type, part);
    else if (isWide(from)) this.narrow(arg!, type);
    else {
      this.push(arg!);
      f.op(type === "float32" ? f32x4.convertI32 : i32x4.truncSatF32);
    }
  }

  private castToBool(arg: Node): void {
    const { f } = this.nest;
    const [scalar, vector] = INSTRUCTIONS.ne?.[arg.type] ?? [];
    if (this.width === 1) {
      this.push(arg);
      if (arg.type === "float32") f.f32(0);
      else if (arg.type === "float64") f.f64(0);
      else this.integer(arg.type, 0);
      f.op(scalar!);
      return;
    }
    for (let part = 0; part < this.parts(arg.type); part++) {
      this.push(arg, part);
      f.v128(splatBytes(arg.type, 0));
      f.op(vector!);
    }
    if (isWide(arg.type)) f.shuffle(EVEN);
  }

  /** Two of four 4-byte values as 8-byte values. */
  private widen(arg: Node, type: RegisterType, part: number): void {
    const { f } = this.nest;
    if (type === "int64") {
      this.push(arg);
      f.op(part === 0 ? i64x2.extendLowI32 : i64x2.extendHighI32);
      return;
    }
    if (part === 0) this.push(arg);
    else {
      const local = this.local(arg);
      f.get(local);
      f.get(local);
      f.shuffle(UPPER);
    }
    f.op(arg.type === "float32" ? f64x2.promoteLowF32 : f64x2.convertLowI32);
  }

  private narrow(arg: Node, type: RegisterType): void {
    const { f } = this.nest;
    for (const part of [0, 1]) {
      this.push(arg, part);
      if (type === "float32") f.op(f32x4.demoteF64Zero);
      else if (arg.type === "float64") f.op(i32x4.truncSatF64Zero);
    }
    f.shuffle(arg.type === "int64" ? EVEN : LOW);
  }

  /** int64 from and to float64: there is no vector instruction. */
  private castLanes(arg: Node, type: RegisterType, part: number): void {
    const { f } = this.nest;
    const local = this.local(arg, part);
    for (const lane of [0, 1]) {
      f.get(local);
      f.lane(TYPES[arg.type].extract, lane);
      f.op(...instruction(SCALAR_CASTS, arg.type, type));
      if (lane === 0) f.op(TYPES[type].splat);
      else f.lane(TYPES[type].replace, lane);
    }
  }

  // Memory

  /**
   * Pushes `local + offset` as far as an instruction's own offset cannot express it, and returns that offset. The
   * instruction does not wrap around, so its offset is no use where the local may stand before the memory's start.
   */
  private address(local: number, offset: number, mayWrap = false): number {
    const { f } = this.nest;
    f.get(local);
    if (offset === 0 || (offset > 0 && !mayWrap)) return offset;
    f.i32(offset);
    f.op(i32.add);
    return 0;
  }

  /** Bytes between neighbouring points of a place. */
  private step(place: Place): number {
    return place.induction.strides[this.along]!;
  }

  private contiguous(place: Place, dtype: DType): boolean {
    return this.active === 4 && this.step(place) === BYTES[dtype];
  }

  /** The points that a part covers and that are active. */
  private lanes(type: RegisterType, part: number): number[] {
    const all = isWide(type) ? [2 * part, 2 * part + 1] : [0, 1, 2, 3];
    return all.filter((lane) => lane < this.active);
  }

  private zero(type: RegisterType): void {
    const { f } = this.nest;
    if (this.width === 4) f.v128(splatBytes("int32", 0));
    else if (type === "float32") f.f32(0);
    else if (type === "float64") f.f64(0);
    else f.i32(0);
  }

  /** Pushes 1 if the guard holds `points` points further on, else 0. */
  private condition(guard: Extract<Node, { kind: "inRange" }>, points: number): void {
    const { f } = this.nest;
    const { induction, below } = guard;
    f.get(this.nest.induction(induction));
    if (points !== 0) {
      f.i32(points * induction.strides[this.along]!);
      f.op(i32.add);
    }
    f.i32(below);
    f.op(i32.ltU);
  }

  private loadGuarded(node: Access): void {
    const { f } = this.nest;
    const load = () => {
      const offset = this.address(this.nest.induction(node.place.induction), delta(node.place));
      f.memory(TYPES[node.dtype].load, offset);
    };
    if (node.args.length === 0) {
      load();
      return;
    }
    node.args.forEach((guard, i) => {
      this.push(guard);
      if (i > 0) f.op(i32.and);
    });
    f.if(TYPES[node.dtype].value, load, () => this.zero(node.dtype));
  }

  private loadVectorGuarded(node: Access, part: number): void {
    const { f } = this.nest;
    const { dtype, place, args } = node;
    const base = this.nest.induction(place.induction);
    const start = delta(place) + this.shift * this.step(place);
    const plain = () => this.loadVector(dtype, base, start, this.step(place), part, args.length > 0);
    if (args.length === 0) {
      plain();
      return;
    }
    const fixed = args.filter((guard) => !this.differs(guard));
    const moving = args.filter((guard) => this.differs(guard));
    // A guard is linear: if it holds at the first and at the last point, then also between them.
    const lanes = this.lanes(dtype, part);
    const last = this.active - 1;
    const at = (points: readonly number[]) => {
      let first = true;
      const conjoin = () => {
        if (!first) f.op(i32.and);
        first = false;
      };
      for (const guard of fixed) {
        this.single.push(guard);
        conjoin();
      }
      for (const guard of moving) {
        for (const point of points) {
          if (guard.kind === "inRange") this.condition(guard, this.shift + point);
          conjoin();
        }
      }
    };
    const key = node.id * 32 + CONDITION + (this.shift >> 1);
    const found = this.nest.find(key);
    if (found !== undefined) f.get(found);
    else {
      at(last === 0 ? [0] : [0, last]);
      f.tee(this.nest.keep(key, I32));
    }
    f.if(V128, plain, () => {
      if (moving.length === 0 || lanes.length === 0) {
        this.zero(dtype);
        return;
      }
      for (const [i, lane] of lanes.entries()) {
        at([lane]);
        f.if(
          TYPES[dtype].value,
          () => {
            if (dtype === "bool") f.i32(0);
            const offset = this.address(base, start + lane * this.step(place), true);
            f.memory(TYPES[dtype].load, offset);
            if (dtype === "bool") f.op(i32.sub);
          },
          () => this.single.zero(dtype),
        );
        if (i === 0) f.op(TYPES[dtype].splat);
        else f.lane(TYPES[dtype].replace, i);
      }
    });
  }

  /** Pushes four (two of 8 bytes) elements that are `step` bytes apart, the first `start` bytes past a local. */
  private loadVector(dtype: DType, base: number, start: number, step: number, part: number, mayWrap = false): void {
    const { f } = this.nest;
    if (step === BYTES[dtype] && this.active === 4) {
      const offset = this.address(base, start + 16 * part, mayWrap);
      f.memory(dtype === "bool" ? v128.load32Zero : v128.load, offset);
      if (dtype === "bool") this.bytesToMask();
      return;
    }
    this.loadLanes(dtype, part, (lane) => this.address(base, start + lane * step, mayWrap));
  }

  /** Pushes elements one by one; `address` pushes where a point's element lies and returns the rest of the way. */
  private loadLanes(dtype: DType, part: number, address: (point: number) => number): void {
    const { f } = this.nest;
    const points = this.lanes(dtype, part);
    if (points.length === 0) {
      this.zero(dtype);
      return;
    }
    const offsets = points
      .slice()
      .reverse()
      .map((point) => address(point))
      .reverse();
    const eight = dtype === "float64";
    offsets.forEach((offset, i) => {
      if (dtype === "bool") {
        if (i === 0) this.zero(dtype);
        f.memoryLane(v128.load8Lane, offset, i);
      } else if (i === 0) f.memory(eight ? v128.load64Zero : v128.load32Zero, offset);
      else f.memoryLane(eight ? v128.load64Lane : v128.load32Lane, offset, i);
    });
    if (dtype === "bool") this.bytesToMask();
  }

  private bytesToMask(): void {
    this.nest.f.op(i16x8.extendLowI8U, i32x4.extendLowI16U, i32x4.neg);
  }

  /** Pushes a bool's value as bytes 0 or 1 in the four lowest lanes. */
  private pushBytes(value: Node): void {
    const local = this.local(value);
    this.nest.f.get(local);
    this.nest.f.get(local);
    this.nest.f.op(i16x8.narrowI32);
    const half = this.nest.local(V128);
    this.nest.f.tee(half);
    this.nest.f.get(half);
    this.nest.f.op(i8x16.narrowI16, i8x16.neg);
  }

  private storeRun({ place, dtype, value }: LoweredStore): void {
    const { f } = this.nest;
    const base = this.nest.induction(place.induction);
    const start = delta(place) + this.shift * this.step(place);
    for (let part = 0; part < this.parts(dtype); part++) {
      const offset = this.address(base, start + 16 * part);
      if (dtype === "bool") {
        this.pushBytes(value);
        f.memoryLane(v128.store32Lane, offset, 0);
      } else {
        this.push(value, part);
        f.memory(v128.store, offset);
      }
    }
  }

  private storeLanes({ place, dtype, value }: LoweredStore): void {
    const { f } = this.nest;
    const base = this.nest.induction(place.induction);
    const step = this.step(place);
    const start = delta(place) + this.shift * step;
    const opcode = dtype === "bool" ? v128.store8Lane : dtype === "float64" ? v128.store64Lane : v128.store32Lane;
    for (let part = 0; part < this.parts(dtype); part++) {
      let local: number;
      if (dtype === "bool") {
        this.pushBytes(value);
        local = this.nest.local(V128);
        f.set(local);
      } else local = this.local(value, part);
      this.lanes(dtype, part).forEach((point, i) => {
        const offset = this.address(base, start + point * step);
        f.get(local);
        f.memoryLane(opcode, offset, i);
      });
    }
  }

  /** Pushes the byte offset of an index, or of index 0 with a note in the error cell. */
  private check({ args, size, scale }: Extract<Node, { kind: "checked" }>): void {
    const { f } = this.nest;
    const index = this.local(args[0]!);
    const report = () => {
      f.i32(ERROR_CELL);
      f.i32(1);
      f.memory(i32.store);
    };
    if (this.width === 1) {
      f.get(index);
      f.i32(size);
      f.op(i32.geU);
      f.if(undefined, report);
      f.get(index);
      f.i32(0);
      f.get(index);
      f.i32(size);
      f.op(i32.ltU, control.select);
      f.i32(scale);
      f.op(i32.mul);
      return;
    }
    const wrong = this.nest.local(V128);
    f.get(index);
    f.v128(splatBytes("int32", size));
    f.op(i32x4.geU);
    if (this.active < 4) {
      f.v128(new Uint8Array(Int32Array.from([0, 1, 2, 3], (lane) => (lane < this.active ? -1 : 0)).buffer));
      f.op(v128.and);
    }
    f.tee(wrong);
    f.op(v128.anyTrue);
    f.if(undefined, report);
    f.get(index);
    f.get(wrong);
    f.op(v128.andnot);
    f.v128(splatBytes("int32", scale));
    f.op(i32x4.mul);
  }

  private gather(node: Access, part: number): void {
    const { f } = this.nest;
    const { dtype, place } = node;
    const checked = node.args[0]!;
    const induction = this.nest.induction(place.induction);
    if (!this.differs(checked)) {
      const base = this.nest.local(I32);
      f.get(induction);
      this.single.push(checked);
      f.op(i32.add);
      f.set(base);
      if (this.width === 1) f.memory(TYPES[dtype].load, this.address(base, delta(place)));
      else this.loadVector(dtype, base, delta(place) + this.shift * this.step(place), this.step(place), part);
      return;
    }
    const offsets = this.local(checked);
    this.loadLanes(dtype, part, (point) => {
      const rest = this.address(induction, delta(place) + (this.shift + point) * this.step(place));
      f.get(offsets);
      f.lane(i32x4.extract, point);
      f.op(i32.add);
      return rest;
    });
  }
}

const delta = ({ induction, offset }: Place): number => offset - induction.offset;

function instruction<T>(table: Readonly<Record<string, T>>, from: RegisterType, to: RegisterType): T {
  const found = table[`${from}>${to}`];
  if (found === undefined) throw new Error(`no conversion from ${from} to ${to}`);
  return found;
}
