/** Tables in text files with one JSON object a line. */
import { type Bytes, textBlocks } from "./bytes.js";
import { DataFileError } from "./errors.js";
import type { Cell, Chunk, TableSource } from "./source.js";

/** How far a file is looked through for its keys. */
const KEYS_WITHIN = 64 * 2 ** 20;

/**
 * A JSON Lines file: the columns are the keys of its first 64 megabytes, in the order in which they come. A key that a line lacks is
 * missing there; one that comes later is left out, and a note says so.
 */
export async function jsonLinesTable(bytes: Bytes): Promise<TableSource> {
  const { name } = bytes;
  const columns = new Set<string>();
  for await (const { text, line, read } of textBlocks(bytes, null)) {
    text.split("\n").forEach((written, i) => {
      if (written.trim() === "") return;
      for (const key of Object.keys(parseLine(name, line + i, written))) columns.add(key);
    });
    if (columns.size > 0 && read >= KEYS_WITHIN) break;
  }
  if (columns.size === 0) throw new DataFileError(`${name} is empty`);
  return new JSONLinesTable(bytes, [...columns]);
}

function parseLine(name: string, line: number, text: string): Record<string, unknown> {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    const hint =
      text.trim() === "[" || text.trim().startsWith("[{")
        ? "; a file of JSON Lines has one object a line and no brackets around all"
        : "";
    throw new DataFileError(`${name}, line ${line}: this is no JSON (${(error as Error).message})${hint}`);
  }
  if (typeof row !== "object" || row === null || Array.isArray(row))
    throw new DataFileError(`${name}, line ${line}: expected an object such as {"x": 1}`);
  return row as Record<string, unknown>;
}

class JSONLinesTable implements TableSource {
  readonly notes: string[] = [];
  private readonly late = new Set<string>();

  constructor(
    private readonly bytesOfFile: Bytes,
    readonly columns: readonly string[],
  ) {}

  get name(): string {
    return this.bytesOfFile.name;
  }
  get bytes(): number {
    return this.bytesOfFile.size;
  }

  async *chunks({ onBytes }: { onBytes?: (bytes: number) => void } = {}): AsyncGenerator<Chunk> {
    const known = new Map(this.columns.map((column, i) => [column, i]));
    let first = 0;
    for await (const { text, line, read } of textBlocks(this.bytesOfFile, null)) {
      const columns: Cell[][] = this.columns.map(() => []);
      const lines: number[] = [];
      text.split("\n").forEach((written, i) => {
        if (written.trim() === "") return;
        const here = line + i;
        const row = parseLine(this.name, here, written);
        for (const cells of columns) cells.push(null);
        for (const [key, value] of Object.entries(row)) {
          const column = known.get(key);
          if (column === undefined) {
            this.leaveOut(key, here);
            continue;
          }
          columns[column]![lines.length] = cellOf(value, () => `${this.name}, line ${here}, column ${key}`);
        }
        lines.push(here);
      });
      onBytes?.(read);
      if (lines.length === 0) continue;
      const start = first;
      first += lines.length;
      yield { first: start, length: lines.length, columns, place: (row) => `line ${lines[row - start]}` };
    }
  }

  private leaveOut(key: string, line: number): void {
    if (this.late.has(key)) return;
    this.late.add(key);
    this.notes.push(
      `the key ${JSON.stringify(key)} is left out: it comes first in line ${line}, and keys are looked for in the first 64 megabytes`,
    );
  }
}

/** A value as a cell. Large whole numbers and dates become numbers and text. */
export function cellOf(value: unknown, where: () => string): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return value.toISOString();
  throw new DataFileError(
    `${where()}: it holds a ${Array.isArray(value) ? "list" : "structure"}; a cell is a number, a text, yes or no`,
  );
}
