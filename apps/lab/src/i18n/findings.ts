/**
 * What a run's diagnosis says, in the page's language. English is the library's own. Chinese is said anew from the kind of a
 * finding and the figures behind it, so a kind without words here does not compile.
 */
import type { Finding, FindingKind } from "thalweg/train";
import { short } from "../ui/format.js";
import { type Language, language } from "./index.js";

type Said = Pick<Finding, "title" | "detail" | "advice">;

/** The losses of the run, by epoch. */
export interface Curves {
  readonly train: readonly number[];
  /** Empty if there were no such rows. */
  readonly validation: readonly number[];
}

const SAID: Readonly<Record<Language, (finding: Finding, curves: Curves) => Said>> = {
  en: (finding) => finding,
  zh: (finding, curves) => CHINESE[finding.kind](finding, curves),
};

export const saidOf = (finding: Finding, curves: Curves): Said => SAID[language.value](finding, curves);

const number = (x: number): string => short(x, 3);
const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

/** The curve by which the run is judged, and its name. */
const judged = ({ train, validation }: Curves): { readonly name: string; readonly values: readonly number[] } =>
  validation.length > 0 ? { name: "验证损失", values: validation } : { name: "训练损失", values: train };

const SMALLER_STEPS =
  "降低 lr（先降到十分之一），增大 eps（RMSProp 除以 √v + eps，v 极小时步子极大），并裁剪梯度的范数（clipNorm: 1）。";

const CHINESE: Readonly<Record<FindingKind, (finding: Finding, curves: Curves) => Said>> = {
  notFinite: ({ epoch, parameter, evidence: { step, values } }) => ({
    title: step === undefined ? `第 ${epoch} 轮出现非有限值` : `第 ${step} 步出现非有限值`,
    detail:
      step === undefined
        ? `${parameter} 中有 ${values} 个值是 NaN 或无穷大。`
        : `第 ${step} 步的损失不是有限的数${parameter === null ? "" : `，最可疑的参数是 ${parameter}`}。`,
    advice: `${SMALLER_STEPS}如果最初几步就这样，请检查数据里有没有 NaN 或极大的值，损失里有没有对 0 取对数或开方。`,
  }),
  diverged: ({ evidence: { first, best, last, step } }) => ({
    title: "发散",
    detail: `训练损失从 ${number(first!)} 开始，${
      best! < first! ? `在第 ${step} 步附近最低（${number(best!)}）` : "从未低于这个值"
    }，最后是 ${number(last!)}。`,
    advice: SMALLER_STEPS,
  }),
  explodingLayer: ({ epoch, parameter, evidence: { values, gradients, parameters } }) => ({
    title: `${parameter} 正在爆炸`,
    detail: `到第 ${epoch} 轮，${parameter} 的梯度增大到原来的 ${number(gradients!)} 倍，数值增大到 ${number(values!)} 倍${
      parameters === 1 ? "" : `（另有 ${parameters! - 1} 个参数也是如此）`
    }。`,
    advice:
      "裁剪梯度的范数（clipNorm: 1），降低 lr，加上权重衰减；层很深时，其间的归一化（LayerNorm、BatchNorm）能控制数值的大小。",
  }),
  deadLayer: ({ epoch, parameter, evidence: { zeros } }) => ({
    title: `失活的层：${parameter!.replace(/\.(weight|bias)$/, "")}`,
    detail: `从第 ${epoch} 轮起，${parameter} 的梯度有 ${percent(zeros!)} 恰好为 0：这里已经学不到任何东西。`,
    advice:
      "ReLU 单元若对每个样本都被推到 0 以下，就不会再激活。可以降低 lr（RMSProp 最初的步子最长，用 biasCorrection 或预热来缩短），重新初始化，改用 leakyReLU 或 GELU，或缩放输入。如果前面的部分是有意冻结的，就没有问题。",
  }),
  oscillating: ({ evidence: { swing, turns, level } }) => ({
    title: "振荡",
    detail: `训练损失在 ${number(level!)} 附近逐轮摆动 ${percent(swing!)}，有 ${percent(turns!)} 的轮次掉头：步子跨过了谷底。`,
    advice:
      "降低 lr（例如降到三分之一），或让调度器逐步降低。alpha 大一些，RMSProp 的均方和步长更平稳；eps 大一些，梯度小的地方步子更短。批量大一些，梯度的噪声更小。",
  }),
  overfitting: ({ epoch, evidence: { best, rise, fell } }) => ({
    title: `从第 ${epoch} 轮起过拟合`,
    detail: `验证损失在第 ${epoch! - 1} 轮之后最低（${number(best!)}），此后上升了 ${percent(rise!)}，而训练损失又下降了 ${percent(fell!)}。`,
    advice:
      "保留最佳一轮的参数（有验证数据时会自动保留），并提前停止。想更进一步：更多数据、权重衰减、dropout 或更小的模型。",
  }),
  stillFalling: ({ evidence: { fall, window } }, curves) => {
    const { name, values } = judged(curves);
    return {
      title: "仍在下降",
      detail: `最近 ${window} 轮里，${name}下降了 ${percent(fall!)}，降到 ${number(values.at(-1)!)}。`,
      advice: "训练更多轮。如果下降得缓慢而平稳，lr 大一些可以少用几轮。",
    };
  },
  levelledOff: ({ severity, evidence: { window, level, trainingFall } }, curves) => {
    const { name, values } = judged(curves);
    if (severity === "warning")
      return {
        title: "没有起步",
        detail: `${name}在 ${values.length} 轮里几乎没有变化：停在 ${number(values.at(-1)!)}。`,
        advice:
          "步子可能太小：试试更大的 lr，或更小的 eps（梯度极小时，是它限制了 RMSProp 的步长）。也可能输入与目标无关，或者输入需要缩放。",
      };
    const learns = trainingFall !== undefined;
    return {
      title: "已经走平",
      detail: `${name}至少有 ${window} 轮停在 ${number(level!)}${learns ? "，而训练损失仍在下降" : ""}。`,
      advice: learns
        ? "再多训练只会更贴合训练数据，对别的数据没有帮助：更多数据、权重衰减或 dropout 更有用。"
        : "可能已经接近最优，也可能步子太大，无法再深入：把 lr 减半（或让调度器来做），看损失是否再次下降。如果没有，更大的模型或更好的特征也许有用。",
    };
  },
  healthy: ({ advice }, curves) => {
    const { name, values } = judged(curves);
    return {
      title: "一切正常",
      detail: `${curves.train.length} 轮里没有发散、振荡或过拟合的迹象；第 ${values.indexOf(Math.min(...values)) + 1} 轮之后${name}最低。`,
      advice: advice === "" ? "" : "不需要改动。",
    };
  },
};
