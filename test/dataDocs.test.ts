import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { validationRows } from "thalweg/tabular";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXIT } from "../packages/cli/src/exit.js";
import { programOf } from "../packages/cli/src/program.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = (name: string) => readFileSync(join(root, "docs", name), "utf8");

describe("docs/data.md", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "docs-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const programs = [...page("data.md").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text]) => text!);

  it.each([
    ["loads and splits in memory", 0, /^\[ 32, 3 \] \[ 32, 1 \]\n\[ 32, 3 \] \[ 32, 1 \]\n\[ 16, 3 \] \[ 16, 1 \]\n$/],
    ["encodes a file", 1, /'horsepower is missing'[\s\S]*'origin = USA'\n\] 307 307 \[\n.*6 of 313 rows have no mpg/],
    ["trains on a file in pieces", 2, /^\[\n {2}\{ value: 1\d\.\d+, probabilities: null \},\n {2}\{ value: 1\d\.\d+, /],
  ])("a program that %s runs as it stands, and prints what it should", async (_, i, expected) => {
    const file = join(folder, `${i}.mjs`);
    await build({
      stdin: { contents: programs[i]!, loader: "ts", resolveDir: root },
      outfile: file,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
    });
    expect(execFileSync(process.execPath, [file], { cwd: root }).toString()).toMatch(expected);
  });

  it("says how many rows are for validation, of the shipped cars", () => {
    const held = validationRows(0.2, 0);
    const count = Array.from({ length: 406 }, (_, row) => row).filter(held).length;
    expect(page("data.md")).toContain(`20 % of 406 rows are ${count} here`);
  });
});

describe("docs/command.md", () => {
  const text = page("command.md");
  const program = programOf(() => {});

  it("names only commands and options that there are", () => {
    const options = [program, ...program.commands].flatMap((command) => command.options.map(({ long }) => long));
    const named = [...text.matchAll(/--[a-z][a-z-]*/g)].map(([option]) => option);
    expect(named.filter((option) => option !== "--help" && !options.includes(option))).toEqual([]);
    const commands = [...text.matchAll(/npx thalweg ([a-z-]+)/g)].map(([, command]) => command);
    expect([...new Set(commands)].sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });

  it("has all exit codes", () => {
    const codes = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });
});
