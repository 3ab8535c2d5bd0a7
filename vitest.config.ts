import { defineConfig } from "vitest/config";

// Tests run on the sources, so a failing line is a line somebody wrote.
const source = (path: string) => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    alias: [
      { find: /^thalweg$/, replacement: source("./packages/thalweg/src/index.ts") },
      { find: /^thalweg\/(\w+)$/, replacement: source("./packages/thalweg/src/$1/index.ts") },
      { find: /^@thalweg\/plot$/, replacement: source("./packages/plot/src/index.ts") },
      { find: /^#surface$/, replacement: source("./packages/plot/src/surface.node.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    // Continuous integration counts from a report; people read the usual output.
    ...(process.env.CI_REPORT ? { reporters: ["default", "json"], outputFile: { json: process.env.CI_REPORT } } : {}),
  },
});
