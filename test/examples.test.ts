import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCars } from "../examples/cars.js";
import { regressCars } from "../examples/carsRegression.js";
import { leastSquares } from "../examples/leastSquares.js";
import { fitLine, PYTORCH } from "../examples/line.js";

const example = (path: string) => fileURLToPath(new URL(`../examples/${path}`, import.meta.url));
const run = promisify(execFile);
const csv = () => readFile(example("data/cars.csv"), "utf8");

describe("cars", () => {
  it("reads every complete car and counts the rest", async () => {
    const { cars, dropped } = parseCars(await csv());
    expect(cars).toHaveLength(392);
    expect(dropped).toBe(14);
    expect(cars[0]).toEqual({
      name: "chevrolet chevelle malibu",
      mpg: 18,
      cylinders: 8,
      displacement: 307,
      horsepower: 130,
      weight: 3504,
      acceleration: 12,
      year: 1970,
      origin: "USA",
    });
    expect(cars.every((car) => car.mpg > 5 && car.mpg < 50 && car.weight > 1000)).toBe(true);
  });

  it.each([
    ["another header", (text: string) => text.replace("mpg", "kpl"), /expected the columns name,mpg/],
    ["a word for a number", (text: string) => text.replace(",3504,", ",heavy,"), /weight is "heavy" in "chevrolet/],
  ])("refuses %s", async (_, spoil, message) => {
    const text = spoil(await csv());
    expect(() => parseCars(text)).toThrow(message);
  });
});

describe("leastSquares", () => {
  it("finds the line that the numbers lie on, and has residuals at right angles to the columns", () => {
    const number = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number, number), { minLength: 8, maxLength: 30 }), (rows) => {
        const X = rows.map(([a, b], i) => [a + i, b - i * i, 1]);
        const y = rows.map(([, , c]) => c);
        const beta = leastSquares(X, y);
        const residuals = X.map((row, i) => y[i]! - row.reduce((sum, v, j) => sum + v * beta[j]!, 0));
        for (let j = 0; j < 3; j++) {
          expect(Math.abs(X.reduce((sum, row, i) => sum + row[j]! * residuals[i]!, 0))).toBeLessThan(1e-3);
        }
      }),
    );
    const [slope, intercept] = leastSquares(
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
      [3, 5, 7],
    );
    expect(slope).toBeCloseTo(2, 12);
    expect(intercept).toBeCloseTo(3, 12);
  });

  it("refuses columns that depend on each other", () => {
    expect(() =>
      leastSquares(
        [
          [1, 1],
          [1, 1],
        ],
        [1, 2],
      ),
    ).toThrow(/depend on each other/);
  });
});

describe("training", () => {
  it("gives PyTorch's figures for the line", () => {
    const { losses, w, b } = fitLine();
    expect(losses[0]).toBeCloseTo(PYTORCH.first, 5);
    expect(losses[99]).toBeCloseTo(PYTORCH.last, 5);
    expect(w).toBeCloseTo(PYTORCH.w, 5);
    expect(b).toBeCloseTo(PYTORCH.b, 5);
  });

  it.each([0, 1, 2])("comes near the exact solution for the cars, split by seed %i", async (seed) => {
    const { cars } = parseCars(await csv());
    const { train, trained, exact, mean } = regressCars(cars, { epochs: 200, lr: 0.01, alpha: 0.99, seed });
    expect(train).toHaveLength(200);
    expect(train[199]).toBeLessThan(train[0]! / 4);
    expect(trained.rmse).toBeLessThan(exact.rmse * 1.03);
    expect(trained.rmse).toBeLessThan(mean.rmse * 0.6);
    expect(mean.r2).toBe(0);
    expect(trained.r2).toBeGreaterThan(0.7);
  });
});

describe("npm start", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "start-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("trains on the cars that are shipped: the command that package.json says, on a folder of the test's", async () => {
    const root = fileURLToPath(new URL("..", import.meta.url));
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    const [program, ...args] = String(scripts.start).split(" ");
    expect(program).toBe("node");
    const out = join(folder, "run");
    const { stderr } = await run(process.execPath, [...args, "--out", out, "--epochs", "40"], { cwd: root });
    expect(stderr).toBe(stripVTControlCharacters(stderr));
    expect(stderr).toMatch(/mpg from 7 columns of examples\/data\/cars\.csv/);
    expect(stderr).toMatch(/rmse .*always the mean|always the mean[\s\S]*rmse/);
    expect((await readdir(out)).sort()).toContain("report.html");
  });
});
