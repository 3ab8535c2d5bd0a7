/** Files as other programs write them, and what is told of them. */
import { openTable, profile, readTable, TableEncoder, TabularModel, tableOf } from "thalweg/tabular";
import { describe, expect, it } from "vitest";

const given = (name: string, content: string | Uint8Array) =>
  openTable({ name, data: typeof content === "string" ? new TextEncoder().encode(content) : content });
const rowsOf = async (name: string, content: string | Uint8Array) => {
  const source = await given(name, content);
  const { columns, chunk } = await readTable(source);
  return {
    columns,
    rows: Array.from({ length: chunk.length }, (_, r) => chunk.columns.map((cells) => cells[r])),
    notes: source.notes ?? [],
  };
};
const fitted = async (name: string, content: string, target: string) => {
  const source = await given(name, content);
  const { columns, chunk } = await readTable(source);
  const profiles = await profile(columns, [chunk]);
  const { encoder, notes } = TableEncoder.fit(profiles, { target });
  return { profiles, encoder, notes, encoded: encoder.encode(columns, chunk, name) };
};

describe("CSV", () => {
  it("of pandas, whose column of row numbers has no name, is taken: the column is called by its place", async () => {
    const { columns, rows, notes } = await rowsOf("pandas.csv", ",a,\n0,x,1\n1,y,2\n");
    expect(columns).toEqual(["column 1", "a", "column 3"]);
    expect(rows).toEqual([
      ["0", "x", "1"],
      ["1", "y", "2"],
    ]);
    expect(notes).toEqual(['a column without a name is called "column 1", "column 3"']);
    expect((await rowsOf("named.csv", "a\n1\n")).notes).toEqual([]);
    await expect(rowsOf("clash.csv", ",column 1\n1,2\n")).rejects.toThrow(/both called "column 1"/);
  });

  it.each([
    ["without quotes", "a,b\n1,2\r\n3,4\n5,6\r\n"],
    ["the first line in Windows' way", "a,b\r\n1,2\n3,4\n5,6\n"],
    ["with quotes", 'a,b\r\n"1","2"\n3,"4"\r\n"5",6'],
  ])("whose lines end in two ways, %s, is read as if they ended in one", async (_, text) => {
    expect(await rowsOf("mixed.csv", text)).toMatchObject({
      columns: ["a", "b"],
      rows: [
        ["1", "2"],
        ["3", "4"],
        ["5", "6"],
      ],
    });
  });

  it("keeps the line ends within quoted fields, whatever the lines end in", async () => {
    const { rows } = await rowsOf("mixed.csv", 'a,b\r\n"x\r\ny",5" pipe\n"x\ny",""""\r\n');
    expect(rows).toEqual([
      ["x\r\ny", '5" pipe'],
      ["x\ny", '"'],
    ]);
  });

  it.each([
    ["one column", "\n\nonly\n1\n\n3\n", ["only"], [["1"], [""], ["3"]]],
    ["two columns", "\n,\na,b\n1,2\n", ["a", "b"], [["1", "2"]]],
  ])("of %s may begin with empty lines", async (_, text, columns, rows) => {
    expect(await rowsOf("blank.csv", text)).toMatchObject({ columns, rows });
  });

  it.each([
    ["utf-16le", (text: string) => Buffer.from(`\ufeff${text}`, "utf16le")],
    ["utf-16be", (text: string) => Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
  ])("in %s with a byte order mark, as Excel writes it, is read as in UTF-8", async (_, encode) => {
    // Over a megabyte, so that characters are cut between blocks.
    const rows = Array.from({ length: 40_000 }, (_, i) => [String(i), `é${"\u{1f600}".repeat(1 + (i % 5))}`]);
    const text = `n\ttext\n${rows.map((row) => row.join("\t")).join("\r\n")}\r\n`;
    expect(await rowsOf("excel.txt", new Uint8Array(encode(text)))).toMatchObject({ columns: ["n", "text"], rows });
    await expect(rowsOf("cut.txt", new Uint8Array(encode(text)).subarray(0, -1))).rejects.toThrow(
      /cut\.txt is not the UTF-16 text that its byte order mark says/,
    );
  });
});

describe("dates with numbers for all parts", () => {
  const table = (dates: readonly string[]) => `day;y\n${dates.map((date, i) => `${date};${i * i + 100}`).join("\n")}\n`;
  const written = (form: (day: number, month: number) => string) =>
    Array.from({ length: 30 }, (_, i) => form(1 + ((i * 5) % 28), 1 + (i % 12)));

  it.each([
    ["month first", (d: number, m: number) => `${m}/${d}/2024`],
    ["month first", (d: number, m: number) => `${m}/${d}/2024 1:30 PM`],
    ["day first", (d: number, m: number) => `${d}.${m}.2024`],
    ["day first", (d: number, m: number) => `${String(d).padStart(2, "0")}-${m}-2024 13:30`],
  ] as const)("are read with the %s where some day shows it", async (order, form) => {
    const { profiles, encoder, notes, encoded } = await fitted("t.csv", table(written(form)), "y");
    expect(profiles[0]).toMatchObject({ type: "date", order, strange: 0 });
    expect(notes).toEqual([`day: dates are read with the ${order}`]);
    const iso = written((d, m) => `2024-${String(m).padStart(2, "0")}-${d}${form(1, 1).includes(":") ? " 13:30" : ""}`);
    expect(encoded.x).toEqual((await fitted("t.csv", table(iso), "y")).encoded.x);
    // A model remembers it, and so reads one row alone.
    const model = TabularModel.create(new TableEncoder(JSON.parse(JSON.stringify(encoder))), {
      kind: "linear",
      hidden: [],
      dropout: 0,
    });
    expect(model.predict([{ day: form(2, 1) }])[0]!.value).not.toBe(model.predict([{ day: form(1, 2) }])[0]!.value);
  });

  it("stay text where nothing shows it, and a note says why", async () => {
    const { profiles, notes } = await fitted("t.csv", table(written((d, m) => `${1 + (d % 12)}/${m}/2024`)), "y");
    expect(profiles[0]).toMatchObject({ type: "category", order: null, ambiguous: "2/1/2024" });
    expect(notes).toEqual([
      'day is not taken as dates: "2/1/2024" may begin with the day or with the month, and no cell says which; written as 2026-02-01 they are',
    ]);
  });

  it("may have one that cannot be: it counts as missing, and is named", async () => {
    const dates = written((d, m) => `${m}/${d}/2024`).concat(written((d, m) => `${m}/${d}/2025`));
    dates[7] = "2/30/2024";
    const { profiles, notes } = await fitted("t.csv", table(dates), "y");
    expect(profiles[0]).toMatchObject({ type: "date", order: "month first", strange: 1 });
    expect(notes).toContain('day: 1 cell is no date and counts as missing, the first at line 9: "2/30/2024"');
  });
});

describe("a comma before decimals", () => {
  const rows = Array.from({ length: 30 }, (_, i) => [1200.5 + 100 * i, 0.25 * i, 3 * i + (i % 2)] as const);
  const german = (x: number) =>
    x.toLocaleString("de-DE", { minimumFractionDigits: 2, useGrouping: true }).replace(/\u00a0/g, "");
  const file = (separator: string, write: (x: number) => string) =>
    ["price", "share", "y"].join(separator).concat("\n", rows.map((row) => row.map(write).join(separator)).join("\n"));

  it.each([";", "\t"])("is found where %j separates fields, and gives the same numbers", async (separator) => {
    const { encoder, notes, encoded, profiles } = await fitted("de.csv", file(separator, german), "y");
    const plain = await fitted("en.csv", file(separator, String), "y");
    expect(profiles.map(({ type, decimal }) => [type, decimal])).toEqual(new Array(3).fill(["number", ","]));
    expect(encoded).toEqual(plain.encoded);
    expect(notes).toEqual([
      "y: numbers have a comma before decimals, such as 0,00",
      "price: numbers have a comma before decimals, such as 1.200,50",
      "share: numbers have a comma before decimals, such as 0,00",
    ]);
    const again = new TableEncoder(JSON.parse(JSON.stringify(encoder)));
    const one = (price: number | string) => {
      const table = tableOf([{ price, share: "0,5" }]);
      return again.encode(table.columns, table.chunk, "f", false).x[0];
    };
    // Numbers of other programs are still what they are.
    expect([one("1500,5"), one("1.500,5"), one("1500.5")]).toEqual(new Array(3).fill(one(1500.5)));
  });

  it("is not looked for where commas separate fields, nor where one cell has a point, or all may be thousands", async () => {
    const types = async (text: string) => (await fitted("t.csv", text, "y")).profiles[0];
    const column = (cells: readonly string[], separator: string) =>
      `x${separator}y\n${cells.map((cell, i) => `"${cell}"${separator}${i * i}`).join("\n")}\n`;
    const cells = Array.from({ length: 12 }, (_, i) => `${i % 4},5`);
    expect(await types(column(cells, ";"))).toMatchObject({ type: "number", decimal: ",", max: 3.5 });
    expect(await types(column(cells, ","))).toMatchObject({ type: "category" });
    expect(await types(column([...cells, "1.5"], ";"))).toMatchObject({ type: "category" });
    expect(
      await types(
        column(
          cells.map((_, i) => `${1 + i},000`),
          ";",
        ),
      ),
    ).toMatchObject({ decimal: ".", max: 12000 });
  });
});

describe("JSON Lines", () => {
  it("may have a key that comes late: it is a column from the first line on", async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => ({
      a: i,
      pad: "x".repeat(50),
      ...(i > 29_000 ? { b: 2 * i } : {}),
    }));
    const {
      columns,
      rows: read,
      notes,
    } = await rowsOf("late.jsonl", rows.map((row) => JSON.stringify(row)).join("\n"));
    expect(columns).toEqual(["a", "pad", "b"]);
    expect(read[0]).toEqual([0, "x".repeat(50), null]);
    expect(read.at(-1)).toEqual([29_999, "x".repeat(50), 59_998]);
    expect(notes).toEqual([]);
  });

  it("leaves out a key that comes after 64 megabytes, and says so", async () => {
    const pad = JSON.stringify({ a: 1, b: "x".repeat(2 ** 20) });
    const lines = [...new Array<string>(66).fill(pad), '{"a":2,"c":3}', '{"a":2,"c":4}'];
    const source = await given("long.jsonl", lines.join("\n"));
    let rows = 0;
    for await (const { length, columns } of source.chunks()) {
      rows += length;
      expect(columns).toHaveLength(2);
    }
    expect(rows).toBe(68);
    expect(source.notes).toEqual([expect.stringMatching(/^the key "c" is left out: it comes first in line 67,/)]);
  });
});

describe("Parquet", () => {
  const fixture = (name: string) => new URL(`../fixtures/${name}.parquet`, import.meta.url).pathname;

  it.each(["tags", "where"])("with lists or structures is refused, and the column named: %s", async (column) => {
    await expect(openTable(fixture(`nested-${column}`))).rejects.toThrow(
      new RegExp(`nested-${column}\\.parquet, column ${column}: it holds lists or structures`),
    );
  });

  it("of one large row group is read piece by piece, each row once", async () => {
    const source = await openTable(fixture("oneGroup"));
    let rows = 0;
    let wrong = 0;
    for await (const { first, length, columns } of source.chunks()) {
      expect(first).toBe(rows);
      expect(length).toBeLessThanOrEqual(8192);
      for (let r = 0; r < length; r++, rows++)
        if (columns[0]![r] !== rows % 50 || columns[1]![r] !== `t${Math.floor(rows / 1000) % 10}`) wrong++;
    }
    expect([rows, wrong]).toEqual([1_100_000, 0]);
  });
});
