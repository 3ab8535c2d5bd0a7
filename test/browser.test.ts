import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "../examples/browser/build.mjs";
import { fitLine, type Line, PYTORCH } from "../examples/line.js";
import { serve, startChromium } from "./page.js";

/** The page of `examples/browser`, bundled and opened in a real browser. */
describe("section 1's program in a page", () => {
  let folder: string;
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "page-"));
    await buildPage(pathToFileURL(`${folder}/`));
    server = await serve(folder);
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 800, height: 800 } });
    const broken = new Promise<string>((resolve) => {
      page.on("pageerror", (error) => {
        complaints.push(String(error));
        resolve(`the page failed: ${error}`);
      });
    });
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
    await page.goto(server.url);
    const trained = page.waitForFunction(() => "run" in globalThis).then(() => "the page trained");
    trained.catch(() => {});
    expect(await Promise.race([trained, broken])).toBe("the page trained");
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("gives the losses that Node gives, bit for bit", async () => {
    const there = await page.evaluate(() => (globalThis as unknown as { run: Line }).run);
    const here = fitLine();
    expect(there).toEqual(here);
    expect(there.losses).toHaveLength(100);
    expect(there.losses[99]).toBeCloseTo(PYTORCH.last, 5);
  });

  it("prints the figures and draws the curve, without a complaint", async () => {
    expect(await page.locator("#figures tbody tr").allTextContents()).toHaveLength(4);
    expect(await page.locator("#figures tbody tr").nth(1).textContent()).toBe("loss, last epoch3.0217923.021792");
    const svg = page.locator("#curve svg");
    expect(await svg.count()).toBe(1);
    const line = svg.locator('[data-part="line"] path');
    expect((await line.getAttribute("d"))!.match(/[ML]/g)).toHaveLength(100);
    expect(await svg.locator("text").allTextContents()).toContain("↑ Loss");
    const screenshot = join(folder, "page.png");
    await page.screenshot({ path: screenshot, fullPage: true });
    expect((await stat(screenshot)).size).toBeGreaterThan(10_000);
    expect(complaints).toEqual([]);
  });

  it("fits a phone, with the curve as wide as the page", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.reload();
    await page.waitForSelector("#curve svg");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect((await page.locator("#curve svg").boundingBox())!.width).toBeGreaterThan(300);
  });

  it("has no module of Node's in its bundle", async () => {
    expect(await readFile(join(folder, "main.js"), "utf8")).not.toMatch(/["']node:|require\(/);
  });
});
