import { DOMParser } from "@xmldom/xmldom";

/** A parsed SVG: it must be well-formed XML whatever the labels are. */
export function parse(svg: string) {
  const root = new DOMParser({
    onError: (level, message) => {
      throw new Error(`${level}: ${message}`);
    },
  }).parseFromString(svg, "image/svg+xml").documentElement!;
  const elements = (name: string) => [...root.getElementsByTagName(name)];
  /** The shapes that one kind of mark drew, such as "line" or "dot". */
  const parts = (mark: string, shape: string) =>
    elements("g")
      .filter((g) => g.getAttribute("data-part") === mark)
      .flatMap((g) => [...g.getElementsByTagName(shape)].map((element) => ({ group: g, element })));
  const texts = elements("text").map((t) => t.textContent ?? "");
  const lines = parts("line", "path").map(({ group, element }) => ({
    d: element.getAttribute("d") ?? "",
    stroke: group.getAttribute("stroke"),
    dashes: group.getAttribute("stroke-dasharray"),
  }));
  return { root, elements, parts, texts, lines };
}

/** The corners of a path: `M1,2L3,4` is [[1, 2], [3, 4]]. */
export const corners = (d: string): [number, number][] =>
  [...d.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
