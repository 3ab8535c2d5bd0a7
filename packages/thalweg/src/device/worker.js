// @ts-check
/**
 * A thread that helps with kernels; {@link Crew} in crew.ts is its other half and says how the two work together.
 *
 * Plain JavaScript without imports: so that bundlers have one small file to bring along, and Node runs it from the
 * sources just as it stands. It never gets round to its event loop: all that it must know comes by shared memory.
 */

/** @param {import("./crew.js").Start} start */
function help({ control, library, memory, scratch, state, spin, cell }) {
  const { TICKET, LEFT, DONE, WAITING, ASLEEP, FAILED, STOP, LIBRARY, KERNEL, ADDRESS, PIECES, TOGETHER } = cell;
  /** @type {((args: number, begin: number, end: number) => void)[]} */
  const kernels = [];
  let known = 0;
  let view = new Int32Array(memory.buffer);

  /** Makes the kernels runnable that have come since the last time. */
  const learn = () => {
    for (const there = Atomics.load(control, LIBRARY); known < there; ) {
      const length = new Int32Array(library, known, 1)[0];
      // A copy: code is compiled from ordinary memory. The engine finds that it has compiled it already.
      const code = new Uint8Array(library, known + 4, length).slice();
      const instance = new WebAssembly.Instance(new WebAssembly.Module(code), { e: { m: memory, s: scratch } });
      for (let i = 0; String(i) in instance.exports; i++) {
        kernels.push(/** @type {(typeof kernels)[number]} */ (instance.exports[i]));
      }
      known += 4 + ((length + 3) & ~3);
    }
  };

  /** Runs one part of the job, which stays as it is until this is done. @param {number} part */
  const run = (part) => {
    const first = part * control[TOGETHER];
    const end = Math.min(first + control[TOGETHER], control[PIECES]);
    const address = control[ADDRESS] >>> 2;
    // Memory has grown; another thread's engine may be told of it a moment later.
    while (view.length < address + 3 * end) view = new Int32Array(memory.buffer);
    try {
      // Known already, unless the counter of jobs has come round since this thread looked.
      learn();
      const kernel = kernels[control[KERNEL]];
      for (let i = address + 3 * first; i < address + 3 * end; i += 3) kernel(view[i], view[i + 1], view[i + 2]);
    } catch {
      Atomics.store(control, FAILED, 1);
    }
    Atomics.add(control, DONE, 1);
    if (Atomics.load(control, WAITING) === 1) Atomics.notify(control, DONE);
  };

  learn();
  Atomics.store(control, state, 1);
  let idleSince = 0;
  for (let looks = 0; Atomics.load(control, STOP) === 0; ) {
    const ticket = Atomics.load(control, TICKET);
    const left = ticket & LEFT;
    if (left > 0) {
      looks = 0;
      learn();
      if (Atomics.compareExchange(control, TICKET, ticket, ticket - 1) === ticket) run(left - 1);
    } else if (looks++ % 64 === 0) {
      const now = performance.now();
      if (looks === 1) idleSince = now;
      else if (now - idleSince > spin) {
        looks = 0;
        Atomics.add(control, ASLEEP, 1);
        Atomics.wait(control, TICKET, ticket);
        Atomics.sub(control, ASLEEP, 1);
      }
    }
  }
  Atomics.store(control, state, 0);
}

const node = globalThis.process?.getBuiltinModule?.("node:worker_threads");
if (node) help(node.workerData);
else {
  globalThis.onmessage = ({ data }) => {
    help(data);
    globalThis.close();
  };
}
