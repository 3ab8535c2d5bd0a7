import { OptionError } from "../../errors.js";
import { checked } from "../../options.js";
import { CompositeLR } from "./compositeLR.js";
import type { LRScheduler, Scheduled } from "./scheduler.js";

export interface SequentialLROptions {
  /** The schedulers, made for the same optimizer, in the order of their turns. */
  schedulers: readonly LRScheduler[];
  /** The epochs at which the second, third, … takes over. */
  milestones: readonly number[];
}

/**
 * One schedule after the other, such as a warm-up and then a decay. Each begins at its epoch 0 with the initial
 * learning rates. As `torch.optim.lr_scheduler.SequentialLR`.
 */
export class SequentialLR extends CompositeLR {
  lastEpoch = 0;
  private readonly milestones: readonly number[];

  constructor(optimizer: Scheduled, options: SequentialLROptions) {
    const { schedulers, milestones } = checked<SequentialLROptions>("SequentialLR", options, {
      schedulers: true,
      milestones: true,
    });
    super("SequentialLR", schedulers, optimizer);
    if (milestones.length !== schedulers.length - 1) {
      throw new OptionError(
        `SequentialLR: ${schedulers.length} schedulers need ${schedulers.length - 1} milestones, got ${milestones.length}`,
      );
    }
    if (schedulers.slice(1).some((scheduler) => scheduler instanceof CompositeLR))
      throw new OptionError("SequentialLR: a scheduler that is made of others can only be the first");
    this.milestones = [...milestones];
    // Making the schedulers has changed the learning rates as if each were the only one.
    for (const group of optimizer.paramGroups) group.lr = group.initialLr!;
    this.undo();
    const first = this.schedulers[this.turn()]!;
    first.begin();
    this.lastLr = first.getLastLr();
  }

  /** Whose turn it is. */
  private turn(): number {
    return this.milestones.filter((m) => m <= this.lastEpoch).length;
  }

  step(): void {
    this.lastEpoch++;
    const turn = this.turn();
    const scheduler = this.schedulers[turn]!;
    if (turn > 0 && this.milestones[turn - 1] === this.lastEpoch) scheduler.restart();
    else scheduler.step();
    this.lastLr = scheduler.getLastLr();
  }

  override begin(): void {
    this.step();
  }

  protected ownState(): { [name: string]: number } {
    return { lastEpoch: this.lastEpoch };
  }
}
