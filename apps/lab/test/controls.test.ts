import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inFirefox } from "../../../test/page.js";
import type { LabState } from "../src/core/state.js";
import { openSite, type Site } from "./site.js";

declare const lab: { state(): LabState; computing(): boolean };

const iris = fileURLToPath(new URL("../../../examples/data/iris.csv", import.meta.url));

let site: Site;
let page: Page;

beforeAll(async () => {
  site = await openSite();
  page = await site.page();
}, 60_000);
afterAll(() => site?.close());

/**
 * Uses every control of the page that can be used, each from the same state, and returns the names of those that were and of
 * those that nothing came of. It runs in the page; real keys and clicks are the other tests' matter.
 */
async function walk(hash: string, within: string) {
  const CONTROLS = ":is(button, select, input:not([type=file]), summary, [role=application])";
  const find = () =>
    [...document.querySelectorAll<HTMLElement>(CONTROLS)].filter((one) => one.closest(within) !== null);
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 400 && !holds(); i++) await sleep(10);
    return holds();
  };
  let visits = 0;
  /** Another address each time, with a word in it that nobody reads. */
  const visit = async () => {
    document.querySelector<HTMLElement>(".transport [aria-label=Pause]")?.click();
    const read = new Promise((resolve) => addEventListener("hashchange", () => setTimeout(resolve), { once: true }));
    location.hash = `${hash}&visit=${++visits}`;
    await read;
    await until(() => !lab.computing());
    await until(() => [...document.querySelectorAll("progress")].every((bar) => bar.value === bar.max));
    for (const details of document.querySelectorAll("details")) details.open = true;
    // What comes later, and what is unfolded.
    await sleep(60);
  };
  /** All that a person can notice: words, values, what is checked, where the focus is, how it looks; and the state. */
  const noticed = () =>
    JSON.stringify([
      lab.state(),
      document.body.textContent,
      document.documentElement.dataset.theme,
      document.activeElement?.id,
      document.querySelectorAll("details[open]").length,
      [...document.querySelectorAll("input")].map((input) => (input.type === "checkbox" ? input.checked : input.value)),
      [...document.querySelectorAll("select")].map((select) => select.value),
    ]);
  const set = (control: HTMLInputElement | HTMLSelectElement, value: string) => {
    control.value = value;
    for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
  };
  const named = (control: Element) => {
    const labels = [...((control as HTMLInputElement).labels ?? [])].map((label) => label.textContent);
    return `${control.tagName} ${control.getAttribute("aria-label") ?? (labels.join(" ") || control.textContent)}`;
  };
  const use = (control: HTMLElement) => {
    if (control instanceof HTMLSelectElement) {
      const other = [...control.options].find((option) => !option.disabled && option.value !== control.value);
      set(control, other!.value);
    } else if (control instanceof HTMLInputElement && control.type !== "checkbox") {
      const now = Number(control.value);
      if (control.type === "range") set(control, String(now < Number(control.max) ? now + 1 : now - 1));
      else if (control.type === "number") set(control, String(now > 1 ? Math.floor(now * 0.9) : 2));
      else set(control, Number.isNaN(now) ? `${control.value} + x` : String(now * 0.9 || 0.01));
    } else if (control.matches("[role=application], .start")) {
      control.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    } else {
      control.focus();
      control.click();
    }
  };
  const used: string[] = [];
  const dead: string[] = [];
  await visit();
  const count = find().length;
  for (let i = 0; i < count; i++) {
    if (i > 0) await visit();
    const control = find()[i];
    // Another rule has other options, and a table's settings are in no address.
    if (control === undefined) break;
    // What is chosen already, or makes no sense now, says so and does nothing.
    if (control.matches(":disabled, [aria-pressed=true], [aria-current]")) continue;
    const name = named(control);
    const before = noticed();
    const value = control instanceof HTMLSelectElement ? control.value : "";
    use(control);
    (await until(() => noticed() !== before)) ? used.push(name) : dead.push(name);
    // Language and theme are in no address.
    if (control.closest(".settings") !== null && value !== "") set(control as HTMLSelectElement, value);
  }
  return { used, dead };
}

type Walked = Awaited<ReturnType<typeof walk>>;

describe("every control answers, in Chromium", () => {
  const many = "run=SGD,lr:0.3;RMSprop,lr:0.2,alpha:0.95,centered:true,momentum:0.1&steps=90&step=40&start=-8,1";
  it.each([
    ["the page's head, the map and the rules", `${many}&zoom=-2,0,2`, "body", 55],
    ["a block of a typed formula", "surface=formula&formula=x^2%2By^2&turned=20,50", ".picker, .map", 10],
    ["Inside a step", `view=inside&${many}`, ".explained", 15],
    ["the tour", `view=why&stop=3&${many}`, ".words, .stops", 10],
    ["Sweep", `view=sweep&sweep=lr,0.01,1,alpha,0.5,0.99,20&${many}`, "main", 9],
  ])("%s", async (_, hash, within, least) => {
    await page.goto(`${site.url}#${hash}`);
    await page.waitForFunction(() => !lab.computing());
    const { used, dead } = (await page.evaluate(
      `(${walk})(${JSON.stringify(hash)}, ${JSON.stringify(within)})`,
    )) as Walked;
    expect(dead).toEqual([]);
    expect(used.length).toBeGreaterThanOrEqual(least);
    expect(site.complaints).toEqual([]);
  });

  it("Your data", async () => {
    await page.goto(`${site.url}#view=data`);
    await page.waitForFunction(() => !lab.computing());
    await page.setInputFiles("input[type=file]", iris);
    await page.getByText("iris.csv: 150 rows").waitFor();
    await page.getByLabel("Epochs").fill("2");
    await page.getByLabel("Epochs").press("Tab");
    const { used, dead } = (await page.evaluate(`(${walk})("view=data", "main")`)) as Walked;
    expect(dead).toEqual([]);
    expect(used.length).toBeGreaterThanOrEqual(14);
    expect(site.complaints).toEqual([]);
  });
});

it(
  "every control of the stage, the rules and the sweep answers in Firefox",
  () =>
    inFirefox(async (other, wrong) => {
      for (const [hash, least] of [
        ["turned=20,50&zoom=-2,0,2&step=10", 25],
        ["view=sweep&sweep=lr,0.01,1,alpha,0.5,0.99,20", 9],
      ] as const) {
        await other.goto(`${site.url}#${hash}`);
        await other.waitForFunction(() => "lab" in globalThis && !lab.computing());
        const { used, dead } = (await other.evaluate(`(${walk})(${JSON.stringify(hash)}, "main")`)) as Walked;
        expect(dead).toEqual([]);
        expect(used.length).toBeGreaterThanOrEqual(least);
      }
      expect(wrong).toEqual([]);
    }),
  120_000,
);
