import type { FitOptions } from "./fitOptions.js";
import type { History } from "./history.js";
import type { Trainable } from "./model.js";
import { Training } from "./training.js";

export type { Callback, CheckpointOptions, FitOptions, Progress } from "./fitOptions.js";

/**
 * Trains a model: for each epoch all batches are passed through it, the loss's gradients are computed, and the optimizer
 * steps, as one would write it by hand; then it is measured on the validation data.
 *
 * ```ts
 * const history = await fit(model, {
 *   train: new DataLoader(dataset, { batchSize: 32, shuffle: true }),
 *   validation: new DataLoader(other, { batchSize: 256 }),
 *   optimizer: new optim.RMSprop(model.parameters()),
 *   loss: new nn.CrossEntropyLoss(),
 *   metrics: { accuracy: metrics.accuracy() },
 *   epochs: 20,
 * });
 * ```
 *
 * A batch is a list of tensors: the model's inputs, and last the target. With validation data, or `earlyStopping`, the model
 * has its best values in the end. Training stops at a loss that is NaN or infinite (`history.data.stopped` says at which step).
 * Resumed from a checkpoint it gives, bit for bit, what it would have given without the interruption.
 *
 * @throws OptionError if an option makes no sense; CheckpointError if a checkpoint does not fit or cannot be written
 */
export function fit(model: Trainable, options: FitOptions): Promise<History> {
  return new Training(model, options).run();
}
