/** The page as people come to it: with fingers, with keys alone, back and forward, by links that are damaged. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { LabState } from "../src/core/state.js";
import { TOUR } from "../src/core/tour.js";
import { openSite, type Site } from "./site.js";

declare const lab: { state(): LabState; computing(): boolean };

let site: Site;

beforeAll(async () => {
  site = await openSite();
}, 60_000);
afterAll(() => site?.close());
afterEach(() => expect(site.complaints).toEqual([]));

async function open(options: Parameters<Site["page"]>[0], hash = ""): Promise<Page> {
  const page = await site.page(options);
  await page.goto(site.url + hash);
  await page.waitForFunction(() => "lab" in globalThis && !lab.computing());
  return page;
}

const state = (page: Page) => page.evaluate(() => lab.state());

it("fingers: two enlarge the map about what lies between them, one scrolls the page and leaves the map, which stays in sight", async () => {
  const page = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.locator(".map .start").waitFor();
  await page.locator(".card").nth(1).waitFor();
  const session = await page.context().newCDPSession(page);
  const box = (await page.locator(".map").boundingBox())!;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...points: [number, number][]) =>
    session.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: points.map(([px, py], id) => ({ x: px, y: py, id })),
    });
  for (const [right, down] of [
    [1, 0],
    [0, 1],
  ] as const) {
    await touch("touchStart", [x - 30 * right, y - 30 * down]);
    await touch("touchStart", [x - 30 * right, y - 30 * down], [x + 30 * right, y + 30 * down]);
    for (let reach = 40; reach <= 90; reach += 10)
      await touch("touchMove", [x - reach * right, y - reach * down], [x + reach * right, y + reach * down]);
    await touch("touchEnd");
    // From 60 pixels to 180; what lay between the fingers is still in the middle.
    await expect.poll(async () => (await state(page)).zoom?.[2]).toBeCloseTo(3, 6);
    const [middle] = (await state(page)).zoom!;
    expect(middle).toBeCloseTo(-3.5, 0);
    expect(await page.evaluate(() => [scrollY, visualViewport!.scale])).toEqual([0, 1]);
    if (right === 1) await page.getByRole("button", { name: "Reset the view" }).click();
  }
  const { zoom } = await state(page);
  await touch("touchStart", [x, y + 60]);
  for (let up = 0; up <= 200; up += 20) await touch("touchMove", [x, y + 60 - up]);
  await touch("touchEnd");
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(50);
  await expect.poll(async () => (await state(page)).zoom).toEqual(zoom);
  await page.locator(".card").nth(1).getByLabel("momentum: value").focus();
  await expect.poll(() => page.evaluate(() => document.querySelector(".map")!.getBoundingClientRect().top)).toBe(0);
  await page.context().close();
});

it("back and forward: each view and each stop of the tour is a page of its own, and a setting is none", async () => {
  const page = await open({}, "#step=30");
  await page.getByRole("button", { name: "Why", exact: true }).click();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("button", { name: "Sweep", exact: true }).click();
  await page.getByRole("spinbutton", { name: "Steps" }).fill("40");
  await page.getByRole("spinbutton", { name: "Steps" }).press("Enter");
  await page.waitForFunction(() => location.hash.includes("40"));
  const shown = async () => {
    const { view, stop } = await state(page);
    return `${view} ${stop}`;
  };
  for (const [way, place] of [
    ["goBack", "why 2"],
    ["goBack", "why 1"],
    ["goBack", "why 0"],
    ["goBack", "paths 0"],
    ["goForward", "why 0"],
    ["goForward", "why 1"],
  ] as const) {
    await page[way]();
    await expect.poll(shown, { timeout: 10_000 }).toBe(place);
  }
  await page.getByRole("heading", { name: TOUR[1]!.title.en }).waitFor();
  expect((await state(page)).runners).toEqual(TOUR[1]!.state.runners);
  await page.context().close();
});

it("keys alone: past the head, through the tour, into a sweep, and back with its setting", async () => {
  const page = await open({}, "#view=why");
  const key = (name: string) => page.keyboard.press(name);
  await page.getByRole("button", { name: "Next" }).waitFor();
  await key("Tab");
  await key("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
  for (let i = 0; i < 9; i++) {
    // "Previous" cannot be used at the first stop, and is passed by.
    if (i === 0) await key("Tab");
    await key("Enter");
    await page.getByText(`Stop ${i + 2} of 10`).waitFor();
  }
  await page.getByRole("button", { name: "Sweep", exact: true }).press("Enter");
  const map = page.getByRole("button", { name: "Heat map of the loss" });
  await page.waitForFunction(() => {
    const bar = document.querySelector<HTMLProgressElement>(".heat progress");
    return bar !== null && bar.value === bar.max;
  });
  await map.focus();
  for (let i = 0; i < 20; i++) await key("ArrowLeft");
  await key("Enter");
  const { view, runners, selected } = await state(page);
  expect([view, runners[selected]!.options.lr]).toEqual(["paths", 0.001]);
  await page.context().close();
});

it("whoever wants less motion is shown where a stop of the tour leads, and nothing plays by itself", async () => {
  const page = await open({ reducedMotion: "reduce" }, "#view=why");
  await page.getByRole("button", { name: "Next" }).click();
  expect((await state(page)).step).toBe(TOUR[1]!.state.step);
  expect(await page.getByRole("button", { name: "Play" }).count()).toBe(1);
  await page.context().close();
});

it("an address that makes no sense breaks nothing: the page stands, is no wider, and goes on", async () => {
  const page = await open({ viewport: { width: 390, height: 844 } });
  const formula = (text: string) => `surface=formula&formula=${encodeURIComponent(text)}`;
  for (const hash of [
    "start=1e308,-1e308",
    "zoom=0,0,1e300",
    "zoom=1e300,1e300,1",
    "zoom=0,0,1e-300&turned=999,999",
    formula("1/0*x"),
    formula("x^y"),
    formula("x".repeat(2000)),
    formula("(".repeat(5000)),
    "run=%%%;;;:::",
    "run=RMSprop,lr:1e308,alpha:-5,eps:NaN",
    "view=sweep&sweep=lr,5,5,alpha,2,3,100",
    "view=sweep&sweep=nope,1,2,nada,3,4,20",
    `view=sweep&${formula("foo(x)")}`,
    "view=sweep&run=LBFGS",
    "view=inside&run=SGD,lr:1e30&step=100",
    "view=inside&step=20",
    "view=why&stop=999",
    "selected=99&step=99999&speed=0",
    "constructor=1&__proto__=2&view=toString",
  ]) {
    await page.evaluate(
      (next) =>
        new Promise<void>((resolve) => {
          addEventListener("hashchange", () => setTimeout(resolve), { once: true });
          location.hash = next;
        }),
      hash,
    );
    await page.waitForFunction(() => !lab.computing());
    await expect
      .poll(() => page.evaluate(() => document.querySelector("main")!.children.length), { message: hash })
      .toBe(1);
    await expect
      .poll(() => page.evaluate(() => document.documentElement.scrollWidth), { message: hash })
      .toBeLessThanOrEqual(390);
  }
  await page.evaluate(() => {
    location.hash = "";
  });
  await page.getByText("step 45 of 100").waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
  await page.context().close();
});
