import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  confusionMatrix,
  type EvaluationLike,
  type FindingLike,
  type HistoryData,
  lossCurves,
  report,
} from "@thalweg/plot";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trainOnCars } from "../../../examples/carRuns.js";
import { startChromium } from "../../../test/page.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const csv = readFileSync(new URL("../../../examples/data/cars.csv", import.meta.url), "utf8");
const cars = await trainOnCars(csv, { epochs: 12 });
const origins = await trainOnCars(csv, { task: "multiclass", epochs: 12 });
const hostile = `<script>alert(1)</script> & "quotes" 'too'`;
const finding = (severity: FindingLike["severity"], kind: string): FindingLike => ({
  kind,
  severity,
  title: `Something ${severity}`,
  detail: "Validation loss was lowest at epoch 3.",
  advice: "Keep that one.",
  epoch: 3,
  parameter: "0.weight",
});
const findings = [finding("info", "healthy"), finding("warning", "overfitting"), finding("error", "notFinite")];
const broken: HistoryData = {
  epochs: [{ epoch: 1, step: 1, train: { loss: Number.NaN }, validation: null }],
  stopped: { reason: "notFinite", epoch: 1, step: 1, detail: "the loss was NaN at step 1" },
};
const single: EvaluationLike = {
  task: "binary",
  metrics: { accuracy: 1 },
  confusion: { labels: ["yes"], counts: [[9]] },
};
const settings = { Data: "cars.csv, 392 rows", Target: "mpg", Optimizer: "RMSprop, lr 0.005, alpha 0.99" };
const command = `npx thalweg train cars.csv --target mpg --epochs 30 --lr 0.005 --seed 0 ${"--and-more ".repeat(20)}`;

const pages: Record<string, string> = {
  regression: report({
    title: "Miles per gallon",
    ...cars,
    findings,
    settings,
    command,
    versions: { Node: "20" },
    date: "today",
  }),
  classes: report({ title: "Where a car comes from", ...origins, findings: [] }),
  hostile: report({
    title: hostile,
    history: broken,
    evaluation: { ...single, split: hostile },
    findings: [{ ...finding("error", hostile), title: hostile, detail: hostile, advice: hostile, parameter: hostile }],
    settings: { [hostile]: hostile.repeat(20) },
    command: hostile,
    versions: { [hostile]: hostile },
  }),
  empty: report({ title: "Nothing yet", history: { epochs: [] } }),
  "a figure": lossCurves(cars.history, { title: "Loss" }).toHTML(),
};

describe("pages in a browser", () => {
  let browser: Browser;
  let folder: string;
  const file = (name: string) => join(folder, `${name}.html`);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pages-"));
    for (const [name, html] of Object.entries(pages)) await writeFile(file(name), html);
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  /** The page, and what it asked of the network or complained of. */
  async function open(name: string, width: number, colorScheme: "light" | "dark" = "light") {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const noise: string[] = [];
    page.on("console", (message) => noise.push(message.text()));
    page.on("pageerror", (error) => noise.push(String(error)));
    page.on("request", (request) => noise.push(request.url()));
    const url = pathToFileURL(file(name)).href;
    await page.goto(url);
    return { page, noise: () => noise.filter((text) => text !== url) };
  }

  it.each(Object.keys(pages))(
    "%s: no network, no complaints, no scripts, nothing wider than the page, no barrier",
    async (name) => {
      const places = [
        [390, "light"],
        [1024, "dark"],
        [390, "dark"],
        [1024, "light"],
      ] as const;
      // The first page has everything; of the others two views suffice.
      for (const [width, scheme] of name === "regression" ? places : places.slice(0, 2)) {
        const { page, noise } = await open(name, width, scheme);
        await page.evaluate(() => {
          for (const details of document.querySelectorAll("details")) details.open = true;
        });
        expect(await page.evaluate(() => document.scripts.length)).toBe(0);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(await violations(page)).toEqual([]);
        expect(noise()).toEqual([]);
        await page.close();
      }
    },
  );

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    return page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      return (await axe.run({ resultTypes: ["violations"] })).violations.map((v) => `${v.id}: ${v.nodes[0]!.html}`);
    });
  }

  it("a report has a section for everything it was given, a sentence and a table for each picture", async () => {
    const { page } = await open("regression", 1024);
    const seen = await page.evaluate(() => ({
      titles: [...document.querySelectorAll("h2")].map((h) => h.textContent),
      lead: document.querySelector(".lead")!.textContent,
      verdict: [...document.querySelectorAll("#verdict h3")].map((h) => h.textContent),
      sentences: [...document.querySelectorAll("svg[role=img]")].map((s) => s.getAttribute("aria-label") ?? ""),
      rows: [...document.querySelectorAll("figure")].map((f) => f.querySelectorAll("tbody tr").length),
      metrics: document.querySelector("#metrics tbody tr")!.textContent,
      dead: [...document.querySelectorAll("nav a")].filter((a) => !document.querySelector(a.getAttribute("href")!))
        .length,
    }));
    expect(seen.titles).toEqual([
      "What was trained",
      "Verdict",
      "How training went",
      "Against the baseline",
      "Predictions",
      "Step sizes",
      "Parameters and gradients",
      "How to do it again",
    ]);
    expect(seen.lead).toBe("Something error.");
    expect(seen.verdict).toEqual(["Problem: Something error", "Warning: Something warning", "Good: Something info"]);
    expect(Math.min(...seen.sentences.map((s) => s.length))).toBeGreaterThan(30);
    expect(Math.min(...seen.rows)).toBeGreaterThan(4);
    expect(seen.metrics).toMatch(/^Root mean squared error\d.*% less$/);
    expect(seen.dead).toBe(0);
    await page.close();
  });

  it("a report shows a phone's pictures on a phone and a desk's on a desk, in letters that can be read", async () => {
    const shown = async (width: number) => {
      const { page } = await open("regression", width);
      const result = await page.evaluate(() => {
        const visible = [...document.querySelectorAll<SVGSVGElement>("svg[role=img]")].filter(
          (s) => s.getBoundingClientRect().width > 0,
        );
        const first = visible[0]!;
        // How large a letter of the first picture's ticks comes out on the screen.
        const scale = first.getBoundingClientRect().width / first.viewBox.baseVal.width;
        return { drawn: first.viewBox.baseVal.width, pictures: visible.length, letters: 13 * scale };
      });
      await page.close();
      return result;
    };
    const phone = await shown(390);
    const desk = await shown(1024);
    expect(phone.drawn).toBe(358);
    expect(desk.drawn).toBe(800);
    expect(phone.pictures).toBe(desk.pictures);
    for (const { letters } of [phone, desk]) expect(letters).toBeGreaterThan(11);
  });

  it("what somebody's data says is text, whatever it says", async () => {
    const { page } = await open("hostile", 390);
    expect(await page.textContent("h1")).toBe(hostile);
    expect(await page.evaluate(() => document.querySelector("#verdict h3")!.textContent)).toBe(`Problem: ${hostile}`);
    await page.close();
  });

  it("is dark for who prefers dark", async () => {
    const paper = async (scheme: "light" | "dark") => {
      const { page } = await open("regression", 1024, scheme);
      const colour = await page.evaluate(() => getComputedStyle(document.querySelector("figure svg rect")!).fill);
      await page.close();
      return colour.match(/\d+/g)!.map(Number);
    };
    expect(Math.min(...(await paper("light")))).toBeGreaterThan(240);
    expect(Math.max(...(await paper("dark")))).toBeLessThan(40);
  });

  it("a PNG has the size asked for and the picture's colours", async () => {
    const page = await browser.newPage();
    const decode = (bytes: Uint8Array) =>
      page.evaluate(async (base64) => {
        const image = new Image();
        image.src = `data:image/png;base64,${base64}`;
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = image.width;
        canvas.height = image.height;
        const context = canvas.getContext("2d")!;
        context.drawImage(image, 0, 0);
        const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
        const counts = new Map<string, number>();
        for (const p of pixels) {
          const rgb = [p & 255, (p >> 8) & 255, (p >> 16) & 255].map((v) => v.toString(16).padStart(2, "0")).join("");
          counts.set(`#${rgb}`, (counts.get(`#${rgb}`) ?? 0) + 1);
        }
        return { width: image.width, height: image.height, counts: Object.fromEntries(counts) };
      }, Buffer.from(bytes).toString("base64"));

    const figure = confusionMatrix(
      {
        labels: ["USA", "Japan"],
        counts: [
          [9, 0],
          [1, 3],
        ],
      },
      { title: "Origins", width: 400, height: 300 },
    );
    const light = await decode(await figure.toPNG());
    expect([light.width, light.height]).toEqual([800, 600]);
    expect(light.counts["#ffffff"]).toBeGreaterThan(800 * 600 * 0.2);
    expect(light.counts["#0e3d5e"]).toBeGreaterThan(1000);
    // Letters are there: the title's ink.
    expect(light.counts["#1b2733"]).toBeGreaterThan(200);
    const dark = await decode(await figure.toPNG({ theme: "dark", scale: 1 }));
    expect([dark.width, dark.height]).toEqual([400, 300]);
    expect(dark.counts["#141b21"]).toBeGreaterThan(400 * 300 * 0.2);
    await expect(figure.toPNG({ scale: 0 })).rejects.toThrow(/scale is 0; it must be between 0.1 and 10/);
    await page.close();
  });
});
