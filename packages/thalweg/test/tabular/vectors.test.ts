import { manualSeed, nn, optim, type Tensor, tensor, train } from "thalweg";
import {
  type Embed,
  openTable,
  profile,
  readTable,
  TableBatches,
  TableDataset,
  TableEncoder,
  TabularModel,
  tableOf,
} from "thalweg/tabular";
import { describe, expect, it } from "vitest";
import { bits } from "../train/models.js";

/** Houses whose price hangs on their city: 120 cities with 5 houses each, and 3 cities with a single one. */
const CITIES = 120;
const houses = Array.from({ length: 5 * CITIES + 3 }, (_, i) => {
  const city = i < 5 * CITIES ? i % CITIES : CITIES + (i % 5);
  const area = 50 + ((i * 37) % 101);
  const level = 1 + ((city * 53) % 97) / 97;
  return { city: `city ${city}`, zip: 10_000 + 7 * city, area, price: Math.round(area * level * 10) };
});
const file = `city,zip,area,price\n${houses.map((house) => Object.values(house).join()).join("\n")}\n`;

async function fitted(embed?: Embed, rows: readonly Record<string, string | number | null>[] = houses) {
  const table = tableOf(rows);
  const names = typeof embed === "object" ? Object.keys(embed) : [];
  const profiles = await profile(table.columns, [table.chunk], { names });
  return { table, ...TableEncoder.fit(profiles, { target: "price", embed }) };
}
const kinds = ({ encoder }: { encoder: TableEncoder }) =>
  Object.fromEntries(encoder.spec.features.map(({ column, kind }) => [column, kind]));

describe("categories of many values", () => {
  it("become a number behind the plain ones, by which the network finds a vector", async () => {
    const { table, encoder, notes } = await fitted();
    const [vector] = encoder.vectors;
    expect(vector).toMatchObject({ column: "city", kind: "vector", marked: false });
    expect(vector!.values).toHaveLength(CITIES);
    expect(encoder.names()).toEqual(["zip", "area", "city"]);
    expect([encoder.plain, encoder.width, encoder.inputs]).toEqual([2, 3, 2 + vector!.size]);
    expect(notes.join()).toContain(
      `city: 120 values have a learnt vector of ${vector!.size} numbers each; 3 that occur once share one`,
    );
    const { x } = encoder.encode(table.columns, table.chunk, "f");
    const numbers = houses.map((_, i) => x[3 * i + 2]!);
    houses.forEach(({ city }, i) => {
      const at = vector!.values.indexOf(city);
      expect(numbers[i]).toBe(at < 0 ? CITIES : at);
    });
  });

  it("a value that is new has the vector of rare ones; a missing one its own, if training rows missed one", async () => {
    const rows = [{ city: "Atlantis" }, { city: null }, { city: "city 7" }].map((row) => ({ zip: 1, area: 1, ...row }));
    const numbers = ({ encoder }: { encoder: TableEncoder }) => {
      const { columns, chunk } = tableOf(rows);
      const { x } = encoder.encode(columns, chunk, "f", false);
      return rows.map((_, i) => x[3 * i + 2]);
    };
    const whole = await fitted();
    const known = whole.encoder.vectors[0]!.values.indexOf("city 7");
    expect(numbers(whole)).toEqual([CITIES, CITIES, known]);
    const holes = await fitted(
      undefined,
      houses.map((house, i) => (i % 50 === 0 ? { ...house, city: null } : house)),
    );
    expect(holes.encoder.vectors[0]!.marked).toBe(true);
    expect(numbers(holes)).toEqual([CITIES, CITIES + 1, known]);
    expect(holes.encoder.names()).toEqual(["zip", "area", "city"]);
  });

  it("which columns have vectors: those of over 50 names, none, or those that are named, with their sizes", async () => {
    expect(kinds(await fitted("none"))).toEqual({ city: "category", zip: "number", area: "number" });
    expect(kinds(await fitted({ zip: 5 }))).toEqual({ city: "category", zip: "vector", area: "number" });
    const both = await fitted({ zip: 5, city: null });
    expect(kinds(both)).toEqual({ city: "vector", zip: "vector", area: "number" });
    expect(both.encoder.vectors.map(({ size }) => size)).toEqual([(await fitted()).encoder.vectors[0]!.size, 5]);
    const few = houses.map((house, i) => ({ ...house, city: `city ${i % 50}` }));
    expect(kinds(await fitted("auto", few)).city).toBe("category");
    expect(kinds(await fitted({ city: 3 }, few)).city).toBe("vector");
  });

  it("over 1000 values have vectors or nothing; names of the rows and texts that hardly repeat have nothing", async () => {
    const rows = Array.from({ length: 6000 }, (_, i) => ({
      user: `user ${i % 2000}`,
      row: `row ${i}`,
      text: `text ${i % 4000}`,
      price: (i * 37) % 101,
      size: (i * 53) % 97,
    }));
    const auto = await fitted("auto", rows);
    expect(kinds(auto)).toEqual({ user: "vector", size: "number" });
    expect(auto.encoder.vectors[0]!.values).toHaveLength(2000);
    const none = await fitted("none", rows);
    expect(kinds(none)).toEqual({ size: "number" });
    expect(none.notes.join("\n")).toMatch(/user is left out: it has 2000 different values, too many for a place each/);
    for (const { notes } of [auto, none]) {
      expect(notes.join("\n")).toMatch(/row is left out: it only names or counts the rows/);
      expect(notes.join("\n")).toMatch(/text is left out: it is text that hardly repeats/);
    }
    const named = await fitted({ text: null, row: null }, rows);
    expect(kinds(named)).toEqual({ text: "vector", size: "number" });
  });

  it("many thousands of names are counted, but texts that hardly repeat only so far", async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => ({
      text: `${i} is a number`,
      again: i % 30_000,
      name: `n${i % 30_000}`,
      // About two rows each, in no order.
      user: `user ${Math.floor(20_000 * Math.abs((Math.sin(i * 12.9898) * 43758.5453) % 1))}`,
    }));
    const table = tableOf(rows);
    const [text, again, name, user] = await profile(table.columns, [table.chunk]);
    expect(text).toMatchObject({ type: "text", more: true });
    expect(again).toMatchObject({ type: "number", more: true });
    expect(name).toMatchObject({ type: "text", more: true });
    expect(user).toMatchObject({ type: "category", more: false });
    expect(user!.values.length).toBeGreaterThan(15_000);
    for (const { values } of [text!, again!, name!]) expect(values).toHaveLength(1000);
  });

  it.each([
    ["the target", { price: 3 }, /embed names price, from which nothing is to be learnt/],
    ["a column that does not exist", { town: 3 }, /no column "town"/],
  ])("%s is refused", async (_, embed, message) => {
    await expect(fitted(embed)).rejects.toThrow(message);
  });

  it("numbers that profile was not told to be names are refused", async () => {
    const table = tableOf(houses);
    const profiles = await profile(table.columns, [table.chunk]);
    expect(() => TableEncoder.fit(profiles, { target: "price", embed: { zip: 3 } })).toThrow(
      /embed names zip, a column of numbers; tell profile .*names: \["zip"\]/,
    );
  });
});

describe("a model with vectors", () => {
  const spec = { kind: "mlp", hidden: [16], dropout: 0 } as const;

  /** A model trained for some epochs, by a rule that takes rows or not. */
  async function trained(sparse: boolean, make: (p: Tensor[]) => optim.Optimizer<object>, epochs = 20) {
    const { table, encoder } = await fitted({ city: 4, zip: 2 });
    manualSeed(1);
    const model = TabularModel.create(encoder, spec, { sparseFrom: sparse ? 0 : undefined });
    const compact = encoder.compact(table.columns, table.chunk, "f");
    const dataset = new TableDataset(encoder, compact);
    const batches = Array.from({ length: 10 }, (_, b) =>
      dataset.getBatch(Int32Array.from({ length: 60 }, (_, i) => (b * 60 + i) % 603)),
    );
    await train.fit(model.network, {
      train: batches,
      optimizer: make(model.network.parameters()),
      loss: new nn.MSELoss(),
      epochs,
      inspectEvery: 0,
    });
    return model;
  }
  const rmsprop = (p: Tensor[]) => new optim.RMSprop(p, { lr: 0.01 });

  it("looks them up: the network's first layer reads plain numbers and the vectors in a row", async () => {
    const model = await trained(false, rmsprop, 2);
    const { encoder, network } = model;
    const state = network.stateDict();
    expect(Object.keys(state)).toEqual([
      "0.tables.0.weight",
      "0.tables.1.weight",
      "1.weight",
      "1.bias",
      "3.weight",
      "3.bias",
    ]);
    const [city, zip] = [state["0.tables.0.weight"]!, state["0.tables.1.weight"]!];
    expect([city.shape, zip.shape]).toEqual([
      [CITIES + 1, 4],
      [CITIES + 1, 2],
    ]);
    const [, first] = network.namedChildren()[0]!;
    const rows = tensor([
      [0.5, 3, 9],
      [-1, CITIES, 0],
    ]);
    const wanted = [
      [0.5, 3, 9],
      [-1, CITIES, 0],
    ].map(([area, c, z]) => [
      area,
      ...(city.select(0, c!).toArray() as number[]),
      ...(zip.select(0, z!).toArray() as number[]),
    ]);
    expect((first.forward(rows) as Tensor).toArray()).toEqual(wanted);
    expect(encoder.inputs).toBe(7);
  });

  it("starts with vectors of zeros, so a value that is new says what no city says", async () => {
    const { encoder } = await fitted({ city: 4 });
    manualSeed(1);
    const model = TabularModel.create(encoder, spec);
    const row = { zip: 10_000, area: 100 };
    const [a, b, c] = model.predict([
      { ...row, city: "city 3" },
      { ...row, city: "Atlantis" },
      { ...row, city: null },
    ]);
    expect(a).toEqual(b);
    expect(b).toEqual(c);
  });

  it("learns what the city says, and comes back from its files with the same bits", async () => {
    const model = await trained(true, rmsprop, 150);
    const again = TabularModel.load(model.save());
    const rows = [...houses, { city: "Atlantis", zip: 5, area: 60 }, { city: null, zip: null, area: 60 }];
    const said = model.predict(rows);
    expect(again.predict(rows)).toEqual(said);
    expect(bits(again.network)).toEqual(bits(model.network));
    const prices = houses.map(({ price }) => price);
    const mean = prices.reduce((a, b) => a + b) / prices.length;
    const squares = (f: (i: number) => number) => prices.reduce((sum, price, i) => sum + (f(i) - price) ** 2, 0);
    expect(squares((i) => said[i]!.value as number)).toBeLessThan(0.02 * squares(() => mean));
  });

  it.each([
    ["RMSprop", rmsprop],
    ["SGD", (p: Tensor[]) => new optim.SGD(p, { lr: 0.05 })],
    ["Adagrad", (p: Tensor[]) => new optim.Adagrad(p, { lr: 0.05 })],
  ])("%s on rows alone trains as on whole tables, to rounding", async (_, make) => {
    const [rows, whole] = await Promise.all([trained(true, make, 5), trained(false, make, 5)]);
    for (const [name, x] of Object.entries(whole.network.stateDict())) {
      const other = rows.network.stateDict()[name]!;
      expect(other.sub(x).abs().max().item(), name).toBeLessThan(1e-5);
    }
  });

  it("streamed rows are those in memory, bit for bit", async () => {
    const source = await openTable({ name: "houses.csv", data: new TextEncoder().encode(file) });
    const profiles = await profile(source.columns, source.chunks(), { names: ["zip"] });
    const { encoder } = TableEncoder.fit(profiles, { target: "price", embed: { city: 4, zip: null } });
    const table = await readTable(source);
    const dataset = new TableDataset(encoder, encoder.compact(table.columns, table.chunk, "f"));
    const streamed: number[][] = [];
    for await (const [x] of new TableBatches(source, encoder, { batchSize: 100, shuffleBuffer: 0 }))
      streamed.push(...(x!.toArray() as number[][]));
    expect(streamed).toEqual(dataset.getBatch(Int32Array.from(houses.keys()))[0]!.toArray());
    const orders: number[][] = [];
    manualSeed(3);
    for await (const [x] of new TableBatches(source, encoder, { batchSize: 100, shuffleBuffer: 200 }))
      orders.push(...(x!.toArray() as number[][]));
    const sorted = (rows: number[][]) => rows.map((row) => row.join()).sort();
    expect(sorted(orders)).toEqual(sorted(streamed));
    expect(orders).not.toEqual(streamed);
  });

  it("a row's number is refused where the table has none of it", async () => {
    const { encoder } = await fitted({ city: 4 });
    const model = TabularModel.create(encoder, spec);
    const beyond = Float32Array.of(0, 0, CITIES + 1);
    expect(() => model.run(beyond)).toThrow(/outside the bounds/);
  });
});
