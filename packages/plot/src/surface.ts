import type { Figure } from "./figure.js";

/** What a figure needs from the place where it runs. Node and the browser each have one (`index.ts`, `index.browser.ts`). */
export interface Surface {
  /** The document in which SVG elements are made. */
  readonly document: () => Document;
  /** An element as SVG text. */
  readonly serialize: (svg: Element) => string;
  /** Puts the figure before somebody's eyes. */
  readonly show: (figure: Figure, target: Element | undefined) => void;
  /** Keeps `text` under the name `path`. */
  readonly write: (path: string, text: string) => void;
}
