import type { FileEntry } from "./header.js";

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 as zlib computes it: of these bytes, going on from that of bytes before them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let c = ~before;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return ~c >>> 0;
}

/**
 * The CRC-32, as eight hexadecimal digits, of a text and behind it each tensor in the order of their names: its name, dtype and
 * shape as text, a zero byte behind each, and its bytes. (Combined by exclusive or, what is damaged alike in two tensors would
 * go unnoticed.)
 */
export function checksumOf(text: string, entries: readonly FileEntry[]): string {
  const encoder = new TextEncoder();
  let sum = crc32(encoder.encode(text));
  // The order of entries in a file is the format's own.
  const byName = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, dtype, shape, bytes } of byName)
    sum = crc32(bytes, crc32(encoder.encode(`${name}\0${dtype}\0${shape.join(",")}\0`), sum));
  return sum.toString(16).padStart(8, "0");
}
