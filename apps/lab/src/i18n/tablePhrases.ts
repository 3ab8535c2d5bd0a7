/** What is said of a person's table: the library's notes and errors, in the page's language. */
import { language } from "./index.js";
import { OPTIONS, type Phrase, phrased } from "./phrases.js";

export const aboutTable = (sentence: string): string => (language.value === "zh" ? phrased(TABLE, sentence) : sentence);

/** "line 12" of a text file, "row 12" of a Parquet file. */
const place = (said: string): string => said.replace(/^(?:line|row) (\d+)$/, "第 $1 行");

const KINDS: Readonly<Record<string, string>> = { number: "数字", boolean: "是或否", date: "日期" };

const NOTES: readonly Phrase[] = [
  [
    /^(\d+) of (\d+) rows have no (.+) and are left out$/,
    (n, rows, column) => `${rows} 行中有 ${n} 行缺少 ${column}，不使用`,
  ],
  [
    /^(.+) has (\d+) different whole numbers, which are taken as classes; .+$/,
    (column, n) => `${column} 只有 ${n} 个不同的整数，当作类别处理`,
  ],
  [
    /^(.+): (?:(\d+) cells are|1 cell is) no (\w+) and counts? as missing, the first at (.+?): (.+)$/,
    (column, n, kind, at, cell) =>
      `${column}：有 ${n ?? 1} 个单元格不是${KINDS[kind] ?? kind}，当作缺失；第一个在${place(at)}：${cell}`,
  ],
  [
    /^(.+) is not taken as dates: (.+) may begin with the day or with the month, .+$/,
    (column, cell) =>
      `${column} 没有当作日期：${cell} 可能以日开头，也可能以月开头，无从判断；写成 2026-02-01 的形式就可以`,
  ],
  [
    /^(.+): dates are read with the (day|month) first$/,
    (column, first) => `${column}：日期按${first === "day" ? "日" : "月"}在前来读`,
  ],
  [
    /^(.+): numbers have a comma before decimals, such as (.+)$/,
    (column, cell) => `${column}：小数点写作逗号，例如 ${cell}`,
  ],
  [/^(.+) is left out: it has no value in any row$/, (column) => `${column} 没有任何值，不使用`],
  [/^(.+) is left out: it is (.+) in all rows$/, (column, value) => `${column} 在所有行里都是 ${value}，不使用`],
  [/^(.+) is left out: it is text that hardly repeats$/, (column) => `${column} 是几乎不重复的文本，不使用`],
  [/^(.+) is left out: it only names or counts the rows$/, (column) => `${column} 只是行的名称或编号，不使用`],
  [/^(.+) is left out: it has too many different values$/, (column) => `${column} 的不同值太多，不使用`],
  [
    /^(.+) is left out: it has (\d+) different values, too many for a place each; .+$/,
    (column, n) => `${column} 有 ${n} 个不同的值，太多，不能各占一位，不使用`,
  ],
  [
    /^(.+): (\d+) values have a learnt vector of (\d+) numbers each(?:; (\d+) that occur once share one)?$/,
    (column, n, size, once) =>
      `${column}：${n} 个值各有一个学来的 ${size} 维向量${once === undefined ? "" : `；只出现一次的 ${once} 个值共用一个`}`,
  ],
];

/** What may follow a file's name and a line's number. */
const LINES: readonly Phrase[] = [
  [
    /^it has (\d+) fields?, and the line that names the columns has (\d+)$/,
    (n, columns) => `有 ${n} 个字段，而列名那一行有 ${columns} 个`,
  ],
  [/^columns (\d+) and (\d+) are both called (.+)$/, (a, b, name) => `第 ${a} 列和第 ${b} 列都叫 ${name}`],
  [
    /^a quote in a field that has others is not doubled, or is not closed$/,
    () => "字段里的引号没有写成两个，或者没有闭合",
  ],
  [/^a quote is opened there, or before, and not closed$/, () => "这里或之前有引号没有闭合"],
  [
    /^this is no JSON \(([^)]*)\)(; .+)?$/,
    (_, hint) => `这不是 JSON${hint === undefined ? "" : "；JSON Lines 文件每行一个对象，外面没有括号"}`,
  ],
  [/^expected an object such as (.+)$/, (such) => `应为一个对象，例如 ${such}`],
];

const FILES: readonly Phrase[] = [
  [/^(.+) is empty$/, (file) => `${file} 是空的`],
  [/^(.+) has a line that names columns, and no rows$/, (file) => `${file} 只有列名，没有数据行`],
  [/^(.+) has columns and no rows$/, (file) => `${file} 只有列，没有数据行`],
  [/^(.+) is no text: it holds bytes that no text has$/, (file) => `${file} 不是文本文件`],
  [
    /^(.+) is not (UTF-8|the UTF-16) text.* \(at about byte (\d+)\): .+$/,
    (file, what, at) => `${file} 不是 ${what.replace("the ", "")} 文本（大约在第 ${at} 字节处）：请另存为 UTF-8`,
  ],
  [
    /^(.+): a JSON file is read as JSON Lines, .+$/,
    (file) => `${file}：JSON 要写成 JSON Lines，每行一个对象，文件名以 .jsonl 结尾`,
  ],
  [/^(.+): (\w+) files are not read; .+$/, (file, kind) => `${file}：不能读取 ${kind} 文件，请解压或另存为 CSV`],
  [/^(.+) is no whole Parquet file: .+$/, (file) => `${file} 不是完整的 Parquet 文件`],
  [
    /^(.+?)(?:, column (.+))?: it holds (?:lists or structures|a list|a structure); .+$/,
    (file, column) =>
      `${file}${column === undefined ? "" : `，${column} 列`}：其中有列表或结构；一格只能是数字、文本、日期或是与否`,
  ],
  [
    /^(.+), (line \d+|row \d+), column (.+): (.+) is no number, and regression needs numbers$/,
    (file, at, column, cell) => `${file}，${place(at)}，${column} 列：${cell} 不是数字，而回归需要数字`,
  ],
  [/^(.+): the target (.+) has no value in any row$/, (file, column) => `${file}：目标 ${column} 没有任何值`],
  [
    /^(.+): the target (.+) is (.+) in all rows, so there is nothing to learn$/,
    (file, column, value) => `${file}：目标 ${column} 在所有行里都是 ${value}，没有可学的东西`,
  ],
  [
    /^(.+): the target (.+) has (?:over )?(\d+) different values; at most (\d+) classes can be learnt$/,
    (file, column, n, most) => `${file}：目标 ${column} 有 ${n} 个或更多不同的值；最多能学 ${most} 个类别`,
  ],
  [
    /^(.+): no column is left to predict (.+) from((?:\n {2}.+)*)$/,
    (file, column, why) =>
      `${file}：没有剩下可用来预测 ${column} 的列${why
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => `；${phrased(NOTES, line.trim())}`)
        .join("")}`,
  ],
  [/^(.+), line (\d+): (.+)$/, (file, line, what) => `${file}，第 ${line} 行：${phrased(LINES, what)}`],
];

const TABLE: readonly Phrase[] = [...NOTES, ...FILES, ...OPTIONS];
