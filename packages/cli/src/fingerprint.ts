/** What tells whether a file is the same as it was. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { CommandError, EXIT } from "./exit.js";
import { bar, type Terminal } from "./terminal.js";

/** Larger files are told by their size, beginning and end. */
const WHOLE = 200 * 2 ** 20;
const PIECE = 2 ** 20;

export interface Fingerprint {
  readonly bytes: number;
  readonly fingerprint: string;
}

/** @throws CommandError if it is interrupted */
export async function fingerprint(path: string, terminal: Terminal, signal: AbortSignal): Promise<Fingerprint> {
  const { size } = statSync(path);
  const hash = createHash("sha256");
  const file = openSync(path, "r");
  const begun = performance.now();
  try {
    const starts =
      size <= WHOLE ? Array.from({ length: Math.ceil(size / PIECE) }, (_, i) => i * PIECE) : [0, size - PIECE];
    for (const [i, from] of starts.entries()) {
      const bytes = new Uint8Array(Math.min(PIECE, size - from));
      readSync(file, bytes, 0, bytes.length, from);
      hash.update(bytes);
      if (i % 16 !== 15) continue;
      await turn();
      if (signal.aborted) throw new CommandError(`interrupted while looking at ${path}`, EXIT.interrupted);
      if (performance.now() - begun > 500) terminal.progress(`looking at ${path} ${bar(from / size)}`);
    }
  } finally {
    closeSync(file);
  }
  return { bytes: size, fingerprint: hash.digest("hex") };
}
