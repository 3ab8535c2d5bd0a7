import { noGrad } from "../autograd/backward.js";
import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { atLeast, type HeldChange, Optimizer, type State } from "./optimizer.js";

/** Options that the schedule-free rules share. */
export interface ScheduleFreeOptions {
  /** Learning rate. */
  lr: number;
  /** This times y is added to the gradient. Default 0. */
  weightDecay: number;
  /** The learning rate grows linearly over this many steps. Default 0. */
  warmupSteps: number;
  /** Later points weigh more in the average: with the power r of their step. Default 0. */
  r: number;
  /** Points weigh with this power of the largest learning rate so far; matters during warm-up. Default 2. */
  weightLrPower: number;
}

/** What a group knows of the way it has come; saved with its options, and not to be set. */
export interface ScheduleFreeProgress {
  /** Steps made. */
  k: number;
  lrMax: number;
  /** Sum of the weights of all points so far. */
  weightSum: number;
  /** Whether the parameters are y, to be trained, or the average x. */
  trainMode: boolean;
}

export const start: ScheduleFreeProgress = { k: 0, lrMax: -1, weightSum: 0, trainMode: true };

/**
 * Training without a schedule: z makes the steps of the rule itself, x is the average of all z, and gradients are taken
 * in between, at y. The average does what a falling learning rate would do, and needs no end to be known in advance.
 *
 * y = (1 − β) z + β x,  z ← z − lr · d,  x ← (1 − c) x + c z,  c = w / Σ w,  w = kʳ · lrMaxᵖ
 *
 * where d is the rule's direction at y. While training, the parameters are y. For evaluating and for saving a finished
 * model call {@link eval}, which makes them x; {@link train} makes them y again, and steps are refused before it. A new
 * optimizer is ready to train.
 *
 * Source: A. Defazio et al., "The Road Less Scheduled" (2024). Meaning and defaults are those of the authors' package
 * `schedulefree`, without its restriction that `train()` must be called before the first step.
 */
export abstract class ScheduleFree<O extends ScheduleFreeOptions & ScheduleFreeProgress> extends Optimizer<O> {
  /** β: how far y is from z towards x. */
  protected abstract towardsAverage(options: O): number;

  /** The rule's direction at y. */
  protected abstract direction(y: Tensor, g: Tensor, state: State, options: O): Tensor;

  override record(): HeldChange[] {
    if (this.paramGroups.some((group) => !group.trainMode)) {
      throw new OptionError("step: the parameters are averages now; call the optimizer's train() before training on");
    }
    return super.record();
  }

  protected override prepare(): void {
    for (const group of this.paramGroups) {
      group.k += 1;
      group.lrMax = Math.max(group.lrMax, warm(group));
      group.weightSum += weight(group);
    }
  }

  update(y: Tensor, g: Tensor, state: State, options: O, step: number): Tensor {
    const lr = warm(options);
    const beta = this.towardsAverage(options);
    const c = options.weightSum === 0 ? 0 : weight(options) / options.weightSum;
    const z = step === 1 ? y : state.z!;
    const direction = this.direction(y, g, state, options);

    state.z = z.sub(direction.mul(lr));
    // y's own recurrence: x is never needed.
    return y.add(z.sub(y).mul(c)).add(direction.mul(lr * (beta * (1 - c) - 1)));
  }

  /** Makes the parameters the average x, for evaluating. Does nothing if they are. */
  eval(): void {
    this.swap(false, (beta) => 1 - 1 / beta);
  }

  /** Makes the parameters y again, for training on. Does nothing if they are. */
  train(): void {
    this.swap(true, (beta) => 1 - beta);
  }

  private swap(trainMode: boolean, share: (beta: number) => number): void {
    noGrad(() => {
      for (const group of this.paramGroups) {
        if (group.trainMode === trainMode) continue;
        const part = share(this.towardsAverage(group));
        for (const p of group.params) {
          const { z } = this.stateOf(p);
          if (z !== undefined) p.assign(p.add(z.sub(p).mul(part)));
        }
        group.trainMode = trainMode;
      }
    });
  }

  protected override validate({ lr, weightDecay, warmupSteps }: O): void {
    for (const [name, value] of Object.entries({ lr, weightDecay, warmupSteps })) {
      atLeast(this.constructor.name, name, value, 0);
    }
  }
}

/** The learning rate at the current step. */
export function warm({ lr, k, warmupSteps }: ScheduleFreeOptions & ScheduleFreeProgress): number {
  return k < warmupSteps ? (lr * k) / warmupSteps : lr;
}

/** How much the current point weighs in the average. */
function weight({ k, r, lrMax, weightLrPower }: ScheduleFreeOptions & ScheduleFreeProgress): number {
  return k ** r * lrMax ** weightLrPower;
}
