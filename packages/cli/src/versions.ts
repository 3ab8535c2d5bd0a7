import { readFileSync } from "node:fs";
import process from "node:process";

/** This program's version. */
export const VERSION: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;

/** What a run was made with. */
export const versions = (): Record<string, string> => ({
  thalweg: VERSION,
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
});
