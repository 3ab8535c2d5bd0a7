/**
 * The least that the sparse step can take: WebAssembly written by hand for this one case, which reads and writes the same
 * rows of the same tables and computes the same update, with no engine around it. Twenty rows at a time are touched, line
 * by line, before any of them is worked on, so that the memory is asked for many lines at once.
 */
import { FunctionBuilder, ModuleBuilder } from "../../packages/thalweg/dist/kernels/wasm/assembler.js";
import { f32, f32x4, I32, i32, V128, v128 } from "../../packages/thalweg/dist/kernels/wasm/opcodes.js";
import { hash, uniform } from "../src/data.mjs";

const TOGETHER = 20;
const LINE = 64;
const DECAYS = 4096;

/** A function over the rows named from address 0 to address 1, `TOGETHER` at a time. */
function overRows(params, before, work) {
  const f = new FunctionBuilder(Array.from({ length: params }, () => I32));
  const [row, stop, seen] = [f.local(I32), f.local(I32), f.local(I32)];
  const each = (body) => {
    f.get(0);
    f.set(row);
    f.loop(() => {
      body(f, row, seen);
      f.increment(row, 4);
      f.get(row);
      f.get(stop);
      f.op(i32.ltU);
      f.brIf(0);
    });
  };
  f.loop(() => {
    f.get(0);
    f.i32(4 * TOGETHER);
    f.op(i32.add);
    f.set(stop);
    each(before);
    // So that no compiler leaves the reading out.
    f.i32(0);
    f.get(seen);
    f.memory(i32.store);
    each(work);
    f.get(stop);
    f.set(0);
    f.get(0);
    f.get(1);
    f.op(i32.ltU);
    f.brIf(0);
  });
  return f;
}

/** Pushes where the row whose number lies at `row` begins in a table. */
function pushRow(f, table, row, bytes) {
  f.get(table);
  f.get(row);
  f.memory(i32.load);
  f.i32(bytes);
  f.op(i32.mul, i32.add);
}

function touch(f, seen, table, row, bytes) {
  for (let at = 0; at < bytes; at += LINE) {
    pushRow(f, table, row, bytes);
    f.memory(i32.load, at);
    f.get(seen);
    f.op(i32.or);
    f.set(seen);
  }
}

const splat = (f, value) => {
  f.f32(value);
  f.op(f32x4.splat);
};

/** step(rows, end, g, p, v, last, now, decays): g moves on with the rows; `last` holds the step that last touched a row. */
function stepFunction(bytes, { lr, alpha, eps }) {
  const [G, P, V, LAST, NOW, TABLE] = [2, 3, 4, 5, 6, 7];
  const before = (f, row, seen) => {
    touch(f, seen, P, row, bytes);
    touch(f, seen, V, row, bytes);
    touch(f, seen, LAST, row, 4);
  };
  const work = (f, row) => {
    const [p, v, last] = [f.local(I32), f.local(I32), f.local(I32)];
    const [decay, g, square] = [f.local(V128), f.local(V128), f.local(V128)];
    for (const [table, local, size] of [
      [P, p, bytes],
      [V, v, bytes],
      [LAST, last, 4],
    ]) {
      pushRow(f, table, row, size);
      f.set(local);
    }
    f.get(TABLE);
    f.get(NOW);
    f.get(last);
    f.memory(i32.load);
    f.op(i32.sub);
    f.i32(DECAYS - 1);
    f.op(i32.and);
    f.i32(4);
    f.op(i32.mul, i32.add);
    f.memory(f32.load);
    f.op(f32x4.splat);
    f.set(decay);
    f.get(last);
    f.get(NOW);
    f.memory(i32.store);
    for (let at = 0; at < bytes; at += 16) {
      f.get(G);
      f.memory(v128.load, at);
      f.set(g);
      f.get(v);
      f.get(v);
      f.memory(v128.load, at);
      f.get(decay);
      f.op(f32x4.mul);
      f.get(g);
      f.get(g);
      f.op(f32x4.mul);
      splat(f, 1 - alpha);
      f.op(f32x4.mul, f32x4.add);
      f.tee(square);
      f.memory(v128.store, at);
      f.get(p);
      f.get(p);
      f.memory(v128.load, at);
      f.get(g);
      f.get(square);
      f.op(f32x4.sqrt);
      splat(f, eps);
      f.op(f32x4.add, f32x4.div);
      splat(f, lr);
      f.op(f32x4.mul, f32x4.sub);
      f.memory(v128.store, at);
    }
    f.increment(G, bytes);
    for (const local of [p, v, last, decay, g, square]) f.release(local);
  };
  return overRows(8, before, work);
}

/** forward(rows, end, factors, g, p, sums): the gradient, and the loss as four partial sums. */
function forwardFunction(bytes) {
  const [FACTORS, G, P, SUMS] = [2, 3, 4, 5];
  const work = (f, row) => {
    const [p, sum, factor] = [f.local(I32), f.local(V128), f.local(V128)];
    pushRow(f, P, row, bytes);
    f.set(p);
    f.get(SUMS);
    f.memory(v128.load);
    f.set(sum);
    for (let at = 0; at < bytes; at += 16) {
      f.get(FACTORS);
      f.memory(v128.load, at);
      f.set(factor);
      f.get(G);
      f.get(factor);
      f.memory(v128.store, at);
      f.get(p);
      f.memory(v128.load, at);
      f.get(factor);
      f.op(f32x4.mul);
      f.get(sum);
      f.op(f32x4.add);
      f.set(sum);
    }
    f.get(SUMS);
    f.get(sum);
    f.memory(v128.store);
    f.increment(FACTORS, bytes);
    f.increment(G, bytes);
    for (const local of [p, sum, factor]) f.release(local);
  };
  return overRows(6, (f, row, seen) => touch(f, seen, P, row, bytes), work);
}

/** How many different batches of rows there are, as on Thalweg's side. */
const BATCHES = 256;
export const sparseFloor =
  (alone) =>
  ({ rows, width, batch, lr, first, lookedAt }) => {
    if (batch % TOGETHER !== 0 || width % 16 !== 0) throw new Error("the hand-written loop does whole vectors only");
    const bytes = 4 * width;
    let top = 64;
    const room = (size) => {
      top += Math.ceil(size / 64) * 64;
      return top - Math.ceil(size / 64) * 64;
    };
    const [p, v, last] = [room(rows * bytes), room(rows * bytes), room(4 * rows)];
    const [factors, g, decays, batches] = [
      room(batch * bytes),
      room(batch * bytes),
      room(4 * DECAYS),
      room(4 * BATCHES * batch),
    ];
    const memory = new WebAssembly.Memory({ initial: Math.ceil(top / 65536) });
    const module = new ModuleBuilder();
    module.add(stepFunction(bytes, { lr, alpha: 0.99, eps: 1e-8 }), "step");
    module.add(forwardFunction(bytes), "forward");
    const compiled = new WebAssembly.Module(module.encode(false));
    const { exports } = new WebAssembly.Instance(compiled, { e: { m: memory, s: 0 } });
    const { step, forward } = /** @type {any} */ (exports);

    const floats = (at, length) => new Float32Array(memory.buffer, at, length);
    floats(p, rows * width).set(uniform(rows * width, 1));
    floats(factors, batch * width).set(uniform(batch * width, 7));
    floats(decays, DECAYS).set(Float32Array.from({ length: DECAYS }, (_, gap) => 0.99 ** gap));
    const numbers = new Int32Array(memory.buffer, batches, BATCHES * batch);
    for (let i = 0; i < numbers.length; i++) numbers[i] = hash(i, 6) % rows;

    let now = 0;
    const rowsOf = (number) => batches + 4 * batch * number;
    const pass = (number) => forward(rowsOf(number), rowsOf(number) + 4 * batch, factors, g, p, 32);
    const update = (number) => step(rowsOf(number), rowsOf(number) + 4 * batch, g, p, v, last, ++now, decays);
    const both = (number) => {
      pass(number);
      update(number);
    };
    let next = 2;
    return {
      check: () => {
        for (const number of first) both(number);
        // A row that is named twice in a batch would need more care; none of those that are looked at is.
        return lookedAt.flatMap((row) => [0, width - 1].map((column) => floats(p + row * bytes + 4 * column, 1)[0]));
      },
      ...(alone && { before: () => pass(++next % BATCHES) }),
      run: () => (alone ? update(next % BATCHES) : both(++next % BATCHES)),
    };
  };
