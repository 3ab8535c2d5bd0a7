import { OptionError } from "../../errors.js";
import { checkLrs, checkState, copyOf, dataOf, LRScheduler, type Scheduled, type SchedulerState } from "./scheduler.js";

export interface ResumeOptions {
  /**
   * The last epoch of a schedule to go on with, if its state was not saved; the groups must have their `initialLr`.
   * Default -1: begin.
   */
  lastEpoch?: number;
}

/**
 * The base of schedulers that are a formula. {@link next} gives a group's learning rate at `this.lastEpoch` from the
 * one before, so that several schedulers can act on one optimizer, and a change made by hand stays.
 */
export abstract class FormulaLR<Options extends object = object, Own extends object = object> extends LRScheduler {
  /** Counts the steps; 0 once the scheduler is made. */
  lastEpoch: number;
  /** Learning rates that the schedule is about, one for each group. */
  protected baseLrs: number[];
  protected stepCount = 0;
  /** True while epoch 0 is set: nothing has been trained yet. */
  protected initial = false;
  protected options: Options;
  /** What a schedule remembers besides its epoch; numbers. */
  protected own: Own;

  constructor(optimizer: Scheduled, { lastEpoch = -1, ...options }: Options & ResumeOptions, own: Own = {} as Own) {
    super(optimizer);
    for (const [i, group] of optimizer.paramGroups.entries()) {
      if (lastEpoch === -1) group.initialLr ??= group.lr;
      else if (group.initialLr === undefined) {
        throw new OptionError(
          `scheduler: to go on after epoch ${lastEpoch} group ${i} needs its initialLr; load the optimizer's state first`,
        );
      }
    }
    this.lastEpoch = lastEpoch;
    this.baseLrs = optimizer.paramGroups.map((group) => group.initialLr!);
    this.options = options as unknown as Options;
    this.own = own;
    this.begin();
  }

  /** The learning rate at `this.lastEpoch`, from the one before and the one at the start. */
  protected abstract next(lr: number, base: number, group: number): number;

  /** The learning rate at `this.lastEpoch`, from that at the start, if it can be told without the one before. */
  protected closedForm?(base: number): number;

  /** The momentum at `this.lastEpoch`, for schedules that change it; undefined: leave it. */
  protected momentum(_group: number): number | undefined {
    return undefined;
  }

  step(): void {
    this.stepCount++;
    this.lastEpoch++;
    this.apply((lr, base, i) => this.next(lr, base, i));
  }

  override begin(): void {
    this.stepCount = 0;
    this.initial = true;
    this.step();
    this.initial = false;
  }

  override restart(): void {
    this.lastEpoch = 0;
    this.apply((lr, base, i) => this.closedForm?.(base) ?? this.next(lr, base, i));
  }

  override undo(): void {
    this.lastEpoch--;
  }

  protected apply(lrOf: (lr: number, base: number, group: number) => number): void {
    const groups = this.optimizer.paramGroups;
    if (groups.length !== this.baseLrs.length) {
      throw new OptionError(
        `scheduler: the optimizer has ${groups.length} groups of parameters, it had ${this.baseLrs.length} when the ` +
          "scheduler was made; make a new one after addParamGroup",
      );
    }
    const lrs = groups.map((group, i) => lrOf(group.lr, this.baseLrs[i]!, i));
    for (const [i, group] of groups.entries()) {
      group.lr = lrs[i]!;
      const momentum = this.momentum(i);
      if (momentum !== undefined) setMomentum(group, momentum);
    }
    this.noteLrs();
  }

  stateDict(): SchedulerState {
    const { lastEpoch, stepCount, baseLrs, lastLr, own, options } = this;
    return copyOf({ lastEpoch, stepCount, baseLrs, lastLr, own: dataOf(own), options: dataOf(options) });
  }

  loadStateDict(state: SchedulerState): void {
    const mine = this.stateDict();
    checkState(mine, state);
    for (const part of ["own", "options"])
      checkState(mine[part] as SchedulerState, state[part] as SchedulerState, part);
    for (const name of ["baseLrs", "lastLr"]) checkLrs(name, state[name], this.optimizer);
    const { own, options, ...rest } = copyOf(state);
    Object.assign(this, rest, { own, options: { ...this.options, ...(options as object) } });
  }
}

type MomentumGroup = Scheduled["paramGroups"][number];

/** Momentum is `momentum`, or the first of the betas of Adam and its relatives. */
export function setMomentum(group: MomentumGroup, value: number): void {
  if (group.betas !== undefined) group.betas = [value, ...group.betas.slice(1)];
  else group.momentum = value;
}

export function requireMomentum(scheduler: string, { paramGroups }: Scheduled): void {
  for (const group of paramGroups) {
    if (group.momentum === undefined && group.betas === undefined) {
      throw new OptionError(`${scheduler}: this rule has neither momentum nor betas; pass { cycleMomentum: false }`);
    }
  }
}
