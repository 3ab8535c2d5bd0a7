import { type ExecFileException, execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../bin/thalweg.js", import.meta.url));
/** A data file that the repository ships. */
export const shipped = (name: string) => fileURLToPath(new URL(`../../../examples/data/${name}`, import.meta.url));

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder in which the built command is run as a process of its own. */
export function workplace() {
  const folder = mkdtempSync(join(tmpdir(), "command-"));
  return {
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
    file(name: string, content: string): string {
      writeFileSync(join(folder, name), content);
      return name;
    },
    thalweg: (...args: string[]): Promise<Ended> =>
      new Promise((resolve) => {
        const options = { cwd: folder, maxBuffer: 1e8 };
        execFile(process.execPath, [bin, ...args], options, (error: ExecFileException | null, out, err) =>
          resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, out, err }),
        );
      }),
  };
}

/** Different numbers in no order: numbers that count the rows would be taken for names of the rows. */
export const mixed = (i: number): number => (i * 37) % 101;

/** A small table. */
export const table = (rows: number, row: (i: number) => string, head = "x,y"): string =>
  `${head}\n${Array.from({ length: rows }, (_, i) => row(i)).join("\n")}\n`;
