import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { openTable, readTable, TabularModel } from "thalweg/tabular";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inFirefox } from "../../../test/page.js";
import { type DataSettings, prepareRun, programOf } from "../src/core/dataRun.js";
import { openSite, root, type Site } from "./site.js";

const run = promisify(execFile);
const cars = fileURLToPath(new URL("../../../examples/data/cars.csv", import.meta.url));
/** Where the programs that the page writes are run; here they find the library. */
const folder = mkdtempSync(join(root, "dist-program-"));

let site: Site;
let page: Page;

beforeAll(async () => {
  site = await openSite();
  page = await site.page();
  await page.goto(`${site.url}#view=data`);
}, 60_000);
afterAll(async () => {
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

const settings: DataSettings = {
  target: "mpg",
  ignore: ["acceleration"],
  hidden: [16],
  runner: { rule: "RMSprop", options: { lr: 0.003 } },
  epochs: 12,
  batchSize: 16,
  seed: 0,
};

/** The same run in Node. */
async function here() {
  const prepared = await prepareRun(await readTable(await openTable(cars)), settings);
  const history = await prepared.train([], () => false);
  return { prepared, losses: history.values("validation", "loss") };
}

it("a dropped file is trained on to the end, with the library's numbers, bit for bit", async () => {
  await page.setInputFiles("input[type=file]", cars);
  await page.getByText("cars.csv: 406 rows").waitFor();
  await page.getByLabel("Predict").selectOption("mpg");
  await page.getByRole("checkbox", { name: /^acceleration/ }).uncheck();
  await page.getByLabel("Model").selectOption("16");
  await page.getByLabel("Epochs").fill("12");
  await page.getByLabel("Epochs").press("Tab");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByRole("heading", { name: "Verdict" }).waitFor();
  expect(await page.getByText("Epoch 12 of 12").count()).toBe(1);
  expect(await page.locator(".scatter circle").count()).toBeGreaterThan(50);
  expect(await page.locator(".spread").count()).toBe(4);
  expect(await page.locator(".notes li").allTextContents()).toContain(
    "name is left out: it is text that hardly repeats",
  );

  await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
  for (const [width, theme] of [
    [390, "dark"],
    [1280, "light"],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: theme });
    const found = await page.evaluate(async () => {
      type Axe = { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
    });
    expect(found).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }

  // In Chinese no sentence is left in English: apart from names and numbers, never three words in a row.
  await page.getByLabel("Language").selectOption("zh");
  await page.getByRole("heading", { name: "诊断" }).waitFor();
  const said = await page.locator("main").innerText();
  expect(said).toMatch(/[\u4e00-\u9fff]{4}/);
  expect(said.match(/([A-Za-z’]{2,}[ ,.;:]+){2,}[A-Za-z]{2,}/g)).toBeNull();
  await page.getByLabel("语言").selectOption("en");

  const { prepared, losses } = await here();
  const [model] = await Promise.all([
    page.waitForEvent("download", (download) => download.suggestedFilename() === "model.safetensors"),
    page.getByRole("button", { name: "Download the model" }).click(),
  ]);
  const bytes = readFileSync(await model.path());
  expect(Buffer.from(prepared.model.save()["model.safetensors"]).equals(bytes)).toBe(true);
  const loaded = TabularModel.load({
    "model.json": prepared.model.save()["model.json"],
    "model.safetensors": new Uint8Array(bytes),
  });
  expect(
    loaded.predict([{ cylinders: 4, horsepower: 90, weight: 2500, year: 1980, origin: "Japan", displacement: 100 }]),
  ).toHaveLength(1);

  // The downloaded program makes the same run.
  const [program] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download as a program" }).click(),
  ]);
  expect(program.suggestedFilename()).toBe("train.ts");
  const text = readFileSync(await program.path(), "utf8");
  expect(text).toBe(programOf("cars.csv", settings, settings.runner.options));
  writeFileSync(join(folder, "train.mjs"), text);
  copyFileSync(cars, join(folder, "cars.csv"));
  const { stdout } = await run(process.execPath, ["train.mjs"], { cwd: folder });
  expect(Number(stdout.split("\n")[0])).toBe(losses.at(-1));
}, 60_000);

it.each([[[8]], [[]]])(
  "a table with names of many cities, hidden layers %j: the program makes the same run",
  async (hidden) => {
    const lines = Array.from({ length: 300 }, (_, i) => `city ${i % 80},${i % 17},${(i % 80) * 3 + (i % 17)}.5`);
    const file = join(folder, "cities.csv");
    writeFileSync(file, `city,size,price\n${lines.join("\n")}\n`);
    const wanted: DataSettings = { ...settings, target: "price", ignore: [], hidden, epochs: 3 };
    const prepared = await prepareRun(await readTable(await openTable(file)), wanted);
    const history = await prepared.train([], () => false);
    expect(prepared.model.encoder.vectors).toHaveLength(hidden.length);
    writeFileSync(join(folder, "cities.mjs"), programOf("cities.csv", wanted, wanted.runner.options));
    const { stdout } = await run(process.execPath, ["cities.mjs"], { cwd: folder });
    expect(Number(stdout.split("\n")[0])).toBe(history.values("validation", "loss").at(-1));
  },
  30_000,
);

it("pauses, takes another learning rate, goes on, and stops when asked", async () => {
  await page.getByLabel("Epochs").fill("3000");
  await page.getByLabel("Epochs").press("Tab");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByText(/^Epoch \d+ of 3000/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.waitForTimeout(400);
  const epoch = () => page.getByText(/^Epoch \d+ of 3000/).textContent();
  const paused = await epoch();
  await page.waitForTimeout(400);
  expect(await epoch()).toBe(paused);
  const lr = page.getByRole("textbox", { name: "lr: value" });
  await lr.fill("0.0001");
  await lr.press("Enter");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("lr 10⁻⁴").waitFor();
  expect(await epoch()).not.toBe(paused);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Verdict" }).waitFor();

  // The program makes this run too: as many epochs, and the learning rate changed where it was.
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download as a program" }).click(),
  ]);
  const text = readFileSync(await download.path(), "utf8");
  expect(text).toMatch(/"lr":0\.0001/);
  writeFileSync(join(folder, "changed.mjs"), text);
  const [model] = await Promise.all([
    page.waitForEvent("download", (one) => one.suggestedFilename() === "model.safetensors"),
    page.getByRole("button", { name: "Download the model" }).click(),
  ]);
  await run(process.execPath, ["changed.mjs"], { cwd: folder });
  expect(readFileSync(join(folder, "model.safetensors")).equals(readFileSync(await model.path()))).toBe(true);
}, 60_000);

it("shows classes in a confusion matrix, and takes a file that is really dropped", async () => {
  const iris = readFileSync(fileURLToPath(new URL("../../../examples/data/iris.csv", import.meta.url)), "utf8");
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "iris.csv", { type: "text/csv" }));
    return transfer;
  }, iris);
  await page.dispatchEvent(".drop", "drop", { dataTransfer: dropped });
  await page.getByText("iris.csv: 150 rows").waitFor();
  await page.getByLabel("Predict").selectOption("species");
  await page.getByLabel("Epochs").fill("20");
  await page.getByLabel("Epochs").press("Tab");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await page.getByRole("table", { name: "Actual classes down, predicted ones across" }).waitFor();
  expect(await page.locator(".confusion tbody tr").count()).toBe(3);
}, 60_000);

it("says in place what is wrong with a file, a target or a run, and goes on", async () => {
  const alert = page.locator(".own-data .complaint");
  await page.setInputFiles("input[type=file]", {
    name: "bad.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("a,b\n1,2\n3\n"),
  });
  await expect
    .poll(() => alert.textContent())
    .toBe("bad.csv, line 3: it has 1 field, and the line that names the columns has 2");
  // What was open before is gone with its worker, and nothing offers to train on it.
  expect(await page.getByRole("button", { name: "Train", exact: true }).count()).toBe(0);
  const flat = `x,y\n${"1,2\n3,2\n".repeat(20)}`;
  await page.setInputFiles("input[type=file]", { name: "flat.csv", mimeType: "text/csv", buffer: Buffer.from(flat) });
  await page.getByText("flat.csv: 40 rows").waitFor();
  await page.getByLabel("Predict").selectOption("y");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect.poll(() => alert.textContent()).toMatch(/the target y is 2 in all rows/);
  await page.setInputFiles("input[type=file]", cars);
  await page.getByText("cars.csv: 406 rows").waitFor();
  await page.getByLabel("Predict").selectOption("mpg");
  await page.getByLabel("Rule").selectOption("SGD");
  const lr = page.getByRole("textbox", { name: "lr: value" });
  await lr.fill("1e9");
  await lr.press("Enter");
  await page.getByRole("button", { name: "Train", exact: true }).click();
  await expect.poll(() => page.locator(".findings .error").count(), { timeout: 10_000 }).toBeGreaterThan(0);
  expect(site.complaints).toEqual([]);
}, 60_000);

it(
  "Firefox: a file dropped on the page is trained on to the end, with the same bits",
  () =>
    inFirefox(async (other, wrong) => {
      await other.goto(`${site.url}#view=data`);
      await other.waitForSelector(".drop");
      await other.evaluate(
        (text) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([text], "cars.csv", { type: "text/csv" }));
          document.querySelector(".drop")!.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        },
        readFileSync(cars, "utf8"),
      );
      await other.waitForSelector(".own-data fieldset");
      const field = (label: string) => `::-p-aria([name="${label}"])`;
      await other.select(`.own-data label:has(+ fieldset) select`, "mpg");
      await other.evaluate(() => {
        const columns = [...document.querySelectorAll(".columns label")];
        columns
          .find((label) => label.textContent!.startsWith("acceleration"))!
          .querySelector("input")!
          .click();
      });
      await other.select(".columns + label select", "16");
      const epochs = (await other.$(field("Epochs")))!;
      await epochs.click({ count: 3 });
      await epochs.type("12");
      await epochs.press("Tab");
      // What the page would save is kept where the test can read it.
      await other.evaluate(() => {
        const saved: Blob[] = [];
        Object.assign(globalThis, { saved });
        URL.createObjectURL = (blob) => {
          saved.push(blob as Blob);
          return "#";
        };
      });
      await other.click(".own-data button.main");
      await other.waitForSelector(".outcome", { timeout: 30_000 });
      const button = await other.$(field("Download the model"));
      await button!.click();
      const { prepared } = await here();
      const kept = prepared.model.save();
      const files = await other.evaluate(async () =>
        Promise.all(
          (globalThis as unknown as { saved: Blob[] }).saved.map(async (blob) => [
            ...new Uint8Array(await blob.arrayBuffer()),
          ]),
        ),
      );
      expect(files.map((bytes) => Buffer.from(bytes))).toContainEqual(Buffer.from(kept["model.safetensors"]));
      expect(wrong).toEqual([]);
    }),
  120_000,
);
