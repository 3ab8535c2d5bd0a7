const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;
const HEIGHTS = "▁▂▃▄▅▆▇█";

/** A line for each value: label, bar, value. */
export function bars(rows: readonly { label: string; value: number }[], columns: number, color = false): string[] {
  const label = Math.max(...rows.map((r) => r.label.length));
  const value = Math.max(...rows.map((r) => r.value.toLocaleString("en-US").length));
  const room = Math.max(8, columns - label - value - 4);
  const most = Math.max(...rows.map((r) => r.value)) || 1;
  return rows.map((r) => {
    const eighths = Math.round((r.value / most) * room * 8);
    const bar = "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
    const dressed = color ? `\u001b[34m${bar}\u001b[0m` : bar;
    const line = `${r.label.padStart(label)} │${dressed} ${r.value.toLocaleString("en-US")}`;
    return line.trimEnd();
  });
}

/** The shape of the values in one line, as many characters as there are values. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values) || 1;
  return values.map((v) => (v === 0 ? " " : HEIGHTS[Math.min(7, Math.ceil((v / most) * 8) - 1)]!)).join("");
}
