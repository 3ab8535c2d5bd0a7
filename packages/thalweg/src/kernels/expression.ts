/**
 * Typed builders of the kernel language's expressions. A type is inferred from the arguments wherever it can be, and
 * arguments that do not go together throw at once: whoever builds a kernel has a bug then, not whoever uses the library.
 */
import type { DType } from "../dtype.js";
import type {
  Access,
  ApplyExpr,
  ArithmeticOp,
  BasicOp,
  CompareOp,
  ConstantExpr,
  Expr,
  FoldedExpr,
  GatherExpr,
  Guard,
  LoadExpr,
  LogicOp,
  PositionExpr,
  RegisterType,
  ScalarExpr,
  ShiftOp,
  UnaryOp,
} from "./kernel.js";

const FLOATS: readonly RegisterType[] = ["float32", "float64"];
const NUMBERS: readonly RegisterType[] = ["float32", "float64", "int32", "int64"];
const INTEGERS: readonly RegisterType[] = ["int32", "int64"];
const LOGICAL: readonly RegisterType[] = ["bool", "int32", "int64"];

/** Which types the arguments of an operation may have. */
const DOMAIN: Readonly<Record<ArithmeticOp | UnaryOp | CompareOp | LogicOp | ShiftOp, readonly RegisterType[]>> = {
  add: NUMBERS,
  sub: NUMBERS,
  mul: NUMBERS,
  div: FLOATS,
  min: NUMBERS,
  max: NUMBERS,
  neg: NUMBERS,
  abs: NUMBERS,
  sqrt: FLOATS,
  floor: FLOATS,
  ceil: FLOATS,
  trunc: FLOATS,
  round: FLOATS,
  eq: NUMBERS,
  ne: NUMBERS,
  lt: NUMBERS,
  le: NUMBERS,
  and: LOGICAL,
  or: LOGICAL,
  xor: LOGICAL,
  not: LOGICAL,
  shl: INTEGERS,
  shr: INTEGERS,
};

const BITCASTS: Readonly<Record<RegisterType, RegisterType | undefined>> = {
  float32: "int32",
  int32: "float32",
  float64: "int64",
  int64: "float64",
  bool: undefined,
};

function demand(holds: boolean, op: BasicOp | "gather", args: readonly Expr[], why: string): void {
  if (!holds) throw new Error(`kernel expression ${op}(${args.map((arg) => arg.type).join(", ")}): ${why}`);
}

/** The type that an operation gives for these arguments; `undefined` where the arguments do not decide (casts). */
function resultType(op: BasicOp, args: readonly Expr[]): RegisterType | undefined {
  const arity = (n: number) => demand(args.length === n, op, args, `takes ${n} arguments`);
  switch (op) {
    case "cast":
    case "bitcast":
      arity(1);
      return undefined;
    case "select":
      arity(3);
      demand(args[0]!.type === "bool", op, args, "the condition must be bool");
      demand(args[1]!.type === args[2]!.type, op, args, "both choices must have one type");
      return args[1]!.type;
    case "neg":
    case "abs":
    case "sqrt":
    case "floor":
    case "ceil":
    case "trunc":
    case "round":
    case "not":
      arity(1);
      break;
    case "shl":
    case "shr":
      arity(2);
      demand(args[1]!.kind === "constant" && args[1]!.type === "int32", op, args, "shifts by a constant int32");
      break;
    default:
      arity(2);
      demand(args[0]!.type === args[1]!.type, op, args, "both arguments must have one type");
  }
  demand(DOMAIN[op].includes(args[0]!.type), op, args, "no such operation on this type");
  return op === "eq" || op === "ne" || op === "lt" || op === "le" ? "bool" : args[0]!.type;
}

function requireConversion(op: "cast" | "bitcast", to: RegisterType, arg: Expr): void {
  const from = arg.type;
  const int64Partners: readonly RegisterType[] = ["float64", "int32", "int64"];
  const possible =
    op === "bitcast"
      ? BITCASTS[from] === to
      : (from !== "int64" || int64Partners.includes(to)) && (to !== "int64" || int64Partners.includes(from));
  demand(possible, op, [arg], `cannot give ${to}`);
}

/** Any basic operation, with the type of its result spelled out; throws if it is not the type that the language says. */
export function apply(op: BasicOp, type: RegisterType, ...args: readonly Expr[]): ApplyExpr {
  const inferred = resultType(op, args);
  if (op === "cast" || op === "bitcast") requireConversion(op, type, args[0]!);
  else demand(inferred === type, op, args, `gives ${inferred}, not ${type}`);
  return { kind: "apply", type, op, args };
}

function infer(op: Exclude<BasicOp, "cast" | "bitcast">, ...args: readonly Expr[]): ApplyExpr {
  return { kind: "apply", type: resultType(op, args)!, op, args };
}

/** A number in the kernel's code: a bigint for int64, 0 or 1 for bool, and for float32 rounded to it. */
export function constant(type: RegisterType, value: number | bigint): ConstantExpr {
  if ((typeof value === "bigint") !== (type === "int64")) throw new Error(`constant ${value} cannot be a ${type}`);
  return { kind: "constant", type, value: type === "float32" ? Math.fround(value as number) : value };
}

export const add = (a: Expr, b: Expr): ApplyExpr => infer("add", a, b);
export const sub = (a: Expr, b: Expr): ApplyExpr => infer("sub", a, b);
export const mul = (a: Expr, b: Expr): ApplyExpr => infer("mul", a, b);
export const div = (a: Expr, b: Expr): ApplyExpr => infer("div", a, b);
export const min = (a: Expr, b: Expr): ApplyExpr => infer("min", a, b);
export const max = (a: Expr, b: Expr): ApplyExpr => infer("max", a, b);
export const neg = (a: Expr): ApplyExpr => infer("neg", a);
export const abs = (a: Expr): ApplyExpr => infer("abs", a);
export const sqrt = (a: Expr): ApplyExpr => infer("sqrt", a);
export const floor = (a: Expr): ApplyExpr => infer("floor", a);
export const ceil = (a: Expr): ApplyExpr => infer("ceil", a);
export const trunc = (a: Expr): ApplyExpr => infer("trunc", a);
/** To the nearest integer, halves to the even one. */
export const round = (a: Expr): ApplyExpr => infer("round", a);
export const eq = (a: Expr, b: Expr): ApplyExpr => infer("eq", a, b);
export const ne = (a: Expr, b: Expr): ApplyExpr => infer("ne", a, b);
export const lt = (a: Expr, b: Expr): ApplyExpr => infer("lt", a, b);
export const le = (a: Expr, b: Expr): ApplyExpr => infer("le", a, b);
/** `a > b`, as `b < a`. */
export const gt = (a: Expr, b: Expr): ApplyExpr => infer("lt", b, a);
/** `a >= b`, as `b <= a`. */
export const ge = (a: Expr, b: Expr): ApplyExpr => infer("le", b, a);
export const and = (a: Expr, b: Expr): ApplyExpr => infer("and", a, b);
export const or = (a: Expr, b: Expr): ApplyExpr => infer("or", a, b);
export const xor = (a: Expr, b: Expr): ApplyExpr => infer("xor", a, b);
export const not = (a: Expr): ApplyExpr => infer("not", a);
/** Shift left by `bits`, dropping what leaves the type. */
export const shl = (a: Expr, bits: number): ApplyExpr => infer("shl", a, constant("int32", bits));
/** Shift right by `bits`, keeping the sign. */
export const shr = (a: Expr, bits: number): ApplyExpr => infer("shr", a, constant("int32", bits));
/** `a` where `condition` holds, else `b`. Both are computed. */
export const select = (condition: Expr, a: Expr, b: Expr): ApplyExpr => infer("select", condition, a, b);

/** Converts the value; a cast to the same type is the expression itself. */
export const cast = (type: RegisterType, x: Expr): Expr => (x.type === type ? x : apply("cast", type, x));
/** Keeps the bits; to the same type it is the expression itself. */
export const bitcast = (type: RegisterType, x: Expr): Expr => (x.type === type ? x : apply("bitcast", type, x));

export const scalar = (slot: number, type: DType): ScalarExpr => ({ kind: "scalar", type, slot });

/** Reads memory at an access, whose dtype is the expression's type; 0 where a guard does not hold. */
export function load(access: Access, guards: readonly Guard[] = []): LoadExpr {
  const read: LoadExpr = { kind: "load", type: access.dtype, access };
  return guards.length > 0 ? { ...read, guards } : read;
}

/** Reads element `access + index · stride`, `index` being an int32 that should lie in 0 … size-1. */
export function gather(access: Access, index: Expr, stride: number, size: number): GatherExpr {
  demand(index.type === "int32", "gather", [index], "the index must be int32");
  return { kind: "gather", type: access.dtype, access, index, stride, size };
}

export const position = (offset: number, strides: readonly number[]): PositionExpr => ({
  kind: "position",
  type: "int32",
  offset,
  strides,
});

export const folded = (fold: number, type: DType): FoldedExpr => ({ kind: "folded", type, fold });
