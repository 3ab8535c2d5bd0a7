import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { History } from "thalweg/train";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, mixed, shipped, table, workplace } from "./command.js";

const { folder, remove, file, thalweg } = workplace();
afterAll(remove);

const read = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
const weights = (run: string) => readFileSync(join(folder, run, "model.safetensors"));
const quick = ["--epochs", "4", "--quiet"];
const line = table(60, (i) => `${mixed(i)},${2 * mixed(i) + (i % 3)}`);

describe("thalweg train, and what comes after it", () => {
  let ended: Ended;
  beforeAll(async () => {
    ended = await thalweg("train", shipped("cars.csv"), "--target", "mpg", "--epochs", "30", "--out", "cars");
  }, 60_000);

  it("needs no option but the target; says what it does, how it went and where things are", () => {
    expect(ended.code, ended.err).toBe(0);
    expect(ended.err).toMatch(/mpg from 7 columns of .*cars\.csv/);
    expect(ended.err).toMatch(/note: name is left out: it is text that hardly repeats/);
    expect(ended.err).toMatch(/always the mean/);
    expect(ended.err).toMatch(/Report: {3}cars\/report\.html/);
    expect(ended.out).toBe("");
  });

  it("leaves a run: settings, model, history, evaluation, report, checkpoints, and no lock", () => {
    expect(readdirSync(join(folder, "cars")).sort()).toEqual([
      "checkpoints",
      "evaluation.json",
      "history.json",
      "model.json",
      "model.safetensors",
      "report.html",
      "run.json",
    ]);
    const evaluation = JSON.parse(read("cars/evaluation.json"));
    expect(evaluation.metrics.rmse).toBeLessThan(evaluation.baseline.rmse / 2);
    expect(evaluation.predictedVsActual.actual).toHaveLength(evaluation.rows);
    const history = History.fromJSON(read("cars/history.json"));
    expect(history.data.best!.value).toBe(Math.min(...history.values("validation", "loss")));
    expect(read("cars/report.html")).toMatch(/^<!doctype html>[\s\S]*horsepower/i);
  });

  it("predicts, as CSV and as JSON, to a file and with the file's columns", async () => {
    const csv = await thalweg("predict", "cars", shipped("cars.csv"));
    const lines = csv.out.trim().split("\n");
    expect(lines[0]).toBe("predicted mpg");
    expect(lines).toHaveLength(407);
    expect(Math.abs(Number(lines[1]) - 18)).toBeLessThan(6);
    const json = await thalweg("predict", "cars", shipped("cars.csv"), "--json", "--columns");
    const first = JSON.parse(json.out.split("\n")[0]!);
    expect(first.horsepower).toBe("130");
    expect(first.prediction).toBeCloseTo(Number(lines[1]), 4);
    const written = await thalweg("predict", "cars", shipped("cars.csv"), "--out", "predicted.csv", "--columns");
    expect(written.err).toMatch(/406 predictions written to predicted\.csv/);
    expect(read("predicted.csv").split("\n")[1]).toMatch(/^chevrolet chevelle malibu,18,8,.*,USA,\d/);
  });

  it("evaluates, inspects the run, its model and its tensors", async () => {
    const evaluated = await thalweg("evaluate", "cars", shipped("cars.csv"), "--json");
    expect(JSON.parse(evaluated.out).evaluation.rows).toBe(398);
    expect((await thalweg("inspect", "cars")).out).toMatch(/up to 30 epochs of batches of/);
    expect(JSON.parse((await thalweg("inspect", "cars", "--json")).out).settings.optimizer).toBe("rmsprop");
    mkdirSync(join(folder, "only-model"));
    for (const name of ["model.json", "model.safetensors"])
      writeFileSync(join(folder, "only-model", name), readFileSync(join(folder, "cars", name)));
    expect((await thalweg("inspect", "only-model")).out).toMatch(/predicts mpg \(regression\)/);
    expect((await thalweg("inspect", "cars/model.safetensors")).out).toMatch(/0\.weight .*32 × 10/);
    expect((await thalweg("predict", "only-model", shipped("cars.csv"))).code).toBe(0);
  });

  it("repeats a run to the bit for the same seed, and compares runs", async () => {
    for (const seed of ["0", "1"]) {
      const args = ["--epochs", "30", "--seed", seed, "--out", `seed${seed}`, "--quiet"];
      expect((await thalweg("train", shipped("cars.csv"), "--target", "mpg", ...args)).code).toBe(0);
    }
    expect(weights("seed0").equals(weights("cars"))).toBe(true);
    expect(weights("seed1").equals(weights("cars"))).toBe(false);
    const compared = await thalweg("compare", "seed0", "seed1", "--out", "both.svg");
    expect(compared.out).toMatch(/seed/);
    expect(compared.err).toMatch(/note: these runs are measured on different rows/);
    expect((await thalweg("compare", "seed0", "cars")).err).toBe("");
    expect(compared.out).toMatch(/\*/);
    expect(read("both.svg")).toMatch(/<svg/);
    expect(JSON.parse((await thalweg("compare", "seed0", "seed1", "--json")).out)).toHaveLength(2);
  });

  it("the report has the command that makes the same run again", async () => {
    const options = ["--epochs", "3", "--betas", "0.8,0.99", "--clip", "1", "--hidden", "8", "--ignore", "name,origin"];
    const args = [shipped("cars.csv"), "--target", "mpg", "--optimizer", "adam", "--lr", "0.01", ...options];
    expect((await thalweg("train", ...args, "--out", "first", "--quiet")).code).toBe(0);
    const [, command] = /(thalweg train [^<]*?)\s*</.exec(read("first/report.html"))!;
    expect(command).toMatch(/--set betas=0\.8,0\.99/);
    const again = command!.split(" ").slice(1);
    const { code, err } = await thalweg(...again, "--out", "again", "--quiet");
    expect(code, err).toBe(0);
    expect(weights("again").equals(weights("first"))).toBe(true);
  });

  it("finds a learning rate", async () => {
    const { out, code } = await thalweg("lr-find", shipped("cars.csv"), "--target", "mpg", "--json", "--steps", "60");
    expect(code).toBe(0);
    const { suggestion, lrs } = JSON.parse(out);
    expect(suggestion).toBeGreaterThan(1e-5);
    expect(suggestion).toBeLessThan(1);
    expect(lrs.length).toBeLessThanOrEqual(60);
  });

  it("classifies: three classes, with missing values and categories", async () => {
    const args = ["--epochs", "20", "--out", "penguins", "--json", "--quiet"];
    const { out } = await thalweg("train", shipped("penguins.csv"), "--target", "species", ...args);
    const { evaluation } = JSON.parse(out);
    expect(evaluation.metrics.accuracy).toBeGreaterThan(0.95);
    expect(evaluation.confusion.labels).toEqual(["Adelie", "Chinstrap", "Gentoo"]);
    const predicted = await thalweg("predict", "penguins", shipped("penguins.csv"));
    expect(predicted.out.split("\n")[0]).toBe(
      "predicted species,probability Adelie,probability Chinstrap,probability Gentoo",
    );
  });

  it.each([
    ["sgd", "--lr", "0.01", "--momentum", "0.9", "--nesterov"],
    ["adam", "--betas", "0.8,0.99", "--amsgrad"],
    ["adagrad"],
    ["adadelta"],
    ["lion", "--set", "lr=0.001"],
    ["prodigy"],
    ["lbfgs", "--scheduler", "none", "--set", "lineSearch=strongWolfe"],
    ["lbfgs"],
    ["muon", "--set", "nsSteps=4", "--set", "rest=rmsprop", "--set", "rest.alpha=0.9"],
    ["sgd-schedule-free", "--scheduler", "none"],
    ["rmsprop", "--dialect", "tensorflow1", "--centered", "--eps", "1e-6", "--scheduler", "one-cycle"],
    ["rmsprop", "--scheduler", "plateau", "--clip", "1", "--model", "linear"],
  ])("trains by %s %s %s", async (rule, ...options) => {
    file("line.csv", line);
    const args = ["--target", "y", "--task", "regression", "--optimizer", rule!, ...options, ...quick];
    const { code, err } = await thalweg("train", "line.csv", ...args, "--out", ["line", rule, ...options].join("-"));
    expect(code, err).toBe(0);
  });

  it("takes a new folder where there is a run, and refuses by name what a rule lacks", async () => {
    file("line.csv", line);
    for (const run of ["runs/line-y", "runs/line-y-2"]) {
      await thalweg("train", "line.csv", "--target", "y", "--task", "regression", ...quick);
      expect(existsSync(join(folder, run))).toBe(true);
    }
    const refused = await thalweg(
      "train",
      "line.csv",
      "--target",
      "y",
      "--optimizer",
      "sgd",
      "--alpha",
      "0.9",
      ...quick,
    );
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/sgd has no option alpha; it has lr, momentum/);
  });

  it("muon trains the matrices of hidden layers and another rule the rest: reported, inspected, resumed to the bit", async () => {
    const args = [shipped("cars.csv"), "--target", "mpg", "--optimizer", "muon", "--set", "rest.lr=0.002", "--quiet"];
    const whole = await thalweg("train", ...args, "--epochs", "12", "--out", "muon", "--json");
    expect(whole.code, whole.err).toBe(0);
    const { metrics, baseline } = JSON.parse(whole.out).evaluation;
    expect(metrics.rmse).toBeLessThan(baseline.rmse / 2);
    expect(read("muon/report.html")).toMatch(/muon, rest\.lr 0\.002/);
    expect((await thalweg("inspect", "muon")).out).toMatch(/muon, rest\.lr 0\.002, rest adamw/);
    const { parameters, lr } = History.fromJSON(read("muon/history.json")).data.epochs[0]!;
    expect(lr).toHaveLength(2);
    // A muon step has one size for a whole matrix, and AdamW has one for each element.
    expect(parameters!["0.weight"]!.stepSize!.std).toBe(0);
    expect(parameters!["0.bias"]!.stepSize!.std).toBeGreaterThan(0);
    expect((await thalweg("compare", "muon", "cars")).out).toMatch(/muon/);

    // With more epochs a cosine would be another one.
    const flat = [...args, "--scheduler", "none", "--epochs"];
    expect((await thalweg("train", ...flat, "12", "--out", "muon12")).code).toBe(0);
    expect((await thalweg("train", ...flat, "5", "--out", "muon5", "--patience", "10")).code).toBe(0);
    expect((await thalweg("train", "--resume", "muon5", "--epochs", "12", "--quiet")).code).toBe(0);
    expect(weights("muon5").equals(weights("muon12"))).toBe(true);
  });

  it("a rule that has nothing to do in a model is refused with the reason, and leaves no folder", async () => {
    const refused = async (...options: string[]) => {
      const ended = await thalweg("train", shipped("cars.csv"), "--target", "mpg", "--out", "never", ...options);
      expect(ended.code).toBe(2);
      expect(existsSync(join(folder, "never"))).toBe(false);
      return ended.err;
    };
    expect(await refused("--optimizer", "muon", "--model", "linear")).toMatch(
      /this model has none: add some by --hidden/,
    );
    expect(await refused("--optimizer", "sparseadam")).toMatch(/of which a batch touches a few rows.*use adam/);
    expect(await refused("--optimizer", "muon", "--set", "rest=lbfgs")).toMatch(
      /rest is "lbfgs"; it must be a rule that/,
    );
    expect(await refused("--optimizer", "muon", "--set", "rest.alpha=1")).toMatch(
      /no option rest\.alpha; it has lr.*rest\.lr/,
    );
    expect(await refused("--lr", "-1")).toMatch(/lr must be 0 or more/);
  });

  it("has an exit code for diverging, and keeps what there is", async () => {
    const args = ["--optimizer", "sgd", "--lr", "1e9", "--out", "diverged", "--epochs", "5"];
    const { code, err } = await thalweg("train", "line.csv", "--target", "y", "--task", "regression", ...args);
    expect(code).toBe(4);
    expect(err).toMatch(/not finite|NaN|Infinity/);
    expect(existsSync(join(folder, "diverged/report.html"))).toBe(true);
  });

  it("streams a file instead of holding it, with the same kind of result", async () => {
    const args = ["--epochs", "30", "--stream", "--out", "streamed", "--json", "--quiet"];
    const { code, out } = await thalweg("train", shipped("cars.csv"), "--target", "mpg", ...args);
    expect(code).toBe(0);
    const { evaluation } = JSON.parse(out);
    expect(evaluation.metrics.rmse).toBeLessThan(evaluation.baseline.rmse / 2);
  });

  it.each([[[]], [["--stream"]]])("measures on a validation file, which may not change (%j)", async (options) => {
    const [head, ...rows] = readFileSync(shipped("cars.csv"), "utf8").trim().split("\n");
    const run = `apart${options.length}`;
    const [training, validation] = [file("first.csv", [head, ...rows.slice(0, 300)].join("\n")), `${run}.csv`];
    file(validation, [head, ...rows.slice(300)].join("\n"));
    const args = ["--validation", validation, "--out", run, "--epochs", "5", ...options];
    const { code, err } = await thalweg("train", training, "--target", "mpg", ...args);
    expect(code, err).toBe(0);
    const { metrics, rows: measured } = JSON.parse(read(run, "evaluation.json"));
    const evaluated = JSON.parse((await thalweg("evaluate", run, validation, "--json")).out).evaluation;
    expect(measured).toBe(rows.slice(300).filter((row) => row.split(",")[1] !== "").length);
    expect(evaluated.rows).toBe(measured);
    expect(evaluated.metrics.rmse).toBeCloseTo(metrics.rmse, 4);
    file(validation, `${head}\n${rows[0]}\n`);
    expect((await thalweg("train", "--resume", run)).err).toMatch(new RegExp(`${run}\\.csv has changed`));
  });

  it("has help and a version", async () => {
    const help = await thalweg("train", "--help");
    expect(help.code).toBe(0);
    expect(help.out).toMatch(/Exit codes:/);
    expect(help.out).toMatch(
      /Options of rmsprop and their defaults:[\s\S]*--lr <x> +0\.003 \(0\.001 on under 500 training rows\)\n[\s\S]*--alpha <x> +0\.99\n/,
    );
    const adam = (await thalweg("train", "--help", "--optimizer", "Adam")).out;
    expect(adam).toMatch(/Options of adam and their defaults:[\s\S]*--betas <a,b> +0\.9,0\.999\n/);
    expect(adam.split("Options of adam")[1]).not.toMatch(/alpha/);
    const muon = (await thalweg("lr-find", "--optimizer", "muon", "--set", "rest=sgd", "--help")).out;
    expect(muon).toMatch(/--set nsSteps=<x> +5\n[\s\S]*--set rest=<x> +sgd\n[\s\S]*--set rest\.momentum=<x> +0\n/);
    const unknown = await thalweg("train", "--optimizer", "magic", "--help");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/it must be one of rmsprop/);
    expect((await thalweg("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
    expect((await thalweg("trian")).code).toBe(2);
  });
});
