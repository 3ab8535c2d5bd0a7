/**
 * How fast the lab is, in a real browser: `npm run lab:measure` after a build. Prints what it measured; judges nothing.
 * Software rendering, as on a machine without a graphics card, unless GPU=1.
 */
import { readFile, writeFile } from "node:fs/promises";
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

/** Six paths at 1,000 steps a second, on the map and on the block: 5 seconds of frames, as the page's thread and as the screen has them. */
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
  await frames(page, "map");
  await page.getByRole("button", { name: "Surface", exact: true }).click();
  await frames(page, "block");
  await page.close();
}

async function frames(page, ground) {
  await page.getByRole("button", { name: "To the start" }).click();
  await page.waitForTimeout(700);
  const trace = await tracing(async () => {
    await page.getByRole("button", { name: "Play" }).click();
    // Not looked at in each frame: that would be a frame of its own.
    await page.waitForFunction(() => globalThis.lab.state().step >= 5000, null, { polling: 250 });
  });
  const gaps = (name) => {
    const times = trace.filter((event) => event.name === name).map(({ ts }) => ts / 1000);
    return times.slice(1).map((t, i) => t - times[i]);
  };
  const said = (xs) => {
    const sorted = [...xs].sort((a, b) => a - b);
    const total = xs.reduce((a, b) => a + b, 0);
    return `${(1000 / (total / xs.length)).toFixed(1)} frames a second over ${(total / 1000).toFixed(1)} s; a frame takes ${median(xs).toFixed(1)} ms, 95 % at most ${sorted[Math.floor(0.95 * xs.length)].toFixed(1)}, the worst ${sorted.at(-1).toFixed(1)}`;
  };
  row(`six paths at 1,000 steps a second, ${ground}: the page's thread`, said(gaps("FireAnimationFrame")));
  row(`six paths at 1,000 steps a second, ${ground}: shown`, said(gaps("DrawFrame")));
}

/** What the browser notes while something is done. */
async function tracing(act) {
  const session = await browser.newBrowserCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const done = new Promise((resolve) => session.on("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: {
      includedCategories: (
        process.env.TRACE ?? "devtools.timeline,disabled-by-default-devtools.timeline.frame,devtools.timeline.frame"
      ).split(","),
    },
  });
  await act();
  await session.send("Tracing.end");
  await done;
  await session.detach();
  if (process.env.TRACE_TO) await writeFile(process.env.TRACE_TO, JSON.stringify(events));
  return events;
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

const parts = { load, race, sweep };
for (const [name, part] of Object.entries(parts))
  if (process.argv.length < 3 || process.argv.includes(name)) await part();
await browser.close();
server.close();
