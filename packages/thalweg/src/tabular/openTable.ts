import { bytesOf, type FileInput } from "./bytes.js";
import { csvTable } from "./csv.js";
import { DataFileError } from "./errors.js";
import { jsonLinesTable } from "./jsonLines.js";
import { parquetTable } from "./parquet.js";
import type { TableSource } from "./source.js";

/**
 * Opens a data file as a table: CSV (.csv, .txt), TSV (.tsv, .tab), JSON Lines (.jsonl, .ndjson) or Parquet (.parquet),
 * recognised by its name and its first bytes. Nothing but the beginning is read here.
 *
 * @param input - a path (Node), or a name with the content
 * @throws DataFileError if the file is missing, empty, or none of these; the message names the file, and the line and column
 *   where there is one
 */
export async function openTable(input: FileInput): Promise<TableSource> {
  const bytes = bytesOf(input);
  const { name, size } = bytes;
  if (size === 0) throw new DataFileError(`${name} is empty`);
  const start = await bytes.read(0, Math.min(4, size));
  const magic = String.fromCharCode(...start);
  const ending = /\.[^./\\]*$/.exec(name)?.[0].toLowerCase() ?? "";
  if (magic === "PAR1" || ending === ".parquet") return parquetTable(bytes);
  switch (ending) {
    case ".jsonl":
    case ".ndjson":
      return jsonLinesTable(bytes);
    case ".json":
      throw new DataFileError(
        `${name}: a JSON file is read as JSON Lines, one object a line, under a name that ends in .jsonl`,
      );
    case ".tsv":
    case ".tab":
      return csvTable(bytes, "\t");
    case ".gz":
    case ".zip":
    case ".xlsx":
    case ".xls":
      throw new DataFileError(`${name}: ${ending.slice(1)} files are not read; unpack it, or save it as CSV`);
    default:
      return csvTable(bytes);
  }
}
