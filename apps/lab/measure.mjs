/**
 * How fast the lab is, in a real browser: `npm run lab:measure` after a build. Prints what it measured; judges nothing.
 * Software rendering, as on a machine without a graphics card, unless GPU=1.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const site = fileURLToPath(new URL("dist/site", import.meta.url));
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  readFile(join(site, path.endsWith("/") ? "index.html" : path)).then(
    (body) => {
      response.setHeader(
        "content-type",
        types[extname(path)] ?? (path.endsWith("/") ? "text/html" : "application/octet-stream"),
      );
      response.setHeader("content-encoding", "gzip");
      response.end(gzipSync(body));
    },
    () => response.writeHead(404).end(),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking", ...(process.env.GPU ? [] : ["--disable-gpu"])],
});
const row = (what, figure) => process.stdout.write(`${what.padEnd(70)} ${figure}\n`);
const median = (xs) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)];

/** Bytes on the wire and time until the first path is drawn and the page answers, from a cold start. */
async function load() {
  const times = [];
  let bytes = 0;
  for (let i = 0; i < 5; i++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: "block" });
    const page = await context.newPage();
    bytes = 0;
    page.on("response", async (response) => {
      if (/\.woff2$/.test(response.url())) return;
      bytes += Number((await response.allHeaders())["content-length"] ?? gzipSync(await response.body()).length);
    });
    const start = Date.now();
    await page.goto(url);
    await page.waitForFunction(
      () => globalThis.lab && !globalThis.lab.computing() && globalThis.lab.tracks().length > 0,
    );
    times.push(Date.now() - start);
    await page.waitForTimeout(200);
    await context.close();
  }
  row("first load, compressed, fonts not counted", `${(bytes / 1000).toFixed(0)} kB`);
  row("cold start until the paths are drawn, median of 5", `${median(times)} ms`);
}

const SIX = "RMSprop,lr:0.01;Adam,lr:0.01;Adagrad,lr:0.1;SGD,lr:0.0005;Lion,lr:0.005;NAdam,lr:0.01";

async function race() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${url}#surface=rosenbrock&start=-1.2,1&run=${SIX}&steps=5000&step=0&speed=1000`);
  await page.waitForFunction(() => globalThis.lab && !globalThis.lab.computing());
  const seconds = await page.evaluate(async () => {
    const before = performance.now();
    location.hash = location.hash.replace("-1.2,1", "-1.1,1");
    await new Promise((resolve) => setTimeout(resolve, 50));
    while (globalThis.lab.computing()) await new Promise((resolve) => setTimeout(resolve, 10));
    return (performance.now() - before) / 1000;
  });
  row("six paths of 5,000 steps, computed", `${((6 * 5000) / seconds).toFixed(0)} steps a second`);
  await page.getByRole("button", { name: "Play" }).click();
  const frames = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const gaps = [];
        let last = performance.now();
        requestAnimationFrame(function tick(now) {
          gaps.push(now - last);
          last = now;
          if (gaps.length < 240) requestAnimationFrame(tick);
          else resolve(gaps.slice(5));
        });
      }),
  );
  const sorted = [...frames].sort((a, b) => a - b);
  row(
    "six paths at 1,000 steps a second",
    `${(1000 / (frames.reduce((a, b) => a + b) / frames.length)).toFixed(1)} frames a second, 95 % of frames within ${sorted[Math.floor(0.95 * sorted.length)].toFixed(1)} ms`,
  );
  await page.close();
}

async function sweep() {
  const times = [];
  for (let i = 0; i < 5; i++) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${url}#view=paths`);
    await page.waitForFunction(() => globalThis.lab && !globalThis.lab.computing());
    times.push(
      await page.evaluate(async () => {
        const before = performance.now();
        location.hash = "view=sweep&sweep=lr,0.001,10,alpha,0.5,0.999,500";
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          const bar = document.querySelector(".heat progress");
          if (bar !== null && bar.max === 500 && bar.value === 500) return performance.now() - before;
        }
      }),
    );
    await page.close();
  }
  row("20 × 20 sweep of 500 steps, from the click to the picture, median of 5", `${median(times).toFixed(0)} ms`);
}

await load();
await race();
await sweep();
await browser.close();
server.close();
