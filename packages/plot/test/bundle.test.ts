import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { startChromium } from "../../../test/page.js";

/** What a page that needs these names of the package gets. */
async function bundle(names: string, program = `console.log(${names})`): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { ${names} } from "@thalweg/plot"; ${program};`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    minify: true,
  });
  return outputFiles[0]!.text;
}

describe("a page's bundle", () => {
  it("has no renderer, no fonts and nothing of Node's, and of reports only what is used", async () => {
    const chart = await bundle("plot");
    const page = await bundle("report");
    for (const text of [chart, page]) expect(text).not.toMatch(/resvg|DejaVu|xmldom|node:fs/);
    expect(page).toContain("Training report");
    expect(chart).not.toContain("Training report");
    expect(chart).not.toContain("Confusion matrix");
    // What reports and the other charts add is small beside the library that draws.
    expect(page.length - chart.length).toBeLessThan(60_000);
  });

  it("draws a PNG with the page's own means", async () => {
    const browser = await startChromium();
    const page = await browser.newPage();
    await page.addScriptTag({
      type: "module",
      content: await bundle("plot", "globalThis.png = () => plot([3, 2, 1]).toPNG({ width: 300 })"),
    });
    const bytes = await page.evaluate(async () => [
      ...(await (globalThis as unknown as { png(): Promise<Uint8Array> }).png()),
    ]);
    await browser.close();
    const header = Buffer.from(bytes);
    expect(header.toString("latin1", 1, 4)).toBe("PNG");
    expect([header.readUInt32BE(16), header.readUInt32BE(20)]).toEqual([600, 800]);
  });
});
