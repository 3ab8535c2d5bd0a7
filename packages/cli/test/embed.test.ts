import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decode } from "thalweg/safetensors";
import { type Evaluation, TabularModel } from "thalweg/tabular";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { workplace } from "./command.js";

const { folder, file, remove, thalweg } = workplace();
afterAll(remove);

/** Numbers from 0 to 1 that look random and are always the same. */
const noise = (i: number, salt: number): number => {
  const x = Math.sin(i * 12.9898 + salt * 78.233) * 43758.5453;
  return x - Math.floor(x);
};

/** Houses in 2,000 cities, of which each has a level of prices and another fall of prices with age. */
const CITIES = 2000;
const houses = (rows: number, first: number): string =>
  `city,zip,area,age,price\n${Array.from({ length: rows }, (_, n) => {
    const i = first + n;
    const city = Math.floor(CITIES * noise(i, 1) ** 1.3);
    const [area, age] = [Math.round(40 + 120 * noise(i, 2)), Math.round(60 * noise(i, 3))];
    const level = 1 + 3 * noise(city, 4);
    const price = area * level * (1 - (age / 100) * noise(city, 5)) * (0.95 + 0.1 * noise(i, 6));
    return `city ${city},${10_000 + 3 * city},${area},${age},${price.toFixed(1)}`;
  }).join("\n")}\n`;

const train = (out: string, ...more: string[]) => {
  const args = ["--target", "price", "--validation", "others.csv", "--batch-size", "64", "--out", out];
  return thalweg(
    "train",
    "houses.csv",
    ...args,
    ...(more.includes("--ignore") ? [] : ["--ignore", "zip"]),
    "--json",
    ...more,
  );
};
const json = <T>(run: string, name: string): T => JSON.parse(readFileSync(join(folder, run, name), "utf8")) as T;
const weights = (run: string) => readFileSync(join(folder, run, "model.safetensors"));
const rmse = (run: string) => json<Evaluation>(run, "evaluation.json").metrics.rmse!;

beforeAll(async () => {
  file("houses.csv", houses(8000, 0));
  file("others.csv", `${houses(600, 8000)}Atlantis,1,100,10,250\n,,100,10,250\n`);
  const { code, err } = await train("vectors", "--epochs", "12");
  expect(code, err).toBe(0);
  expect(err).toMatch(
    /note: city: 1\d{3} values have a learnt vector of \d+ numbers each; \d+ that occur once share one/,
  );
}, 120_000);

describe("train with categories of many values", () => {
  it("learns what 2,000 cities say, of which a place each, or nothing, says little", async () => {
    for (const run of ["none", "out"] as const) {
      const args = run === "none" ? ["--embed", "none"] : ["--ignore", "city,zip"];
      const { code, err } = await train(run, "--epochs", "6", ...args);
      expect(code, err).toBe(0);
      expect(rmse("vectors")).toBeLessThan(0.5 * rmse(run));
    }
  });

  it("measures, predicts and shows with the model that it trained, new and missing cities among the rows", async () => {
    const measured = await thalweg("evaluate", "vectors", "others.csv", "--json");
    const { metrics } = json<Evaluation>("vectors", "evaluation.json");
    const again = JSON.parse(measured.out).evaluation.metrics as Record<string, number>;
    for (const [name, value] of Object.entries(metrics)) expect(again[name]).toBeCloseTo(value, 4);
    const { out } = await thalweg("predict", "vectors", "others.csv");
    const model = TabularModel.load({
      "model.json": readFileSync(join(folder, "vectors/model.json"), "utf8"),
      "model.safetensors": weights("vectors"),
    });
    const [head, ...lines] = readFileSync(join(folder, "others.csv"), "utf8").trim().split("\n");
    const rows = lines.map((line) =>
      Object.fromEntries(line.split(",").map((cell, c) => [head!.split(",")[c]!, cell])),
    );
    const said = model.predict(rows).map(({ value }) => Number((value as number).toPrecision(7)));
    expect(out.trim().split("\n").slice(1).map(Number)).toEqual(said);
    expect((await thalweg("inspect", "vectors")).out).toMatch(/vectors +│ auto/);
    expect(readFileSync(join(folder, "vectors/report.html"), "utf8")).toMatch(/city \(1\d{3} vectors of \d+\)/);
  });

  it.each([
    // So large a table that its gradients are kept as rows.
    ["rmsprop", ["--embed", "city=400"], {}],
    // Which trains the vectors; adam trains the rest.
    ["sparseadam", ["--lr", "0.01", "--set", "rest.lr=0.002"], { lr: 0.01, rest: "adam", "rest.lr": 0.002 }],
  ])("%s, %j: goes on to the bits of a run that was left alone", async (rule, given, options) => {
    const [whole, cut] = [`${rule} whole`, `${rule} cut`];
    const flat = ["--optimizer", rule, ...given, "--scheduler", "none", "--patience", "10", "--epochs"];
    expect((await train(whole, ...flat, "2")).code).toBe(0);
    expect((await train(cut, ...flat, "1")).code).toBe(0);
    expect((await thalweg("train", "--resume", cut, "--epochs", "2", "--quiet")).code).toBe(0);
    expect(weights(cut).equals(weights(whole))).toBe(true);
    expect(json<{ options: object }>(cut, "run.json").options).toEqual(options);
    expect(rmse(whole)).toBeLessThan(0.9 * rmse("out"));
  });

  it("learns it from a file that is streamed, too", async () => {
    const { code, err } = await train("streamed", "--stream", "--epochs", "6");
    expect(code, err).toBe(0);
    expect(rmse("streamed")).toBeLessThan(0.7 * rmse("out"));
  });

  it("takes numbers for names where it is told so, and says it again in the command for the same run", async () => {
    const { code, err } = await train("zips", "--embed", "zip=6", "--epochs", "6", "--ignore", "city");
    expect(code, err).toBe(0);
    const { tensors } = decode(new Uint8Array(weights("zips")));
    expect(tensors["0.tables.0.weight"]!.shape[1]).toBe(6);
    expect(rmse("zips")).toBeLessThan(0.7 * rmse("out"));
    expect(readFileSync(join(folder, "zips/report.html"), "utf8")).toContain("--embed zip=6");
  });

  it.each([
    [["--embed", "city=0"], /a whole number of 1 or more/],
    [["--embed", "price"], /embed names price, from which nothing is to be learnt/],
  ])("%j is refused", async (args, message) => {
    const { code, err } = await train("never", ...args);
    expect(code).toBeGreaterThan(1);
    expect(err).toMatch(message);
  });

  it("has places instead of vectors in a linear model, unless it is told otherwise", async () => {
    expect((await train("line", "--model", "linear", "--epochs", "1")).err).toMatch(/city is left out/);
    expect((await train("line2", "--model", "linear", "--embed", "city=1", "--epochs", "1")).code).toBe(0);
    expect(Object.keys(decode(new Uint8Array(weights("line2"))).tensors)).toContain("0.tables.0.weight");
  });
});
