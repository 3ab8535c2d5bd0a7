/** Emits reads and writes of memory: neighbours at a time where they are neighbours, one by one where not. */
import { BYTES, type DType } from "../../dtype.js";
import { ERROR_CELL, type RegisterType } from "../kernel.js";
import { CONDITION, type Evaluator } from "./evaluator.js";
import { isWide, type LoweredStore, type Node, type Place } from "./lower.js";
import { control, I32, i8x16, i16x8, i32, i32x4, V128, v128 } from "./opcodes.js";
import { splatBytes, TYPES } from "./operations.js";

type Access = Extract<Node, { kind: "load" | "gather" }>;

/** How far a place is past its induction variable. */
export const delta = ({ induction, offset }: Place): number => offset - induction.offset;

/**
 * Pushes `local + offset` as far as an instruction's own offset cannot express it, and returns that offset. The
 * instruction does not wrap around, so its offset is no use where the local may stand before the memory's start.
 */
export function address(e: Evaluator, local: number, offset: number, mayWrap = false): number {
  const { f } = e.nest;
  f.get(local);
  if (offset === 0 || (offset > 0 && !mayWrap)) return offset;
  f.i32(offset);
  f.op(i32.add);
  return 0;
}

/** Bytes between neighbouring points of a place. */
export function step(e: Evaluator, place: Place): number {
  return place.induction.strides[e.along]!;
}

export function contiguous(e: Evaluator, place: Place, dtype: DType): boolean {
  return e.active === 4 && step(e, place) === BYTES[dtype];
}

/** The points that a part covers and that are active. */
export function lanes(e: Evaluator, type: RegisterType, part: number): number[] {
  const all = isWide(type) ? [2 * part, 2 * part + 1] : [0, 1, 2, 3];
  return all.filter((lane) => lane < e.active);
}

function zero(e: Evaluator, type: RegisterType): void {
  const { f } = e.nest;
  if (e.width === 4) f.v128(splatBytes("int32", 0));
  else if (type === "float32") f.f32(0);
  else if (type === "float64") f.f64(0);
  else f.i32(0);
}

/** Pushes 1 if the guard holds `points` points further on, else 0. */
export function condition(e: Evaluator, guard: Extract<Node, { kind: "inRange" }>, points: number): void {
  const { f } = e.nest;
  const { induction, below } = guard;
  f.get(e.nest.induction(induction));
  if (points !== 0) {
    f.i32(points * induction.strides[e.along]!);
    f.op(i32.add);
  }
  f.i32(below);
  f.op(i32.ltU);
}

export function loadGuarded(e: Evaluator, node: Access): void {
  const { f } = e.nest;
  const load = () => {
    const offset = address(e, e.nest.induction(node.place.induction), delta(node.place));
    f.memory(TYPES[node.dtype].load, offset);
  };
  if (node.args.length === 0) {
    load();
    return;
  }
  node.args.forEach((guard, i) => {
    e.push(guard);
    if (i > 0) f.op(i32.and);
  });
  f.if(TYPES[node.dtype].value, load, () => zero(e, node.dtype));
}

export function loadVectorGuarded(e: Evaluator, node: Access, part: number): void {
  const { f } = e.nest;
  const { dtype, place, args } = node;
  const base = e.nest.induction(place.induction);
  const start = delta(place) + e.shift * step(e, place);
  const plain = () => loadVector(e, dtype, base, start, step(e, place), part, args.length > 0);
  if (args.length === 0) {
    plain();
    return;
  }
  const fixed = args.filter((guard) => !e.differs(guard));
  const moving = args.filter((guard) => e.differs(guard));
  // A guard is linear: if it holds at the first and at the last point, then also between them.
  const points = lanes(e, dtype, part);
  const last = e.active - 1;
  const holds = (at: readonly number[]) => {
    let first = true;
    const conjoin = () => {
      if (!first) f.op(i32.and);
      first = false;
    };
    for (const guard of fixed) {
      e.single.push(guard);
      conjoin();
    }
    for (const guard of moving) {
      for (const point of at) {
        if (guard.kind === "inRange") condition(e, guard, e.shift + point);
        conjoin();
      }
    }
  };
  const key = e.key(node, 0, CONDITION);
  const found = e.nest.find(key);
  if (found !== undefined) f.get(found);
  else {
    holds(last === 0 ? [0] : [0, last]);
    f.tee(e.nest.keep(key, I32));
  }
  f.if(V128, plain, () => {
    if (moving.length === 0 || points.length === 0) {
      zero(e, dtype);
      return;
    }
    for (const [i, lane] of points.entries()) {
      holds([lane]);
      f.if(
        TYPES[dtype].value,
        () => {
          if (dtype === "bool") f.i32(0);
          const offset = address(e, base, start + lane * step(e, place), true);
          f.memory(TYPES[dtype].load, offset);
          if (dtype === "bool") f.op(i32.sub);
        },
        () => zero(e.single, dtype),
      );
      if (i === 0) f.op(TYPES[dtype].splat);
      else f.lane(TYPES[dtype].replace, i);
    }
  });
}

/** Pushes four (two of 8 bytes) elements that are `step` bytes apart, the first `start` bytes past a local. */
function loadVector(
  e: Evaluator,
  dtype: DType,
  base: number,
  start: number,
  step: number,
  part: number,
  mayWrap = false,
): void {
  const { f } = e.nest;
  if (step === BYTES[dtype] && e.active === 4) {
    const offset = address(e, base, start + 16 * part, mayWrap);
    f.memory(dtype === "bool" ? v128.load32Zero : v128.load, offset);
    if (dtype === "bool") bytesToMask(e);
    return;
  }
  loadLanes(e, dtype, part, (lane) => address(e, base, start + lane * step, mayWrap));
}

/** Pushes elements one by one; `address` pushes where a point's element lies and returns the rest of the way. */
function loadLanes(e: Evaluator, dtype: DType, part: number, address: (point: number) => number): void {
  const { f } = e.nest;
  const points = lanes(e, dtype, part);
  if (points.length === 0) {
    zero(e, dtype);
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
      if (i === 0) zero(e, dtype);
      f.memoryLane(v128.load8Lane, offset, i);
    } else if (i === 0) f.memory(eight ? v128.load64Zero : v128.load32Zero, offset);
    else f.memoryLane(eight ? v128.load64Lane : v128.load32Lane, offset, i);
  });
  if (dtype === "bool") bytesToMask(e);
}

function bytesToMask(e: Evaluator): void {
  e.nest.f.op(i16x8.extendLowI8U, i32x4.extendLowI16U, i32x4.neg);
}

/** Pushes a bool's value as bytes 0 or 1 in the four lowest lanes. */
export function pushBytes(e: Evaluator, value: Node): void {
  const local = e.local(value);
  e.nest.f.get(local);
  e.nest.f.get(local);
  e.nest.f.op(i16x8.narrowI32);
  const half = e.nest.local(V128);
  e.nest.f.tee(half);
  e.nest.f.get(half);
  e.nest.f.op(i8x16.narrowI16, i8x16.neg);
}

export function storeRun(e: Evaluator, { place, dtype, value }: LoweredStore): void {
  const { f } = e.nest;
  const base = e.nest.induction(place.induction);
  const start = delta(place) + e.shift * step(e, place);
  for (let part = 0; part < e.parts(dtype); part++) {
    const offset = address(e, base, start + 16 * part);
    if (dtype === "bool") {
      pushBytes(e, value);
      f.memoryLane(v128.store32Lane, offset, 0);
    } else {
      e.push(value, part);
      f.memory(v128.store, offset);
    }
  }
}

export function storeLanes(e: Evaluator, { place, dtype, value }: LoweredStore): void {
  const { f } = e.nest;
  const base = e.nest.induction(place.induction);
  const stride = step(e, place);
  const start = delta(place) + e.shift * stride;
  const opcode = dtype === "bool" ? v128.store8Lane : dtype === "float64" ? v128.store64Lane : v128.store32Lane;
  for (let part = 0; part < e.parts(dtype); part++) {
    let local: number;
    if (dtype === "bool") {
      pushBytes(e, value);
      local = e.nest.local(V128);
      f.set(local);
    } else local = e.local(value, part);
    lanes(e, dtype, part).forEach((point, i) => {
      const offset = address(e, base, start + point * stride);
      f.get(local);
      f.memoryLane(opcode, offset, i);
    });
  }
}

/** Pushes the byte offset of an index, or of index 0 with a note in the error cell. */
export function check(e: Evaluator, { args, size, scale }: Extract<Node, { kind: "checked" }>): void {
  const { f } = e.nest;
  const index = e.local(args[0]!);
  const report = () => {
    f.i32(ERROR_CELL);
    f.i32(1);
    f.memory(i32.store);
  };
  if (e.width === 1) {
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
  const wrong = e.nest.local(V128);
  f.get(index);
  f.v128(splatBytes("int32", size));
  f.op(i32x4.geU);
  if (e.active < 4) {
    f.v128(new Uint8Array(Int32Array.from([0, 1, 2, 3], (lane) => (lane < e.active ? -1 : 0)).buffer));
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

export function gather(e: Evaluator, node: Access, part: number): void {
  const { f } = e.nest;
  const { dtype, place } = node;
  const checked = node.args[0]!;
  const induction = e.nest.induction(place.induction);
  if (!e.differs(checked)) {
    const base = e.nest.local(I32);
    f.get(induction);
    e.single.push(checked);
    f.op(i32.add);
    f.set(base);
    if (e.width === 1) f.memory(TYPES[dtype].load, address(e, base, delta(place)));
    else loadVector(e, dtype, base, delta(place) + e.shift * step(e, place), step(e, place), part);
    return;
  }
  const offsets = e.local(checked);
  loadLanes(e, dtype, part, (point) => {
    const rest = address(e, induction, delta(place) + (e.shift + point) * step(e, place));
    f.get(offsets);
    f.lane(i32x4.extract, point);
    f.op(i32.add);
    return rest;
  });
}
