/** The comparison at a glance: for each case, how many times Thalweg's time each peer takes, on one logarithmic axis. */
import * as Plot from "@observablehq/plot";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";

/** What is shown: a case's name, and whose figures stand for whom there. PyTorch is the fastest of its ways. */
const SHOWN = [
  ["README's program, as written", "The README's program (linear regression, RMSProp), 100 epochs"],
  ["README's program, compiled", "The same through compile(step)"],
  ["RMSProp, 10 M parameters", "RMSProp over 10 M float32 parameters, one step"],
  ["RMSProp, 200 tensors of 10,000", "RMSProp over 200 tensors of 10,000 float32 parameters each, one step"],
  ["Adam, 10 M parameters", "Adam over 10 M float32 parameters, one step"],
  ["Network 784-128-128-10, batch 64", "Training step of a 784-128-128-10 network, batch 64, RMSProp"],
  ["Network 784-512-512-10, batch 128", "Training step of a 784-512-512-10 network, batch 128, RMSProp"],
  ["Network 784-1024-1024-10, batch 256", "Training step of a 784-1024-1024-10 network, batch 256, RMSProp"],
  ["Matrix product 1024³", "Matrix product, 1024 × 1024 × 1024 float32"],
];
const PEERS = [
  ["PyTorch, its fastest way", ["torch", "torch1", "fused"]],
  ["TensorFlow.js (wasm)", ["tfjs"]],
  ["jax-js", ["jax"]],
  ["Thalweg, 256 bits", ["wide"]],
];

const LIGHT = {
  paper: "#ffffff",
  ink: "#1b2733",
  muted: "#596673",
  peers: ["#c85200", "#8a6a00", "#b0508a", "#0072b2"],
};
const DARK = {
  paper: "#141b21",
  ink: "#e4eaee",
  muted: "#9aa8b3",
  peers: ["#f2935a", "#dcb454", "#e19cc4", "#5cb3e6"],
};
const colours = ({ paper, ink, muted, peers }) =>
  `--paper:${paper};--ink:${ink};--muted:${muted};${peers.map((c, i) => `--peer-${i}:${c}`).join(";")}`;
const STYLE = `:root{${colours(LIGHT)}}@media(prefers-color-scheme:dark){:root{${colours(DARK)}}}`;

/** @param {import("./duel.mjs").Result[]} results @returns {string | undefined} an SVG, or nothing where no peer was measured */
export function picture(results, caption) {
  const dots = SHOWN.flatMap(([label, title]) => {
    const rows = results.find((result) => result.title === title)?.rows ?? [];
    return PEERS.flatMap(([peer, keys], i) => {
      const ratios = rows
        .filter(({ key, ratio }) => keys.includes(key) && ratio !== undefined)
        .map(({ ratio }) => ratio);
      return ratios.length ? [{ label, peer, colour: `var(--peer-${i})`, ratio: Math.min(...ratios) }] : [];
    });
  });
  if (dots.length === 0) return undefined;
  const labels = SHOWN.map(([label]) => label).filter((label) => dots.some((dot) => dot.label === label));
  const named = PEERS.map(([peer], i) => ({ peer, colour: `var(--peer-${i})` })).filter(({ peer }) =>
    dots.some((dot) => dot.peer === peer),
  );
  const ratios = dots.map(({ ratio }) => ratio);
  const [low, high] = [0.8 * Math.min(...ratios, 0.36), 1.25 * Math.max(...ratios, 10)];
  const ticks = [0.3, 1, 3, 10, 30, 100, 300].filter((tick) => low <= tick && tick <= high);
  const [marginTop, marginLeft, marginBottom, row] = [84, 290, 52, 30];
  const text = { fill: "var(--ink)", fontSize: 14 };
  const corner = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle" };

  const svg = Plot.plot({
    document: new DOMImplementation().createDocument("http://www.w3.org/1999/xhtml", "html", null),
    width: 880,
    height: marginTop + marginBottom + labels.length * row,
    marginTop,
    marginLeft,
    marginBottom,
    marginRight: 34,
    x: { type: "log", domain: [low, high], axis: null },
    y: { type: "band", domain: labels, axis: null },
    marks: [
      Plot.frame({
        fill: "var(--paper)",
        stroke: "none",
        ...{ insetTop: -marginTop, insetLeft: -marginLeft, insetBottom: -marginBottom, insetRight: -34 },
      }),
      Plot.text(["Time against Thalweg's, side by side on one machine"], {
        ...text,
        ...corner,
        ...{ dx: 14 - marginLeft, dy: 26 - marginTop, fontSize: 17, fontWeight: 600 },
      }),
      ...named.flatMap(({ peer, colour }, i) => {
        const dx = 14 - marginLeft + i * 205;
        return [
          Plot.text(["●"], { ...corner, fill: colour, fontSize: 14, dx, dy: 56 - marginTop }),
          Plot.text([peer], { ...text, ...corner, dx: dx + 16, dy: 56 - marginTop }),
        ];
      }),
      Plot.gridX({ ticks, stroke: "var(--ink)", strokeOpacity: 0.12 }),
      Plot.ruleX([1], { stroke: "var(--ink)", strokeWidth: 1.5 }),
      Plot.ruleY(
        dots,
        Plot.groupY({ x1: "min", x2: "max" }, { x: "ratio", y: "label", stroke: "var(--ink)", strokeOpacity: 0.25 }),
      ),
      Plot.dot(dots, { x: "ratio", y: "label", fill: "colour", r: 6 }),
      Plot.axisY({ tickSize: 0, tickPadding: 10, fontSize: 14, label: null, color: "var(--ink)" }),
      Plot.axisX({
        ticks,
        tickFormat: (value) => (value === 1 ? "Thalweg" : `${value} ×`),
        ...{ tickSize: 5, fontSize: 14, label: null, color: "var(--muted)" },
      }),
      Plot.text(["slower than Thalweg →"], {
        ...text,
        ...{ frameAnchor: "bottom-right", lineAnchor: "bottom", dx: 20, dy: marginBottom - 6, fill: "var(--muted)" },
      }),
      Plot.text([caption], {
        ...text,
        ...{
          frameAnchor: "bottom-left",
          textAnchor: "start",
          lineAnchor: "bottom",
          fontSize: 12,
          fill: "var(--muted)",
        },
        ...{ dx: 14 - marginLeft, dy: marginBottom - 7 },
      }),
    ],
  });
  const style = svg.ownerDocument.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = STYLE;
  svg.insertBefore(style, svg.firstChild);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", describe(labels, dots));
  svg.setAttribute("font-family", 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif');
  return `${new XMLSerializer().serializeToString(svg)}\n`;
}

const describe = (labels, dots) =>
  labels
    .map((label) => {
      const of = dots.filter((dot) => dot.label === label).map(({ peer, ratio }) => `${peer} ${ratio.toPrecision(2)}`);
      return `${label}: ${of.join(", ")}`;
    })
    .join("; ");
