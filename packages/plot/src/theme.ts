/** The colours of a picture. One set for light paper, one for dark, and one of names that a page's style gives colours to. */
export interface Theme {
  readonly paper: string;
  readonly ink: string;
  /** For what is read second: ticks, notes. At least 4.5 : 1 against the paper. */
  readonly muted: string;
  /** For series, one after another. */
  readonly series: readonly string[];
  /** Nine steps from little to much, for heat maps, contours and counts. */
  readonly heat: readonly string[];
}

/** Okabe and Ito's colours, which people with any kind of colour vision can tell apart; the lightest are left out. */
export const LIGHT: Theme = {
  paper: "#ffffff",
  ink: "#1b2733",
  muted: "#596673",
  series: ["#0072b2", "#c85200", "#00805d", "#b0508a", "#8a6a00", "#4b5563"],
  heat: ["#f2f7fa", "#dce9f1", "#c2dae7", "#a2c7db", "#7db0cc", "#417fa6", "#2c6a93", "#1c547a", "#0e3d5e"],
};

/** The same hues, lighter, for dark paper. */
export const DARK: Theme = {
  paper: "#141b21",
  ink: "#e4eaee",
  muted: "#9aa8b3",
  series: ["#5cb3e6", "#f2935a", "#46c49e", "#e19cc4", "#dcb454", "#a9b4be"],
  heat: ["#1a252e", "#1d3342", "#224357", "#29556e", "#326985", "#5b9bbc", "#7ab1cd", "#9cc8de", "#c3dfec"],
};

/** From this step of `heat` on, the paper's colour is easier to read on it than the ink's, in both themes. */
export const HEAT_TURNS = 5;

const entries = (theme: Theme): [string, string][] => [
  ["paper", theme.paper],
  ["ink", theme.ink],
  ["muted", theme.muted],
  ...theme.series.map((c, i): [string, string] => [`series-${i}`, c]),
  ...theme.heat.map((c, i): [string, string] => [`heat-${i}`, c]),
];

/** A theme's colours as CSS custom properties. */
export const properties = (theme: Theme): string =>
  entries(theme)
    .map(([name, c]) => `--tw-${name}:${c}`)
    .join(";");

/** What gives {@link NAMED} its colours: light, or dark where the reader asked for dark. */
export const AUTO_STYLE = `:root{${properties(LIGHT)}}@media(prefers-color-scheme:dark){:root{${properties(DARK)}}}`;

/** Colours by name, so that one picture can be light and dark. */
export const NAMED: Theme = {
  paper: "var(--tw-paper)",
  ink: "var(--tw-ink)",
  muted: "var(--tw-muted)",
  series: LIGHT.series.map((_, i) => `var(--tw-series-${i})`),
  heat: LIGHT.heat.map((_, i) => `var(--tw-heat-${i})`),
};

/** The colour of the `i`-th series; they repeat after six. */
export function colourOf(theme: Theme, i: number): string {
  return theme.series[i % theme.series.length]!;
}
