import { OptionError } from "../errors.js";
import type { Code, RunnableKernel } from "../kernels/kernel.js";
import { isShared } from "../kernels/wasm/backend.js";
import { nodeModule } from "../platform.js";
import { Crew, MOST_THREADS } from "./crew.js";
import type { Memory } from "./memory.js";

/** More threads than this do not help work that mostly waits for memory. */
const USUAL_MOST = 8;
/** Helpers are started when kernels worth so many nanoseconds could have been shared: starting them costs more. */
const START_AFTER = 2e6;

/** Kernels of one code that do not depend on each other, each over a range of its own. */
export interface Job {
  readonly kernel: RunnableKernel;
  /** Three numbers for each range: address of the argument block, begin, end. */
  readonly whole: Int32Array;
  /** What threads need to run the kernel; nothing if the job is one thread's. */
  readonly code: Code | undefined;
  /** The same ranges in smaller pieces; there must be two or more. */
  readonly pieces: Int32Array;
  /** Where the pieces stand in the shared memory. */
  readonly address: number;
  /** How many pieces a thread takes at a time. */
  readonly together: number;
  /** Roughly what the whole takes on one thread. */
  readonly nanoseconds: number;
}

/** The threads that kernels run on: the caller, and, once there is work enough, helpers that share its memory. */
export class Threads {
  private most: number;
  private crew: Crew | null = null;
  private scratch: number[] = [];
  /** Nanoseconds of work that could have been shared. */
  private missed = 0;

  constructor(private readonly memory: Memory) {
    this.most = this.possible(Math.min(cores(), USUAL_MOST));
  }

  /** Threads at work now: 1 until there was enough to do, and where memory cannot be shared. */
  get running(): number {
    return 1 + (this.crew?.size ?? 0);
  }

  /** Parts of kernels that others than the caller have run, since helpers were started. */
  get helped(): number {
    return this.crew?.helped ?? 0;
  }

  /** Sets how many threads there may be, the caller included. Helpers that run end. */
  limit(threads: number): void {
    if (!Number.isInteger(threads) || threads < 1) {
      throw new OptionError(`configure: threads must be a whole number from 1 up, got ${threads}`);
    }
    this.stop();
    this.missed = 0;
    this.most = this.possible(threads);
  }

  /**
   * Runs a job. On several threads, if there are some and it is large enough, it is only begun: helpers work on it while the
   * caller goes on, who takes part when the next job comes or somebody looks at the memory.
   */
  run(job: Job): void {
    this.memory.finish?.();
    if (job.code !== undefined && this.ready(job.nanoseconds)) {
      if (this.crew!.begin(job, job.code)) {
        this.memory.finish = this.finish;
        return;
      }
      // A program with thousands of plans: it goes on with a new crew, whose library is empty.
      this.stop();
    }
    const { kernel, whole } = job;
    for (let i = 0; i < whole.length; i += 3) kernel(whole[i]!, whole[i + 1]!, whole[i + 2]!);
  }

  private readonly finish = (): void => {
    this.memory.finish = null;
    this.crew!.finish();
  };

  /** Starts the helpers now, for programs that know that there will be much to do. */
  start(): void {
    if (this.crew !== null || this.most === 1) return;
    for (let i = 1; i < this.most; i++) this.scratch.push(this.memory.reserveScratch());
    this.crew = new Crew(this.memory.wasm, this.scratch);
  }

  /** Ends the helpers. */
  stop(): void {
    this.memory.finish?.();
    this.crew?.stop();
    this.crew = null;
    for (const address of this.scratch) this.memory.freeScratch(address);
    this.scratch = [];
  }

  private ready(nanoseconds: number): boolean {
    if (this.most === 1) return false;
    if (this.crew === null) {
      this.missed += nanoseconds;
      if (this.missed < START_AFTER) return false;
      this.start();
    }
    if (!this.crew!.lost) return true;
    this.stop();
    this.most = 1;
    return false;
  }

  private possible(threads: number): number {
    return isShared(this.memory.wasm) ? Math.min(threads, MOST_THREADS) : 1;
  }
}

function cores(): number {
  const os = nodeModule("os");
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}
