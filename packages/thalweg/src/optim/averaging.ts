import { OptionError } from "../errors.js";
import { recording } from "../graph/node.js";
import { sameShape, showShape } from "../graph/shape.js";
import { step as recordStep } from "../plan/engine.js";
import { zerosLike } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";
import { restore, type SavedTensor } from "./slots.js";

/**
 * The new average, from the old one and the parameter's value.
 *
 * @param count - how many values the old average has in it; 1 or more
 */
export type AverageFunction = (average: Tensor, value: Tensor, count: number) => Tensor;

/** Stochastic weight averaging, the mean of all values: a ← a + (p − a) / (n + 1). */
export const swaAverage: AverageFunction = (average, value, count) => average.add(value.sub(average).div(count + 1));

/** Exponential moving average: a ← d · a + (1 − d) · p. */
export function emaAverage(decay = 0.999): AverageFunction {
  if (!(decay >= 0 && decay <= 1)) throw new OptionError(`emaAverage: decay must be from 0 to 1, got ${decay}`);
  return (average, value) => average.mul(decay).add(value.mul(1 - decay));
}

/** An average's state as plain data. */
export interface AverageState {
  count: number;
  averages: SavedTensor[];
}

/**
 * A running average of parameters, which often generalizes better than their last values. Recorded like a step: nothing
 * is read, and each average is one array that is written over.
 *
 * ```ts
 * const average = new optim.AveragedParameters(params, { average: optim.emaAverage(0.99) });
 * // after each optimizer.step():
 * average.update();
 * // to evaluate with the average in the parameters' places:
 * const accuracy = average.during(() => evaluate(model));
 * ```
 *
 * Sources: B. T. Polyak, A. Juditsky (1992); P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
 * Generalization" (2018). As `torch.optim.swa_utils.AveragedModel`, on a list of parameters.
 */
export class AveragedParameters {
  readonly params: readonly Tensor[];
  /** The averages, in the parameters' order and shapes. Before the first update: the parameters' values at the start. */
  readonly averages: readonly Tensor[];
  /** Updates made so far. The first only copies. */
  count = 0;
  private readonly average: AverageFunction;
  private swapped = false;

  /** @param options - `average`: how to average. Default {@link swaAverage}: the mean. */
  constructor(params: Iterable<Tensor>, { average = swaAverage }: { average?: AverageFunction } = {}) {
    this.params = [...params];
    if (this.params.length === 0) throw new OptionError("AveragedParameters: got an empty list of parameters");
    if (!this.params.every((p) => p instanceof Tensor))
      throw new OptionError("AveragedParameters: parameters must be tensors");
    this.average = average;
    this.averages = this.params.map((p) => zerosLike(p));
    this.set(this.averages, (values) => values);
  }

  /** Takes the parameters' values into the averages. Call it after the optimizer's step. */
  update(): void {
    if (this.swapped) throw new OptionError("AveragedParameters: swap the averages out before the next update");
    const { averages, count } = this;
    this.set(averages, (values) =>
      count === 0 ? values : averages.map((average, i) => this.average(average, values[i]!, count)),
    );
    this.count++;
  }

  /** Exchanges parameters and averages; a second call puts them back. */
  swap(): void {
    const { params, averages } = this;
    this.set([...params, ...averages], (values) => [...averages, ...values]);
    this.swapped = !this.swapped;
  }

  /**
   * Runs a function with the averages in the parameters' places and returns what it returns; the parameters are put
   * back also if it throws. The function may be async: then await what is returned.
   */
  during<T>(evaluate: () => T): T {
    this.swap();
    let result: T;
    try {
      result = evaluate();
    } catch (error) {
      this.swap();
      throw error;
    }
    if (result instanceof Promise) return result.finally(() => this.swap()) as T;
    this.swap();
    return result;
  }

  /** Records new values, made from the parameters' values, for tensors: all at once, without gradients. */
  private set(holders: readonly Tensor[], valuesOf: (params: readonly Tensor[]) => readonly Tensor[]): void {
    // Read as a user would read them, since rows of a table that is trained sparsely may have to be brought up to date.
    const params = this.params.map((p) => p.detach());
    const { gradEnabled, internal } = recording;
    recording.gradEnabled = false;
    recording.internal = true;
    try {
      const values = valuesOf(params).map((value) => value.detach());
      values.forEach((value, i) => {
        const { shape, dtype } = holders[i]!;
        if (sameShape(value.shape, shape) && value.dtype === dtype) return;
        throw new OptionError(
          `AveragedParameters: the new average is ${value.dtype} of shape ${showShape(value.shape)}, the parameter ${dtype} of ${showShape(shape)}`,
        );
      });
      const nodes = recordStep(values.map((value, i) => ({ old: holders[i]!.node, value: value.node })));
      nodes.forEach((node, i) => {
        holders[i]!.node = node;
      });
    } finally {
      recording.gradEnabled = gradEnabled;
      recording.internal = internal;
    }
  }

  /** The averages as plain data, to be saved. */
  stateDict(): AverageState {
    if (this.swapped) throw new OptionError("AveragedParameters: swap the averages out before saving");
    const averages = this.averages.map((x) => ({ dtype: x.dtype, shape: [...x.shape], data: x.dataSync() }));
    return { count: this.count, averages };
  }

  /** Goes on from {@link stateDict}'s data. If it does not fit, it says what differs, and nothing has changed. */
  loadStateDict({ count, averages }: AverageState): void {
    if (this.swapped) throw new OptionError("AveragedParameters: swap the averages out before loading");
    if (!Number.isInteger(count) || count < 0)
      throw new OptionError(`loadStateDict: count must be a whole number of 0 or more, not ${count}`);
    if (averages.length !== this.averages.length) {
      throw new OptionError(
        `loadStateDict: the state has ${averages.length} averages, there are ${this.averages.length} parameters`,
      );
    }
    const values = averages.map((saved, i) => restore(`average ${i}`, saved));
    this.set(this.averages, () => values);
    this.count = count;
  }
}
