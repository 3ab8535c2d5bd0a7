import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { initWasm, Resvg } from "@resvg/resvg-wasm";

const { resolve } = createRequire(import.meta.url);
const load = (name: string) => readFile(resolve(name));

/** The renderer, and fonts to write with: what is drawn is the same on every machine, whatever fonts it has. */
const ready = (async () => {
  const [wasm, ...fonts] = await Promise.all([
    load("@resvg/resvg-wasm/index_bg.wasm"),
    load("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"),
    load("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf"),
  ]);
  await initWasm(wasm);
  return fonts;
})();

/** Draws an SVG as the bytes of a PNG, `scale` times as large. */
export async function rasterize(svg: string, scale: number): Promise<Uint8Array<ArrayBuffer>> {
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontBuffers: await ready, defaultFontFamily: "DejaVu Sans", sansSerifFamily: "DejaVu Sans" },
  });
  const rendered = image.render();
  const bytes = new Uint8Array(rendered.asPng());
  // What lives in the renderer's memory is not the garbage collector's.
  rendered.free();
  image.free();
  return bytes;
}
