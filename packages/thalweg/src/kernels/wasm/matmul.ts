/** Matmul kernels: which rows and columns of which batch a range means. */
import { type Access, type MatmulKernel, matmulLoops } from "../kernel.js";
import { FunctionBuilder } from "./assembler.js";
import type { Side } from "./copy.js";
import { control, I32, i32 } from "./opcodes.js";
import { ELEMENTS } from "./panel.js";
import { emitProduct, least, type MatmulFunctions, whileLess } from "./product.js";

/** A matrix per batch: which loops walk along its rows and its columns, and the element strides of the batches. */
interface Operand {
  readonly buffer: number;
  readonly offset: number;
  readonly batch: readonly number[];
  readonly rows: Side;
  readonly columns: Side;
}

/** A matmul of `batch` matrices `[m, k] · [k, n]`. */
interface Problem {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Operand;
  readonly b: Operand;
  readonly c: Operand;
}

const product = (sizes: readonly number[]): number => sizes.reduce((x, y) => x * y, 1);

function problem(kernel: MatmulKernel): Problem {
  const { loops, a, b, c } = kernel;
  const { rows, columns, steps } = matmulLoops(kernel);
  // One b for all batches: then the batches are rows too.
  const tall = loops.slice(0, rows).every((size, l) => size === 1 || b.strides[l] === 0);
  const batches = tall ? 0 : rows;
  const parts = { rows: [batches, columns], columns: [columns, steps], steps: [steps, loops.length] } as const;
  const operand = (access: Access, along: keyof typeof parts, across: keyof typeof parts): Operand => ({
    buffer: access.buffer,
    offset: access.offset,
    batch: access.strides.slice(0, batches),
    rows: joined(loops.slice(...parts[along]), access.strides.slice(...parts[along])),
    columns: joined(loops.slice(...parts[across]), access.strides.slice(...parts[across])),
  });
  return {
    batch: loops.slice(0, batches),
    m: product(loops.slice(...parts.rows)),
    n: product(loops.slice(...parts.columns)),
    k: product(loops.slice(...parts.steps)),
    a: operand(a, "rows", "steps"),
    b: operand(b, "steps", "columns"),
    c: operand(c, "rows", "columns"),
  };
}

/** Neighbouring loops that go on in one stride are one; there is at least one. */
function joined(sizes: readonly number[], strides: readonly number[]): Side {
  const made = { sizes: [] as number[], strides: [] as number[] };
  sizes.forEach((size, l) => {
    if (size === 1) return;
    const end = made.sizes.length - 1;
    if (end >= 0 && made.strides[end] === strides[l]! * size) {
      made.sizes[end]! *= size;
      made.strides[end] = strides[l]!;
    } else {
      made.sizes.push(size);
      made.strides.push(strides[l]!);
    }
  });
  return made.sizes.length > 0 ? made : { sizes: [1], strides: [0] };
}

export function emitMatmul(kernel: MatmulKernel, functions: MatmulFunctions): FunctionBuilder {
  const { dtype } = kernel;
  const { bytes } = ELEMENTS[dtype];
  const { batch, m, n, k, a, b, c } = problem(kernel);
  const f = new FunctionBuilder([I32, I32, I32]);
  const [args, begin, end] = [0, 1, 2] as const;
  const local = () => f.local(I32);
  const [aBase, bBase, cBase] = [a, b, c].map(({ buffer, offset }) => {
    const base = local();
    f.get(args);
    f.memory(i32.load, 4 * buffer);
    f.i32(offset * bytes);
    f.op(i32.add);
    f.set(base);
    return base;
  }) as [number, number, number];

  const [from, rows, number, index] = [local(), local(), local(), local()] as const;
  const [aAt, bAt, cAt] = [local(), local(), local()] as const;
  const rowsOfBand = product(batch) * m;
  const banded = kernel.band !== undefined && kernel.band < n;
  const [column, columnEnd] = banded ? [local(), local()] : [undefined, undefined];
  const epilogue = kernel.value === undefined ? undefined : functions.epilogue(kernel);
  const [before, row] = epilogue === undefined ? [] : [local(), local()];
  // Rows of one batch and band at a time.
  const piece = () => {
    const operands = [
      [a, aBase, aAt],
      [b, bBase, bAt],
      [c, cBase, cAt],
    ] as const;
    for (const [, base, at] of operands) {
      f.get(base);
      f.set(at);
    }
    f.get(end);
    f.get(begin);
    f.op(i32.sub);
    f.set(rows);
    f.get(begin);
    f.set(from);
    if (banded) {
      f.get(begin);
      f.i32(rowsOfBand);
      f.op(i32.divU);
      f.i32(kernel.band!);
      f.op(i32.mul);
      f.tee(column!);
      f.i32(kernel.band!);
      f.op(i32.add);
      f.set(columnEnd!);
      least(f, columnEnd!, n);
      f.get(begin);
      f.i32(rowsOfBand);
      f.op(i32.remU);
      f.set(from);
    }
    if (banded || batch.length > 0) {
      f.get(from);
      f.i32(m);
      f.op(i32.divU);
      f.set(number);
      f.get(from);
      f.i32(m);
      f.op(i32.remU);
      f.set(from);
      if (before !== undefined) {
        f.get(number);
        f.i32(m);
        f.op(i32.mul);
        f.set(before);
      }
      f.i32(m);
      f.get(from);
      f.op(i32.sub);
      f.tee(index);
      f.get(rows);
      f.get(index);
      f.get(rows);
      f.op(i32.ltS, control.select);
      f.set(rows);
    }
    for (let l = batch.length - 1; l >= 0; l--) {
      f.get(number);
      f.i32(batch[l]!);
      f.op(i32.remU);
      f.set(index);
      for (const [operand, , at] of operands) {
        if (operand.batch[l] === 0) continue;
        f.get(at);
        f.get(index);
        f.i32(operand.batch[l]! * bytes);
        f.op(i32.mul, i32.add);
        f.set(at);
      }
      f.get(number);
      f.i32(batch[l]!);
      f.op(i32.divU);
      f.set(number);
    }
    emitProduct(f, dtype, functions, {
      m: { from, count: rows, atMost: m },
      n: { from: column, end: columnEnd, atMost: banded ? kernel.band! : n, rest: n },
      k,
      a: { at: aAt, ...a },
      b: { at: bAt, ...b },
      c: { at: cAt, row: n },
      finish:
        epilogue === undefined
          ? undefined
          : (first, count, column, columns) => {
              f.get(args);
              for (const [start, size, base] of [[first, count, before] as const, [column, columns] as const]) {
                f.get(start);
                if (base !== undefined) {
                  f.get(base);
                  f.op(i32.add);
                }
                f.tee(row!);
                f.get(row!);
                f.get(size);
                f.op(i32.add);
              }
              f.call(epilogue);
            },
    });
    f.get(begin);
    f.get(rows);
    f.op(i32.add);
    f.set(begin);
  };
  whileLess(f, begin, () => f.get(end), piece);
  return f;
}
