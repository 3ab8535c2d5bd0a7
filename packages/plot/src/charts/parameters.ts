import { count } from "../numbers.js";
import type { EpochLike, ParameterLike } from "../shapes.js";

/** Which parameters are drawn. */
export interface Choice {
  /** Names of parameters, in the order in which they are drawn; all of them, up to `most`, unless given. */
  readonly parameters?: readonly string[];
  /** How many parameters are drawn at most where none are named, 12 unless given; the picture says how many are left out. */
  readonly most?: number;
}

/** The parameters of which something was recorded, as far as they are to be drawn, and what to say of the others. */
export function chosen(
  who: string,
  epochs: readonly EpochLike[],
  kind: keyof ParameterLike,
  { parameters, most = 12 }: Choice,
): { names: string[]; remark: string | undefined } {
  const known = [
    ...new Set(
      epochs.flatMap((e) => Object.keys(e.parameters ?? {}).filter((name) => e.parameters![name]![kind] !== null)),
    ),
  ];
  for (const name of parameters ?? []) {
    if (!known.includes(name)) {
      throw new RangeError(
        `${who}: nothing was recorded for "${name}"; this history has ${known.join(", ") || "no parameters"}`,
      );
    }
  }
  const names = parameters === undefined ? known.slice(0, most) : [...parameters];
  const left = known.length - names.length;
  return { names, remark: parameters === undefined && left > 0 ? `… and ${count(left, "parameter")} more` : undefined };
}
