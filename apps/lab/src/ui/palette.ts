/** Colours of the runners: told apart by people who see colours differently, and by their dashes as well. */
import type { Palette } from "../core/paint.js";

export const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"] as const;

/** Dashes of the paths, in pixels: none for the first two. */
export const DASHES: readonly (readonly number[])[] = [[], [], [8, 5], [3, 5], [12, 5, 3, 5], [6, 5]];

/** Asking the style sheet costs too much for each path and frame; its colours change with the theme only. */
let known = new Map<string, string>();
let knownTheme: string | undefined;

/** The value of a colour of the style sheet, as it is in the present theme. */
export function colour(name: string): string {
  const { theme } = document.documentElement.dataset;
  if (theme !== knownTheme) {
    known = new Map();
    knownTheme = theme;
  }
  let value = known.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    known.set(name, value);
  }
  return value;
}

export const runnerColour = (i: number): string => colour(COLOURS[i % COLOURS.length]!);

/** A colour of the form #rrggbb as three numbers. */
export function channels(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** What the ground is painted with, in the present theme. */
export function groundPalette(): Palette {
  const of = (name: string) => channels(colour(name));
  return {
    tints: ["--ground1", "--ground2", "--ground3", "--ground4", "--ground5"].map(of),
    contour: of("--contour"),
    side: of("--side"),
    around: of("--around"),
    shading: Number(colour("--shading")),
    inking: Number(colour("--inking")),
  };
}
