import { OptionError } from "../errors.js";
import type { Batch } from "./dataset.js";

/** Batches that come asynchronously: from a file, or over the network. */
export interface AsyncBatches extends AsyncIterable<Batch> {
  /** Batches in an iteration, where that is known. */
  readonly length?: number | undefined;
}

/**
 * The same batches, of which the next few are on their way while one is worked on: whoever waits for a disk or a network waits
 * less. Worth nothing where batches are computed, since they are computed on the same thread.
 *
 * The source is asked earlier than it would be, so it should draw from the default generator at most when an iteration begins (as
 * `TableBatches` does): else its draws come before those of the steps.
 *
 * @param ahead - how many batches are asked for ahead. Default 2
 */
export function prefetch(source: AsyncBatches, ahead = 2): AsyncBatches {
  if (!Number.isInteger(ahead) || ahead < 1)
    throw new OptionError(`prefetch: ahead must be a whole number of 1 or more, got ${ahead}`);
  return {
    get length() {
      return source.length;
    },
    async *[Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      const asked: Promise<IteratorResult<Batch>>[] = [];
      const ask = (): void => {
        const next = iterator.next();
        // Its failure is told when its turn comes.
        next.catch(() => {});
        asked.push(next);
      };
      try {
        for (let i = 0; i < ahead; i++) ask();
        for (;;) {
          ask();
          const { done, value } = await asked.shift()!;
          if (done) return;
          yield value;
        }
      } finally {
        await iterator.return?.();
      }
    },
  };
}
