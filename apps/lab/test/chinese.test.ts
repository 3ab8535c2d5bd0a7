import { full, optim } from "thalweg";
import { openTable, readTable } from "thalweg/tabular";
import { diagnose, type Finding, type FindingKind, type HistoryData, type Summary } from "thalweg/train";
import { beforeAll, describe, expect, it } from "vitest";
import { prepareRun } from "../src/core/dataRun.js";
import { parseFormula } from "../src/core/formula.js";
import { optimizerOf, optionsOf, RULE_NAMES } from "../src/core/rules.js";
import { saidOf } from "../src/i18n/findings.js";
import { language } from "../src/i18n/index.js";
import { OPTIONS, phrased, SYNTAX } from "../src/i18n/phrases.js";
import { aboutTable } from "../src/i18n/tablePhrases.js";

beforeAll(() => {
  language.value = "zh";
});

/** Chinese, and no English sentence in it: names and numbers apart, no three words in a row. */
function expectChinese(said: string): void {
  expect(said).toMatch(/[\u4e00-\u9fff]/);
  expect(said).not.toMatch(/[A-Za-z]{2,} [A-Za-z]+ [A-Za-z]{2,}|undefined|NaN %|null/);
}

describe("the diagnosis", () => {
  const summary = (mean: number, zeros = 0, notFinite = 0): Summary => ({
    ...{ min: mean, max: mean, mean, std: 0, zeros, notFinite },
    quantiles: [mean, mean, mean, mean, mean],
    histogram: { edges: [0, 1], counts: [1] },
  });

  interface Run {
    readonly train: readonly number[];
    readonly validation?: readonly number[];
    /** Of the parameter "0.bias" in each epoch. */
    readonly value?: (epoch: number) => Summary;
    readonly gradient?: (epoch: number) => Summary;
    readonly stopped?: HistoryData["stopped"];
  }

  const historyOf = ({ train, validation, value, gradient, stopped }: Run): HistoryData => ({
    version: 1,
    epochs: train.map((loss, i) => ({
      ...{ epoch: i + 1, step: i + 1, train: { loss }, lr: [0.1], seconds: 1, samples: 10 },
      validation: validation === undefined ? null : { loss: validation[i]! },
      parameters:
        value === undefined
          ? null
          : { "0.bias": { value: value(i + 1), gradient: gradient!(i + 1), stepSize: null, update: null } },
    })),
    steps: train.map((loss, i) => ({ step: i + 1, loss, gradNorm: null })),
    best: null,
    stopped: stopped ?? null,
  });

  const curve = (of: (i: number) => number) => Array.from({ length: 40 }, (_, i) => of(i));
  const falling = curve((i) => 0.9 ** i + 0.2);
  const runs: readonly [FindingKind, Run][] = [
    ["notFinite", { train: falling, value: () => summary(1, 0, 3), gradient: () => summary(1) }],
    [
      "notFinite",
      {
        train: falling,
        stopped: { reason: "notFinite", epoch: 3, step: 7, detail: "the loss is NaN at step 7", parameter: "0.bias" },
      },
    ],
    ["diverged", { train: curve((i) => (i < 20 ? 1 / (i + 1) : i * 3)) }],
    ["diverged", { train: curve((i) => 1.3 ** i) }],
    ["explodingLayer", { train: falling, value: (e) => summary(2 ** e), gradient: (e) => summary(3 ** e) }],
    ["deadLayer", { train: falling, value: () => summary(1), gradient: () => summary(0, 1) }],
    ["oscillating", { train: curve((i) => (i === 0 ? 1 : i % 2 === 0 ? 0.3 : 0.6)) }],
    ["overfitting", { train: curve((i) => 1 / (i + 1)), validation: curve((i) => 1 + Math.abs(i - 10) / 20) }],
    ["stillFalling", { train: curve((i) => 1 - i / 50) }],
    ["levelledOff", { train: curve((i) => 0.5 ** i + 0.2) }],
    ["levelledOff", { train: curve((i) => 1 - i / 50), validation: curve((i) => 0.5 ** i + 0.2) }],
    ["levelledOff", { train: curve(() => 1) }],
    ["healthy", { train: falling }],
  ];

  it.each(runs)("%s is said in Chinese, with the same figures", (kind, run) => {
    const findings = diagnose(historyOf(run));
    const found = findings.filter((finding) => finding.kind === kind);
    expect(found.length).toBeGreaterThan(0);
    for (const finding of found) {
      const said = saidOf(finding, { train: run.train, validation: run.validation ?? [] });
      expectChinese(said.title);
      expectChinese(said.detail);
      if (finding.advice === "") expect(said.advice).toBe("");
      else expectChinese(said.advice);
      // Shares are written alike in both.
      expect(said.detail.match(/[\d.]+ %/g)).toEqual(finding.detail.match(/[\d.]+ %/g));
    }
  });

  it("in English it is the library's own", () => {
    language.value = "en";
    const [finding] = diagnose(historyOf({ train: falling })) as [Finding];
    expect(saidOf(finding, { train: falling, validation: [] })).toBe(finding);
    language.value = "zh";
  });
});

describe("what is said of a table", () => {
  const settings = { ignore: [], hidden: [], epochs: 1, batchSize: 8, seed: 0 };
  const runner = { rule: "RMSprop", options: {} } as const;

  async function run(
    name: string,
    content: string | Uint8Array<ArrayBuffer>,
    target: string,
    hidden: readonly number[] = [],
  ) {
    const table = await readTable(await openTable({ name, data: new Blob([content]) }));
    return prepareRun(table, { ...settings, hidden, target, runner });
  }
  /** A table of so many rows, each made from its number. */
  const rows = (head: string, row: (i: number) => string, count = 60) =>
    `${head}\n${Array.from({ length: count }, (_, i) => row(i)).join("\n")}\n`;

  const refused: readonly [what: string, name: string, content: string | Uint8Array<ArrayBuffer>, target?: string][] = [
    ["an empty file", "a.csv", ""],
    ["column names alone", "a.csv", "x,y\n"],
    ["a line that is short", "a.csv", "x,y\n1,2\n3\n"],
    ["two columns of one name", "a.csv", "x,x\n1,2\n"],
    ["a quote that is not closed", "a.csv", 'x,y\n1,"2\n3,4\n'],
    ["bytes", "a.csv", new Uint8Array([1, 0, 2, 0])],
    ["another encoding", "a.csv", new Uint8Array([0x78, 0x0a, 0xe9, 0x0a])],
    ["JSON", "a.json", "[1]"],
    ["a workbook", "a.xlsx", "PK"],
    ["a broken line of JSON", "a.jsonl", '{"x": 1}\n{"x": \n'],
    ["a list of JSON", "a.jsonl", '[{"x": 1}]'],
    ["a number for an object", "a.jsonl", "1\n"],
    ["a structure in a cell", "a.jsonl", '{"x": [1]}\n'],
    ["what is no Parquet", "a.parquet", "PAR1 and no more"],
    ["a constant target", "a.csv", rows("x,y", (i) => `${i % 7}.5,2`)],
    ["a target without values", "a.csv", rows("x,y", (i) => `${i % 7}.5,`)],
    ["a target of too many classes", "a.csv", rows("x,y", (i) => `${i % 7}.5,word${i % 150} of many`, 600)],
    ["nothing to predict from", "a.csv", rows("x,y", (i) => `1,${i % 7}.5`)],
    [
      "a target with a word in it",
      "a.csv",
      rows("x,y", (i) => `${i % 7}.5,${i % 100 === 3 ? "about three" : `${i}.25`}`, 600),
    ],
  ];
  it.each(refused)("%s is refused in Chinese", async (_, name, content, target = "y") => {
    const message = await run(name, content, target).then(
      () => expect.unreachable(),
      (error: Error) => error.message,
    );
    expectChinese(aboutTable(message));
  });

  const noted: readonly [what: string, content: string, hidden?: readonly number[]][] = [
    ["rows without a target", rows("x,y", (i) => `${i % 7}.5,${i % 9 === 0 ? "" : `${i % 11}.25`}`)],
    ["few whole numbers", rows("x,y", (i) => `${i % 7}.5,${i % 4}`)],
    [
      "words among numbers",
      rows("x,z,y", (i) => `${i % 7}.5,${i % 100 === 3 ? "about three" : `${i}.5`},${i}.25`, 600),
    ],
    ["dates of either order", rows("x,d,y", (i) => `${i % 7}.5,0${(i % 9) + 1}/0${(i % 8) + 1}/2024,${i}.25`)],
    ["dates of one order", rows("x,d,y", (i) => `${i % 7}.5,${10 + (i % 18)}/0${(i % 8) + 1}/2024,${i}.25`)],
    ["decimal commas", rows("x;y", (i) => `${i % 7},5;${i},25`)],
    ["columns of no use", rows("x,a,b,c,y", (i) => `${i % 7}.5,,same,a sentence of row ${i * i},${i}.25`)],
    ["row numbers", rows("id,x,y", (i) => `${i},${i % 7}.5,${(i * 7) % 60}.25`)],
    ["too many names", rows("x,city,y", (i) => `${i % 7}.5,city ${i % 1100},${i}.25`, 4400)],
    ["texts of which there are too many", rows("x,c,y", (i) => `${i % 7}.5,text ${i} of many,${i}.25`, 20_000)],
    ["names with vectors", rows("x,city,y", (i) => `${i % 7}.5,city ${i % 71},${i}.25`, 400), [4]],
    ["names that occur once", rows("x,city,y", (i) => `${i % 7}.5,city ${i < 9 ? i : i % 71},${i}.25`, 180), [4]],
  ];
  it.each(noted)("%s are noted in Chinese", async (_, content, hidden) => {
    const { notes } = await run("a.csv", content, "y", hidden);
    expect(notes.length).toBeGreaterThan(0);
    for (const note of notes) expectChinese(aboutTable(note));
  });
});

it("what is wrong with an option is said in Chinese, whichever rule and option", () => {
  const refusals = new Set<string>();
  for (const rule of RULE_NAMES) {
    for (const spec of optionsOf(rule)) {
      for (const value of spec.kind === "switch" ? [!spec.initial] : [-1, 0, 0.5, 1, 2]) {
        try {
          optimizerOf({ rule, options: { [spec.name]: value } }, [full([], 1, { requiresGrad: true })]);
        } catch (error) {
          refusals.add((error as Error).message);
        }
      }
    }
  }
  expect(refusals.size).toBeGreaterThan(30);
  for (const refusal of refusals) expectChinese(phrased(OPTIONS, refusal));
  expect(() => new optim.RMSprop([full([], 1, { requiresGrad: true })], { lr: -1 })).toThrow("RMSprop: lr must be 0");
});

it.each([
  "x +",
  "x + * 2",
  "-",
  "(x",
  "sin(x",
  "sin(x,",
  "2e",
  "2x",
  "x y",
  "x..y",
  '"a',
  "[x",
  "x ? y",
  "x = 1",
  ")",
  "x + )",
])("why %j cannot be read is said in Chinese", (text) => {
  try {
    parseFormula(text);
  } catch (error) {
    const { reason, what } = error as { reason: string; what: string };
    if (reason === "syntax") expect(phrased(SYNTAX, what)).not.toMatch(/[A-Za-z]{3,} /);
    return;
  }
  expect.unreachable();
});
