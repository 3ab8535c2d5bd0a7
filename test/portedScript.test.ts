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
