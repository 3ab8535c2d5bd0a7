import type { WriteStream } from "node:tty";

/** What is being counted, and how it stands. */
export interface Progress {
  /** Says that `done` steps of all are done. `status` is a few words, such as `"loss 3.02"`. */
  update(done: number, status: string): void;
}

const BAR = 24;

/** A terminal gets one line that is written over as the count rises; a file or a pipe gets about five lines in all. */
export function progress(total: number, out: WriteStream, dim: (text: string) => string): Progress {
  const every = Math.ceil(total / 5);
  let drawn = 0;
  return {
    update(done, status) {
      const last = done === total;
      const count = `epoch ${String(done).padStart(String(total).length)}/${total}`;
      if (!out.isTTY) {
        if (last || done % every === 0) out.write(`  ${count}  ${status}\n`);
        return;
      }
      // Thirty times a second is as much as an eye can follow, and costs the training nothing.
      const now = performance.now();
      if (!last && now - drawn < 33) return;
      drawn = now;
      // A line that wraps could not be written over.
      const bar = Math.max(0, Math.min(BAR, (out.columns || 80) - count.length - status.length - 7));
      const filled = Math.round((bar * done) / total);
      const text = `${"━".repeat(filled)}${dim("━".repeat(bar - filled))}  ${count}  ${status}`;
      out.write(`\r\u001b[K  ${text}${last ? "\n" : ""}`);
    },
  };
}
