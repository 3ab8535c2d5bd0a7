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

const { searchParams } = new URL(location.href);
configure({ threads: Number(searchParams.get("threads")) });
const first = train(12);
// So many shall come; where none will, some time passes all the same.
const expected = Number(searchParams.get("expected"));
do await new Promise((resolve) => setTimeout(resolve, 200));
while (stats().threads < expected);
const again = train(12);
Object.assign(globalThis, {
  run: { isolated: globalThis.crossOriginIsolated, first, again, threads: stats().threads } satisfies Run,
});
