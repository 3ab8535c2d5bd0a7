import { OptionError } from "../errors.js";

/** How much of the mean gradient and of the mean square is kept at each step: two decay rates, 0 or more and below 1. */
export type Betas = readonly [number, number];

/** Refuses decay rates at which a mean would grow, or never change, as PyTorch does. */
export function checkBetas(rule: string, betas: Betas): void {
  betas.forEach((beta, i) => {
    if (!(beta >= 0 && beta < 1)) {
      throw new OptionError(`${rule}: betas[${i}] must be 0 or more and below 1, got ${beta}`);
    }
  });
  if (betas.length !== 2) throw new OptionError(`${rule}: betas must be two numbers, got ${betas.length}`);
}
