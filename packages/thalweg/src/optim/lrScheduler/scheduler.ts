import { OptionError } from "../../errors.js";

/** A group of parameters as schedulers see it. */
export interface ScheduledGroup {
  lr: number;
  /** The learning rate that schedules start from: what `lr` was when the first scheduler was made. */
  initialLr?: number;
  momentum?: number;
  betas?: readonly number[];
}

/** What can be scheduled: every optimizer with a learning rate. */
export interface Scheduled {
  readonly paramGroups: readonly ScheduledGroup[];
}

/** Numbers, strings, booleans, null, and arrays and objects of them. */
export type PlainData =
  | number
  | string
  | boolean
  | null
  | readonly PlainData[]
  | { readonly [name: string]: PlainData };

/** A scheduler's state and options as plain data, which JSON keeps. */
export type SchedulerState = { readonly [name: string]: PlainData };

/** What all schedulers can do. The usual ones are formulas: see {@link FormulaLR}. */
export abstract class LRScheduler {
  protected lastLr: number[] = [];

  constructor(readonly optimizer: Scheduled) {}

  /** Goes on by one epoch (or batch, if that is what is counted): sets the learning rates of all groups. */
  abstract step(): void;

  /** State and options as plain data. Functions among the options are left out. */
  abstract stateDict(): SchedulerState;

  /**
   * Goes on from {@link stateDict}'s data. The current learning rates are the optimizer's, and come with its state.
   *
   * @throws OptionError if the data is another kind of scheduler's; nothing has changed then
   */
  abstract loadStateDict(state: SchedulerState): void;

  /** The learning rates that the last step set, one for each group. */
  getLastLr(): number[] {
    return [...this.lastLr];
  }

  /** @internal Sets the learning rates of epoch 0. */
  abstract begin(): void;

  /** @internal Begins again at epoch 0 from the groups' initial learning rates. */
  abstract restart(): void;

  /** @internal Takes the step back that making the scheduler was, for one that begins later. */
  abstract undo(): void;

  protected noteLrs(): void {
    this.lastLr = this.optimizer.paramGroups.map((group) => group.lr);
  }
}

/** One value for each group: a list as it is, or a value repeated. */
export function perGroup<T>(scheduler: string, name: string, value: T | readonly T[], { paramGroups }: Scheduled): T[] {
  if (!Array.isArray(value)) return paramGroups.map(() => value as T);
  if (value.length !== paramGroups.length) {
    throw new OptionError(
      `${scheduler}: ${name} has ${value.length} values, the optimizer has ${paramGroups.length} groups of parameters`,
    );
  }
  return [...value];
}

const isData = (value: unknown): boolean =>
  Array.isArray(value) ? value.every(isData) : value !== undefined && typeof value !== "function";

/** The options that are data. */
export const dataOf = (options: object): SchedulerState =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => isData(value)));

/** A copy that shares nothing with the original. */
export const copyOf = <T extends PlainData>(data: T): T => structuredClone(data);

/** Refuses a state that does not have the names and kinds of values that this scheduler's has. */
export function checkState(own: SchedulerState, given: SchedulerState, where = "the state"): void {
  if (typeof given !== "object" || given === null)
    throw new OptionError(`loadStateDict: ${where} must be an object, not ${given}`);
  const names = (state: SchedulerState) => Object.keys(state).sort().join(", ");
  if (names(own) !== names(given)) {
    throw new OptionError(`loadStateDict: ${where} has ${names(given)}; this scheduler's has ${names(own)}`);
  }
  for (const [name, mine] of Object.entries(own)) {
    const value = given[name];
    if (mine === null || value === null || Array.isArray(mine) || Array.isArray(value)) continue;
    if (typeof value !== typeof mine) {
      throw new OptionError(
        `loadStateDict: ${name} in ${where} is a ${typeof value}, this scheduler's a ${typeof mine}`,
      );
    }
  }
}

/** Refuses a list that does not have one number for each group. */
export function checkLrs(name: string, values: PlainData | undefined, { paramGroups }: Scheduled): void {
  const fits = Array.isArray(values) && values.every((value) => typeof value === "number");
  if (!fits || values.length !== paramGroups.length) {
    throw new OptionError(
      `loadStateDict: ${name} must be ${paramGroups.length} numbers, one for each group, not ${JSON.stringify(values)}`,
    );
  }
}
