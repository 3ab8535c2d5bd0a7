import type { Table } from "./drawing.js";
import { digits } from "./numbers.js";
import { AUTO_STYLE } from "./theme.js";

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand in a page, also within quotes. */
export const escapeHTML = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!);

const cell = (value: string | number) =>
  typeof value === "number" ? `<td class="n">${digits(value)}</td>` : `<td>${escapeHTML(value)}</td>`;

// More than this nobody reads; the run's history has them all.
const ROWS = 120;

/** The numbers behind a picture, folded away. */
export function table({ columns, rows }: Table, caption: string): string {
  const every = Math.ceil(rows.length / ROWS) || 1;
  const shown = rows.filter((_, i) => i % every === 0 || i === rows.length - 1);
  const thinned = every === 1 ? "" : `, ${shown.length} of ${rows.length} rows`;
  const numeric = columns.map((_, i) => rows.every((row) => typeof row[i] === "number" || row[i] === ""));
  const head = columns.map((c, i) => `<th scope="col"${numeric[i] ? ' class="n"' : ""}>${escapeHTML(c)}</th>`);
  const name = escapeHTML(caption);
  return `<details><summary>Numbers<span class="hidden"> behind ${name}</span></summary>
<div class="scroll" tabindex="0" role="region" aria-label="Numbers behind ${name}"><table><caption>${name}${thinned}</caption>
<thead><tr>${head.join("")}</tr></thead>
<tbody>${shown.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n")}</tbody></table></div></details>`;
}

const STYLE = `
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0;background:var(--tw-paper);color:var(--tw-ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main.single{max-width:60rem;margin:0 auto;padding:1.5rem}
figure{margin:0}
svg{display:block;max-width:100%;height:auto}
svg text{white-space:pre}
details{margin:.5rem 0 0;font-size:.875rem}
summary{cursor:pointer;color:var(--tw-muted);width:max-content;max-width:100%}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.scroll{overflow:auto;max-height:24rem;margin-top:.5rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--tw-muted);padding:.25rem 0}
th,td{padding:.2rem 1.25rem .2rem 0;text-align:left;white-space:nowrap}
th{font-weight:600}
thead th{border-bottom:1px solid var(--tw-muted)}
td.n,th.n{text-align:right}
`;

/** A whole page around `body`: one file, nothing is fetched. */
export function page(title: string, body: string, style = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Thalweg">
<link rel="icon" href="data:,">
<title>${escapeHTML(title)}</title>
<style>${AUTO_STYLE}${STYLE}${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
