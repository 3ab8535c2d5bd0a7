/** What to say of a column that does not exist. */
import { nearest } from "../nearest.js";

/** Names a column that does not exist, and those that somebody may have meant. */
export function unknownColumn(file: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known).map((other) => JSON.stringify(other));
  const hint =
    near.length > 0
      ? `did you mean ${near.join(" or ")}?`
      : `it has ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}`;
  return `${file} has no column ${JSON.stringify(name)}: ${hint}`;
}
