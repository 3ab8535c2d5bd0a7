/** What training needs of a model, of data and of a loss: small interfaces, so that anybody's own will do. */
import type { Tensor } from "../tensor/tensor.js";

/** Anything that can be trained; every `nn.Module` is one. */
export interface Trainable {
  forward(...inputs: Tensor[]): Tensor;
  namedParameters(): [string, Tensor][];
  /** Parameters and buffers as they are now; must stay as they are when training goes on. */
  stateDict(): Record<string, Tensor>;
  loadStateDict(state: Record<string, Tensor>): unknown;
  train(mode?: boolean): unknown;
  eval(): unknown;
}

/** The inputs of a model, and last the target. */
export type Batch = readonly Tensor[];

/**
 * Where batches come from, epoch by epoch: a `DataLoader`, an array of batches, a stream. One with a `stateDict` is
 * resumed in the middle of an epoch by `loadStateDict`; of any other the batches that were used are drawn again.
 */
export interface BatchSource {
  /** Batches in an epoch, where that is known. */
  readonly length?: number | undefined;
  [Symbol.iterator]?(): Iterator<Batch>;
  [Symbol.asyncIterator]?(): AsyncIterator<Batch>;
  stateDict?(): unknown;
  loadStateDict?(state: unknown): void;
}

export type LossFunction = (output: Tensor, target: Tensor, batch: Batch) => Tensor;

/** A loss as a function, or as a module such as `new nn.CrossEntropyLoss()`. */
export type Loss = LossFunction | { forward(output: Tensor, target: Tensor): Tensor };

export const lossFunction = (loss: Loss): LossFunction =>
  // A module can be called too, but takes no batch.
  "forward" in loss ? (output, target) => loss.forward(output, target) : loss;

/** A batch's output, its target, and how many samples are in it. */
export function pass(model: Trainable, batch: Batch): { output: Tensor; target: Tensor; samples: number } {
  const target = batch.at(-1)!;
  return { output: model.forward(...batch.slice(0, -1)), target, samples: target.shape[0] ?? 1 };
}

/** The batches of one epoch, one after another; without waiting where the source does not wait. */
export function batchesOf(source: BatchSource): { next(): IteratorResult<Batch> | Promise<IteratorResult<Batch>> } {
  const iterator = source[Symbol.iterator]?.() ?? source[Symbol.asyncIterator]?.();
  if (iterator === undefined) throw new TypeError("fit: the data cannot be iterated over");
  return iterator;
}
