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

/** The CRC-32 of the text and behind it all tensors, by name: the order of entries in a file is the format's own. */
export function checksum(text: string, entries: readonly FileEntry[]): string {
  const encoder = new TextEncoder();
  const byName = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  let sum = crc32(encoder.encode(text));
  for (const { name, dtype, shape, bytes } of byName)
    sum = crc32(bytes, crc32(encoder.encode(`${name}\0${dtype}\0${shape.join(",")}\0`), sum));
  return sum.toString(16).padStart(8, "0");
}
