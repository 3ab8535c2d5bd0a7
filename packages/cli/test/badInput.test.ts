import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, mixed, shipped, table, workplace } from "./command.js";

const { folder, remove, file, thalweg } = workplace();
afterAll(remove);

beforeAll(async () => {
  const args = ["--target", "mpg", "--epochs", "2", "--out", "cars", "--quiet"];
  expect((await thalweg("train", shipped("cars.csv"), ...args)).code).toBe(0);
}, 60_000);

describe("bad input: a clear message, an exit code that is not 0, nothing lost", () => {
  const same = (row: string) => `${row}\n`.repeat(30);
  const y = ["--target", "y"];
  const number = [...y, "--task", "regression"];
  it.each([
    ["a missing file", "none.csv", null, y, 3, /none\.csv: there is no such file/],
    ["an empty file", "empty.csv", "", y, 3, /empty\.csv is empty/],
    ["ragged rows", "ragged.csv", "x,y\n1,2\n1,2,3\n", y, 3, /ragged\.csv, line 3: it has 3 fields/],
    [
      "an unknown target",
      "small.csv",
      `height,width\n${same("1,2")}`,
      ["--target", "heigth"],
      3,
      /did you mean "height"/,
    ],
    ["letters swapped", "swapped.csv", `mpg,hp\n${same("1,2")}`, ["--target", "mgp"], 3, /did you mean "mpg"/],
    ["a constant target", "constant.csv", `x,y\n${same("1,2")}`, y, 3, /the target y is 2 in all rows/],
    ["a target without values", "void.csv", `x,y\n${same("1,")}`, y, 3, /the target y has no value in any row/],
    [
      "text where numbers are needed",
      "text.csv",
      table(30, (i) => `${i},a${i % 3}`),
      number,
      3,
      /column y: "a\d" is no number/,
    ],
    ["nothing to learn from", "alone.csv", table(30, (i) => `7,${i * i}`), y, 3, /no column is left to predict y/],
    ["no target", "small.csv", null, [], 2, /--target is missing.*small\.csv has height, width/],
    ["a bad number", "small.csv", null, [...y, "--epochs", "many"], 2, /--epochs/],
    ["an unknown rule", "small.csv", null, [...y, "--optimizer", "magic"], 2, /must be one of rmsprop, sgd/],
    ["an unknown option", "small.csv", null, [...y, "--speed", "9"], 2, /unknown option '--speed'/],
    [
      "a learning rate below 0",
      "line.csv",
      table(40, (i) => `${mixed(i)},${3 * mixed(i)}`),
      [...number, "--lr", "-1"],
      2,
      /lr must be 0 or more/,
    ],
  ] as const)("%s", async (_, name, content, options, code, message) => {
    if (content !== null) file(name, content);
    const ended = await thalweg("train", name, ...options, "--out", `bad-${name}`);
    expect(ended.err).toMatch(message);
    expect(ended.code).toBe(code);
    expect(ended.err).not.toMatch(/ {4}at /);
  });

  it("an all-missing column is left out with a note, and training goes on", async () => {
    file(
      "hole.csv",
      table(40, (i) => `${mixed(i)},,${2 * mixed(i)}`, "x,hole,y"),
    );
    const { code, err } = await thalweg("train", "hole.csv", ...number, "--epochs", "2");
    expect(code).toBe(0);
    expect(err).toMatch(/hole is left out: it has no value in any row/);
  });

  it("predicting with a missing column, with a word for a number, and with no model", async () => {
    file("less.csv", "cylinders\n8\n");
    const less = await thalweg("predict", "cars", "less.csv", "--out", "no.csv");
    expect(less.code).toBe(3);
    expect(less.err).toMatch(/less\.csv has no column "displacement"/);
    expect(readdirSync(folder).filter((name) => name.startsWith("no.csv"))).toEqual([]);
    file("word.csv", readFileSync(shipped("cars.csv"), "utf8").replace(",3504,", ",heavy,"));
    const word = await thalweg("predict", "cars", "word.csv");
    expect(word.err).toMatch(/word\.csv, line 2, column weight: "heavy" is not a number/);
    expect((await thalweg("predict", "nowhere", "less.csv")).err).toMatch(/nowhere: there is no such folder/);
  });

  it("comparing what is no run, and a single one, says what is there", async () => {
    mkdirSync(join(folder, "nothing"));
    mkdirSync(join(folder, "words"));
    file("words/notes.txt", "");
    const compared = async (...paths: string[]) => {
      const { code, err } = await thalweg("compare", "cars", ...paths);
      expect(err).not.toMatch(/ {4}at /);
      return [code, err];
    };
    expect(await compared("nowhere")).toEqual([2, expect.stringMatching(/nowhere: there is no such folder/)]);
    expect(await compared("nothing")).toEqual([2, expect.stringMatching(/nothing is empty: it holds no run/)]);
    expect(await compared("words")).toEqual([2, expect.stringMatching(/words is no run: it has no run\.json/)]);
    expect(await compared(".")).toEqual([2, expect.stringMatching(/\. is no run itself; it holds .*cars/)]);
    expect(await compared("words/notes.txt")).toEqual([2, expect.stringMatching(/is a file; a run is a folder/)]);
    expect(await compared()).toEqual([0, expect.stringMatching(/cars is the only run named; name others/)]);
    cpSync(join(folder, "cars"), join(folder, "killed"), { recursive: true });
    rmSync(join(folder, "killed/history.json"));
    expect(await compared("killed")).toEqual([1, expect.stringMatching(/not come to an end.*--resume killed/)]);
  });

  it("a folder that is a run already is not written over", async () => {
    const again = await thalweg("train", shipped("cars.csv"), "--target", "mpg", "--out", "cars");
    expect(again.code).toBe(2);
    expect(again.err).toMatch(/cars is a run already: go on with it by --resume cars/);
  });

  it("options that going on would not heed are refused by name", async () => {
    const { code, err } = await thalweg("train", "--resume", "cars", "--lr", "0.1", "--seed", "3", "--quiet");
    expect(code).toBe(2);
    expect(err).toMatch(/leave out (--seed, --lr|--lr, --seed)/);
  });

  it("a history that cannot be read is named", async () => {
    cpSync(join(folder, "cars"), join(folder, "torn"), { recursive: true });
    file("torn/history.json", "{");
    const { code, err } = await thalweg("inspect", "torn");
    expect(code).toBe(1);
    expect(err).toMatch(/torn\/history\.json cannot be read/);
  });

  it("predictions: a link stays what it is, a full disk is a message, and a reader may leave", async () => {
    symlinkSync("/dev/full", join(folder, "full.csv"));
    const { code, err } = await thalweg("predict", "cars", shipped("cars.csv"), "--out", "full.csv");
    expect(code).toBe(1);
    expect(err).toMatch(/no room left on the disk/);
    expect(lstatSync(join(folder, "full.csv")).isSymbolicLink()).toBe(true);

    const shell = (end: string) =>
      spawnSync("sh", ["-c", `"${process.execPath}" "${bin}" predict cars many.csv ${end}`], {
        cwd: folder,
        encoding: "utf8",
      });
    const [head, ...rows] = readFileSync(shipped("cars.csv"), "utf8").trim().split("\n");
    file("many.csv", `${head}\n${`${rows.join("\n")}\n`.repeat(60)}`);
    const left = shell("| head -1");
    expect([left.stdout, left.stderr]).toEqual(["predicted mpg\n", ""]);
    const full = shell("> /dev/full");
    expect(full.status).toBe(1);
    expect(full.stderr).toMatch(/^thalweg: standard output: .*no room left on the disk\n$/);
  });

  it("an unreadable checkpoint is passed over with a warning; changed data are noticed", async () => {
    const args = [...number, "--epochs", "3", "--out", "own", "--quiet"];
    file(
      "own.csv",
      table(40, (i) => `${mixed(i)},${3 * mixed(i)}`),
    );
    expect((await thalweg("train", "own.csv", ...args)).code).toBe(0);
    const newest = readdirSync(join(folder, "own/checkpoints")).sort().at(-1)!;
    writeFileSync(join(folder, "own/checkpoints", newest), "damaged");
    const resumed = await thalweg("train", "--resume", "own", "--epochs", "5");
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.err).toMatch(new RegExp(`warning: .*${newest} is passed over`));
    file(
      "own.csv",
      table(41, (i) => `${mixed(i)},${3 * mixed(i)}`),
    );
    const changed = await thalweg("train", "--resume", "own");
    expect(changed.code).toBe(3);
    expect(changed.err).toMatch(/own\.csv has changed since this run began/);
  });

  it("a full disk: the message says so, and what was there before stays whole", async () => {
    const place = join(folder, "disk");
    mkdirSync(place);
    let mounted = true;
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=200k", "tmpfs", place], { stdio: "ignore" });
    } catch {
      mounted = false;
    }
    if (!mounted) {
      // Without the right to mount, the system's own full device refuses every byte.
      const { code, err } = await thalweg("train", shipped("cars.csv"), "--target", "mpg", "--out", "/dev/full");
      expect(code).not.toBe(0);
      expect(err).toMatch(/\/dev\/full/);
      return;
    }
    try {
      const args = ["--hidden", "64,64", "--epochs", "30", "--out", join(place, "run")];
      const { code, err } = await thalweg("train", shipped("cars.csv"), "--target", "mpg", ...args);
      expect(code).toBe(1);
      expect(err).toMatch(/no room left on the disk/);
      const left = readdirSync(join(place, "run"), { recursive: true }).map(String);
      expect(left.filter((name) => name.endsWith(".partial"))).toEqual([]);
      expect(JSON.parse(readFileSync(join(place, "run/run.json"), "utf8")).target).toBe("mpg");
    } finally {
      execFileSync("umount", [place]);
    }
  });
});
