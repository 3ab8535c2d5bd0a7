import type { Code, KernelModule } from "../kernels/kernel.js";
import { nodeModule } from "../platform.js";
import type { Job } from "./threads.js";

/**
 * Cells of the control block, an Int32Array that all threads share. What different threads write stands a cache line
 * apart. (`LEFT` is no cell but the mask of a ticket's lower bits.)
 */
export const CELL = {
  /** The job on hand: its number, and in the lower bits how many of its parts nobody has taken yet. */
  TICKET: 0,
  LEFT: 0xfff,
  /** How many parts of the job helpers have finished. */
  DONE: 16,
  /** 1 while the caller sleeps until DONE changes. */
  WAITING: 32,
  /** How many helpers sleep until TICKET changes. */
  ASLEEP: 48,
  /** 1 if a kernel failed in a helper. */
  FAILED: 64,
  /** 1 when helpers shall end. */
  STOP: 80,
  /** How many bytes of code the library holds. */
  LIBRARY: 81,
  /** The job: number of its kernel in the library, address and number of its pieces, how many of them are a part. */
  KERNEL: 96,
  ADDRESS: 97,
  PIECES: 98,
  TOGETHER: 99,
  /** From here on one cell for each helper, 1 while it works. */
  STATES: 112,
} as const;

/** There may be so many threads, the caller included. */
export const MOST_THREADS = 64;

/** Room for the code of kernels, of which a plan takes a few thousand bytes; grows to the second figure where it can. */
const LIBRARY_BYTES = 2 ** 18;
const LIBRARY_MOST = 2 ** 25;
/** Milliseconds that a helper looks for work before it sleeps: waking it takes a system call and some 50 µs. */
const SPIN = 0.5;
/** How often the caller looks whether the last parts are done before it sleeps, where it may: some 20 µs. */
const LOOKS = 20_000;

/** What a helper is told when it starts; see worker.js. */
export interface Start {
  readonly control: Int32Array;
  readonly library: SharedArrayBuffer;
  readonly memory: WebAssembly.Memory;
  /** Byte address of the scratch space that the helper's kernels may use. */
  readonly scratch: number;
  /** The cell in which the helper says that it works. */
  readonly state: number;
  readonly spin: number;
  readonly cell: typeof CELL;
}

/**
 * Helpers that share a memory with their caller, and the jobs that they do together.
 *
 * A job is a kernel's code and a table of pieces to run it on; some pieces together are a part. Whoever is free takes the next part by lowering a counter, the
 * caller among them: nothing waits for a helper that has not taken a part, be it asleep, still starting or dead. As a
 * kernel gives the same bits however its range is cut, results do not depend on who took what.
 *
 * Code reaches the helpers through shared memory too, so that they never need a turn of their event loop: they sleep on
 * the ticket's cell when there is nothing to do.
 */
export class Crew {
  /** Parts that helpers have run. */
  helped = 0;
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * (CELL.STATES + MOST_THREADS)));
  private readonly library: SharedArrayBuffer & { grow?: (bytes: number) => void };
  /** The number of each module's first kernel in the library. */
  private readonly published = new Map<KernelModule, number>();
  private kernels = 0;
  private job = 0;
  /** What helpers are at work on and the caller has not joined yet. */
  private underWay: Job | null = null;
  private alive = 0;
  private readonly mayWait = maySleep(this.control);

  /** Starts a helper for each scratch address. */
  constructor(memory: WebAssembly.Memory, scratch: readonly number[]) {
    this.library = growable(LIBRARY_BYTES, LIBRARY_MOST);
    const { control, library } = this;
    scratch.forEach((address, i) => {
      const state = CELL.STATES + i;
      const start: Start = { control, library, memory, scratch: address, state, spin: SPIN, cell: CELL };
      this.alive++;
      let gone = false;
      startHelper(start, () => {
        if (gone) return;
        gone = true;
        this.alive--;
        control[state] = 0;
      });
    });
  }

  /** Helpers that are at work. */
  get size(): number {
    let size = 0;
    for (let i = CELL.STATES; i < this.control.length; i++) size += this.control[i]!;
    return size;
  }

  /** True if no helper is left, nor will be. */
  get lost(): boolean {
    return this.alive === 0;
  }

  /** Hands a job to the helpers; false if there is no room for its code. {@link finish} comes before the next one. */
  begin(job: Job, code: Code): boolean {
    const { pieces, address, together } = job;
    const number = this.publish(code);
    if (number < 0) return false;
    const { control } = this;
    const { TICKET, DONE, ASLEEP } = CELL;
    const count = pieces.length / 3;
    const parts = Math.ceil(count / together);
    control[CELL.KERNEL] = number;
    control[CELL.ADDRESS] = address;
    control[CELL.PIECES] = count;
    control[CELL.TOGETHER] = together;
    control[DONE] = 0;
    this.job = (this.job + 1) & 0x7ffff;
    const ticket = (this.job << 12) | parts;
    Atomics.store(control, TICKET, ticket);
    if (Atomics.load(control, ASLEEP) > 0) Atomics.notify(control, TICKET, parts - 1);
    this.underWay = job;
    return true;
  }

  /** Takes part in the job that was begun, and returns when all of it is done. */
  finish(): void {
    const { kernel, pieces, together } = this.underWay!;
    this.underWay = null;
    const { control } = this;
    const { TICKET, LEFT, FAILED } = CELL;
    const parts = Math.ceil(pieces.length / 3 / together);
    let ticket = Atomics.load(control, TICKET);
    let own = 0;
    try {
      while ((ticket & LEFT) > 0) {
        const found = Atomics.compareExchange(control, TICKET, ticket, ticket - 1);
        if (found === ticket) {
          ticket--;
          own++;
          const first = 3 * together * (ticket & LEFT);
          const end = Math.min(first + 3 * together, pieces.length);
          for (let i = first; i < end; i += 3) kernel(pieces[i]!, pieces[i + 1]!, pieces[i + 2]!);
        } else ticket = found;
      }
    } finally {
      // If the kernel failed, what is left is nobody's; what was taken is finished in any case.
      const left = Atomics.and(control, TICKET, ~LEFT) & LEFT;
      const others = parts - left - own;
      this.helped += others;
      this.wait(others);
    }
    if (Atomics.exchange(control, FAILED, 0) === 1) throw new Error("internal: a kernel failed in a thread");
  }

  /** Returns when helpers have finished so many parts. A page may only look, again and again; others sleep. */
  private wait(parts: number): void {
    const { control } = this;
    const { DONE, WAITING } = CELL;
    for (let looks = 0; ; looks++) {
      const done = Atomics.load(control, DONE);
      if (done === parts) return;
      if (looks < LOOKS || !this.mayWait) continue;
      Atomics.store(control, WAITING, 1);
      Atomics.wait(control, DONE, done);
      Atomics.store(control, WAITING, 0);
    }
  }

  /** Ends the helpers, which are idle between jobs. */
  stop(): void {
    const { control } = this;
    Atomics.store(control, CELL.STOP, 1);
    Atomics.add(control, CELL.TICKET, 1 << 12);
    Atomics.notify(control, CELL.TICKET);
  }

  /** The number of a kernel in the library, where helpers find it; -1 if there is no room left. */
  private publish({ module, number }: Code): number {
    let first = this.published.get(module);
    if (first === undefined) {
      const { bytes, kernels } = module;
      const at = this.control[CELL.LIBRARY]!;
      const end = at + 4 + ((bytes.length + 3) & ~3);
      if (end > this.library.byteLength) {
        const room = Math.min(LIBRARY_MOST, Math.max(end, 2 * this.library.byteLength));
        if (end > room || this.library.grow === undefined) return -1;
        this.library.grow(room);
      }
      new Int32Array(this.library, at, 1)[0] = bytes.length;
      new Uint8Array(this.library, at + 4, bytes.length).set(bytes);
      Atomics.store(this.control, CELL.LIBRARY, end);
      first = this.kernels;
      this.published.set(module, first);
      this.kernels += kernels;
    }
    return first + number;
  }
}

/** Shared memory that can grow, or, where that is not known, has one size. */
function growable(bytes: number, most: number): SharedArrayBuffer {
  const Growable = SharedArrayBuffer as new (bytes: number, options: { maxByteLength: number }) => SharedArrayBuffer;
  return new Growable(bytes, { maxByteLength: most });
}

/** Starts one helper. Calls `gone` when it has ended or cannot start. */
function startHelper(start: Start, gone: () => void): void {
  const threads = nodeModule("worker_threads");
  try {
    if (threads !== null) {
      // Not written out in one expression, which bundlers would take for one more file to bring along.
      const file: string = "./worker.js";
      const worker = new threads.Worker(new URL(file, import.meta.url), { workerData: start, execArgv: [] });
      worker.on("error", gone);
      worker.on("exit", gone);
      worker.unref();
    } else {
      const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "thalweg" });
      worker.onerror = (event) => {
        event.preventDefault();
        gone();
      };
      worker.postMessage(start);
    }
  } catch {
    // No such file beside a bundle, or the page's policy forbids it.
    gone();
  }
}

/** Whether this thread may sleep. The main thread of a page may not. */
function maySleep(cell: Int32Array): boolean {
  try {
    Atomics.wait(cell, 0, cell[0]! + 1, 0);
    return true;
  } catch {
    return false;
  }
}
