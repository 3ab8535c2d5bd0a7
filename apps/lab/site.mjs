/** The built lab, served from this machine, and a Chromium to look at it: for the scripts beside this file. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const folder = fileURLToPath(new URL("dist/site", import.meta.url));
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export const chromiumPath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Compressed once, as a host has it: the page is measured, not the compressing. */
const packed = new Map();
async function bodyOf(file) {
  const path = join(folder, file);
  if (!packed.has(path)) packed.set(path, gzipSync(await readFile(path)));
  return packed.get(path);
}

/** Software rendering, as on a machine without a graphics card, unless GPU=1. */
export async function openSite() {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    bodyOf(file).then(
      (body) => {
        response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
        response.setHeader("content-encoding", "gzip");
        response.setHeader("content-length", body.length);
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox", "--disable-background-networking", ...(process.env.GPU ? [] : ["--disable-gpu"])],
  });
  const close = async () => {
    await browser.close();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, browser, close };
}
