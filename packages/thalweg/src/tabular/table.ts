/** A table whose rows are all in memory. */
import type { Cell, Chunk, TableSource } from "./source.js";

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** All rows, as one piece. */
  readonly chunk: Chunk;
}

/** Reads all rows of a table. */
export async function readTable(source: TableSource, onBytes?: (bytes: number) => void): Promise<Table> {
  const chunks: Chunk[] = [];
  for await (const chunk of source.chunks(onBytes === undefined ? {} : { onBytes })) chunks.push(chunk);
  const columns: Cell[][] = source.columns.map(() => []);
  for (const chunk of chunks) {
    chunk.columns.forEach((cells, c) => {
      const own = columns[c]!;
      for (let r = 0; r < chunk.length; r++) own.push(cells[r]!);
    });
  }
  const place = (row: number) => {
    const owner = chunks.find(({ first, length }) => row >= first && row < first + length);
    return owner?.place(row) ?? `row ${row + 1}`;
  };
  return {
    name: source.name,
    columns: source.columns,
    chunk: { first: 0, length: columns[0]?.length ?? 0, columns, commas: chunks[0]?.commas, place },
  };
}

/** Rows given as objects, as a program has them: a column for each name that occurs. */
export function tableOf(rows: readonly Readonly<Record<string, Cell | undefined>>[], name = "the rows"): Table {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const chunk = {
    first: 0,
    length: rows.length,
    columns: columns.map((column) => rows.map((row) => row[column] ?? null)),
    place: (row: number) => `row ${row + 1}`,
  };
  return { name, columns, chunk };
}

/**
 * Which rows are for validation, by a hash of seed and row number: every row can be judged on its own, so that no file is too
 * large to be split.
 *
 * @param share - from 0 up to, but not including, 1
 */
export function validationRows(share: number, seed: number): (row: number) => boolean {
  const below = share * 2 ** 32;
  return (row) => hash(row, seed) < below;
}

/** 32 well-mixed bits of two numbers: the finalizer of MurmurHash3 (A. Appleby), twice. */
function hash(row: number, seed: number): number {
  return mix(mix((seed ^ 0x9e3779b9) >>> 0) ^ (row >>> 0)) >>> 0;
}

function mix(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
