import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { picture } from "../bench/src/picture.mjs";

const script = fileURLToPath(new URL("../bench/run.mjs", import.meta.url));
const bench = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });

describe("the benchmark", () => {
  it("measures without any peer, checks the numbers before, and prints a table for each case", () => {
    const { status, stdout, stderr } = bench(
      "--quick",
      "--peers",
      "thalweg",
      ...["section1", "layers", "peak"].flatMap((id) => ["--case", id]),
    );
    expect(stderr).not.toContain("Not right");
    expect(status).toBe(0);
    expect(stdout).toMatch(/Thalweg, its default +[\d.]+ ms .* µs an epoch/);
    expect(stdout).toMatch(/32 layers, Thalweg +[\d.]+ ms/);
    expect(stdout).toMatch(/64 pictures, Thalweg +[\d.]+ MB/);
  });

  it.each([["--case"], ["--peers"]])("refuses an unknown name after %s", (flag) => {
    const { status, stderr } = bench(flag, "nonesuch");
    expect(status).toBe(1);
    expect(stderr).toContain(`${flag} nonesuch: no such`);
  });

  it("draws whom it measured, and says in words what is drawn", () => {
    const rows = [
      { key: "thalweg", label: "Thalweg, its default", ratio: 1 },
      { key: "torch1", label: "PyTorch, 1 thread", ratio: 4 },
      { key: "torch", label: "PyTorch, its default", ratio: 3 },
    ];
    const result = {
      id: "rmsprop",
      title: "RMSProp over 10 M float32 parameters, one step",
      unit: "ms",
      rows,
      verdicts: [],
      wrong: [],
    };
    const svg = picture([result], "two cores");
    expect(svg).toContain('aria-label="RMSProp, 10 M parameters: PyTorch, its fastest way 3.0"');
    expect(svg).toContain("two cores");
    expect(svg).not.toContain("jax-js");
    expect(picture([{ ...result, rows: rows.slice(0, 1) }], "")).toBeUndefined();
  });
});
