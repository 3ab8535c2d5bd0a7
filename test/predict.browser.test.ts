import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { manualSeed, nn, optim, tensor, train } from "thalweg";
import { openTable, type Prediction, profile, readTable, TableEncoder, TabularModel } from "thalweg/tabular";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serve, startChromium } from "./page.js";

/** A model of one of the shipped tables, trained for a moment, and rows for it as a program has them. */
async function modelOf(file: string, target: string, newRow: Record<string, string>, names: readonly string[] = []) {
  const table = await readTable(await openTable(fileURLToPath(new URL(`../examples/data/${file}`, import.meta.url))));
  const embed = names.length === 0 ? "auto" : Object.fromEntries(names.map((name) => [name, 3]));
  const { encoder } = TableEncoder.fit(await profile(table.columns, [table.chunk], { names }), { target, embed });
  const { x, y, rows } = encoder.encode(table.columns, table.chunk, file);
  manualSeed(1);
  const model = TabularModel.create(encoder, { kind: "mlp", hidden: [16, 16], dropout: 0.1 });
  const inputs = tensor(x).reshape([rows.length, encoder.width]);
  await train.fit(model.network, {
    train: [[inputs, encoder.task === "multiclass" ? tensor(y) : tensor(y).reshape([rows.length, 1])]],
    optimizer: new optim.RMSprop(model.network.parameters()),
    loss: { regression: new nn.MSELoss(), binary: new nn.BCEWithLogitsLoss(), multiclass: new nn.CrossEntropyLoss() }[
      encoder.task
    ],
    epochs: 30,
  });
  const objects = rows.map((row) =>
    Object.fromEntries(table.columns.map((name, c) => [name, table.chunk.columns[c]![row]!])),
  );
  return { model, rows: [...objects, newRow, {}] };
}

/** Words of the code that trains, reads files and draws; each is in a bundle that has that code. */
const TRAINING = ["squareAvg", "weightDecay", "earlyStopping", "totalSteps", "PAR1", "delimitersToGuess"];

const bundle = async (contents: string) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    write: false,
  });
  return outputFiles[0]!.text;
};

describe("a page that predicts with a trained model", () => {
  let folder: string;
  let code: string;
  const models: Record<string, Awaited<ReturnType<typeof modelOf>>> = {};

  beforeAll(async () => {
    models.cars = await modelOf("cars.csv", "mpg", { origin: "Atlantis", weight: "3,000" });
    models.penguins = await modelOf("penguins.csv", "species", { island: "Elsewhere", body_mass: "NA" });
    models.vectors = await modelOf("cars.csv", "mpg", { year: "1066", origin: "Atlantis" }, ["origin", "year"]);
    models.tumours = await modelOf("breast-cancer.csv", "diagnosis", {});
    folder = await mkdtemp(join(tmpdir(), "predict-"));
    code = await bundle(`import "./pages/predict.ts";`);
    await writeFile(join(folder, "main.js"), code);
    await writeFile(join(folder, "index.html"), '<!doctype html><script type="module" src="main.js"></script>');
    await writeFile(join(folder, "models.json"), JSON.stringify(Object.keys(models)));
    for (const [name, { model, rows }] of Object.entries(models)) {
      await mkdir(join(folder, name));
      for (const [file, content] of Object.entries(model.save())) await writeFile(join(folder, name, file), content);
      await writeFile(join(folder, name, "rows.json"), JSON.stringify(rows));
    }
  }, 60_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("gives the numbers that Node gives, bit for bit", async () => {
    const server = await serve(folder);
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      const failures: string[] = [];
      page.on("pageerror", (error) => failures.push(String(error)));
      await page.goto(server.url);
      await page.waitForFunction(() => "predictions" in globalThis);
      const there = await page.evaluate(
        () => (globalThis as unknown as { predictions: Record<string, Prediction[]> }).predictions,
      );
      for (const [name, { model, rows }] of Object.entries(models)) {
        const here = model.predict(rows);
        expect(here).toHaveLength(rows.length);
        expect(new Set(here.map(({ value }) => value)).size).toBeGreaterThan(1);
        expect(there[name]).toEqual(here);
      }
      expect(failures).toEqual([]);
    } finally {
      await browser.close();
      await server.close();
    }
  });

  it("has no optimizer, no loop and no reader of files in its bundle, and is under 72 kB compressed", async () => {
    const whole = await bundle(`
      import { optim, train } from "thalweg";
      import { openTable } from "thalweg/tabular";
      Object.assign(globalThis, { optim, train, openTable });
    `);
    expect(TRAINING.filter((word) => !whole.includes(word))).toEqual([]);
    expect(TRAINING.filter((word) => code.includes(word))).toEqual([]);
    expect(gzipSync(code).length).toBeLessThan(72_000);
  });
});
