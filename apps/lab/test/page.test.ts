import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inFirefox, serve } from "../../../test/page.js";
import { PathRun, type Track } from "../src/core/path.js";
import { fromHash, type LabState, VIEWS } from "../src/core/state.js";
import { surfaceOf } from "../src/core/surfaces.js";
import { TOUR } from "../src/core/tour.js";
import { openSite, type Site } from "./site.js";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What the page lays open to the console. */
interface Lab {
  state(): LabState;
  tracks(): Track[];
  computing(): boolean;
}
declare const lab: Lab;

let site: Site;

beforeAll(async () => {
  site = await openSite();
}, 60_000);
afterAll(() => site?.close());

const settled = () =>
  !lab.computing() && lab.tracks().every((t) => t.steps === lab.state().steps || t.diverged !== null);

/** Opens another address, and waits until the page has taken note of it. */
const moveTo = (hash: string) =>
  new Promise<void>((resolve) => {
    if (location.hash.slice(1) === hash) return resolve();
    addEventListener("hashchange", () => setTimeout(resolve), { once: true });
    location.hash = hash;
  });

describe("the lab in Chromium", () => {
  let page: Page;

  beforeAll(async () => {
    page = await open();
  }, 60_000);

  async function open(options?: Parameters<Site["page"]>[0], hash = ""): Promise<Page> {
    const opened = await site.page(options);
    await opened.goto(`${site.url}${hash}`);
    await opened.waitForFunction(settled);
    return opened;
  }

  /** Goes to a state and waits for its paths. */
  async function go(hash: string): Promise<void> {
    await page.evaluate(moveTo, hash);
    await page.waitForFunction(settled);
  }

  const state = () => page.evaluate(() => lab.state());
  const tracks = () => page.evaluate(() => lab.tracks());

  it("shows the numbers of the library, bit for bit", async () => {
    const { surface, start, runners, steps } = fromHash("");
    for (const [i, track] of (await tracks()).entries()) {
      const run = new PathRun(surfaceOf(surface), start, runners[i]!);
      run.advance(steps);
      expect(track).toEqual(run.track);
    }
  });

  it("plays, pauses, steps and scrubs", async () => {
    await go("step=0&speed=100");
    await page.getByRole("button", { name: "Play" }).click();
    await page.waitForFunction(() => lab.state().step > 10);
    await page.getByRole("button", { name: "Pause" }).click();
    const { step } = await state();
    await page.getByRole("button", { name: "One step on" }).click();
    expect((await state()).step).toBe(Math.min(step + 1, 100));
    await page.getByRole("button", { name: "One step back" }).click();
    await page.getByRole("button", { name: "To the end" }).click();
    expect((await state()).step).toBe(100);
    await page.getByRole("button", { name: "To the start" }).click();
    expect((await state()).step).toBe(0);
    await page.getByRole("slider", { name: "Step" }).fill("30");
    expect(await page.locator(".transport output").textContent()).toBe("step 30 of 100");
    // An address is a picture: whatever played before, it stands still.
    await page.getByRole("button", { name: "Play" }).click();
    await go("step=40&speed=100");
    expect(await page.getByRole("button", { name: "Play" }).count()).toBe(1);
    expect((await state()).step).toBe(40);
  });

  it("lets the start be dragged, and moved by keys", async () => {
    await go("");
    const start = page.locator(".map .start");
    const box = (await start.boundingBox())!;
    await page.mouse.move(box.x + 12, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(box.x + 112, box.y + 62, { steps: 4 });
    await page.mouse.up();
    const [x, y] = (await state()).start;
    expect(x).toBeGreaterThan(-9);
    expect(y).toBeLessThan(1.7);
    await start.press("ArrowLeft");
    expect((await state()).start[0]).toBeLessThan(x);
    await page.waitForFunction(settled);
    expect((await tracks())[0]!.positions[0]).toBeCloseTo((await state()).start[0], 5);
  });

  it("acts on a slider, a field, a switch, a dialect and another rule at once", async () => {
    await go("");
    const card = page.locator(".card").nth(1);
    const before = (await tracks())[1]!.losses;
    await card.getByRole("slider", { name: "lr", exact: true }).fill("500");
    await page.waitForFunction(settled);
    expect((await tracks())[1]!.losses).not.toEqual(before);
    const field = card.getByRole("textbox", { name: "alpha: value" });
    await field.fill("0.95");
    await field.press("Enter");
    expect((await state()).runners[1]!.options.alpha).toBe(0.95);
    await card.getByRole("checkbox", { name: "centered" }).check();
    expect((await state()).runners[1]!.options.centered).toBe(true);
    await card.getByLabel("Dialect").selectOption("tensorflow1");
    expect((await state()).runners[1]!.options).toMatchObject({
      initialSquareAvg: 1,
      epsInsideSqrt: true,
      alpha: 0.95,
    });
    await card.getByLabel("Rule").selectOption("Adam");
    expect((await state()).runners[1]!.rule).toBe("Adam");
    await page.getByLabel("Add a rule").selectOption("Lion");
    expect((await state()).runners).toHaveLength(3);
    await page.getByRole("button", { name: "Remove Lion" }).click();
    expect((await state()).runners).toHaveLength(2);
  });

  it("says in place what is wrong with a formula and with an option, and goes on when it is mended", async () => {
    await go("surface=formula");
    const formula = page.getByLabel("Formula of x and y");
    await formula.fill("x^2 + foo(y)");
    await page.getByRole("alert").filter({ hasText: "There is no function “foo”. At character 7." }).waitFor();
    await formula.fill("x^2 + y^4");
    await page.waitForFunction(settled);
    expect(await page.getByRole("alert").count()).toBe(0);
    const lr = page.locator(".card").nth(1).getByRole("textbox", { name: "lr: value" });
    await lr.fill("-1");
    await lr.press("Enter");
    await page.getByRole("alert").filter({ hasText: "lr must be 0 or more, got -1" }).waitFor();
    await lr.fill("0.1");
    await lr.press("Enter");
    await page.waitForFunction(settled);
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("a run that diverges says so, and freezes nothing", async () => {
    await go("surface=rosenbrock&start=-1.2,1&run=SGD,lr:10;RMSprop,lr:0.01&step=50");
    expect(await page.locator(".card output").first().textContent()).toMatch(/diverged at step \d+/);
    expect((await tracks())[1]!.steps).toBe(100);
  });

  it("turns the map into a surface", async () => {
    await go("turned=30,40");
    const drawn = () =>
      page
        .locator(".map canvas")
        .first()
        .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
    const before = await drawn();
    await page.getByRole("slider", { name: "Turn" }).fill("80");
    // Pictures are drawn when the browser comes to it.
    await expect.poll(drawn).not.toBe(before);
    await page.getByRole("button", { name: "Map" }).click();
    expect((await state()).turned).toBeNull();
  });

  it("is turned and moved by dragging and by keys, enlarged by buttons, and shown whole again", async () => {
    await go("turned=-20,40");
    const map = page.locator(".map");
    const box = (await map.boundingBox())!;
    const [x, y] = [box.x + 120, box.y + box.height - 40];
    const drag = async (right: number, down: number) => {
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + right, y + down, { steps: 3 });
      await page.mouse.up();
    };
    await drag(100, 20);
    const [turn, tilt] = (await state()).turned!;
    expect([turn, tilt]).toEqual([-55, 47]);
    await map.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    expect((await state()).turned).toEqual([-50, 44]);
    await page.getByRole("button", { name: "Map", exact: true }).click();
    await page.getByRole("button", { name: "Enlarge" }).click();
    expect((await state()).zoom![2]).toBeCloseTo(1.6, 3);
    const shown = () =>
      page
        .locator(".map canvas")
        .first()
        .evaluate((c) => (c as HTMLCanvasElement).toDataURL());
    const before = await shown();
    const from = (await state()).zoom!;
    await map.hover({ position: { x: 120, y: 200 } });
    await page.mouse.down();
    await map.hover({ position: { x: 220, y: 200 } });
    await page.mouse.up();
    const moved = (await state()).zoom!;
    expect(moved[0]).toBeLessThan(from[0]);
    await expect.poll(shown).not.toBe(before);
    await map.focus();
    await page.keyboard.press("ArrowLeft");
    expect((await state()).zoom![0]).toBeLessThan(moved[0]);
    await page.getByRole("button", { name: "Reset the view" }).click();
    expect((await state()).zoom).toBeNull();
    // Each of many quick keys counts, whatever has been drawn of the ones before.
    await page.evaluate(() => {
      const target = document.querySelector(".map")!;
      for (let i = 0; i < 3; i++) target.dispatchEvent(new KeyboardEvent("keydown", { key: "+", bubbles: true }));
    });
    expect((await state()).zoom![2]).toBeCloseTo(1.6 ** 3, 2);
    // A wheel turned with Ctrl enlarges about the pointer.
    await page.getByRole("button", { name: "Reset the view" }).click();
    await map.hover({ position: { x: 200, y: 200 } });
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -60);
    await page.keyboard.up("Control");
    await expect.poll(async () => (await state()).zoom?.[2]).toBeCloseTo(Math.exp(0.36), 2);
  });

  it("looks inside a step: formulas, numbers and a verdict", async () => {
    await go("view=inside&step=3");
    await page.getByRole("heading", { name: "Step 3, in numbers" }).waitFor();
    expect(await page.locator(".explained").textContent()).toMatch(/The gradient in y is [\d.]+ times that in x/);
    expect(await page.locator(".numbers .katex").count()).toBe(6);
    const numbers = (await tracks())[1]!;
    const shown = page.locator(".explained tbody tr", { hasText: "step size" }).locator("td");
    expect(Number(await shown.first().textContent())).toBeCloseTo(numbers.stepSizes[4]!, 3);
    await expect.poll(() => page.locator(".charts canvas").count()).toBe(3);
  });

  it("leads through the tour to its end", async () => {
    await go("view=why");
    for (const [i, { title, state: shown }] of TOUR.entries()) {
      expect(await page.locator(".words h2").textContent()).toBe(title.en);
      await page.waitForFunction(settled);
      expect((await state()).runners).toEqual(shown.runners);
      if (i < TOUR.length - 1) await page.getByRole("button", { name: "Next" }).click();
    }
    expect(await page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
  });

  it("sweeps two options, and a click loads the setting", async () => {
    await go("view=sweep");
    await page.waitForFunction(() => {
      const bar = document.querySelector(".heat progress") as HTMLProgressElement | null;
      return bar !== null && bar.value === bar.max;
    });
    const best = (await page.locator(".heat output").textContent())!;
    expect(best).toMatch(/^Best: lr [\d.]+, alpha [\d.]+: loss/);
    await page.locator(".heat canvas").click({ position: { x: 20, y: 20 } });
    const { view, runners, selected } = await state();
    expect(view).toBe("paths");
    expect(runners[selected]!.options.lr).toBe(0.001);
    expect(runners[selected]!.options.alpha).toBe(0.999);
  });

  it("copies a link that shows the same picture", async () => {
    await go("surface=himmelblau&start=0,0&run=Adam,lr:0.1;RMSprop,lr:0.05&steps=60&step=40");
    await page.getByRole("button", { name: "Copy link" }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const picture = (p: Page) =>
      p
        .locator(".map canvas")
        .nth(1)
        .evaluate((c) => (c as HTMLCanvasElement).toDataURL());
    const second = await open({}, new URL(link).hash);
    expect(await second.evaluate(() => lab.tracks())).toEqual(await tracks());
    await expect.poll(async () => (await picture(second)) === (await picture(page)), { timeout: 5000 }).toBe(true);
    await second.context().close();
  });

  it("speaks Chinese, remembers it, and is dark when asked", async () => {
    await go("");
    await page.getByLabel("Language").selectOption("zh");
    expect(await page.locator("nav button").first().textContent()).toBe("路径");
    await page.getByLabel("主题").selectOption("dark");
    await page.reload();
    await page.waitForFunction(settled);
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hans");
    expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
    await page.getByLabel("语言").selectOption("en");
    await page.getByLabel("Theme").selectOption("auto");
  });

  for (const theme of ["light", "dark"] as const) {
    for (const [width, height] of [
      [390, 844],
      [1024, 768],
      [1920, 1080],
    ] as const) {
      it(`every view, ${theme}, ${width} pixels wide: axe finds nothing, and nothing is cut off`, async () => {
        const other = await open({ viewport: { width, height }, colorScheme: theme });
        await other.addScriptTag({ path: axe });
        for (const view of VIEWS) {
          await other.evaluate(moveTo, `view=${view}`);
          await other.waitForFunction(settled);
          const violations = await other.evaluate(async () => {
            const { violations: found } = await (
              globalThis as never as {
                axe: {
                  run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
                };
              }
            ).axe.run();
            return found.map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`);
          });
          expect(violations, view).toEqual([]);
          expect(await other.evaluate(() => document.documentElement.scrollWidth), view).toBeLessThanOrEqual(width);
        }
        await other.context().close();
      });
    }
  }

  it("works without a network after loading", async () => {
    const context = await site.browser.newContext({ locale: "en-US" });
    const own = await serve(site.folder);
    const other = await context.newPage();
    await other.goto(own.url);
    await other.waitForFunction(() => navigator.serviceWorker.ready.then(() => true));
    await other.waitForFunction(async () => (await caches.keys()).length === 1);
    await own.close();
    await context.setOffline(true);
    await other.reload();
    await other.waitForFunction(settled);
    expect(await other.locator("h1").textContent()).toContain("Thalweg lab");
    await other.getByRole("button", { name: "Your data" }).click();
    await other.getByRole("button", { name: "Try 406 cars" }).click();
    await other.getByText("cars.csv: 406 rows").waitFor();
    await context.close();
  });

  it("sends less than 350 kB, compressed, before it shows its first picture", async () => {
    const html = await readFile(`${site.folder}/index.html`, "utf8");
    const files = (await readdir(`${site.folder}/assets`)).filter(
      (name) => html.includes(name) || name.startsWith("worker"),
    );
    expect(files.length).toBeGreaterThanOrEqual(3);
    let bytes = gzipSync(html).length;
    for (const name of files) bytes += gzipSync(await readFile(`${site.folder}/assets/${name}`)).length;
    expect(bytes).toBeLessThan(350_000);
  });

  it("had nothing to complain about", () => expect(site.complaints).toEqual([]));
});

describe("the lab in Firefox", () => {
  it(
    "the link shows the same numbers to the bit, the tour and the sweep run",
    () =>
      inFirefox(async (page, complaints) => {
        const hash = "#surface=noisy&start=-4,2&run=RMSprop,lr:0.1,alpha:0.9;Adam,lr:0.1;Rprop&steps=80&step=80";
        await page.goto(site.url + hash);
        await page.waitForFunction(settled);
        const shown = await page.evaluate(() => lab.tracks());
        const { surface, start, runners, steps } = fromHash(hash);
        for (const [i, runner] of runners.entries()) {
          const run = new PathRun(surfaceOf(surface), start, runner);
          run.advance(steps);
          expect(shown[i]).toEqual(run.track);
        }
        await page.evaluate(moveTo, "view=why");
        await page.waitForSelector(".words button.main");
        await page.click(".words button.main");
        await page.waitForFunction(() => lab.state().stop === 1 && lab.state().step > 3);
        await page.evaluate(moveTo, "view=sweep");
        await page.waitForFunction(() => {
          const bar = document.querySelector(".heat progress") as HTMLProgressElement | null;
          return bar !== null && bar.value === bar.max;
        });
        expect(complaints).toEqual([]);
      }),
    120_000,
  );
});
