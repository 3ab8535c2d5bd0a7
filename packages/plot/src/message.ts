import * as Plot from "@observablehq/plot";
import type { Drawing } from "./drawing.js";
import { draw } from "./frame.js";

/** The picture of something that has nothing to draw: it says why. */
export function message(title: string | undefined, text: string): Drawing {
  return {
    title,
    alt: title === undefined ? text : `${title}: ${text}`,
    svg: (canvas) => {
      const width = canvas.width ?? 640;
      return draw(canvas, {
        title,
        alt: title === undefined ? text : `${title}: ${text}`,
        width,
        height: 140,
        marginLeft: 14,
        marginRight: 14,
        marks: [
          Plot.text([text], {
            frameAnchor: "left",
            textAnchor: "start",
            fill: canvas.theme.muted,
            fontSize: 15,
            lineWidth: (0.85 * (width - 28)) / 15,
          }),
        ],
      });
    },
    text: () => [...(title === undefined ? [] : [title]), text].join("\n"),
    table: () => ({ columns: ["note"], rows: [[text]] }),
  };
}
