import { ThalwegError } from "../errors.js";

/** A file that is no safetensors file, or not the one that is needed; the message says what is wrong. */
export class SafetensorsError extends ThalwegError {
  override name = "SafetensorsError";
}

/** Bytes of one element, by the format's name of its dtype. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type FileDType = keyof typeof ELEMENT_BYTES;

/** One tensor of a file. */
export interface FileEntry {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  /** Its elements, little-endian in row-major order. */
  readonly bytes: Uint8Array;
}

export interface FileContent {
  readonly entries: readonly FileEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The largest header that the format allows, in bytes. */
const MOST_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";

/** Reads a file's header and finds its tensors' bytes (not copied). Everything that the format promises is checked. */
export function parse(file: Uint8Array): FileContent {
  // Node's Buffer is a Uint8Array whose slice() copies nothing.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 8) throw new SafetensorsError(`the file is cut short: ${bytes.length} bytes, the least is 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > MOST_HEADER_BYTES)
    throw new SafetensorsError(`the header would have ${length} bytes; this is no safetensors file`);
  const end = 8 + Number(length);
  if (end > bytes.length)
    throw new SafetensorsError(
      `the file is cut short: its header ends at byte ${end}, the file at byte ${bytes.length}`,
    );
  const header = parseHeader(bytes.subarray(8, end));
  const data = bytes.subarray(end);
  const metadata = metadataOf(header[METADATA]);
  const found = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => checkEntry(name, entry));
  checkLayout(found, data.length);
  const entries = found.map(
    ({ name, dtype, shape, from, to }): FileEntry => ({ name, dtype, shape, bytes: data.subarray(from, to) }),
  );
  return { entries, metadata };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SafetensorsError("the header is no UTF-8 text");
  }
  if (text[0] !== "{")
    throw new SafetensorsError(`the header must begin with {, not ${JSON.stringify(text.slice(0, 1))}`);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new SafetensorsError(`the header is no JSON: ${(error as Error).message}`);
  }
  const twice = duplicateName(text);
  if (twice !== null) throw new SafetensorsError(`the header has the name ${JSON.stringify(twice)} twice`);
  return header as Record<string, unknown>;
}

/** The first name that stands twice in one object of a JSON text. JSON.parse would silently keep the last. */
function duplicateName(json: string): string | null {
  const objects: Set<string>[] = [];
  let name: string | null = null;
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}:]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (token === ":") {
      const names = objects.at(-1)!;
      if (names.has(name!)) return name;
      names.add(name!);
    } else name = JSON.parse(token) as string;
  }
  return null;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);
const isSize = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

function metadataOf(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw new SafetensorsError(`${METADATA} must be an object`);
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string")
      throw new SafetensorsError(`${METADATA}: ${JSON.stringify(name)} must be a string, not ${JSON.stringify(text)}`);
  }
  return value as Record<string, string>;
}

interface Found {
  name: string;
  dtype: FileDType;
  shape: number[];
  from: number;
  to: number;
}

function checkEntry(name: string, entry: unknown): Found {
  const what = JSON.stringify(name);
  const fields = "dtype, shape and data_offsets";
  if (!isRecord(entry)) throw new SafetensorsError(`${what} must be an object with ${fields}`);
  const { dtype, shape, data_offsets: offsets, ...more } = entry;
  if (Object.keys(more).length > 0)
    throw new SafetensorsError(`${what} has ${Object.keys(more).join(", ")} besides ${fields}`);
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw new SafetensorsError(
      `${what} has dtype ${JSON.stringify(dtype)}; what can be read is ${Object.keys(ELEMENT_BYTES).join(", ")}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isSize))
    throw new SafetensorsError(`the shape of ${what} must be whole numbers, not ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw new SafetensorsError(`the data_offsets of ${what} must be two whole numbers, not ${JSON.stringify(offsets)}`);
  const [from, to] = offsets as [number, number];
  const needed = (shape as number[]).reduce((a, b) => a * b, 1) * ELEMENT_BYTES[dtype as FileDType];
  if (to - from !== needed) {
    throw new SafetensorsError(
      `${what} has ${to - from} bytes (${from} to ${to}), but ${dtype} of shape [${shape.join(", ")}] needs ${needed}`,
    );
  }
  return { name, dtype: dtype as FileDType, shape: shape as number[], from, to };
}

/** The tensors must fill the data without holes and without overlapping. */
function checkLayout(found: readonly Found[], length: number): void {
  let at = 0;
  let before = "the header";
  for (const { name, from, to } of [...found].sort((a, b) => a.from - b.from || a.to - b.to)) {
    const what = JSON.stringify(name);
    if (from < at)
      throw new SafetensorsError(`${what} begins at byte ${from} and overlaps ${before}, which ends at ${at}`);
    if (from > at)
      throw new SafetensorsError(`bytes ${at} to ${from}, between ${before} and ${what}, belong to no tensor`);
    at = to;
    before = what;
  }
  if (at > length) throw new SafetensorsError(`the file is cut short: its tensors need ${at} bytes, it has ${length}`);
  if (at < length) throw new SafetensorsError(`the file has ${length - at} bytes behind its last tensor`);
}

/** Writes a file. Larger elements come first, so that each tensor's bytes begin at a multiple of its element's size. */
export function write({ entries, metadata }: FileContent): Uint8Array {
  const order = [...entries].sort(
    (a, b) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype] || (a.name < b.name ? -1 : 1),
  );
  let size = 0;
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  for (const { name, dtype, shape, bytes } of order) {
    if (name === METADATA) throw new SafetensorsError(`no tensor can have the name ${METADATA}`);
    header.push([name, { dtype, shape, data_offsets: [size, (size += bytes.length)] }]);
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + padded + size);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.fill(0x20, 8, 8 + padded);
  file.set(text, 8);
  let at = 8 + padded;
  for (const { bytes } of order) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}
