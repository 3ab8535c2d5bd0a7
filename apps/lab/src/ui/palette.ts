/** Colours of the runners: told apart by people who see colours differently, and by their dashes as well. */
export const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"] as const;

/** Dashes of the paths, in pixels: none for the first two. */
export const DASHES: readonly (readonly number[])[] = [[], [], [8, 4], [3, 3], [12, 3, 3, 3], [6, 2]];

/** The value of a colour of the style sheet, as it is in the present theme. */
export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const runnerColour = (i: number): string => colour(COLOURS[i % COLOURS.length]!);
