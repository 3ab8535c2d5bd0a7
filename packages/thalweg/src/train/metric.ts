/** What is measured beside the loss: sums over batches, recorded like everything else and read once at the end. */
import { noGrad } from "../autograd/backward.js";
import type { SavedTensor } from "../optim/optimizer.js";
import { restore } from "../optim/slots.js";
import type { Tensor } from "../tensor/tensor.js";

/** Sums by name. */
export interface Sums {
  [name: string]: Tensor;
}

/**
 * A metric: from each batch come some tensors, which are added up over the batches; from the sums comes a number.
 *
 * ```ts
 * const mae: Metric = {
 *   goal: "min",
 *   measure: (output, target) => ({ error: output.sub(target).abs().sum() }),
 *   result: ({ error }, samples) => error!.item() / samples,
 * };
 * ```
 */
export interface Metric {
  /** Whether small or large values are good. */
  readonly goal: "min" | "max";
  /** What a batch adds: always the same names and shapes. */
  measure(output: Tensor, target: Tensor): Sums;
  /** The metric's value, from the sums over all batches. */
  result(sums: Readonly<Sums>, samples: number): number;
}

/** A metric over the batches seen so far. */
export class Meter {
  private sums: Sums | null = null;

  constructor(readonly metric: Metric) {}

  /** Records a batch; nothing is computed yet. */
  add(output: Tensor, target: Tensor): void {
    noGrad(() => {
      const measured = this.metric.measure(output.detach(), target);
      const { sums } = this;
      if (sums === null) this.sums = measured;
      else for (const name of Object.keys(measured)) sums[name] = sums[name]!.add(measured[name]!);
    });
  }

  /** Computes what has been recorded, so that nothing piles up where no steps come. */
  settle(): void {
    for (const sum of Object.values(this.sums ?? {})) sum.realize();
  }

  read(samples: number): number {
    return this.sums === null ? Number.NaN : this.metric.result(this.sums, samples);
  }

  reset(): void {
    this.sums = null;
  }

  save(): Record<string, SavedTensor> {
    const saved: Record<string, SavedTensor> = {};
    for (const [name, x] of Object.entries(this.sums ?? {})) {
      saved[name] = { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() };
    }
    return saved;
  }

  load(saved: Readonly<Record<string, SavedTensor>>): void {
    const entries = Object.entries(saved);
    this.sums = entries.length === 0 ? null : Object.fromEntries(entries.map(([name, x]) => [name, restore(name, x)]));
  }
}
