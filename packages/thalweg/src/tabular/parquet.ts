/** Tables in Parquet files. */
import type { FileMetaData } from "hyparquet";
import type { Bytes } from "./bytes.js";
import { checkNames } from "./csv.js";
import { DataFileError } from "./errors.js";
import { cellOf } from "./jsonLines.js";
import type { Chunk, TableSource } from "./source.js";

/** Rows of a chunk. */
const ROWS = 8192;
/**
 * Cells that are decoded at a time. The reader decodes whole pages, and looks through a row group from its beginning, so small
 * pieces of a large group would cost many times the file; more at a time costs memory.
 */
const CELLS = 2 ** 21;

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
    if (children.length > 0 || element.repetition_type === "REPEATED")
      throw new DataFileError(
        `${bytes.name}, column ${element.name}: it holds lists or structures; a cell is a number, a text, a date, yes or no. Save the file without the column, or with one column for each part`,
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
    const isWhole = piece.byteLength === piece.buffer.byteLength;
    return (isWhole ? piece : piece.slice()).buffer as ArrayBuffer;
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
    const { metadata } = this;
    const total = Number(metadata.num_rows);
    const most = Math.max(ROWS, ROWS * Math.floor(CELLS / this.columns.length / ROWS));
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const groupEnd = groupStart + Number(group.num_rows);
      for (let start = groupStart; start < groupEnd; start += most) {
        const pieceEnd = Math.min(start + most, groupEnd);
        const columns = await this.read(start, pieceEnd);
        for (let first = start; first < pieceEnd; first += ROWS) {
          const end = Math.min(first + ROWS, pieceEnd);
          const cells = columns.map((values, c) => {
            const where = (r: number) => `${this.name}, row ${first + r + 1}, column ${this.columns[c]}`;
            return values.slice(first - start, end - start).map((value, r) => cellOf(value, () => where(r)));
          });
          onBytes?.(Math.round((end / total) * this.bytes));
          yield { first, length: end - first, columns: cells, place: (row) => `row ${row + 1}` };
        }
      }
      groupStart = groupEnd;
    }
  }

  /** Some rows of one group, column by column. */
  private async read(rowStart: number, rowEnd: number): Promise<unknown[][]> {
    const [{ parquetRead }, { compressors }] = await Promise.all([
      import("hyparquet"),
      import("hyparquet-compressors"),
    ]);
    const columns = this.columns.map(() => new Array<unknown>(rowEnd - rowStart));
    const index = new Map(this.columns.map((column, c) => [column, c]));
    let cells = 0;
    try {
      await parquetRead({
        file: fileOf(this.bytesOfFile),
        metadata: this.metadata,
        compressors,
        rowStart,
        rowEnd,
        // Whole pages come: of the first and the last one perhaps only a part is asked for.
        onChunk({ columnName, columnData, rowStart: first }) {
          const own = columns[index.get(columnName)!]!;
          const to = Math.min(columnData.length, rowEnd - first);
          for (let i = Math.max(0, rowStart - first); i < to; i++, cells++) own[first + i - rowStart] = columnData[i];
        },
      });
      if (cells < columns.length * (rowEnd - rowStart)) throw new Error("values are missing");
    } catch (error) {
      throw new DataFileError(
        `${this.name}, rows ${rowStart + 1} to ${rowEnd} cannot be read: ${(error as Error).message}`,
      );
    }
    return columns;
  }
}
