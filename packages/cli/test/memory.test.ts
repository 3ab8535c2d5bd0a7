import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, expect, it } from "vitest";
import { bin, workplace } from "./command.js";

const { folder, remove } = workplace();
afterAll(remove);

const MB = 2 ** 20;

/** A table of long numbers, so that many bytes are few cells: y follows from the others. */
function write(name: string, bytes: number): string {
  const file = openSync(join(folder, name), "w");
  let [written, i] = [writeSync(file, "a,b,c,y\n"), 0];
  while (written < bytes) {
    let text = "";
    for (let k = 0; k < 5000; k++, i++) {
      const [a, b, c] = [Math.sin(i), Math.cos(i * 1.7), Math.sin(i * 0.3)];
      text += `${a.toFixed(16)},${b.toFixed(16)},${c.toFixed(16)},${(a - 2 * b + c * c).toFixed(16)}\n`;
    }
    written += writeSync(file, text);
  }
  closeSync(file);
  return name;
}

/** The most memory that the command held at once, in MB, while it trained on a file. */
function peakOf(data: string, ...options: string[]): Promise<number> {
  const peak = join(folder, `${data}.peak`);
  const onExit = `import { writeFileSync } from "node:fs";
    process.on("exit", () => writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)));`;
  const args = ["--import", `data:text/javascript,${encodeURIComponent(onExit)}`, bin, "train", data, "--target", "y"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...args, "--out", `${data}-run`, "--quiet", ...options], { cwd: folder }, (error) =>
      error === null ? resolve(Number(readFileSync(peak, "utf8")) / 1024) : reject(error),
    );
  });
}

it("streaming holds as little of a file of 60 MB as of one of 20 MB, and far less than 500 MB", async () => {
  const options = ["--stream", "--model", "linear", "--epochs", "1", "--batch-size", "1024", "--validation", "0"];
  const small = await peakOf(write("small.csv", 20 * MB), ...options);
  const large = await peakOf(write("large.csv", 60 * MB), ...options);
  expect(large).toBeLessThan(400);
  expect(large - small).toBeLessThan(60);
}, 300_000);
