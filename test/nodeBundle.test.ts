import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";

it("a program for Node that a bundler has made into one file computes gradients", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bundle-"));
  try {
    const outfile = join(folder, "main.mjs");
    const { warnings } = await build({
      stdin: {
        contents: `
          import { tensor } from "thalweg";
          const w = tensor([1, 2, 3], { requiresGrad: true });
          w.square().sum().backward();
          console.log(w.grad.dataSync().join());
        `,
        resolveDir: fileURLToPath(new URL(".", import.meta.url)),
      },
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      minify: true,
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    expect(execFileSync(process.execPath, [outfile]).toString()).toBe("2,4,6\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
