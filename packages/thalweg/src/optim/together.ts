/** Updates that one formula describes: recorded once, and then applied to each parameter. */
import { type Node, record, recording } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { SCALAR, sameShape } from "../graph/shape.js";
import type { Change } from "../plan/engine.js";
import { formulaFrom } from "../plan/formula.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkUpdate, type Slots } from "./slots.js";

/** A parameter that is about to be updated. */
export interface Member<O> {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly slots: Slots;
  readonly options: O;
}

/**
 * Whether the class in which a rule's `update` is written says that it is elementwise. A class that overrides it has to say
 * so itself.
 */
export function isElementwise(rule: { readonly update: unknown }): boolean {
  if (Object.hasOwn(rule, "update")) return false;
  for (let one = Object.getPrototypeOf(rule); one !== null; one = Object.getPrototypeOf(one)) {
    if (Object.hasOwn(one, "update")) return Object.hasOwn(one.constructor, "elementwise");
  }
  return false;
}

/** From so many parameters on, finding the formula costs less than recording it for each of them. */
const ENOUGH = 4;

/** How many parameters from number `first` on differ in nothing but their values and shapes; 1 if they are too few. */
export function alike(members: readonly Member<unknown>[], first: number): number {
  const one = members[first]!;
  const names = Object.keys(one.slots.holders);
  let end = first;
  while (end < members.length && fits(members[end]!, one, names)) end++;
  return end - first < ENOUGH ? 1 : end - first;
}

function fits({ p, g, slots, options }: Member<unknown>, one: Member<unknown>, names: readonly string[]): boolean {
  const { dtype, shape } = p.node;
  if (options !== one.options || slots.step !== one.slots.step || dtype !== one.p.node.dtype) return false;
  const like = ({ node }: Tensor) => node.dtype === dtype && sameShape(node.shape, shape);
  let count = 0;
  for (const _ in slots.holders) count++;
  if (count !== names.length || !like(g)) return false;
  for (let n = 0; n < names.length; n++) {
    const holder = slots.holders[names[n]!];
    if (holder === undefined || !like(holder)) return false;
  }
  for (const name in one.slots.numbers) if (slots.numbers[name] !== one.slots.numbers[name]) return false;
  return true;
}

/**
 * Records the first of some members' update, and, if that is a formula, its application to all of them.
 *
 * @returns null; or, if it is no formula, the first one's new value, which then is all that was recorded
 */
export function updateTogether(
  members: readonly Member<unknown>[],
  first: number,
  end: number,
  update: () => Tensor,
  changes: (Change & { readonly holder: Tensor })[],
): Tensor | null {
  const { p, g, slots } = members[first]!;
  const { holders, state, numbers } = slots;
  const names = Object.keys(holders);
  const { following } = recording;
  const live = recording.live.length;
  const own = update();
  checkUpdate(p, own);
  const inputs = [p.node, g.node];
  const outputs: (Node | null)[] = [own.node, null];
  for (const name of names) {
    const holder = holders[name]!;
    const next = state[name]!;
    if (next !== holder) checkUpdate(holder, next);
    inputs.push(holder.node);
    outputs.push(next === holder ? null : next.node);
  }
  // A state that has just come into being has nothing yet that the formula could be applied to.
  const set = Object.keys(state);
  const formula = set.every((name) => names.includes(name)) ? formulaFrom(inputs, outputs) : null;
  if (formula === null) return own;
  // What was recorded for the first is not needed.
  if (following === null) recording.live.length = live;
  for (const name of set) state[name] = holders[name]!;
  const sources = [formula];
  for (let m = first; m < end; m++) {
    const { p, g, slots } = members[m]!;
    for (const name in numbers) slots.numbers[name] = numbers[name]!;
    sources.push(p.node, g.node);
    for (let n = 0; n < names.length; n++) sources.push(slots.holders[names[n]!]!.node);
  }
  const value = record(P.applied, p.dtype, SCALAR, sources, [inputs.length]);
  for (let m = first, place = 1; m < end; m++, place += inputs.length) {
    const { p, slots } = members[m]!;
    for (let o = 0; o < outputs.length; o++) {
      if (outputs[o] === null) continue;
      const holder = o === 0 ? p : slots.holders[names[o - 2]!]!;
      changes.push({ old: holder.node, value, holder, place: place + o });
    }
  }
  return null;
}
