/** A model's loss and metrics over data that it is not trained on. */
import { noGrad } from "../autograd/backward.js";
import { Meter, type Metric } from "./metric.js";
import { type Batch, type BatchSource, batchesOf, type Loss, lossFunction, pass, type Trainable } from "./model.js";
import { Pace } from "./pace.js";

export interface EvaluateOptions {
  readonly loss?: Loss;
  readonly metrics?: Readonly<Record<string, Metric>>;
  /** Called with each batch's output and target, in order. */
  readonly onBatch?: (output: Batch[number], target: Batch[number]) => void;
  /** Told a few times a second how many samples have been measured. */
  readonly onProgress?: (samples: number) => void | Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures a model on data: the loss as a mean over samples, and the metrics, by name. The model is in evaluation mode
 * meanwhile and in training mode afterwards.
 *
 * @returns "loss" (if one was given) and a value for each metric
 */
export async function evaluate(
  model: Trainable,
  data: BatchSource,
  { loss, metrics = {}, onBatch, onProgress, signal }: EvaluateOptions,
): Promise<Record<string, number>> {
  const meters = Object.entries(metrics).map(([name, metric]) => [name, new Meter(metric)] as const);
  const lossOf = loss === undefined ? null : lossFunction(loss);
  const pace = new Pace();
  let [total, seen] = [0, 0];
  model.eval();
  try {
    const batches = batchesOf(data);
    for (;;) {
      signal?.throwIfAborted();
      const drawn = batches.next();
      const { done, value: batch } = drawn instanceof Promise ? await drawn : drawn;
      if (done) break;
      noGrad(() => {
        const { output, target, samples } = pass(model, batch);
        // Kept, since the loss and each metric reads it.
        output.realize();
        if (lossOf !== null) total += (lossOf(output, target, batch).item() as number) * samples;
        for (const [, meter] of meters) {
          meter.add(output, target);
          meter.settle();
        }
        onBatch?.(output, target);
        seen += samples;
      });
      if (!pace.isDue()) continue;
      await onProgress?.(seen);
      await pace.turn();
    }
  } finally {
    model.train();
  }
  const values: Record<string, number> = lossOf === null ? {} : { loss: total / seen };
  for (const [name, meter] of meters) values[name] = meter.read(seen);
  return values;
}
