/**
 * How fast the lab is, in a real browser: `npm run lab:measure` after a build. Prints what it measured; judges nothing.
 * Software rendering, as on a machine without a graphics card, unless GPU=1.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromiumPath, openSite } from "./site.mjs";

const { url, browser, close } = await openSite();
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
      bytes += Number((await response.allHeaders())["content-length"]);
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

const cars = fileURLToPath(new URL("../../examples/data/cars.csv", import.meta.url));

/**
 * How long the page takes to show its answer to a click or a key while a network trains: from the event to the next frame, as
 * the browser itself times it (Event Timing, in steps of 8 ms; what takes less than 16 ms counts as 16). A dot that never rests
 * sees to it that every frame is shown: one in which nothing changes would count until the next that differs.
 */
async function answers() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    globalThis.timed = new Map();
    new PerformanceObserver((list) => {
      for (const { interactionId, duration, startTime } of list.getEntries()) {
        if (!interactionId) continue;
        const known = globalThis.timed.get(interactionId);
        if (known === undefined || known.duration < duration)
          globalThis.timed.set(interactionId, { duration, startTime });
      }
    }).observe({ type: "event", durationThreshold: 16 });
  });
  await page.goto(`${url}#view=data`);
  await page.evaluate(() => {
    const dot = document.createElement("i");
    dot.style.cssText = "position: fixed; left: 0; top: 0; width: 2px; height: 2px; background: gray";
    document.body.append(dot);
    dot.animate([{ transform: "translateX(0)" }, { transform: "translateX(9px)" }], {
      duration: 500,
      iterations: Number.POSITIVE_INFINITY,
    });
  });
  await page.setInputFiles("input[type=file]", cars);
  await page.getByLabel("Predict").selectOption("mpg");
  await page.getByLabel("Model").selectOption("128,128,128");
  await page.getByLabel("Epochs").fill("5000");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText(/^Epoch \d+ of 5000/).waitFor();
  await page.evaluate(() => globalThis.timed.clear());
  const acts = [];
  const act = async (name, what) => {
    acts.push({ name, from: await page.evaluate(() => performance.now()) });
    await what();
    // Not in step with the messages of the worker.
    await page.waitForTimeout(60 + ((acts.length * 37) % 90));
  };
  const slider = page.getByRole("slider", { name: "lr", exact: true });
  await slider.focus();
  for (let i = 0; i < 10; i++) await act("slider", () => page.keyboard.press(i % 2 === 0 ? "ArrowRight" : "ArrowLeft"));
  for (let i = 0; i < 6; i++) {
    await act("pause", () => page.getByRole("button", { name: "Pause" }).click());
    await act("go on", () => page.getByRole("button", { name: "Go on" }).click());
  }
  // The training goes on behind the other views.
  for (const view of ["Paths", "Inside a step", "Why", "Sweep", "Your data", "Paths"])
    await act(view, () => page.getByRole("button", { name: view, exact: true }).click());
  for (let i = 0; i < 4; i++) await act("step", () => page.getByRole("button", { name: "One step on" }).click());
  for (const name of ["Surface", "Map"]) await act(name, () => page.getByRole("button", { name, exact: true }).click());
  await page.locator(".card").first().getByRole("slider", { name: "lr", exact: true }).focus();
  for (let i = 0; i < 6; i++) await act("slider of a rule", () => page.keyboard.press("ArrowRight"));
  await act("Your data", () => page.getByRole("button", { name: "Your data", exact: true }).click());
  const running = await page.getByRole("button", { name: "Pause" }).count();
  const timed = await page.evaluate(() => [...globalThis.timed.values()]);
  for (const one of acts) one.time = 16;
  for (const { duration, startTime } of timed) {
    const one = acts.findLast(({ from }) => from <= startTime);
    if (one !== undefined) one.time = Math.max(one.time, duration);
  }
  const times = acts.map(({ time }) => time).sort((a, b) => a - b);
  row(
    `${acts.length} clicks and keys while a network trains${running === 1 ? "" : " (which had ended!)"}`,
    `median ${median(times)} ms, 95 % within ${times[Math.floor(0.95 * times.length)]} ms, the slowest: ${[...acts]
      .sort((a, b) => b.time - a.time)
      .slice(0, 5)
      .map(({ name, time }) => `${name} ${time}`)
      .join(", ")}`,
  );
  await page.close();
}

/** Lighthouse's scores, fetched by npx when asked for: it is far larger than all that the project needs otherwise. */
async function lighthouse() {
  const command = process.env.LIGHTHOUSE ?? "npx";
  for (const view of ["paths", "inside", "why", "sweep", "data"]) {
    const { stdout } = await promisify(execFile)(
      command,
      [
        ...(command === "npx" ? ["--yes", "lighthouse"] : []),
        `${url}#view=${view}`,
        "--quiet",
        "--output=json",
        "--only-categories=accessibility,best-practices",
        "--preset=desktop",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking",
      ],
      { env: { CHROME_PATH: chromiumPath, ...process.env }, maxBuffer: 1 << 28 },
    );
    const { categories, audits } = JSON.parse(stdout);
    const failed = Object.values(audits).filter(({ score }) => score !== null && score < 1);
    row(
      `Lighthouse, ${view}`,
      Object.values(categories)
        .map(({ title, score }) => `${title} ${Math.round(100 * score)}`)
        .join(", ") + failed.map(({ id }) => ` (${id})`).join(""),
    );
  }
}

const parts = { load, race, answers, sweep };
const asked = process.argv.slice(2);
if (asked.includes("lighthouse")) await lighthouse();
for (const [name, part] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) await part();
await close();
