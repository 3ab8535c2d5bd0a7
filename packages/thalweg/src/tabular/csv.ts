/** Tables in text files whose fields are separated by commas, semicolons, tabs or bars. */
import Papa from "papaparse";
import { type Bytes, eachRecordEnd, textBlocks } from "./bytes.js";
import { eachRecord } from "./csvRecords.js";
import { DataFileError } from "./errors.js";
import type { Cell, Chunk, TableSource } from "./source.js";

const DELIMITERS = [",", ";", "\t", "|"];

/**
 * A CSV or TSV file: the first line that is not empty names the columns. Fields may be quoted, with line ends in them; lines may
 * end in Windows' way, or some of them; empty lines are skipped.
 *
 * @param delimiter - default: what the first lines are separated by
 */
export async function csvTable(bytes: Bytes, delimiter?: string): Promise<TableSource> {
  const { name } = bytes;
  for await (const { text } of textBlocks(bytes, delimiter ?? DELIMITERS.join(""))) {
    const header = Papa.parse<string[]>(plainEnds(text, delimiter ?? DELIMITERS.join("")), {
      preview: 20,
      skipEmptyLines: "greedy",
      ...(delimiter === undefined ? { delimitersToGuess: DELIMITERS } : { delimiter }),
    });
    const [columns, ...rows] = header.data;
    if (columns === undefined) break;
    const { names, notes } = named(columns);
    checkNames(name, names);
    if (rows.length === 0) throw new DataFileError(`${name} has a line that names columns, and no rows`);
    // One column alone is separated by nothing.
    const separator = names.length === 1 && delimiter === undefined ? "," : header.meta.delimiter;
    return new CSVTable(bytes, names, separator, notes);
  }
  throw new DataFileError(`${name} is empty`);
}

/** Columns without a name, such as the row numbers that pandas writes, are called by their place. */
function named(header: readonly string[]): { names: string[]; notes: string[] } {
  const names = header.map((column, i) => column.trim() || `column ${i + 1}`);
  const unnamed = names.filter((_, i) => header[i]!.trim() === "");
  if (unnamed.length === 0) return { names, notes: [] };
  return {
    names,
    notes: [`a column without a name is called ${unnamed.map((name) => JSON.stringify(name)).join(", ")}`],
  };
}

/** @throws DataFileError for two columns of one name */
export function checkNames(file: string, names: readonly string[]): void {
  names.forEach((column, i) => {
    const before = names.indexOf(column);
    if (before < i)
      throw new DataFileError(
        `${file}, line 1: columns ${before + 1} and ${i + 1} are both called ${JSON.stringify(column)}`,
      );
  });
}

/** The text with "\n" at the end of each record, also where some or all end in "\r\n"; quoted fields stay as they are. */
function plainEnds(text: string, delimiter: string): string {
  if (!text.includes("\r\n")) return text;
  if (!text.includes('"')) return text.replaceAll("\r\n", "\n");
  const pieces: string[] = [];
  let from = 0;
  eachRecordEnd(text, delimiter, (at) => {
    if (text.charCodeAt(at - 1) !== 13) return;
    pieces.push(text.slice(from, at - 1));
    from = at;
  });
  return pieces.join("") + text.slice(from);
}

const isBlank = (field: string): boolean => field.trim() === "";

class CSVTable implements TableSource {
  constructor(
    private readonly bytesOfFile: Bytes,
    readonly columns: readonly string[],
    private readonly delimiter: string,
    readonly notes: readonly string[],
  ) {}

  get name(): string {
    return this.bytesOfFile.name;
  }
  get bytes(): number {
    return this.bytesOfFile.size;
  }

  async *chunks({ onBytes }: { onBytes?: (bytes: number) => void } = {}): AsyncGenerator<Chunk> {
    const width = this.columns.length;
    const commas = this.delimiter === ";" || this.delimiter === "\t";
    let first = 0;
    let isHeader = true;
    for await (const { text, line, read } of textBlocks(this.bytesOfFile, this.delimiter)) {
      const columns: Cell[][] = this.columns.map(() => []);
      const lines: number[] = [];
      const wrong = eachRecord(plainEnds(text, this.delimiter), this.delimiter, line, (fields, count, at) => {
        if (isHeader) {
          for (let c = 0; c < count; c++) isHeader &&= isBlank(fields[c]!);
          return null;
        }
        // In a table of one column an empty line is a row in which the value is missing.
        if (count === 1 && width > 1 && isBlank(fields[0]!)) return null;
        if (count !== width)
          return `it has ${count} ${count === 1 ? "field" : "fields"}, and the line that names the columns has ${width}`;
        for (let c = 0; c < width; c++) columns[c]!.push(fields[c]!);
        lines.push(at);
        return null;
      });
      if (wrong !== null) throw new DataFileError(`${this.name}, line ${wrong.line}: ${wrong.what}`);
      onBytes?.(read);
      if (lines.length === 0) continue;
      const start = first;
      first += lines.length;
      yield { first: start, length: lines.length, columns, commas, place: (row) => `line ${lines[row - start]}` };
    }
  }
}
