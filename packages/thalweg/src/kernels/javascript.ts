/**
 * The JavaScript backend: an interpreter of the kernel language, as plain as it can be. It is the oracle that other
 * backends are compared with bit by bit, and what runs where WebAssembly's SIMD is missing.
 */
import type { DType } from "../dtype.js";
import { type Binary, binary } from "./arithmetic.js";
import { compileProgram, Machine } from "./interpreter.js";
import {
  type Backend,
  type Fold,
  type Kernel,
  MATMUL_BLOCK,
  type MapKernel,
  type MatmulKernel,
  matmulLoops,
  matmulSizes,
  type ReduceKernel,
  type RunnableKernel,
  type ScatterKernel,
  type Store,
} from "./kernel.js";

export const javascriptBackend: Backend = {
  name: "javascript",
  compile: (kernels, memory) => kernels.map((kernel) => compileKernel(kernel, new Machine(memory, kernel))),
};

function compileKernel(kernel: Kernel, machine: Machine): RunnableKernel {
  switch (kernel.kind) {
    case "map":
      return compileMap(kernel, machine);
    case "reduce":
      return compileReduce(kernel, machine);
    case "scatter":
      return compileScatter(kernel, machine);
    case "matmul":
      return compileMatmul(kernel, machine);
  }
}

/** Visits the points of `loops` in row-major order, the outermost index going from `begin` to `end - 1`. */
function visitPoints(machine: Machine, loops: readonly number[], begin: number, end: number, visit: () => void): void {
  const descend = (loop: number): void => {
    if (loop === loops.length) {
      visit();
      return;
    }
    const [from, to] = loop === 0 ? [begin, end] : [0, loops[loop]!];
    for (let i = from; i < to; i++) {
      machine.index[loop] = i;
      descend(loop + 1);
    }
  };
  if (begin < end) descend(0);
}

/** Stores at one point: all values are computed before the first is written. */
function compileStores(machine: Machine, stores: readonly Store[]): () => void {
  const indices = stores.flatMap(({ row }) => (row === undefined ? [] : [row.index]));
  const program = compileProgram(machine, [...stores.map((store) => store.value), ...indices]);
  let next = stores.length;
  const indexAt = stores.map(({ row }) => (row === undefined ? -1 : next++));
  return () => {
    program.run();
    stores.forEach(({ access, row }, i) => {
      const index = row === undefined ? 0 : program.value(indexAt[i]!);
      if (row === undefined) machine.write(access, program.value(i));
      else if (index >= 0 && index < row.size) machine.write(access, program.value(i), index * row.stride);
    });
  };
}

function compileMap(kernel: MapKernel, machine: Machine): RunnableKernel {
  const store = compileStores(machine, kernel.body);
  return (args, begin, end) => {
    machine.open(args);
    visitPoints(machine, kernel.loops, begin, end, store);
  };
}

/** Partial folds of one kept point: how to begin, to fold element j, and to finish. */
interface Folding {
  reset(): void;
  /** Folds `value`, the element at position `j`, and returns what its partial then holds. */
  push(value: number, j: number): number;
  finish(): number;
}

const IDENTITY: Readonly<Record<"sum" | "prod" | "max" | "min", Readonly<Record<DType, number>>>> = {
  sum: { float32: 0, float64: 0, int32: 0, bool: 0 },
  prod: { float32: 1, float64: 1, int32: 1, bool: 1 },
  max: { float32: -Infinity, float64: -Infinity, int32: -(2 ** 31), bool: 0 },
  min: { float32: Infinity, float64: Infinity, int32: 2 ** 31 - 1, bool: 1 },
};

const FOLD_OP = { sum: "add", prod: "mul", max: "max", min: "min" } as const;

function createFolding(fold: Fold, lanes: number): Folding {
  if (fold.op === "argmax" || fold.op === "argmin") {
    if (lanes !== 1) throw new Error(`kernel fold ${fold.op} is of order "serial" only`);
    return createPositionFolding(fold.op === "argmax");
  }
  const identity = IDENTITY[fold.op][fold.type];
  const combine = binary(FOLD_OP[fold.op], fold.type) as Binary;
  const partials = new Array<number>(lanes).fill(identity);
  return {
    reset() {
      partials.fill(identity);
    },
    push(value, j) {
      const lane = j % lanes;
      return (partials[lane] = combine(partials[lane]!, value));
    },
    finish() {
      for (let s = lanes / 2; s >= 1; s /= 2) {
        for (let i = 0; i < s; i++) partials[i] = combine(partials[i]!, partials[i + s]!);
      }
      return partials[0]!;
    },
  };
}

/** Where the first extreme value stands. A NaN is more extreme than any number, and the first one stays. */
function createPositionFolding(largest: boolean): Folding {
  let extreme = 0;
  let at = 0;
  const beats = (value: number) =>
    !Number.isNaN(extreme) && (Number.isNaN(value) || (largest ? value > extreme : value < extreme));
  return {
    reset() {
      extreme = largest ? -Infinity : Infinity;
      at = 0;
    },
    push(value, j) {
      if (beats(value)) {
        extreme = value;
        at = j;
      }
      return at;
    },
    finish: () => at,
  };
}

function compileReduce(kernel: ReduceKernel, machine: Machine): RunnableKernel {
  const kept = kernel.loops.slice(0, -1);
  const n = kernel.loops[kept.length]!;
  const foldings = kernel.folds.map((fold) => createFolding(fold, kernel.order === "lanes" ? 16 : 1));
  const values = compileProgram(
    machine,
    kernel.folds.map((fold) => fold.value),
  );
  const storeBody = compileStores(machine, kernel.body);
  const storeFolds = compileStores(machine, kernel.stores);
  const { ragged } = kernel;

  const reduceHere = () => {
    const isLast = ragged !== undefined && machine.index[ragged.loop] === kept[ragged.loop]! - 1;
    const count = isLast ? ragged.count : n;
    for (const folding of foldings) folding.reset();
    for (let j = 0; j < count; j++) {
      machine.index[kept.length] = j;
      values.run();
      foldings.forEach((folding, f) => {
        machine.folded[f] = folding.push(values.value(f), j);
      });
      storeBody();
    }
    foldings.forEach((folding, f) => {
      machine.folded[f] = folding.finish();
    });
    storeFolds();
  };
  return (args, begin, end) => {
    machine.open(args);
    visitPoints(machine, kept, begin, end, reduceHere);
  };
}

function compileScatter(kernel: ScatterKernel, machine: Machine): RunnableKernel {
  const { access, stride, size } = kernel;
  const program = compileProgram(machine, [kernel.index, kernel.value]);
  const add = binary("add", access.dtype) as Binary;
  return (args, begin, end) => {
    machine.open(args);
    visitPoints(machine, kernel.loops, begin, end, () => {
      program.run();
      const index = program.value(0);
      const value = program.value(1);
      if (!(index >= 0 && index < size)) {
        machine.reportIndexOutOfBounds();
        return;
      }
      const beyond = index * stride;
      machine.write(access, add(machine.read(access, beyond), value), beyond);
    });
  };
}

function compileMatmul(kernel: MatmulKernel, machine: Machine): RunnableKernel {
  const { loops, a, b, c } = kernel;
  const { columns, steps } = matmulLoops(kernel);
  const { rows, n, k } = matmulSizes(kernel);
  const { band = n } = kernel;
  const add = binary("add", kernel.dtype) as Binary;
  const mul = binary("mul", kernel.dtype) as Binary;
  const { index } = machine;
  const program = kernel.value === undefined ? null : compileProgram(machine, [kernel.value]);
  /** What is stored for a sum. */
  const finished = (sum: number, row: number, column: number): number => {
    if (program === null) return sum;
    machine.folded[0] = sum;
    index[0] = row;
    index[1] = column;
    program.run();
    stand(0, columns, row);
    stand(columns, steps, column);
    return program.value(0);
  };
  /** Sets the indices of some loops to the place that a row-major count stands for. */
  const stand = (from: number, to: number, count: number): void => {
    let rest = count;
    for (let loop = to - 1; loop >= from; loop--) {
      index[loop] = rest % loops[loop]!;
      rest = Math.floor(rest / loops[loop]!);
    }
  };

  const sumOfBlock = (from: number): number => {
    let sum = 0;
    for (let i = from; i < Math.min(from + MATMUL_BLOCK, k); i++) {
      stand(steps, loops.length, i);
      sum = add(sum, mul(machine.read(a), machine.read(b)));
    }
    return sum;
  };
  return (args, begin, end) => {
    machine.open(args);
    for (let i = begin; i < end; i++) {
      const first = Math.floor(i / rows) * band;
      stand(0, columns, i % rows);
      for (let j = first; j < Math.min(first + band, n); j++) {
        stand(columns, steps, j);
        let result = sumOfBlock(0);
        for (let from = MATMUL_BLOCK; from < k; from += MATMUL_BLOCK) result = add(result, sumOfBlock(from));
        for (let loop = steps; loop < loops.length; loop++) index[loop] = 0;
        const value = finished(result, i % rows, j);
        machine.write(c, value);
      }
    }
  };
}
