import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { configure } from "thalweg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { train } from "../packages/thalweg/test/support/wideNetwork.js";
import { ISOLATED, serve, startChromium } from "./page.js";
import type { Run } from "./pages/threads.js";

let folder: string;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "threads-"));
  const main = fileURLToPath(new URL("pages/threads.ts", import.meta.url));
  // "whole" has the worker's file beside it, as docs/threads.md says for this bundler; "alone" has not.
  for (const [name, entryPoints] of [
    ["whole", { main, worker: "thalweg/worker" }],
    ["alone", { main }],
  ] as const) {
    await build({
      entryPoints,
      outdir: join(folder, name),
      bundle: true,
      format: "esm",
      target: "es2022",
      minify: true,
    });
    await writeFile(join(folder, name, "index.html"), '<!doctype html><script type="module" src="main.js"></script>');
  }
  browser = await startChromium();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ["is isolated", "whole", ISOLATED, 2, 2],
  ["is isolated, with three threads", "whole", ISOLATED, 3, 3],
  ["is isolated, but lacks the worker's file", "alone", ISOLATED, 2, 1],
  ["is not isolated", "whole", {}, 2, 1],
])("a page that %s gives Node's bits", async (_, name, headers, threads, running) => {
  configure({ threads: 1 });
  const expected = train(12);
  const server = await serve(join(folder, name), headers);
  const page = await browser.newPage();
  try {
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(String(error)));
    await page.goto(`${server.url}?threads=${threads}&expected=${running}`);
    await page.waitForFunction(() => "run" in globalThis);
    const run = await page.evaluate(() => (globalThis as unknown as { run: Run }).run);
    expect(run.isolated).toBe(headers === ISOLATED);
    expect(run.first).toEqual(expected);
    expect(run.again).toEqual(expected);
    expect(run.threads).toBe(running);
    expect(failures).toEqual([]);
  } finally {
    await page.close();
    await server.close();
  }
});
