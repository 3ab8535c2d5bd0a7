import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import * as thalweg from "thalweg";
import { expect, test } from "vitest";

/**
 * Runs the programs of docs/minimize.md and compares what they print with the text that stands below each. With
 * UPDATE_DOCS=1 that text is written.
 */
const file = fileURLToPath(new URL("../../../docs/minimize.md", import.meta.url));
const PROGRAM = /```ts\n(.*?)```\n\n```text\n(.*?)```/gs;

function run(program: string): string {
  const lines: string[] = [];
  const { code } = transformSync(program.replace(/import (\{.*?\}) from "thalweg";/gs, "const $1 = thalweg;"), {
    loader: "ts",
  });
  new Function("thalweg", "console", code)(thalweg, { log: (line: unknown) => lines.push(String(line)) });
  return `${lines.join("\n")}\n`;
}

test("the programs of docs/minimize.md print what stands below them", () => {
  const page = readFileSync(file, "utf8");
  expect([...page.matchAll(PROGRAM)]).toHaveLength(2);
  expect(page.match(/```ts/g)).toHaveLength(2);
  const printed = page.replace(
    PROGRAM,
    (_, program: string) => `\`\`\`ts\n${program}\`\`\`\n\n\`\`\`text\n${run(program)}\`\`\``,
  );
  if (process.env.UPDATE_DOCS === "1") writeFileSync(file, printed);
  else expect(page).toBe(printed);
});
