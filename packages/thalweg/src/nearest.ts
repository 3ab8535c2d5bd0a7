/** What somebody may have meant who mistyped a name. */

/** Those known names that are a few letters away from a name, or contain it; the nearest first, at most three. */
export function nearest(name: string, known: readonly string[]): string[] {
  const typed = name.toLowerCase();
  return known
    .map((other) => [other, distance(typed, other.toLowerCase())] as const)
    .filter(([other, d]) => d <= Math.max(1, name.length / 3) || other.toLowerCase().includes(typed))
    .sort(([, a], [, b]) => a - b)
    .slice(0, 3)
    .map(([other]) => other);
}

/** How many letters must be changed, added, left out or swapped with their neighbour (the distance of Damerau and Levenshtein). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(
        Math.min(
          row[j]! + 1,
          next[j - 1]! + 1,
          row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = row;
    row = next;
  }
  return row.at(-1)!;
}
