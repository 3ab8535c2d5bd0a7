import fc from "fast-check";
import { manualSeed, nn, optim, train } from "thalweg";
import { profile, readTable, TableDataset, TableEncoder, TabularModel, tableOf, validationRows } from "thalweg/tabular";
import { describe, expect, it } from "vitest";
import { booleanOf, isMissing, numberOf } from "../../src/tabular/cells.js";
import { dateOf } from "../../src/tabular/dates.js";

describe("cells", () => {
  it.each(["", " ", "NA", "n/a", "NaN", "null", "None", "?", "-", null, Number.NaN])("%j is missing", (cell) =>
    expect(isMissing(cell)).toBe(true),
  );
  it.each(["0", "no", "nan bread", "--", 0, false])("%j is there", (cell) => expect(isMissing(cell)).toBe(false));
  it.each([
    ["1", 1],
    [" -2.5e3 ", -2500],
    [".5", 0.5],
    ["1,234,567.5", 1234567.5],
    [7, 7],
  ])("%j is the number %d", (cell, value) => expect(numberOf(cell)).toBe(value));
  it.each(["1,23", "0,532", "1 000", "12%", "$5", "0x10", "Infinity", "1e", "", true])("%j is no number", (cell) =>
    expect(numberOf(cell)).toBeNaN(),
  );
  it.each([
    ["1970-01-02", 1],
    ["1970/01/03", 2],
    ["1970-01-01 12:00", 0.5],
    ["1970-01-01T06:00:00Z", 0.25],
    ["1970-01-02T00:00+01:00", 23 / 24],
    ["Jan 2 1970", 1],
    ["3 January 1970", 2],
    ["3-Jan-1970", 2],
    ["2000-02-29", 11016],
    ["1969-12-31 23:59:59.5", -0.5 / 86400],
    ["1970-01-02 12:00 am", 1],
    ["1970-01-02T00:00:00-0130", 1 + 1.5 / 24],
  ])("%j is day %d", (cell, day) => expect(dateOf(cell)).toBeCloseTo(day, 9));
  it.each([
    "1970",
    "01/02/1970",
    "Jan",
    "1970-13-01",
    "1970-02-29",
    "1900-02-29",
    "1970-01/02",
    "1970-01-02 24:00",
    "1970-01-02 13:00 pm",
    "Foo 2 1970",
    "1970-01-02Z",
    "19700102",
  ])("%j is no date", (cell) => expect(dateOf(cell)).toBeNaN());
  it("whole days are those of the engine's calendar, from year 0 to 9999", () => {
    fc.assert(
      fc.property(fc.integer({ min: -719_528, max: 2_932_896 }), (day) => {
        const iso = new Date(day * 86_400_000).toISOString().slice(0, 10);
        const [year, month, date] = iso.split("-");
        expect(dateOf(iso)).toBe(day);
        expect(dateOf(`${date}.${month}.${year}`, "day first")).toBe(day);
        expect(dateOf(`${month}/${date}/${year}`, "month first")).toBe(day);
      }),
    );
  });
  it("yes and no", () => {
    expect(["yes", "TRUE", "t", true].map(booleanOf)).toEqual([true, true, true, true]);
    expect(["no", "False", "f", false, "1", "maybe"].map(booleanOf)).toEqual([false, false, false, false, null, null]);
  });
});

const rows = Array.from({ length: 60 }, (_, i) => ({
  id: String(i + 100),
  name: `n${i * 7}`,
  size: i === 3 ? "NA" : String(i * 0.5),
  colour: ["red", "green", "blue"][i % 3]!,
  day: `2026-01-${String((i % 28) + 1).padStart(2, "0")}`,
  open: i % 2 === 0 ? "yes" : "no",
  same: "x",
  nothing: "",
  price: String(10 + i * 3 + (i % 3)),
}));

const fitted = async (options: Partial<Parameters<typeof TableEncoder.fit>[1]> = {}, table = tableOf(rows)) => {
  const profiles = await profile(table.columns, [table.chunk]);
  return TableEncoder.fit(profiles, { target: "price", file: "shop.csv", ...options });
};

describe("profile", () => {
  it("finds the types of columns, what is missing, and moments", async () => {
    const table = tableOf(rows);
    const profiles = await profile(table.columns, [table.chunk]);
    expect(Object.fromEntries(profiles.map(({ name, type }) => [name, type]))).toEqual({
      id: "identifier",
      name: "identifier",
      size: "number",
      colour: "category",
      day: "date",
      open: "boolean",
      same: "constant",
      nothing: "empty",
      price: "number",
    });
    const size = profiles.find(({ name }) => name === "size")!;
    expect([size.missing, size.min, size.max]).toEqual([1, 0, 29.5]);
    const numbers = rows.map(({ size: s }) => Number(s)).filter(Number.isFinite);
    const mean = numbers.reduce((a, b) => a + b) / 59;
    expect(size.mean).toBeCloseTo(mean, 10);
    expect(size.std).toBeCloseTo(Math.sqrt(numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / 59), 10);
  });

  it("does not depend on where the pieces are cut, and looks only at the rows it is told to", async () => {
    const table = tableOf(rows);
    const whole = await profile(table.columns, [table.chunk]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), async (sizes) => {
        const chunks = [];
        for (let first = 0, i = 0; first < 60; i++) {
          const length = Math.min(sizes[i % sizes.length]!, 60 - first);
          const columns = table.chunk.columns.map((cells) => cells.slice(first, first + length));
          chunks.push({ first, length, columns, place: table.chunk.place });
          first += length;
        }
        expect(await profile(table.columns, chunks)).toEqual(whole);
      }),
      { numRuns: 20 },
    );
    const half = await profile(table.columns, [table.chunk], { rows: (row) => row < 30 });
    expect(half.every(({ rows: count }) => count === 30)).toBe(true);
  });

  it("a column that counts the rows is found also where only some of them are looked at", async () => {
    const table = tableOf(Array.from({ length: 100 }, (_, i) => ({ id: 17 + i, even: 2 * i, near: i === 50 ? 0 : i })));
    const profiles = await profile(table.columns, [table.chunk], { rows: (row) => row % 5 !== 0 });
    expect(profiles.map(({ type }) => type)).toEqual(["identifier", "number", "identifier"]);
    const all = await profile(table.columns, [table.chunk]);
    expect(all.map(({ type }) => type)).toEqual(["identifier", "number", "number"]);
  });

  it("a few cells of another kind in a column of numbers count as missing, and are named", async () => {
    const dirty = tableOf(rows.map((row, i) => ({ ...row, size: i === 40 ? "abc" : row.size })));
    const { notes } = await fitted({}, dirty);
    expect(notes).toContain('size: 1 cell is no number and counts as missing, the first at row 41: "abc"');
  });
});

describe("TableEncoder", () => {
  it("standardises numbers and dates, gives categories places, marks what is missing, leaves out what says nothing", async () => {
    const { encoder, notes } = await fitted();
    expect(encoder.task).toBe("regression");
    expect(encoder.names()).toEqual([
      "size",
      "size is missing",
      "colour = blue",
      "colour = green",
      "colour = red",
      "day",
      "open",
    ]);
    expect(notes.map((note) => note.split(" ")[0])).toEqual(["id", "name", "same", "nothing"]);
    const table = tableOf(rows);
    const { x, y, rows: kept } = encoder.encode(table.columns, table.chunk, "shop.csv");
    expect(kept).toHaveLength(60);
    expect([...x.subarray(3 * 7, 4 * 7)].slice(0, 5)).toEqual([0, 1, 0, 0, 1]);
    const means = Array.from({ length: 7 }, (_, c) => rows.reduce((sum, _, r) => sum + x[r * 7 + c]!, 0) / 60);
    expect(means[0]).toBeCloseTo(0, 5);
    expect(means[5]).toBeCloseTo(0, 5);
    expect([...y].reduce((a, b) => a + b, 0) / 60).toBeCloseTo(0, 5);
  });

  it("comes back from JSON, and encodes the same", async () => {
    const { encoder } = await fitted();
    const again = new TableEncoder(JSON.parse(JSON.stringify(encoder)));
    const table = tableOf(rows);
    expect(again.encode(table.columns, table.chunk, "f")).toEqual(encoder.encode(table.columns, table.chunk, "f"));
  });

  it("finds the task: two texts, three texts, few whole numbers, many numbers", async () => {
    const task = async (values: string[], wanted?: "regression") => {
      const table = tableOf(rows.map((row, i) => ({ ...row, price: values[i % values.length]! })));
      const { encoder } = await fitted(wanted === undefined ? {} : { task: wanted }, table);
      return [encoder.task, "classes" in encoder.spec.target ? encoder.spec.target.classes : null];
    };
    expect(await task(["no", "yes"])).toEqual(["binary", ["no", "yes"]]);
    expect(await task(["b", "a", "c"])).toEqual(["multiclass", ["a", "b", "c"]]);
    expect(await task(["2", "10", "1"])).toEqual(["multiclass", ["1", "2", "10"]]);
    expect(await task(["2", "10", "1"], "regression")).toEqual(["regression", null]);
    expect(await task(["0", "1"])).toEqual(["binary", ["0", "1"]]);
  });

  it.each([
    [{ target: "prize" }, /shop\.csv has no column "prize": did you mean "price"\?/],
    [{ target: "same" }, /the target same is x in all rows/],
    [{ target: "nothing" }, /the target nothing has no value in any row/],
    [{ target: "colour", task: "regression" }, /column colour: "blue" is no number/],
    [{ target: "colour", task: "binary" }, /has 3 different values, and the task "binary" needs 2/],
    [{ features: ["same"] }, /no column is left to predict price from\n {2}same is left out: it is x in all rows/],
    [{ ignore: ["zzz"] }, /no column "zzz": it has id, name/],
  ] as const)("refuses %o", async (options, message) => {
    await expect(fitted(options as never)).rejects.toThrow(message);
  });

  it("says where a cell is that does not fit, when predicting", async () => {
    const { encoder } = await fitted({ features: ["day", "open"] });
    const table = tableOf([
      { day: "2026-01-01", open: "yes" },
      { day: "soon", open: "no" },
    ]);
    expect(() => encoder.encode(table.columns, table.chunk, "new.csv", false)).toThrow(
      'new.csv, row 2, column day: "soon" is not a date, as it was in training',
    );
    const other = tableOf([{ opens: "yes" }]);
    expect(() => encoder.encode(other.columns, other.chunk, "new.csv", false)).toThrow(/no column "day"/);
  });

  it("a class, or a word, that only rows kept for validation have is no mistake there, but one in another file", async () => {
    const table = tableOf(
      rows.map(({ colour }, i) => ({ size: i === 51 ? "abc" : String(i % 40), colour: i === 50 ? "mauve" : colour })),
    );
    const profiles = await profile(table.columns, [table.chunk], { rows: (row) => row < 50 });
    const { encoder } = TableEncoder.fit(profiles, { target: "colour", features: ["size"] });
    const held = encoder.encode(table.columns, table.chunk, "f", true, (row) => row >= 50);
    expect(held.rows).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59]);
    expect(held.x[0]).toBe(0);
    expect(() => encoder.encode(table.columns, table.chunk, "f")).toThrow(/row 52, column size: "abc" is not a number/);
  });

  it("pools rare values where there are many, and has a place for new ones then", async () => {
    const many = tableOf(
      rows.concat(rows, rows, rows, rows).map((row, i) => ({ ...row, colour: i % 4 ? `c${i % 5}` : `r${i}` })),
    );
    const profiles = await profile(many.columns, [many.chunk]);
    const { encoder } = TableEncoder.fit(profiles, { target: "price", features: ["colour"], embed: "none" });
    const feature = encoder.spec.features[0]!;
    expect(feature).toMatchObject({ kind: "category", other: true, values: ["c0", "c1", "c2", "c3", "c4"] });
  });

  it("gives each of many values a place that has rows enough: 5 among the first 50, 20 behind them", async () => {
    const held = (of: (value: number) => number) =>
      Array.from({ length: 80 }, (_, v) => new Array(of(v)).fill(`v${String(v).padStart(2, "0")}`)).flat();
    const placesOf = async (names: readonly string[]) => {
      const table = tableOf(names.map((name, i) => ({ name, y: (i * 37) % 101 })));
      const { encoder } = TableEncoder.fit(await profile(table.columns, [table.chunk]), {
        target: "y",
        embed: "none",
      });
      return encoder.width;
    };
    expect(await placesOf(held(() => 20))).toBe(80);
    expect(await placesOf(held(() => 19))).toBe(50 + 1);
    expect(await placesOf(held((v) => (v < 60 ? 20 : 19)))).toBe(60 + 1);
    expect(await placesOf(held((v) => (v < 10 ? 100 : 4)))).toBe(10 + 1);
  });

  it("a dataset of its rows gives what it encodes, whichever are asked for", async () => {
    const table = tableOf(rows);
    for (const target of ["price", "open", "colour"]) {
      const { encoder } = await fitted({ target });
      const { x, y } = encoder.encode(table.columns, table.chunk, "f");
      const dataset = new TableDataset(encoder, encoder.compact(table.columns, table.chunk, "f"));
      expect(dataset.length).toBe(60);
      const indices = Int32Array.of(59, 3, 0, 3);
      const [inputs, targets] = dataset.getBatch(indices);
      const expected = Array.from(indices, (i) => [...x.subarray(i * encoder.width, (i + 1) * encoder.width)]);
      expect(inputs!.toArray()).toEqual(expected);
      expect(targets!.shape).toEqual(target === "colour" ? [4] : [4, 1]);
      expect([...targets!.dataSync()]).toEqual(Array.from(indices, (i) => y[i]));
      expect(dataset.get(3).map((part) => part.shape)).toEqual([[encoder.width], target === "colour" ? [] : [1]]);
    }
  });
});

describe("validationRows", () => {
  it("takes about the share, differs by seed, and judges each row on its own", () => {
    for (const share of [0, 0.1, 0.2, 0.5]) {
      const pick = validationRows(share, 3);
      const taken = Array.from({ length: 20_000 }, (_, row) => pick(row)).filter(Boolean).length;
      expect(taken / 20_000).toBeCloseTo(share, 1.5);
    }
    const a = Array.from({ length: 1000 }, (_, row) => validationRows(0.5, 1)(row));
    const b = Array.from({ length: 1000 }, (_, row) => validationRows(0.5, 2)(row));
    expect(a.filter((x, i) => x === b[i]).length).toBeGreaterThan(400);
    expect(a.filter((x, i) => x === b[i]).length).toBeLessThan(600);
  });
});

describe("TabularModel", () => {
  it("learns, predicts in the target's unit, and comes back from its files", async () => {
    const { encoder } = await fitted();
    manualSeed(1);
    const model = TabularModel.create(encoder, { kind: "mlp", hidden: [16], dropout: 0 });
    const table = tableOf(rows);
    const { x, y } = encoder.encode(table.columns, table.chunk, "f");
    const { tensor } = await import("thalweg");
    const inputs = tensor(x).reshape([60, encoder.width]);
    const target = tensor(y).reshape([60, 1]);
    await train.fit(model.network, {
      train: [[inputs, target]] as const,
      optimizer: new optim.RMSprop(model.network.parameters(), { lr: 0.01 }),
      loss: new nn.MSELoss(),
      epochs: 150,
      inspectEvery: 0,
    });
    const predicted = model.predict(rows).map(({ value }) => value as number);
    const errors = predicted.map((p, i) => Math.abs(p - Number(rows[i]!.price)));
    expect(errors.reduce((a, b) => a + b) / 60).toBeLessThan(6);
    const files = model.save();
    const again = TabularModel.load(files);
    expect(again.predict(rows)).toEqual(model.predict(rows));
    expect(() => TabularModel.load({ ...files, "model.json": "{}" })).toThrow(/no model of a table/);
    expect(() =>
      TabularModel.load({ ...files, "model.safetensors": files["model.safetensors"].subarray(9) }),
    ).toThrow();
    // A row without the target, and with a missing value.
    expect(again.predict([{ colour: "red", open: "yes", day: "2026-01-03", size: null }])[0]!.value).toBeTypeOf(
      "number",
    );
  });

  it("gives classes with probabilities that sum to 1", async () => {
    for (const target of ["open", "colour"]) {
      const { encoder } = await fitted({ target });
      const model = TabularModel.create(encoder, { kind: "linear", hidden: [], dropout: 0 });
      for (const { value, probabilities } of model.predict(rows)) {
        const p = Object.values(probabilities!);
        expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 10);
        expect(probabilities![value as string]).toBe(Math.max(...p));
      }
    }
  });

  it("reads tables from pieces", async () => {
    const table = tableOf(rows);
    const pieces = [0, 25].map((first, i) => ({
      first,
      length: i === 0 ? 25 : 35,
      columns: table.chunk.columns.map((cells) => cells.slice(first, i === 0 ? 25 : 60)),
      place: (row: number) => `line ${row + 2}`,
    }));
    const read = await readTable({
      name: "t",
      bytes: 0,
      columns: table.columns,
      async *chunks() {
        yield* pieces;
      },
    });
    expect(read.chunk.columns).toEqual(table.chunk.columns);
    expect(read.chunk.place(30)).toBe("line 32");
  });
});
