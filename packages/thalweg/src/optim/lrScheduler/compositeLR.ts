import { OptionError } from "../../errors.js";
import { checkLrs, checkState, copyOf, LRScheduler, type SchedulerState } from "./scheduler.js";

/** The base of schedulers that are made of others. */
export abstract class CompositeLR extends LRScheduler {
  protected readonly schedulers: readonly LRScheduler[];

  constructor(name: string, schedulers: readonly LRScheduler[], optimizer = schedulers[0]?.optimizer) {
    if (optimizer === undefined) throw new OptionError(`${name}: needs at least one scheduler`);
    for (const [i, scheduler] of schedulers.entries()) {
      if (!(scheduler instanceof LRScheduler))
        throw new OptionError(`${name}: number ${i} is no scheduler that steps without being told a metric`);
      if (scheduler.optimizer !== optimizer)
        throw new OptionError(`${name}: scheduler ${i} belongs to another optimizer`);
    }
    super(optimizer);
    this.schedulers = [...schedulers];
  }

  override restart(): void {
    throw new OptionError("SequentialLR: a scheduler that is made of others can only be the first");
  }

  override undo(): void {
    for (const scheduler of this.schedulers) scheduler.undo();
  }

  /** What is saved besides the schedulers' states. */
  protected abstract ownState(): { [name: string]: number };

  stateDict(): SchedulerState {
    const schedulers = this.schedulers.map((scheduler) => scheduler.stateDict());
    return copyOf({ ...this.ownState(), lastLr: this.lastLr, schedulers });
  }

  loadStateDict(state: SchedulerState): void {
    checkState(this.stateDict(), state);
    checkLrs("lastLr", state.lastLr, this.optimizer);
    const { schedulers, ...rest } = copyOf(state);
    const states = schedulers as readonly SchedulerState[];
    if (!Array.isArray(states) || states.length !== this.schedulers.length)
      throw new OptionError(`loadStateDict: the state must have those of ${this.schedulers.length} schedulers`);
    const before = this.schedulers.map((scheduler) => scheduler.stateDict());
    try {
      this.schedulers.forEach((scheduler, i) => {
        scheduler.loadStateDict(states[i]!);
      });
    } catch (error) {
      this.schedulers.forEach((scheduler, i) => {
        scheduler.loadStateDict(before[i]!);
      });
      throw error;
    }
    Object.assign(this, rest);
  }
}
