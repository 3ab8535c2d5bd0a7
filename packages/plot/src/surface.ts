import type { Figure } from "./figure.js";

/** What a figure needs from the place where it runs. Node and the browser each have one; `package.json` (`imports`) says who gets which. */
export interface Surface {
  /** The document in which SVG elements are made. */
  readonly document: () => Document;
  /** An element as SVG text. */
  readonly serialize: (svg: Element) => string;
  /** Puts the figure before somebody's eyes. */
  readonly show: (figure: Figure, target: Element | undefined) => void;
  /** Keeps text or bytes under the name `path`. */
  readonly write: (path: string, data: string | Uint8Array<ArrayBuffer>, type: string) => void;
  /** An SVG, `scale` times as large, as the bytes of a PNG. */
  readonly png: (svg: string, scale: number) => Promise<Uint8Array<ArrayBuffer>>;
}
