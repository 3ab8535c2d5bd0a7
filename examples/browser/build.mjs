/** Bundles the page into `dist/`, from where any static server can serve it: `node examples/browser/build.mjs`. */
import { copyFile, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = new URL(".", import.meta.url);

/** Writes `index.html` and `main.js` to `folder` (a URL that ends in a slash). */
export async function buildPage(folder = new URL("dist/", here)) {
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("main.ts", here))],
    outfile: fileURLToPath(new URL("main.js", folder)),
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    logLevel: "warning",
  });
  await copyFile(new URL("index.html", here), new URL("index.html", folder));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPage();
