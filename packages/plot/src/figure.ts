import { surface } from "#surface";
import type { Canvas, Drawing, Table, TextOptions } from "./drawing.js";
import { escapeHTML, page, table } from "./html.js";
import { AUTO_STYLE, DARK, LIGHT, NAMED } from "./theme.js";

/** How the SVG is made for a place. */
export interface SVGOptions {
  /** In CSS pixels; instead of the figure's own width. */
  readonly width?: number;
  /** Show the values under the pointer. Needs a real page. */
  readonly tip?: boolean;
  /**
   * `"light"` (the default), `"dark"`, or `"auto"`: as the reader's system prefers. The first two are plain colours, which
   * every program that reads SVG understands; the last needs a browser.
   */
  readonly theme?: "light" | "dark" | "auto";
}

/** How large a PNG is, and on which paper. */
export interface PNGOptions {
  /** Pixels for each CSS pixel, 2 unless given: sharp on today's screens and in print. */
  readonly scale?: number;
  readonly theme?: "light" | "dark";
  /** In CSS pixels; instead of the figure's own width. */
  readonly width?: number;
}

const THEMES = { light: LIGHT, dark: DARK, auto: NAMED };
const TYPES = { ".svg": "image/svg+xml", ".png": "image/png", ".html": "text/html" } as const;

/** A picture that can be shown, saved, or read as text. It keeps a copy of the numbers. */
export class Figure {
  readonly #drawing: Drawing;

  /** @internal */
  constructor(drawing: Drawing) {
    this.#drawing = drawing;
  }

  /** What stands above the picture, if anything. */
  get title(): string | undefined {
    return this.#drawing.title;
  }

  /** What the picture shows, in a sentence, for people who cannot see it. */
  get alt(): string {
    return this.#drawing.alt;
  }

  /** The numbers behind the picture. */
  get table(): Table {
    return this.#drawing.table();
  }

  /**
   * Shows the picture. In Node it is drawn in the terminal, as wide as the terminal is, in colour if the terminal has it and
   * `NO_COLOR` is not set. In a page the SVG is put at the end of `target`, or of the page's body.
   */
  show(target?: Element): void {
    surface.show(this, target);
  }

  /** The picture as an SVG document that stands alone: no scripts, no outside fonts. */
  toSVG(options: SVGOptions = {}): string {
    return `${surface.serialize(this.element(options))}\n`;
  }

  /** The picture as the bytes of a PNG, drawn with the same fonts on every machine. */
  async toPNG(options: PNGOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { scale = 2, ...rest } = options;
    if (!(scale >= 0.1 && scale <= 10)) throw new RangeError(`toPNG: scale is ${scale}; it must be between 0.1 and 10`);
    return surface.png(this.toSVG(rest), scale);
  }

  /** A page with the picture and the table behind it: one file, no scripts, no network, light or dark as the reader prefers. */
  toHTML(): string {
    const title = this.title ?? this.alt;
    const heading = `<h1${this.title === undefined ? ' class="hidden"' : ""}>${escapeHTML(title)}</h1>`;
    const figure = `<figure>${this.draw({ bare: true })}</figure>`;
    return page(title, `<main class="single">${heading}${figure}${table(this.table, title)}</main>`);
  }

  /**
   * Writes the picture to a file (a page offers it as a download), as its ending says: `.svg`, `.png` or `.html`. An existing
   * file is replaced. The first and the last are there when this returns; a PNG is when the promise resolves.
   *
   * @throws RangeError (the promise is rejected) if the ending is another one.
   */
  async save(path: string): Promise<void> {
    const ending = /\.[^./\\]*$/.exec(path)?.[0] ?? "";
    const kind = ending.toLowerCase();
    if (kind === ".svg") surface.write(path, this.toSVG(), TYPES[kind]);
    else if (kind === ".html") surface.write(path, this.toHTML(), TYPES[kind]);
    else if (kind === ".png") surface.write(path, await this.toPNG(), TYPES[kind]);
    else {
      throw new RangeError(
        `save: cannot write "${path}": ${ending === "" ? "it has no ending" : `${ending} is not a known format`}. ` +
          "A figure is saved as .svg, .png or .html",
      );
    }
  }

  /** The picture as an SVG element of the page's document; `width` and `tip` (values under the pointer) suit a page. */
  element(options: SVGOptions = {}): SVGSVGElement {
    const { theme = "light", ...place } = options;
    if (!Object.hasOwn(THEMES, theme)) {
      throw new RangeError(`theme is ${JSON.stringify(theme)}; it must be "light", "dark" or "auto"`);
    }
    const document = surface.document();
    const svg = this.#drawing.svg({ ...place, document, theme: THEMES[theme] });
    if (theme === "auto") {
      const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
      style.textContent = AUTO_STYLE;
      svg.insertBefore(style, svg.firstChild);
    }
    return svg;
  }

  /** @internal The SVG for a page that gives the colours their values. */
  draw(place: Omit<Canvas, "document" | "theme">): string {
    return surface.serialize(this.#drawing.svg({ ...place, document: surface.document(), theme: NAMED }));
  }

  /** The picture as lines of text, 80 columns wide and without colour unless asked for. */
  toText(options: TextOptions = {}): string {
    return this.#drawing.text(options);
  }

  /** The picture as lines of text: {@link toText} with its defaults. */
  toString(): string {
    return this.toText();
  }
}
