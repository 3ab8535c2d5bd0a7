/** The bytes of a data file, wherever it lies, read piece by piece. */
import { nodeModule } from "../platform.js";
import { DataFileError } from "./errors.js";

/** A file on the disk by its path (Node), or its content. */
export type FileInput = string | { readonly name: string; readonly data: Uint8Array | Blob };

export interface Bytes {
  /** The file's name, for messages. */
  readonly name: string;
  readonly size: number;
  /** The bytes from … to-1. */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** @throws DataFileError if there is no such file, or it is none */
export function bytesOf(input: FileInput): Bytes {
  if (typeof input !== "string") return ofContent(input.name, input.data);
  const fs = nodeModule("fs");
  if (fs === null)
    throw new DataFileError(`${input}: files are read by path in Node only; in a page give { name, data }`);
  let stat: ReturnType<typeof fs.statSync>;
  try {
    stat = fs.statSync(input);
  } catch (error) {
    const { code } = error as { code?: string };
    throw new DataFileError(
      code === "ENOENT" ? `${input}: there is no such file` : `${input} cannot be opened: ${(error as Error).message}`,
    );
  }
  if (stat.isDirectory()) throw new DataFileError(`${input} is a folder, not a file`);
  return {
    name: input,
    size: stat.size,
    async read(from, to) {
      let file: number | null = null;
      try {
        file = fs.openSync(input, "r");
        const bytes = new Uint8Array(to - from);
        let have = 0;
        while (have < bytes.length) {
          const got = fs.readSync(file, bytes, have, bytes.length - have, from + have);
          if (got === 0) break;
          have += got;
        }
        return bytes.subarray(0, have);
      } catch (error) {
        throw new DataFileError(`${input} cannot be read: ${(error as Error).message}`);
      } finally {
        if (file !== null) fs.closeSync(file);
      }
    },
  };
}

function ofContent(name: string, data: Uint8Array | Blob): Bytes {
  if (data instanceof Uint8Array)
    return { name, size: data.length, read: (from, to) => Promise.resolve(data.subarray(from, to)) };
  return {
    name,
    size: data.size,
    read: async (from, to) => new Uint8Array(await data.slice(from, to).arrayBuffer()),
  };
}

/** Bytes that are read at a time: so few that what is made of a block is garbage before the engine has moved it to older objects. */
const BLOCK = 2 ** 18;
/** A record may be longer than a block; one that never ends is a quote that nobody closed. */
const LONGEST = 2 ** 26;

/** Text of whole records: from one record's beginning to another's end. */
export interface TextBlock {
  readonly text: string;
  /** Number of the text's first line, from 1. */
  readonly line: number;
  /** Bytes of the file up to the end of what has been read. */
  readonly read: number;
}

/**
 * A file's text in blocks that end where a record ends. It is UTF-8, or UTF-16 with a byte order mark.
 *
 * @param separators - characters that separate fields; line ends in a quoted field belong to a record. Null: every line is one
 * @throws DataFileError if it is no such text
 */
export async function* textBlocks(bytes: Bytes, separators: string | null): AsyncGenerator<TextBlock> {
  const { name, size } = bytes;
  let decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let line = 1;
  let block = BLOCK;
  for (let at = 0; at < size; ) {
    const piece = await bytes.read(at, Math.min(at + block, size));
    if (piece.length === 0) break;
    if (at === 0) decoder = decoderOf(name, piece);
    at += piece.length;
    let text: string;
    try {
      text = rest + decoder.decode(piece, { stream: at < size });
    } catch {
      const what = decoder.encoding === "utf-8" ? "UTF-8 text" : "the UTF-16 text that its byte order mark says";
      throw new DataFileError(
        `${name} is not ${what} (at about byte ${at - piece.length}): save it as UTF-8; a file of an old Windows program is often Windows-1252`,
      );
    }
    const end = at < size ? lastRecordEnd(text, separators) : text.length;
    if (end === 0 && text.length > LONGEST)
      throw new DataFileError(`${name}, line ${line}: a quote is opened there, or before, and not closed`);
    rest = text.slice(end);
    // A long record is looked through a few times only, if each time twice as much comes.
    block = end === 0 ? 2 * block : BLOCK;
    if (end === 0) continue;
    const whole = text.slice(0, end);
    yield { text: whole, line, read: at };
    line += newlines(whole);
  }
}

function decoderOf(name: string, start: Uint8Array): TextDecoder {
  const [a, b] = start;
  if (a === 0xff && b === 0xfe) return new TextDecoder("utf-16le", { fatal: true });
  if (a === 0xfe && b === 0xff) return new TextDecoder("utf-16be", { fatal: true });
  if (start.subarray(0, 4096).includes(0))
    throw new DataFileError(`${name} is no text: it holds bytes that no text has`);
  return new TextDecoder("utf-8", { fatal: true });
}

/** Where the last whole record of a text ends, behind its line end; 0 if there is none. */
function lastRecordEnd(text: string, separators: string | null): number {
  if (separators === null || !text.includes('"')) return text.lastIndexOf("\n") + 1;
  let end = 0;
  eachRecordEnd(text, separators, (at) => {
    end = at + 1;
  });
  return end;
}

/** Finds the line ends ("\n") that are in no quoted field. */
export function eachRecordEnd(text: string, separators: string, found: (at: number) => void): void {
  const search = (what: string, from: number) => {
    const at = text.indexOf(what, from);
    return at < 0 ? text.length : at;
  };
  let quote = search('"', 0);
  for (let end = search("\n", 0); end < text.length; ) {
    if (end < quote) {
      found(end);
      end = search("\n", end + 1);
      continue;
    }
    // A quote opens a field at its beginning only: in 5" pipe it is a letter like others.
    if (quote > 0 && !`\r\n${separators}`.includes(text[quote - 1]!)) {
      quote = search('"', quote + 1);
      continue;
    }
    let close = search('"', quote + 1);
    while (text[close + 1] === '"') close = search('"', close + 2);
    if (end < close) end = search("\n", close);
    quote = search('"', close + 1);
  }
}

export function newlines(text: string): number {
  let count = 0;
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) count++;
  return count;
}
