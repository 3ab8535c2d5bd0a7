/** Tables in Parquet files. */
import type { FileMetaData } from "hyparquet";
import type { Bytes } from "./bytes.js";
import { checkNames } from "./csv.js";
import { DataFileError } from "./errors.js";
import { cellOf } from "./jsonLines.js";
import type { Cell, Chunk, TableSource } from "./source.js";

/** Rows that are decoded at a time. */
const ROWS = 8192;

/** A Parquet file of plain columns, compressed in any of the format's ways. The reader is loaded when it is needed. */
export async function parquetTable(bytes: Bytes): Promise<TableSource> {
  const { parquetMetadataAsync, parquetSchema } = await import("hyparquet");
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(fileOf(bytes));
  } catch (error) {
    throw new DataFileError(`${bytes.name} is no whole Parquet file: ${(error as Error).message}`);
  }
  const columns = parquetSchema(metadata).children.map(({ element, children }) => {
    if (children.length > 0)
      throw new DataFileError(
        `${bytes.name}, column ${element.name}: it holds a structure; a cell is a number, a text, yes or no`,
      );
    return element.name;
  });
  checkNames(bytes.name, columns);
  if (metadata.num_rows === 0n) throw new DataFileError(`${bytes.name} has columns and no rows`);
  return new ParquetTable(bytes, columns, metadata);
}

const fileOf = (bytes: Bytes) => ({
  byteLength: bytes.size,
  async slice(from: number, to = bytes.size): Promise<ArrayBuffer> {
    const piece = await bytes.read(from, to);
    return piece.slice().buffer as ArrayBuffer;
  },
});

class ParquetTable implements TableSource {
  constructor(
    private readonly bytesOfFile: Bytes,
    readonly columns: readonly string[],
    private readonly metadata: FileMetaData,
  ) {}

  get name(): string {
    return this.bytesOfFile.name;
  }
  get bytes(): number {
    return this.bytesOfFile.size;
  }

  async *chunks({ onBytes }: { onBytes?: (bytes: number) => void } = {}): AsyncGenerator<Chunk> {
    const [{ parquetReadObjects }, { compressors }] = await Promise.all([
      import("hyparquet"),
      import("hyparquet-compressors"),
    ]);
    const { metadata, name } = this;
    const file = fileOf(this.bytesOfFile);
    const total = Number(metadata.num_rows);
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const groupEnd = groupStart + Number(group.num_rows);
      for (let first = groupStart; first < groupEnd; first += ROWS) {
        const end = Math.min(first + ROWS, groupEnd);
        let rows: Record<string, unknown>[];
        try {
          rows = await parquetReadObjects({ file, metadata, compressors, rowStart: first, rowEnd: end });
        } catch (error) {
          throw new DataFileError(`${name}, rows ${first + 1} to ${end} cannot be read: ${(error as Error).message}`);
        }
        const columns = this.columns.map((column): Cell[] =>
          rows.map((row, r) => cellOf(row[column], () => `${name}, row ${first + r + 1}, column ${column}`)),
        );
        onBytes?.(Math.round((end / total) * this.bytes));
        yield { first, length: rows.length, columns, place: (row) => `row ${row + 1}` };
      }
      groupStart = groupEnd;
    }
  }
}
