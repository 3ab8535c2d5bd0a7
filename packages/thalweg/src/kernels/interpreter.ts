/**
 * Expressions of the kernel language as lists of closures over registers: the part of the JavaScript oracle that
 * computes values. The registers are one run of 8-byte cells, read as doubles or as int64.
 */
import { BYTES, type DType, type TypedArray } from "../dtype.js";
import {
  BINARY_INT64,
  binary,
  COMPARE_INT64,
  conversion,
  int64FromNumber,
  numberFromInt64,
  UNARY_INT64,
  unary,
} from "./arithmetic.js";
import {
  type Access,
  type ApplyExpr,
  argumentLayout,
  type BasicOp,
  ERROR_CELL,
  type Expr,
  type GatherExpr,
  type Guard,
  type Kernel,
} from "./kernel.js";

/** `offset + Σ strides[l] · index[l]`. */
export function place(offset: number, strides: readonly number[], index: readonly number[]): number {
  let at = offset;
  for (let loop = 0; loop < strides.length; loop++) at += strides[loop]! * index[loop]!;
  return at;
}

/** What one compiled kernel sees while it runs: memory, its argument block, and where its loops stand. */
export class Machine {
  /** Where the loops stand, outermost first. */
  readonly index: number[] = [];
  /** The value of each fold so far. */
  readonly folded: number[] = [];
  private views!: Readonly<Record<DType, TypedArray>>;
  private args = 0;
  private readonly scalarsAt: number;

  constructor(
    private readonly memory: WebAssembly.Memory,
    kernel: Kernel,
  ) {
    this.scalarsAt = argumentLayout(kernel).scalars;
  }

  /** To be called before each run: memory may have grown since the last one, and views of it do not grow. */
  open(args: number): void {
    const { buffer } = this.memory;
    this.views = {
      float32: new Float32Array(buffer),
      float64: new Float64Array(buffer),
      int32: new Int32Array(buffer),
      bool: new Uint8Array(buffer),
    };
    this.args = args;
  }

  /** The scalar of a slot; a bool lies in its cell as an int32. */
  scalar(slot: number, type: DType): number {
    const at = this.args + this.scalarsAt + 8 * slot;
    if (type === "bool") return this.views.int32[at / 4] !== 0 ? 1 : 0;
    return this.views[type][at / BYTES[type]]!;
  }

  read(access: Access, beyond = 0): number {
    const value = this.views[access.dtype][this.locate(access, beyond)];
    if (value === undefined) throw new Error(`kernel reads outside memory: ${JSON.stringify(access)} at ${this.index}`);
    return value;
  }

  write(access: Access, value: number, beyond = 0): void {
    const view = this.views[access.dtype];
    const at = this.locate(access, beyond);
    if (!(at >= 0 && at < view.length)) {
      throw new Error(`kernel writes outside memory: ${JSON.stringify(access)} at ${this.index}`);
    }
    view[at] = value;
  }

  holds(guard: Guard): boolean {
    const at = place(guard.offset, guard.strides, this.index);
    return at >= 0 && at < guard.below;
  }

  reportIndexOutOfBounds(): void {
    this.views.int32[ERROR_CELL / 4] = 1;
  }

  private locate(access: Access, beyond: number): number {
    const base = this.views.int32[this.args / 4 + access.buffer]! / BYTES[access.dtype];
    return base + place(access.offset, access.strides, this.index) + beyond;
  }
}

type Step = () => void;

/** Expressions compiled for a machine. `run` computes all of them where the loops stand; `value` gives one of them. */
export interface Program {
  run(): void;
  value(root: number): number;
}

/** Compiles expressions. One object is computed once, in however many places it stands. */
export function compileProgram(machine: Machine, roots: readonly Expr[]): Program {
  const slots = new Map<Expr, number>();
  const order: Expr[] = [];
  const visit = (expr: Expr): void => {
    if (slots.has(expr)) return;
    if (expr.kind === "apply") expr.args.forEach(visit);
    else if (expr.kind === "gather") visit(expr.index);
    slots.set(expr, order.length);
    order.push(expr);
  };
  roots.forEach(visit);

  const cells = new ArrayBuffer(8 * order.length);
  const registers: Registers = { numbers: new Float64Array(cells), longs: new BigInt64Array(cells) };
  const steps: Step[] = [];
  order.forEach((expr, slot) => {
    const step = compileNode(machine, registers, expr, slot, (arg) => slots.get(arg)!);
    if (step !== undefined) steps.push(step);
  });
  const results = roots.map((root) => slots.get(root)!);
  return {
    run() {
      for (const step of steps) step();
    },
    value: (root) => registers.numbers[results[root]!]!,
  };
}

interface Registers {
  readonly numbers: Float64Array;
  readonly longs: BigInt64Array;
}

/** The step that computes one node into its register; none for constants, which are put there once and for all. */
function compileNode(
  machine: Machine,
  registers: Registers,
  expr: Expr,
  slot: number,
  slotOf: (arg: Expr) => number,
): Step | undefined {
  const { numbers, longs } = registers;
  switch (expr.kind) {
    case "constant":
      if (typeof expr.value === "bigint") longs[slot] = expr.value;
      else numbers[slot] = expr.value;
      return undefined;
    case "scalar":
      return () => {
        numbers[slot] = machine.scalar(expr.slot, expr.type);
      };
    case "position":
      return () => {
        numbers[slot] = place(expr.offset, expr.strides, machine.index) | 0;
      };
    case "folded":
      return () => {
        numbers[slot] = machine.folded[expr.fold]!;
      };
    case "load": {
      const { access, guards = [] } = expr;
      return () => {
        numbers[slot] = guards.every((guard) => machine.holds(guard)) ? machine.read(access) : 0;
      };
    }
    case "gather":
      return compileGather(machine, numbers, expr, slot, slotOf(expr.index));
    case "apply":
      return compileApply(registers, expr, slot, expr.args.map(slotOf));
  }
}

function compileGather(machine: Machine, numbers: Float64Array, expr: GatherExpr, slot: number, at: number): Step {
  const { access, stride, size } = expr;
  return () => {
    let index = numbers[at]!;
    if (!(index >= 0 && index < size)) {
      machine.reportIndexOutOfBounds();
      index = 0;
    }
    numbers[slot] = machine.read(access, index * stride);
  };
}

function compileApply(registers: Registers, expr: ApplyExpr, slot: number, args: readonly number[]): Step {
  const { numbers, longs } = registers;
  const { op, type } = expr;
  const [a = 0, b = 0, c = 0] = args;
  const from = expr.args[0]!.type;
  if (op === "select") {
    if (type === "int64") {
      return () => {
        longs[slot] = longs[numbers[a] !== 0 ? b : c]!;
      };
    }
    return () => {
      numbers[slot] = numbers[numbers[a] !== 0 ? b : c]!;
    };
  }
  if (op === "cast") return compileCast(registers, expr, slot, a);
  if (op === "bitcast") return compileBitcast(registers, expr, slot, a);
  if (from === "int64") return compileInt64(registers, expr, slot, args);

  if (type === "float32" || type === "float64") {
    const step = compileFloat(numbers, op, type === "float32", slot, a, b);
    if (step !== undefined) return step;
  }
  const one = unary(op, from);
  if (one !== undefined) {
    return () => {
      numbers[slot] = one(numbers[a]!);
    };
  }
  // A comparison's result is exact in whatever type it compares.
  const two = binary(op, type === "int64" ? from : type);
  if (two === undefined) throw new Error(`kernel operation ${op} does not exist`);
  return () => {
    numbers[slot] = two(numbers[a]!, numbers[b]!);
  };
}

/** The steps that most work consists of, written out for speed. */
function compileFloat(n: Float64Array, op: BasicOp, single: boolean, slot: number, a: number, b: number) {
  const { fround } = Math;
  // Stored by itself, a number need not become an object, as it does where it is handed from function to function.
  switch (op) {
    case "add":
      return single ? () => void (n[slot] = fround(n[a]! + n[b]!)) : () => void (n[slot] = n[a]! + n[b]!);
    case "sub":
      return single ? () => void (n[slot] = fround(n[a]! - n[b]!)) : () => void (n[slot] = n[a]! - n[b]!);
    case "mul":
      return single ? () => void (n[slot] = fround(n[a]! * n[b]!)) : () => void (n[slot] = n[a]! * n[b]!);
    case "div":
      return single ? () => void (n[slot] = fround(n[a]! / n[b]!)) : () => void (n[slot] = n[a]! / n[b]!);
    default:
      return undefined;
  }
}

function compileInt64({ numbers, longs }: Registers, expr: ApplyExpr, slot: number, args: readonly number[]): Step {
  const { op } = expr;
  const [a = 0, b = 0] = args;
  const one = UNARY_INT64[op];
  if (one !== undefined) {
    return () => {
      longs[slot] = one(longs[a]!);
    };
  }
  const compare = COMPARE_INT64[op];
  if (compare !== undefined) {
    return () => {
      numbers[slot] = compare(longs[a]!, longs[b]!) ? 1 : 0;
    };
  }
  if (op === "shl" || op === "shr") {
    return () => {
      // The count is an int32, which lies in its register as a number.
      const count = BigInt(numbers[b]!);
      longs[slot] = op === "shl" ? longs[a]! << count : longs[a]! >> count;
    };
  }
  const two = BINARY_INT64[op];
  if (two === undefined) throw new Error(`kernel operation ${op} does not exist for int64`);
  return () => {
    longs[slot] = two(longs[a]!, longs[b]!);
  };
}

function compileCast({ numbers, longs }: Registers, expr: ApplyExpr, slot: number, a: number): Step {
  const from = expr.args[0]!.type;
  const to = expr.type;
  if (from === to) {
    return () => {
      longs[slot] = longs[a]!;
    };
  }
  if (to === "int64") {
    return () => {
      longs[slot] = int64FromNumber(numbers[a]!);
    };
  }
  if (from === "int64") {
    return () => {
      numbers[slot] = numberFromInt64(longs[a]!, to);
    };
  }
  const convert = conversion(from, to);
  return () => {
    numbers[slot] = convert(numbers[a]!);
  };
}

function compileBitcast({ numbers }: Registers, expr: ApplyExpr, slot: number, a: number): Step {
  const from = expr.args[0]!.type;
  if (from === "float64" || from === "int64") {
    return () => {
      numbers[slot] = numbers[a]!;
    };
  }
  const float = new Float32Array(1);
  const int = new Int32Array(float.buffer);
  const [source, target] = from === "float32" ? [float, int] : [int, float];
  return () => {
    source[0] = numbers[a]!;
    numbers[slot] = target[0]!;
  };
}
