import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import losses from "./fixtures/mlp.json" with { type: "json" };

// `python tools/examples/mlp.py` printed them.

test("a script with a DataLoader, ported line by line, prints PyTorch's losses", async () => {
  const printed: number[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((loss: number) => printed.push(loss));
  await import("../examples/mlp.js");
  log.mockRestore();
  expect(printed.length).toBe(losses.length);
  const deviation = printed.map((loss, step) => Math.abs(loss / losses[step]! - 1));
  expect(Math.max(...deviation.slice(0, 50)), "relative, over the first 50 steps").toBeLessThan(1e-4);
  expect(Math.max(...deviation), "relative, over all steps").toBeLessThan(1e-3);
});

test("the page about layers shows both scripts as they are", () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
  const page = read("../docs/nn.md");
  // Without the first words of each, which say what it is.
  expect(page).toContain(read("../examples/mlp.ts").split("\n").slice(1).join("\n"));
  expect(page).toContain(read("../tools/examples/mlp.py").split("\n").slice(2).join("\n"));
});
