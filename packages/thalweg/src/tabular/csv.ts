/** Tables in text files whose fields are separated by commas, semicolons, tabs or bars. */
import Papa from "papaparse";
import { type Bytes, newlines, textBlocks } from "./bytes.js";
import { DataFileError } from "./errors.js";
import type { Cell, Chunk, TableSource } from "./source.js";

const DELIMITERS = [",", ";", "\t", "|"];

/**
 * A CSV or TSV file: the first line names the columns. Fields may be quoted, with line ends in them; empty lines are skipped.
 *
 * @param delimiter - default: what the first lines are separated by
 */
export async function csvTable(bytes: Bytes, delimiter?: string): Promise<TableSource> {
  const { name } = bytes;
  for await (const { text } of textBlocks(bytes, delimiter ?? DELIMITERS.join(""))) {
    const header = Papa.parse<string[]>(text, {
      preview: 20,
      skipEmptyLines: "greedy",
      ...(delimiter === undefined ? { delimitersToGuess: DELIMITERS } : { delimiter }),
    });
    const [columns, ...rows] = header.data;
    if (columns === undefined) break;
    const names = columns.map((column) => column.trim());
    checkNames(name, names);
    if (rows.length === 0) throw new DataFileError(`${name} has a line that names columns, and no rows`);
    // One column alone is separated by nothing.
    const separator = names.length === 1 && delimiter === undefined ? "," : header.meta.delimiter;
    return new CSVTable(bytes, names, separator);
  }
  throw new DataFileError(`${name} is empty`);
}

/** @throws DataFileError for columns without a name, or with one name */
export function checkNames(file: string, names: readonly string[]): void {
  names.forEach((column, i) => {
    if (column === "") throw new DataFileError(`${file}, line 1: column ${i + 1} has no name`);
    const before = names.indexOf(column);
    if (before < i)
      throw new DataFileError(
        `${file}, line 1: columns ${before + 1} and ${i + 1} are both called ${JSON.stringify(column)}`,
      );
  });
}

class CSVTable implements TableSource {
  constructor(
    private readonly bytesOfFile: Bytes,
    readonly columns: readonly string[],
    private readonly delimiter: string,
  ) {}

  get name(): string {
    return this.bytesOfFile.name;
  }
  get bytes(): number {
    return this.bytesOfFile.size;
  }

  async *chunks({ onBytes }: { onBytes?: (bytes: number) => void } = {}): AsyncGenerator<Chunk> {
    const width = this.columns.length;
    let first = 0;
    let isHeader = true;
    for await (const { text, line, read } of textBlocks(this.bytesOfFile, this.delimiter)) {
      const { data, errors } = Papa.parse<string[]>(text, { delimiter: this.delimiter });
      const multiline = text.includes('"');
      const columns: Cell[][] = this.columns.map(() => []);
      const lines: number[] = [];
      let at = line;
      const quote = errors.find(({ type }) => type === "Quotes");
      for (let r = 0; r < data.length; r++) {
        const fields = data[r]!;
        const here = at;
        at += 1 + (multiline ? fields.reduce((sum, field) => sum + newlines(field), 0) : 0);
        if (quote?.row === r)
          throw new DataFileError(
            `${this.name}, line ${here}: a quote in a field that has others is not doubled, or is not closed`,
          );
        if (fields.length === 1 && fields[0]!.trim() === "" && (width > 1 || r === data.length - 1)) continue;
        if (isHeader) {
          isHeader = false;
          continue;
        }
        if (fields.length !== width)
          throw new DataFileError(
            `${this.name}, line ${here}: it has ${fields.length} ${fields.length === 1 ? "field" : "fields"}, and the line that names the columns has ${width}`,
          );
        for (let c = 0; c < width; c++) columns[c]!.push(fields[c]!);
        lines.push(here);
      }
      onBytes?.(read);
      if (lines.length === 0) continue;
      const start = first;
      first += lines.length;
      yield { first: start, length: lines.length, columns, place: (row) => `line ${lines[row - start]}` };
    }
  }
}
