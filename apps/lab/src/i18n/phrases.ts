/**
 * Sentences that come in English from elsewhere (the library's errors and notes, the formula reader's), said in another
 * language: a sentence is recognised by its wording, and what it names is put into the other.
 */

/** An English sentence, and the same with what its groups hold. */
export type Phrase = readonly [english: RegExp, said: (...held: string[]) => string];

/** @returns the sentence as it is, if it is not among the phrases */
export function phrased(phrases: readonly Phrase[], sentence: string): string {
  for (const [english, said] of phrases) {
    const found = english.exec(sentence);
    if (found !== null) return said(...found.slice(1));
  }
  return sentence;
}

/** What an option must be. */
const REQUIREMENTS: readonly Phrase[] = [
  [/^(\S+) or more and below (\S+)$/, (least, most) => `不小于 ${least} 且小于 ${most}`],
  [/^above (\S+) and below (\S+)$/, (least, most) => `大于 ${least} 且小于 ${most}`],
  [/^from (\S+) to (\S+)$/, (least, most) => `在 ${least} 与 ${most} 之间`],
  [/^a whole number of (\S+) or more$/, (least) => `不小于 ${least} 的整数`],
  [/^(\S+) or more$/, (least) => `不小于 ${least}`],
  [/^(\S+) or less$/, (most) => `不大于 ${most}`],
  [/^above (\S+)$/, (least) => `大于 ${least}`],
];

/** What is wrong with an option of a rule. */
export const OPTIONS: readonly Phrase[] = [
  [
    /^(\w+): (\S+) must be (.+), got (\S+)$/,
    (rule, name, what, value) => `${rule}：${name} 必须${phrased(REQUIREMENTS, what)}，现在是 ${value}`,
  ],
  [/^(\w+): (\S+) must be ([^,]+)$/, (rule, name, what) => `${rule}：${name} 必须${phrased(REQUIREMENTS, what)}`],
  [
    /^(\w+): biasCorrection needs an alpha below 1, got (\S+)$/,
    (rule, value) => `${rule}：使用 biasCorrection 时 alpha 必须小于 1，现在是 ${value}`,
  ],
  [
    /^(\w+): nesterov needs a momentum above 0 and a dampening of 0$/,
    (rule) => `${rule}：使用 nesterov 时 momentum 必须大于 0，dampening 必须为 0`,
  ],
];

/** What the formula reader stumbles over. */
export const SYNTAX: readonly Phrase[] = [
  [/^Expected expression after a sign$/, () => "正负号之后缺少内容"],
  [/^Expected expression after (.+)$/, (what) => `“${what}”之后缺少内容`],
  [/^Expected expression$/, () => "缺少内容"],
  [/^Unexpected (?:token )?"?([^"]+)"?$/, (what) => `多出了“${what === "period" ? "." : what}”`],
  [/^Unclosed quote after "(.*)"$/, (what) => `“${what}”之后的引号没有闭合`],
  [/^Unclosed (.)$/, (what) => `“${what}”没有闭合`],
  [/^Expected exponent \((.+)\)$/, (what) => `“${what}”缺少指数`],
  [/^Variable names cannot start with a number \((.+)$/, (what) => `名称不能以数字开头（${what}）`],
  [/^Expected comma$/, () => "缺少逗号"],
  [/^Expected (.)$/, (what) => `缺少“${what}”`],
];
