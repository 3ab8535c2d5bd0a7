import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** What a page that needs these names of the package gets. */
async function bundle(names: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { ${names} } from "@thalweg/plot"; console.log(${names});`,
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
});
