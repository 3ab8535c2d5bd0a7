import type { Item } from "./item.js";

const ALIGN = 64;
const aligned = (bytes: number): number => Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);

/** When a temporary value is alive: from the kernel that writes it to the last that reads it. */
export interface Life {
  readonly item: Item;
  first: number;
  last: number;
}

/**
 * Gives temporary values places in one stretch of memory, so that values whose lives do not overlap share bytes.
 * Greedy by size: the largest first, each at the lowest place free during its whole life.
 */
export function layOut(lives: readonly Life[], from: number): { offsets: Map<Item, number>; bytes: number } {
  const placed: { life: Life; start: number; end: number }[] = [];
  const offsets = new Map<Item, number>();
  let bytes = from;
  for (const life of [...lives].sort((a, b) => b.item.bytes - a.item.bytes || a.first - b.first)) {
    const size = aligned(life.item.bytes);
    const rivals = placed
      .filter((other) => other.life.first <= life.last && life.first <= other.life.last)
      .sort((a, b) => a.start - b.start);
    let start = from;
    for (const rival of rivals) {
      if (start + size <= rival.start) break;
      start = Math.max(start, rival.end);
    }
    placed.push({ life, start, end: start + size });
    offsets.set(life.item, start);
    bytes = Math.max(bytes, start + size);
  }
  return { offsets, bytes };
}
