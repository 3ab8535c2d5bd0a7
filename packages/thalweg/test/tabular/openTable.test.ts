import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Papa from "papaparse";
import { openTable, readTable } from "thalweg/tabular";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "tables-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const encoder = new TextEncoder();
const given = (name: string, content: string | Uint8Array) =>
  openTable({ name, data: typeof content === "string" ? encoder.encode(content) : content });
const rowsOf = async (name: string, content: string | Uint8Array) => {
  const { columns, chunk } = await readTable(await given(name, content));
  return {
    columns,
    rows: Array.from({ length: chunk.length }, (_, r) => chunk.columns.map((cells) => cells[r])),
    chunk,
  };
};

describe("CSV", () => {
  it("comes back as it was written, whatever is in the fields, in any of the four separators", async () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab1 ,;\t|"\n\r\n\u00e9\u{1f600}') });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field, fc.integer().map(String)), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(",", ";", "\t", "|"),
        async (rows, delimiter) => {
          const text = Papa.unparse([["a", "b", "c"], ...rows], { delimiter, newline: "\n", quotes: true });
          const { columns, rows: back } = await rowsOf("t.csv", text);
          expect(columns).toEqual(["a", "b", "c"]);
          expect(back).toEqual(rows.map((row) => [...row]));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is the same with and without quotes where none are needed, with lines that end in either way", async () => {
    const field = fc.string({ unit: fc.constantFrom(..."a1 \u00e9'#\u{1f600}") });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(field, field, fc.integer().map(String)), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(",", ";", "\t", "|"),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        async (rows, delimiter, newline, isEnded) => {
          const end = isEnded ? newline : "";
          const [bare, quoted] = [false, true].map(
            (quotes) => Papa.unparse([["a", "b", "c"], ...rows], { delimiter, newline, quotes }) + end,
          );
          const expected = rows.map((row) => [...row]);
          expect((await rowsOf("bare.csv", bare!)).rows).toEqual(expected);
          expect((await rowsOf("quoted.csv", quoted!)).rows).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is the same in blocks, with characters and quotes cut anywhere, and knows its lines", async () => {
    // Over three megabytes: several blocks.
    const rows = Array.from({ length: 60_000 }, (_, i) => [
      String(i),
      i % 1000 === 7 ? `two\nlines "${i}"` : `é${"x".repeat(40)}`,
    ]);
    const text = Papa.unparse([["n", "text"], ...rows], { newline: "\n" });
    const path = join(folder, "large.csv");
    writeFileSync(path, text);
    const told: number[] = [];
    const source = await openTable(path);
    const table = await readTable(source, (bytes) => told.push(bytes));
    expect(told.length).toBeGreaterThan(2);
    expect(told.at(-1)).toBe(source.bytes);
    expect(table.chunk.length).toBe(60_000);
    expect(table.chunk.columns[0]).toEqual(rows.map(([n]) => n));
    expect(table.chunk.columns[1]).toEqual(rows.map(([, t]) => t));
    // Each of the 60 fields with two lines puts what follows one line further down.
    expect(table.chunk.place(0)).toBe("line 2");
    expect(table.chunk.place(8)).toBe("line 11");
    expect(table.chunk.place(59_999)).toBe(`line ${59_999 + 2 + 60}`);
    const blob = await readTable(await openTable({ name: "large.csv", data: new Blob([text]) }));
    expect(blob.chunk.columns).toEqual(table.chunk.columns);
  });

  it("a quote within a field is a letter: rows and quoted line ends behind it are read in blocks as ever", async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => [
      i === 100 ? '5" pipe' : String(i),
      i % 500 === 250 ? "two\nlines" : "plain text of a row",
    ]);
    const lines = rows.map(([size, note]) => `${size},${note!.includes("\n") ? `"${note}"` : note}`);
    const source = await openTable({
      name: "pipes.csv",
      data: new TextEncoder().encode(`size,note\n${lines.join("\n")}\n`),
    });
    const blocks: number[] = [];
    const { chunk } = await readTable(source, (bytes) => blocks.push(bytes));
    expect(blocks.length).toBeGreaterThan(1);
    expect(chunk.columns).toEqual([rows.map(([size]) => size), rows.map(([, note]) => note)]);
  });

  it("takes Windows' line ends, a byte-order mark, empty lines, one column, and a last line without an end", async () => {
    expect((await rowsOf("t.csv", "\ufeffa,b\r\n1,2\r\n\r\n3,4")).rows).toEqual([
      ["1", "2"],
      ["3", "4"],
    ]);
    expect((await rowsOf("t.csv", "only\n1\n\n3\n")).rows).toEqual([["1"], [""], ["3"]]);
    expect((await rowsOf("t.tsv", "a\tb\n1,5\t2\n")).rows).toEqual([["1,5", "2"]]);
  });

  it.each([
    ["empty.csv", "", "empty.csv is empty"],
    ["lines.csv", "\n\n", "lines.csv is empty"],
    ["header.csv", "a,b\n", "header.csv has a line that names columns, and no rows"],
    [
      "ragged.csv",
      "a,b\n1,2\n1,2,3\n",
      "ragged.csv, line 3: it has 3 fields, and the line that names the columns has 2",
    ],
    ["short.csv", 'a,b\n"x\ny",2\n1\n', "short.csv, line 4: it has 1 field, and"],
    ["twice.csv", "a,b,a\n1,2,3\n", 'twice.csv, line 1: columns 1 and 3 are both called "a"'],
    ["quote.csv", 'a,b\n1,2\n"x,3\n4,5\n', "quote.csv, line 3: a quote in a field"],
    ["binary.csv", Uint8Array.of(1, 0, 2, 0, 9), "binary.csv is no text"],
    ["latin.csv", Uint8Array.of(97, 44, 98, 10, 0xe9, 44, 49, 10), "latin.csv is not UTF-8 text"],
    ["x.json", "[]", "x.json: a JSON file is read as JSON Lines"],
    ["x.xlsx", "PK", "x.xlsx: xlsx files are not read"],
    ["x.jsonl", '{"a":1}\n{"a":', "x.jsonl, line 2: this is no JSON"],
    ["y.jsonl", "[\n", "no brackets around all"],
    ["z.jsonl", '{"a":[1]}', "z.jsonl, line 1, column a: it holds a list"],
    ["n.jsonl", "3", "n.jsonl, line 1: expected an object"],
    ["cut.parquet", "PAR1xxxx", "cut.parquet is no whole Parquet file"],
  ])("%s is refused: %s", async (name, content, message) => {
    await expect(rowsOf(name, content)).rejects.toThrow(message);
  });

  it("missing files and folders are named", async () => {
    await expect(openTable(join(folder, "none.csv"))).rejects.toThrow(/none\.csv: there is no such file/);
    await expect(openTable(folder)).rejects.toThrow(/is a folder, not a file/);
  });
});

describe("JSON Lines", () => {
  it("takes numbers, texts, yes and no, and nothing; a key may be missing", async () => {
    const { columns, rows } = await rowsOf("t.jsonl", '{"a":1,"b":"x"}\n\n{"b":null,"c":true}\n');
    expect(columns).toEqual(["a", "b", "c"]);
    expect(rows).toEqual([
      [1, "x", null],
      [null, null, true],
    ]);
  });
});

describe("Parquet", () => {
  const fixture = new URL("../fixtures/table.parquet", import.meta.url).pathname;
  it("reads what pyarrow wrote: numbers, texts, dates, missing values, in several row groups, compressed", async () => {
    const { columns, chunk } = await readTable(await openTable(fixture));
    expect(columns).toEqual(["n", "x", "name", "day", "ok"]);
    expect(chunk.length).toBe(300);
    expect(chunk.columns[0]!.slice(0, 3)).toEqual([0, 1, 2]);
    expect(chunk.columns[1]!.slice(0, 3)).toEqual([0, 0.5, null]);
    expect(chunk.columns[2]![299]).toBe("row 299");
    expect(String(chunk.columns[3]![1])).toMatch(/^2026-01-02/);
    expect(chunk.columns[4]!.slice(0, 2)).toEqual([true, false]);
    expect(chunk.place(5)).toBe("row 6");
  });

  it("cut anywhere it is refused, never read wrong", async () => {
    const { readFileSync } = await import("node:fs");
    const bytes = new Uint8Array(readFileSync(fixture));
    for (const share of [0.1, 0.5, 0.9, 0.99])
      await expect(rowsOf("cut.parquet", bytes.slice(0, Math.floor(bytes.length * share)))).rejects.toThrow(
        /cut\.parquet/,
      );
  });
});

it("reading goes no further than asked: opening a large file reads its beginning", async () => {
  const path = join(folder, "sparse.csv");
  // 3 GB that take no room on the disk.
  execFileSync("sh", ["-c", `printf 'a,b\\n1,2\\n' > ${path} && truncate -s 3G ${path}`]);
  const source = await openTable(path).catch((error: Error) => error.message);
  expect(String(source)).toMatch(/no text/);
});
