import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { plot } from "@thalweg/plot";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { parse } from "./svg.js";

const falling = Array.from({ length: 100 }, (_, i) => 3 + 12 * Math.exp(-i / 40));

/** The characters in each column of the chart, from the axis on. */
function body(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => /[│┤]/.test(line))
    .map((line) => line.slice(line.search(/[│┤]/) + 1));
}

describe("toSVG", () => {
  it("draws labels, title, ticks and one line through every point", () => {
    const { root, texts, lines } = parse(
      plot(falling, { xLabel: "Epoch", yLabel: "Loss", title: "Section 1" }).toSVG(),
    );
    expect(root.getAttribute("viewBox")).toBe("0 0 640 400");
    expect(root.getAttribute("aria-label")).toBe("Section 1");
    expect(texts).toContain("↑ Loss");
    expect(texts).toContain("Section 1");
    expect(texts.some((t) => t.startsWith("Epoch"))).toBe(true);
    for (const tick of ["0", "50", "90", "4", "14"]) expect(texts).toContain(tick);
    expect(lines).toHaveLength(1);
    expect(lines[0]!.d.match(/[ML]/g)).toHaveLength(100);
  });

  it("puts a value where its scale says", () => {
    const ys = (values: number[], yScale: "linear" | "log") =>
      [...parse(plot(values, { yScale }).toSVG()).lines[0]!.d.matchAll(/,(-?[\d.]+)/g)].map((m) => Number(m[1]));
    const linear = ys([0, 5, 10], "linear");
    expect(linear[0]! - linear[1]!).toBeCloseTo(linear[1]! - linear[2]!, 1);
    expect(linear[0]).toBeGreaterThan(linear[2]!);
    const log = ys([1, 100, 1000], "log");
    expect(log[0]! - log[1]!).toBeCloseTo(2 * (log[1]! - log[2]!), 1);
  });

  it("names several series in a legend, each with a line of its own colour", () => {
    const { texts, lines } = parse(plot({ train: falling, validation: falling.map((v) => v + 1) }).toSVG());
    expect(texts).toContain("train");
    expect(texts).toContain("validation");
    expect(new Set(lines.map((l) => l.stroke)).size).toBe(2);
  });

  it.each([
    ["NaN", [1, 2, Number.NaN, 4, 5], "linear"],
    ["infinity", [1, 2, Number.POSITIVE_INFINITY, 4, 5], "linear"],
    ["a value ≤ 0 on a log scale", [1, 2, 0, 4, 5], "log"],
  ] as const)("breaks the line at %s", (_, values, yScale) => {
    const svg = plot([...values], { yScale }).toSVG();
    expect(parse(svg).lines[0]!.d.match(/M/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it("shows a point between two gaps", () => {
    expect(
      plot([Number.NaN, 2, Number.NaN, 4, 5])
        .toSVG()
        .match(/<circle/g),
    ).toHaveLength(1);
  });

  it("keeps a million points small without losing a spike", () => {
    const values = new Float32Array(1_000_000).fill(1);
    values[654_321] = 9;
    const svg = plot(values).toSVG();
    expect(svg.length).toBeLessThan(100_000);
    const highest = (s: string) =>
      Math.min(...[...parse(s).lines[0]!.d.matchAll(/,(-?[\d.]+)/g)].map((m) => Number(m[1])));
    expect(highest(svg)).toBeCloseTo(highest(plot([1, 9, 1]).toSVG()), 3);
  });

  it("is well-formed for any label", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (title, name) => {
        parse(plot({ [`_${name}`]: [1, 2] }, { title, xLabel: name, yLabel: title }).toSVG());
      }),
      { numRuns: 50 },
    );
  });
});

describe("text", () => {
  it("fits the size that it is given", () => {
    for (const [columns, rows] of [
      [40, 12],
      [80, 20],
      [120, 22],
    ] as const) {
      const lines = plot(falling, { xLabel: "Epoch", yLabel: "Loss" }).toText({ columns, rows }).split("\n");
      expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(columns);
      expect(lines.length).toBeLessThanOrEqual(rows + 1);
      expect(lines[0]).toBe("Loss");
      expect(lines.at(-1)!.trim()).toBe("Epoch");
    }
  });

  it("writes whole ticks in full and whole epochs only", () => {
    const text = String(plot([1e-6, 0.5, 1000, 123_456], { yScale: "log" }));
    expect(text).toMatch(/1e\+4┤/);
    expect(text.split("\n").at(-1)!.trim().split(/\s+/)).toEqual(["0", "1", "2", "3"]);
  });

  it("falls where the numbers fall", () => {
    const rows = body(String(plot(falling)));
    const heights = Array.from({ length: 60 }, (_, c) => rows.findIndex((row) => (row[c] ?? " ") !== " "));
    expect(heights.every((h) => h >= 0)).toBe(true);
    expect(heights).toEqual([...heights].sort((a, b) => a - b));
  });

  it("averages what falls into one column, and leaves a gap where nothing can be drawn", () => {
    const values = Array.from({ length: 10_000 }, (_, i) => (i < 5000 ? 5 + (i % 2) : Number.NaN));
    const rows = body(plot({ a: values, b: values.map(() => 0) }).toText());
    const drawn = rows.filter((row) => row.includes("•"));
    expect(drawn).toHaveLength(1);
    expect(drawn[0]!.trim()).toMatch(/^•{30,}/);
    expect(drawn[0]!.lastIndexOf("•")).toBeLessThan(42);
  });

  it("tells series apart by their marks, or by colour if asked", () => {
    const figure = plot({ train: falling, validation: falling.map((v) => v + 2) });
    expect(figure.toText()).toContain("• train   + validation");
    expect(figure.toText()).not.toContain("\u001b");
    const coloured = figure.toText({ color: true });
    expect(coloured).toContain("\u001b[34m━━\u001b[0m train");
    expect(coloured).toContain("\u001b[33m━━\u001b[0m validation");
  });

  it("draws whatever can be drawn", () => {
    const value = fc.oneof(fc.double(), fc.constant(Number.NaN), fc.integer({ min: -3, max: 3 }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), fc.constantFrom("linear", "log"), (ys, yScale) => {
        fc.pre(ys.some((v) => Math.abs(v) <= 1e300 && (yScale === "linear" || v >= 1e-300)));
        const figure = plot(ys, { yScale: yScale as "linear" | "log" });
        expect(figure.toText()).not.toMatch(/NaN|undefined/);
        expect(figure.toSVG()).not.toMatch(/NaN|undefined|Infinity/);
      }),
      { numRuns: 300 },
    );
  });
});

describe("input", () => {
  it("takes arrays, typed arrays, x with y, and keeps its own copy", () => {
    const same = [
      [1, 2, 4],
      Float32Array.of(1, 2, 4),
      Float64Array.of(1, 2, 4),
      Int32Array.of(1, 2, 4),
      { x: [0, 1, 2], y: [1, 2, 4] },
    ];
    expect(new Set(same.map((input) => plot(input).toSVG())).size).toBe(1);
    const losses = [1, 2, 4];
    const figure = plot(losses);
    losses[0] = 100;
    expect(figure.toSVG()).toBe(plot([1, 2, 4]).toSVG());
  });

  it.each([
    ["no values", [], /the series has no values/],
    ["an empty named series", { train: [1], validation: [] }, /the series "validation" has no values/],
    ["no series", {}, /names no series/],
    ["a string", "losses", /got the string "losses".*plot\(losses\)/],
    ["a number", 3, /got a number/],
    ["undefined", undefined, /got undefined/],
    ["a string among numbers", [1, "2"], /values\[1\] is the string "2"; every value must be a number/],
    ["a tensor among numbers", [{ item: () => 1 }], /values\[0\] is an object.*read a tensor with \.item\(\)/],
    ["a bigint array", BigInt64Array.of(1n), /values\[0\] is a bigint/],
    ["a series that is no array", { train: 3 }, /train is a number; it must be an array of numbers/],
    ["different lengths", { x: [1, 2, 3], y: [1, 2] }, /x has 3 values and y has 2/],
    ["nothing finite", [Number.NaN, Number.POSITIVE_INFINITY], /every value is NaN or infinite/],
  ])("refuses %s", (_, input, message) => {
    expect(() => plot(input as never)).toThrow(message);
  });

  it.each([
    ["yScale", { yScale: "sqrt" }, /yScale is "sqrt"; it must be "linear" or "log"/],
    ["width", { width: 10 }, /width is 10; it must be between/],
    ["height", { height: Number.NaN }, /height is NaN/],
    ["a log scale without positive values", { yScale: "log" }, /no value is a positive finite number/],
  ])("refuses a bad option: %s", (_, options, message) => {
    expect(() => plot([-1, 0], options as never)).toThrow(message);
  });
});

describe("save and show", () => {
  const folder = mkdtempSync(join(tmpdir(), "plot-"));
  afterEach(() => {
    vi.restoreAllMocks();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("writes SVG and HTML at once and PNG when the promise resolves, and refuses other endings by name", async () => {
    const figure = plot(falling, { title: "Losses" });
    const path = (ending: string) => join(folder, `losses${ending}`);
    for (const [ending, text] of [
      [".svg", figure.toSVG()],
      [".HTML", figure.toHTML()],
    ] as const) {
      const saved = figure.save(path(ending));
      expect(readFileSync(path(ending), "utf8")).toBe(text);
      await saved;
    }
    await figure.save(path(".png"));
    expect(new Uint8Array(readFileSync(path(".png")))).toEqual(await figure.toPNG());
    await expect(figure.save("losses.gif")).rejects.toThrow(
      /cannot write "losses\.gif": \.gif is not a known format.*saved as \.svg, \.png or \.html/,
    );
    await expect(figure.save("losses")).rejects.toThrow(/it has no ending/);
  });

  it("shows the chart on standard output, without colour where there is no terminal", () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0);
    plot(falling, { yLabel: "Loss" }).show();
    expect(written.join("")).toMatch(/^Loss\n/);
    expect(written.join("")).not.toContain("\u001b");
  });
});
