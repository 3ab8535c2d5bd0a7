import { OptionError } from "./errors.js";
import { nearest } from "./nearest.js";

/**
 * Refuses options that do not exist, which would otherwise be passed over in silence, and says which are missing.
 *
 * @param who - what takes the options, for messages
 * @param names - all options that there are; true for those that must be given
 * @returns the options
 * @throws OptionError if one is unknown, missing, or NaN
 */
export function checked<O extends object>(who: string, options: O, names: Readonly<Record<keyof O, boolean>>): O {
  const known = Object.keys(names);
  refuseUnknown(who, options ?? {}, known);
  for (const [name, needed] of Object.entries(names)) {
    const value = (options as Record<string, unknown> | undefined)?.[name];
    if (needed && value === undefined) throw new OptionError(`${who}: the option ${name} is missing`);
    if (Number.isNaN(value)) throw new OptionError(`${who}: ${name} must be a number, got NaN`);
  }
  return options;
}

/** @throws OptionError if there is an option that is not among the known ones: with the one that may have been meant, or all */
export function refuseUnknown(who: string, options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || known.includes(name)) continue;
    // Most are PyTorch's own names: T_max for tMax.
    const meant = known.find((other) => plain(other) === plain(name)) ?? nearest(name, known)[0];
    const hint =
      meant === undefined ? `there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}` : `did you mean ${meant}?`;
    throw new OptionError(`${who}: there is no option ${name}; ${hint}`);
  }
}

const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();
