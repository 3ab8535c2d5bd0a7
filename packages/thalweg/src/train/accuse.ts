/** Where a loss that is not finite comes from. */
import { isFloat, type TypedArray } from "../dtype.js";
import type { Batch } from "./model.js";

/** A parameter, with the values it had when the batch was passed through the model. */
interface Suspect {
  readonly name: string;
  readonly value: TypedArray;
}

/**
 * Looks at what the loss was computed from, in the order in which blame falls: learning rates, the batch, the parameters;
 * if all are finite the largest parameter is named, since something overflowed behind it.
 */
export function accuse(
  suspects: readonly Suspect[],
  batch: Batch,
  lrs: readonly number[],
): { parameter: string | null; where: string } {
  const lr = lrs.find((lr) => !Number.isFinite(lr));
  if (lr !== undefined) return { parameter: null, where: `the learning rate is ${lr}` };
  for (const [i, x] of batch.entries()) {
    const count = isFloat(x.dtype) ? notFinite(x.dataSync()) : 0;
    if (count === 0) continue;
    const what = i === batch.length - 1 ? "target" : batch.length === 2 ? "input" : `input ${i}`;
    return { parameter: null, where: `the batch's ${what} has ${count} values that are NaN or infinite` };
  }
  const broken = suspects
    .map(({ name, value }) => ({ name, count: notFinite(value) }))
    .filter(({ count }) => count > 0);
  if (broken.length > 0) {
    const named = broken.map(({ name, count }) => `${name} (${count} values)`).join(", ");
    return { parameter: broken[0]!.name, where: `not finite before it: ${named}` };
  }
  const largest = suspects
    .map(({ name, value }) => ({ name, size: largestOf(value) }))
    .sort((a, b) => b.size - a.size)[0];
  if (largest === undefined) return { parameter: null, where: "there are no parameters to blame" };
  return {
    parameter: largest.name,
    where: `all parameters were finite before it, the largest values in ${largest.name} (up to ${largest.size.toExponential(1)})`,
  };
}

const notFinite = (values: ArrayLike<number>): number => {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) count++;
  return count;
};

function largestOf(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]!));
  return most;
}
