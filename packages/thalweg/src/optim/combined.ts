import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  type HeldChange,
  Optimizer,
  type ParamGroup,
  type SavedTensor,
  type State,
  type StateDict,
  type StepReport,
} from "./optimizer.js";

/**
 * Several optimizers that work as one, each on parameters of its own: Muon on the matrices inside a network and AdamW on the
 * rest, or SparseAdam on an embedding's table and Adam on the layers behind it.
 *
 * ```ts
 * const optimizer = new optim.Combined([
 *   new optim.Muon(matrices, { lr: 0.02 }),
 *   new optim.AdamW(others, { lr: 0.001 }),
 * ]);
 * ```
 *
 * Its groups are theirs, one optimizer's after another's, so a schedule reaches all of them. A step is one step for the engine:
 * all gradients are of the same point, and nothing runs twice. It is saved and loaded as one, too.
 */
export class Combined extends Optimizer<object> {
  /** "Muon + AdamW". */
  override readonly rule: string;

  /** @throws OptionError if a parameter belongs to two of them, or a rule's step needs a closure (LBFGS) */
  constructor(readonly optimizers: readonly Optimizer<object>[]) {
    super(optimizers.flatMap(({ paramGroups }) => paramGroups) as ParamGroup<object>[], {});
    this.rule = optimizers.map(({ rule }) => rule).join(" + ");
    const other = optimizers.find(({ step }) => step !== Optimizer.prototype.step);
    if (other !== undefined) throw new OptionError(`Combined: ${other.rule} makes its steps in its own way, alone`);
  }

  /** Groups are added to one of the optimizers, before they are combined. */
  override addParamGroup(group: ParamGroup<object>): void {
    if (this.optimizers !== undefined)
      throw new OptionError("Combined: add the group to one of its optimizers, and combine them anew");
    const known = new Set(this.paramGroups.flatMap(({ params }) => params));
    if (group.params.some((p) => known.has(p)))
      throw new OptionError("Combined: a parameter belongs to two of the optimizers");
    // The group itself: what is changed here is changed there.
    this.paramGroups.push(group as { params: Tensor[] });
  }

  override record(): HeldChange[] {
    return this.optimizers.flatMap((optimizer) => optimizer.record());
  }

  override update(): Tensor {
    throw new OptionError("Combined: its optimizers update the parameters");
  }

  override initialOf(): null {
    return null;
  }

  private ownerOf(p: Tensor): Optimizer<object> | undefined {
    return this.optimizers.find(({ paramGroups }) => paramGroups.some(({ params }) => params.includes(p)));
  }

  override stateOf(p: Tensor): Readonly<State> {
    return this.ownerOf(p)?.stateOf(p) ?? {};
  }

  override report(p: Tensor): StepReport | null {
    return this.ownerOf(p)?.report(p) ?? null;
  }

  override observe(on = true): void {
    for (const optimizer of this.optimizers) optimizer.observe(on);
  }

  /** For schedule-free rules among them: the parameters become those that are trained. */
  train(): void {
    for (const optimizer of this.optimizers) (optimizer as Averaging).train?.();
  }

  /** For schedule-free rules among them: the parameters become their averages. */
  eval(): void {
    for (const optimizer of this.optimizers) (optimizer as Averaging).eval?.();
  }

  /** Parameters are counted over all optimizers; the state of an optimizer as a whole has its number before its name. */
  override stateDict(options: { settle?: boolean } = {}): StateDict<object> {
    const all: StateDict<object> = { state: {}, shared: {}, paramGroups: [] };
    let first = 0;
    for (const [i, optimizer] of this.optimizers.entries()) {
      const { state, shared, paramGroups } = optimizer.stateDict(options);
      for (const [n, entry] of Object.entries(state)) all.state[first + Number(n)] = entry;
      for (const [name, x] of Object.entries(shared)) all.shared[`${i}/${name}`] = x;
      all.paramGroups.push(
        ...paramGroups.map(({ params, ...rest }) => ({ ...rest, params: params.map((n) => first + n) })),
      );
      first += sizeOf(optimizer);
    }
    return all;
  }

  override loadStateDict(saved: StateDict<object>): void {
    const before = this.optimizers.map((optimizer) => optimizer.stateDict({ settle: false }));
    try {
      for (const [i, part] of this.parts(saved).entries()) this.optimizers[i]!.loadStateDict(part);
    } catch (error) {
      for (const [i, state] of before.entries()) this.optimizers[i]!.loadStateDict(state);
      throw error;
    }
  }

  /** What each optimizer has of a saved state. */
  private parts(saved: StateDict<object>): StateDict<object>[] {
    const { state, shared, paramGroups } = saved ?? {};
    const groups = this.optimizers.reduce((sum, optimizer) => sum + optimizer.paramGroups.length, 0);
    if (!Array.isArray(paramGroups) || paramGroups.length !== groups)
      throw new OptionError(`loadStateDict: the state must have ${groups} groups, those of ${this.rule}`);
    let [first, firstGroup] = [0, 0];
    return this.optimizers.map((optimizer, i) => {
      const part: StateDict<object> = { state: {}, shared: {}, paramGroups: [] };
      const size = sizeOf(optimizer);
      for (let n = 0; n < size; n++) {
        const entry = state?.[first + n];
        if (entry !== undefined) part.state[n] = entry;
      }
      for (const [name, x] of Object.entries<SavedTensor>(shared ?? {})) {
        if (name.startsWith(`${i}/`)) part.shared[name.slice(`${i}/`.length)] = x;
      }
      const from = first;
      part.paramGroups = paramGroups
        .slice(firstGroup, firstGroup + optimizer.paramGroups.length)
        .map(({ params, ...rest }) => ({ ...rest, params: params.map((n) => n - from) }));
      first += size;
      firstGroup += optimizer.paramGroups.length;
      return part;
    });
  }
}

type Averaging = { train?(): void; eval?(): void };

const sizeOf = ({ paramGroups }: Optimizer<object>): number =>
  paramGroups.reduce((sum, { params }) => sum + params.length, 0);
