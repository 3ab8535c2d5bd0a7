/** Emits the basic operations: the table's single instructions, and what takes several. */
import type { RegisterType } from "../kernel.js";
import { type Evaluator, MASK } from "./evaluator.js";
import { isWide, type Node } from "./lower.js";
import { control, f32x4, f64x2, i32, i32x4, i64, i64x2, V128, v128 } from "./opcodes.js";
import { INSTRUCTIONS, SCALAR_BITCASTS, SCALAR_CASTS, shuffle32, splatBytes, TYPES } from "./operations.js";

type Apply = Extract<Node, { kind: "apply" }>;

const EVEN = shuffle32(0, 2, 4, 6);
const LOW = shuffle32(0, 1, 4, 5);
const UPPER = shuffle32(2, 3, 2, 3);

export function basic(e: Evaluator, node: Apply, part: number): void {
  const { f } = e.nest;
  const { op, args, amount } = node;
  const type = args[0]!.type;
  const [scalar, vector] = INSTRUCTIONS[op]?.[type] ?? [];
  if (e.width === 4 && vector !== undefined) {
    const emit = (p: number) => {
      for (const arg of args) e.push(arg, p);
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
  if (e.width === 1 && scalar !== undefined) {
    for (const arg of args) e.push(arg);
    if (op === "shl" || op === "shr") integer(e, type, amount);
    f.op(scalar);
    return;
  }
  composed(e, node, part);
}

/** Integer operations that are no single instruction. */
function composed(e: Evaluator, { op, args, type }: Apply, part: number): void {
  const { f } = e.nest;
  const a = e.local(args[0]!, part);
  const wide = type === "int64";
  if (op === "min" || op === "max") {
    const b = e.local(args[1]!, part);
    const [first, second] = op === "min" ? [a, b] : [b, a];
    for (const local of [a, b, first, second]) f.get(local);
    if (e.width === 4) f.op(i64x2.ltS, v128.bitselect);
    else f.op(wide ? i64.ltS : i32.ltS, control.select);
  } else if (op === "not") {
    f.get(a);
    integer(e, type, -1);
    f.op(wide ? i64.xor : i32.xor);
  } else if (op === "neg") {
    integer(e, type, 0);
    f.get(a);
    f.op(wide ? i64.sub : i32.sub);
  } else if (op === "abs") {
    const sign = () => {
      f.get(a);
      integer(e, type, wide ? 63 : 31);
      f.op(wide ? i64.shrS : i32.shrS);
    };
    f.get(a);
    sign();
    f.op(wide ? i64.xor : i32.xor);
    sign();
    f.op(wide ? i64.sub : i32.sub);
  } else throw new Error(`no operation ${op} on ${args[0]!.type}`);
}

function integer(e: Evaluator, type: RegisterType, value: number): void {
  if (type === "int64") e.nest.f.i64(BigInt(value));
  else e.nest.f.i32(value);
}

export function select(e: Evaluator, node: Apply, part: number): void {
  const [condition, a, b] = node.args;
  const { f, chosen } = e.nest;
  const known = chosen.get(node);
  if (known !== undefined) {
    e.push(known, part);
    return;
  }
  e.push(a!, part);
  e.push(b!, part);
  if (e.width === 1) {
    e.push(condition!);
    f.op(control.select);
    return;
  }
  if (isWide(node.type)) pushMask(e, condition!, part);
  else e.push(condition!);
  f.op(v128.bitselect);
}

/** Pushes the 64-bit mask of two of the four points of a bool. */
function pushMask(e: Evaluator, node: Node, part: number): void {
  const { f } = e.nest;
  if (!e.differs(node)) {
    e.push(node);
    return;
  }
  const key = e.key(node, part, MASK);
  const found = e.nest.find(key);
  if (found !== undefined) {
    f.get(found);
    return;
  }
  // What compares 8-byte values has such a mask at hand and need not go through the 32-bit one.
  const type = node.args[0]?.type ?? "bool";
  const [, vector] = (node.kind === "apply" && INSTRUCTIONS[node.op]?.[type]) || [];
  if (vector !== undefined && isWide(type)) {
    for (const arg of node.args) e.push(arg, part);
    f.op(vector);
  } else if (vector !== undefined && type === "bool") {
    for (const arg of node.args) pushMask(e, arg, part);
    f.op(vector);
  } else {
    e.push(node);
    f.op(part === 0 ? i64x2.extendLowI32 : i64x2.extendHighI32);
  }
  if (node.uses > 1) f.tee(e.nest.keep(key, V128));
}

export function bitcast(e: Evaluator, { args: [arg], type }: Apply, part: number): void {
  e.push(arg!, part);
  if (e.width === 1 && arg!.type !== type) {
    e.nest.f.op(instruction(SCALAR_BITCASTS, arg!.type, type));
  }
}

export function cast(e: Evaluator, { args: [arg], type }: Apply, part: number): void {
  const { f } = e.nest;
  const from = arg!.type;
  if (from === type) e.push(arg!, part);
  else if (type === "bool") castToBool(e, arg!);
  else if (e.width === 1) {
    e.push(arg!);
    f.op(...instruction(SCALAR_CASTS, from, type));
  } else if (from === "bool") {
    if (isWide(type)) pushMask(e, arg!, part);
    else e.push(arg!);
    f.v128(splatBytes(type, 1));
    f.op(v128.and);
  } else if (isWide(type) && isWide(from)) castLanes(e, arg!, type, part);
  else if (isWide(type)) widen(e, arg!, type, part);
  else if (isWide(from)) narrow(e, arg!, type);
  else {
    e.push(arg!);
    f.op(type === "float32" ? f32x4.convertI32 : i32x4.truncSatF32);
  }
}

function castToBool(e: Evaluator, arg: Node): void {
  const { f } = e.nest;
  const [scalar, vector] = INSTRUCTIONS.ne?.[arg.type] ?? [];
  if (e.width === 1) {
    e.push(arg);
    if (arg.type === "float32") f.f32(0);
    else if (arg.type === "float64") f.f64(0);
    else integer(e, arg.type, 0);
    f.op(scalar!);
    return;
  }
  for (let part = 0; part < e.parts(arg.type); part++) {
    e.push(arg, part);
    f.v128(splatBytes(arg.type, 0));
    f.op(vector!);
  }
  if (isWide(arg.type)) f.shuffle(EVEN);
}

/** Two of four 4-byte values as 8-byte values. */
function widen(e: Evaluator, arg: Node, type: RegisterType, part: number): void {
  const { f } = e.nest;
  if (type === "int64") {
    e.push(arg);
    f.op(part === 0 ? i64x2.extendLowI32 : i64x2.extendHighI32);
    return;
  }
  if (part === 0) e.push(arg);
  else {
    const local = e.local(arg);
    f.get(local);
    f.get(local);
    f.shuffle(UPPER);
  }
  f.op(arg.type === "float32" ? f64x2.promoteLowF32 : f64x2.convertLowI32);
}

function narrow(e: Evaluator, arg: Node, type: RegisterType): void {
  const { f } = e.nest;
  for (const part of [0, 1]) {
    e.push(arg, part);
    if (type === "float32") f.op(f32x4.demoteF64Zero);
    else if (arg.type === "float64") f.op(i32x4.truncSatF64Zero);
  }
  f.shuffle(arg.type === "int64" ? EVEN : LOW);
}

/** int64 from and to float64: there is no vector instruction. */
function castLanes(e: Evaluator, arg: Node, type: RegisterType, part: number): void {
  const { f } = e.nest;
  const local = e.local(arg, part);
  for (const lane of [0, 1]) {
    f.get(local);
    f.lane(TYPES[arg.type].extract, lane);
    f.op(...instruction(SCALAR_CASTS, arg.type, type));
    if (lane === 0) f.op(TYPES[type].splat);
    else f.lane(TYPES[type].replace, lane);
  }
}

function instruction<T>(table: Readonly<Record<string, T>>, from: RegisterType, to: RegisterType): T {
  const found = table[`${from}>${to}`];
  if (found === undefined) throw new Error(`no conversion from ${from} to ${to}`);
  return found;
}
