/** So many nanoseconds may be lost to helpers that keep their caller waiting before it goes on without them for a while. */
const CREDIT = 5e6;
/** For how many nanoseconds of work it does so at first, and at most. */
const SHORT = 20e6;
const LONG = 640e6;

/**
 * Whether helpers pay. On a machine that is busy with something else a helper may lose its core in the middle of a part,
 * and its caller, who has nothing else to do, waits for milliseconds. Other threads' work is worth what the caller would have
 * needed for it; if waiting costs more than that, jobs are run alone for a while, and for longer each time it happens again.
 */
export class Worth {
  private balance = CREDIT;
  private pause = SHORT;
  private rest = 0;

  /** Whether a job of so many nanoseconds is to be shared. */
  wants(nanoseconds: number): boolean {
    if (this.rest <= 0) return true;
    this.rest -= nanoseconds;
    return false;
  }

  /** Takes note of what sharing a job has brought, in nanoseconds; below 0 if waiting took longer than helping saved. */
  note(gain: number): void {
    this.balance = Math.min(this.balance + gain, CREDIT);
    if (this.balance < 0) {
      this.balance = CREDIT;
      this.rest = this.pause;
      this.pause = Math.min(2 * this.pause, LONG);
    } else if (gain > 0) this.pause = Math.max(0.98 * this.pause, SHORT);
  }
}
