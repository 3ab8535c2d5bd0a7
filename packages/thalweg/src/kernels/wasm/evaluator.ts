/** Emits the value of nodes, one point or four points at a time. */
import type { RegisterType } from "../kernel.js";
import {
  address,
  check,
  condition,
  contiguous,
  delta,
  gather,
  loadGuarded,
  loadVectorGuarded,
  storeLanes,
  storeRun,
} from "./access.js";
import { basic, bitcast, cast, select } from "./apply.js";
import { isWide, type LoweredStore, level, type Node } from "./lower.js";
import type { Nest } from "./nest.js";
import { i32, i32x4, V128, type ValueType } from "./opcodes.js";
import { splatBytes, TYPES } from "./operations.js";
import { storeRow } from "./rows.js";

/** Pushes the value of a fold for the evaluator that asks. */
export type PushFold = (fold: number, evaluator: Evaluator, part: number) => void;

/** Keys of cached values: so many per node, of which a vector's take two for each of up to eight shifts. */
const KEYS = 64;
const SCALAR = 0;
const SPLAT = 1;
const VECTOR = 2;
/** Further keys for {@link Evaluator.key}: 64-bit masks of a bool, and whether a load's guards hold. */
export const MASK = 20;
export const CONDITION = 40;

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
    readonly nest: Nest,
    private readonly pushFold: PushFold,
    readonly width: 1 | 4 = 1,
    readonly along = 0,
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
  differs(node: Node): boolean {
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
    if (stores.length > 1 || stores[0]?.row !== null) {
      for (const { value, row } of stores) {
        for (let part = 0; part < this.parts(value.type); part++) {
          // What is stored only under a condition must be there whether the condition holds or not.
          if (row !== null || (value.kind !== "folded" && value.kind !== "constant")) this.local(value, part);
        }
      }
    }
    for (const store of stores) {
      if (store.row !== null) storeRow(this, store, store.row);
      else if (this.width === 1) {
        const offset = address(this, this.nest.induction(store.place.induction), delta(store.place));
        this.push(store.value);
        this.nest.f.memory(TYPES[store.dtype].store, offset);
      } else if (contiguous(this, store.place, store.dtype)) storeRun(this, store);
      else storeLanes(this, store);
    }
  }

  /** The key under which part of a value is kept: the value itself, or something else that is known of the node. */
  key(node: Node, part: number, what = VECTOR): number {
    if (this.width === 1) return node.id * KEYS + SCALAR;
    return node.id * KEYS + (this.differs(node) || what !== VECTOR ? what + (this.shift >> 1) + part : SPLAT);
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
        condition(this, node, 0);
        return;
      case "load":
        if (this.width === 1) loadGuarded(this, node);
        else loadVectorGuarded(this, node, part);
        return;
      case "checked":
        check(this, node);
        return;
      case "gather":
        gather(this, node, part);
        return;
      case "apply":
        if (node.op === "cast") cast(this, node, part);
        else if (node.op === "bitcast") bitcast(this, node, part);
        else if (node.op === "select") select(this, node, part);
        else basic(this, node, part);
        return;
      case "folded":
        this.pushFold(node.fold, this, part);
    }
  }
}
