/** Trains, waits for the helpers that the training started, and trains again. */
import { configure, stats } from "thalweg";
import { train } from "../../packages/thalweg/test/support/wideNetwork.js";

export interface Run {
  readonly isolated: boolean;
  readonly first: readonly string[];
  readonly again: readonly string[];
  /** How many threads there were when the second training ended. */
  readonly threads: number;
}

configure({ threads: Number(new URL(location.href).searchParams.get("threads")) });
const first = train(12);
// Where there will never be helpers, a second is long enough to wait for none.
for (let wait = 0; stats().threads === 1 && wait < 50; wait++) await new Promise((resolve) => setTimeout(resolve, 20));
const again = train(12);
Object.assign(globalThis, {
  run: { isolated: globalThis.crossOriginIsolated, first, again, threads: stats().threads } satisfies Run,
});
