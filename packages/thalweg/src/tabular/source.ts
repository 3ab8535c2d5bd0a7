/** A data file as a table: named columns, rows that come in pieces, so that no file is too large. */

/** A cell as it stands in the file: text in CSV files; also numbers and booleans in others; null where there is nothing. */
export type Cell = string | number | boolean | null;

/** Some rows one after another, column by column. */
export interface Chunk {
  /** Number of the first row, from 0: rows of data, not lines of the file. */
  readonly first: number;
  /** How many rows there are. */
  readonly length: number;
  /** For each of the table's columns its cells. */
  readonly columns: readonly (readonly Cell[])[];
  /** Texts may be numbers with a comma before decimals: it separates no fields in this file. Default false. */
  readonly commas?: boolean | undefined;
  /** Where a row stands in the file, for messages: "line 17", or "row 17" where there are no lines. */
  place(row: number): string;
}

/** A table that can be read from its beginning as often as one likes. */
export interface TableSource {
  /** The file's name, for messages. */
  readonly name: string;
  /** Size of the file in bytes. */
  readonly bytes: number;
  readonly columns: readonly string[];
  /** What a reader of the file should know, in words, as far as it has been read. Default: nothing. */
  readonly notes?: readonly string[] | undefined;
  /** All rows, in pieces of bounded size. `onBytes` is told how far the file has been read. */
  chunks(options?: { readonly onBytes?: (bytes: number) => void }): AsyncIterable<Chunk>;
}
