/** The guided tour: each stop a state of the page, with two sentences whose claim the run on the page shows. */
import { initialState, type LabState } from "./state.js";

export interface Stop {
  readonly title: { readonly en: string; readonly zh: string };
  readonly text: { readonly en: string; readonly zh: string };
  readonly state: LabState;
}

const at = (changes: Partial<LabState>): LabState => ({ ...initialState, view: "why", ...changes });

export const TOUR: readonly Stop[] = [
  {
    title: { en: "Gradient descent in a ravine", zh: "峡谷中的梯度下降" },
    text: {
      en: "The walls are fifty times as steep as the floor, and one learning rate has to serve both: the largest that does not fly off across the ravine still bounces between the walls while the floor is hardly followed. The loss falls slowly, and a slightly larger rate would diverge.",
      zh: "谷壁的坡度是谷底的五十倍，而两个方向只能共用一个学习率：不至于飞出峡谷的最大学习率，仍在谷壁间来回弹跳，沿谷底却几乎不动。损失下降缓慢，学习率再大一点就会发散。",
    },
    state: at({ runners: [{ rule: "SGD", options: { lr: 0.385 } }], selected: 0, steps: 100, step: 60 }),
  },
  {
    title: { en: "Rprop: only the sign", zh: "Rprop：只看符号" },
    text: {
      en: "Rprop gives every weight a step of its own that grows while the gradient keeps its sign and shrinks when it changes, and on whole data that works well. On mini-batches it does not: here nine gradients of 0.1 and one of −0.9 cancel, yet the signs say nine times “that way”, and Rprop wanders far off while averaging descent stays.",
      zh: "Rprop 为每个权重保留各自的步长：梯度符号不变就放大，变号就缩小，在全量数据上效果很好。小批量则不然：这里九个 0.1 与一个 −0.9 的梯度本应抵消，符号却九次说“往那边走”，于是 Rprop 越走越远，而取平均的梯度下降留在原处。",
    },
    state: at({
      surface: "minibatch",
      start: [1.5, 1],
      runners: [
        { rule: "Rprop", options: { lr: 0.01 } },
        { rule: "SGD", options: { lr: 0.05 } },
      ],
      selected: 0,
      steps: 200,
      step: 200,
    }),
  },
  {
    title: { en: "Adagrad: steps that shrink", zh: "Adagrad：步长只减不增" },
    text: {
      en: "Adagrad divides each gradient by the root of the sum of all its squares so far, so each coordinate gets its own step size. But a sum only grows: look at the step sizes fall and never recover, until training crawls.",
      zh: "Adagrad 用历史梯度平方和的平方根去除每个梯度，于是每个坐标有了自己的步长。但和只增不减：看步长一路下降、从不恢复，直到训练近乎停滞。",
    },
    state: at({
      surface: "rosenbrock",
      start: [-1.2, 1],
      runners: [
        { rule: "Adagrad", options: { lr: 0.1 } },
        { rule: "RMSprop", options: { lr: 0.01, alpha: 0.9 } },
      ],
      selected: 0,
      steps: 1000,
      step: 1000,
      speed: 200,
    }),
  },
  {
    title: { en: "RMSProp: forgetting", zh: "RMSProp：学会遗忘" },
    text: {
      en: "RMSProp replaces the sum by a running mean of the squares, which forgets: the step size follows the gradients of late, and can grow again. Both coordinates now move at the same pace, and the path follows the valley’s floor.",
      zh: "RMSProp 把总和换成平方的滑动平均，旧的梯度会被遗忘：步长跟随近期的梯度，还能重新变大。现在两个坐标以同样的速度前进，路径沿着谷底走。",
    },
    state: at({ steps: 100, step: 45, selected: 1 }),
  },
  {
    title: { en: "What alpha does", zh: "alpha 的作用" },
    text: {
      en: "Alpha says how long squares are remembered: about 1 / (1 − α) steps. With 0.5 the root follows every gradient, so that steps have nearly one length, near the minimum too; with 0.99 the mean square fills slowly from zero, so that first steps are up to ten learning rates long, and later the large gradients of the beginning keep them short.",
      zh: "alpha 决定记住多久的平方：约 1 / (1 − α) 步。取 0.5 时均方根紧跟每个梯度，步子几乎一样长，到最小值附近也是如此；取 0.99 时均方从零慢慢积累，最初几步可长达学习率的十倍，之后开头的大梯度又让步子变短。",
    },
    state: at({
      surface: "himmelblau",
      start: [-0.5, -4.5],
      runners: [
        { rule: "RMSprop", options: { lr: 0.05, alpha: 0.5 } },
        { rule: "RMSprop", options: { lr: 0.05, alpha: 0.9 } },
        { rule: "RMSprop", options: { lr: 0.05, alpha: 0.99 } },
      ],
      selected: 2,
      steps: 150,
      step: 60,
    }),
  },
  {
    title: { en: "What eps does, and why frameworks differ", zh: "eps 的作用与各框架的差异" },
    text: {
      en: "Eps keeps the divisor from being zero; large, it turns RMSProp back into gradient descent wherever gradients are small. PyTorch adds it to the root, TensorFlow inside the root and starts the mean square at 1: the same settings walk at different speeds.",
      zh: "eps 防止除数为零；取得很大时，凡梯度小的地方 RMSProp 就退化成梯度下降。PyTorch 把它加在根号外，TensorFlow 加在根号内、且均方从 1 开始：同样的设置，走的快慢却不同。",
    },
    state: at({
      surface: "cliff",
      start: [-2.5, 1],
      runners: [
        { rule: "RMSprop", options: { lr: 0.05, alpha: 0.9 } },
        {
          rule: "RMSprop",
          options: { lr: 0.05, alpha: 0.9, eps: 1e-10, initialSquareAvg: 1, epsInsideSqrt: true, lrInMomentum: true },
        },
        { rule: "RMSprop", options: { lr: 0.05, alpha: 0.9, eps: 0.1 } },
      ],
      selected: 1,
      steps: 120,
      step: 40,
    }),
  },
  {
    title: { en: "Momentum and centering", zh: "动量与中心化" },
    text: {
      en: "Momentum adds up the scaled steps, which carries the path along the valley and lets it overshoot; centering divides by the deviation of the gradient rather than its size, so that a steady gradient gets longer and longer steps. Both make RMSProp faster, and easier to overdo.",
      zh: "动量把缩放后的步子累加起来，带着路径沿山谷前进，也容易冲过头；中心化用梯度的离散程度而非大小去除，于是稳定的梯度会得到越来越长的步子。两者都让 RMSProp 更快，也更容易过火。",
    },
    state: at({
      surface: "rosenbrock",
      start: [-1.2, 1],
      runners: [
        { rule: "RMSprop", options: { lr: 0.002, alpha: 0.9 } },
        { rule: "RMSprop", options: { lr: 0.002, alpha: 0.9, momentum: 0.8 } },
        { rule: "RMSprop", options: { lr: 0.002, alpha: 0.9, centered: true } },
      ],
      selected: 1,
      steps: 600,
      step: 400,
      speed: 100,
    }),
  },
  {
    title: { en: "Sparse features", zh: "稀疏特征" },
    text: {
      en: "The y feature appears in one example of ten. Between its visits RMSProp’s mean square fades, so each rare gradient gets a step longer than the learning rate, up to lr / √(1 − α), whatever its size; Adagrad, which forgets nothing, keeps its steps for rare features in proportion.",
      zh: "特征 y 每十个样本才出现一次。在间隔期间 RMSProp 的均方不断衰减，于是每个罕见的梯度都得到比学习率更长的步子，最长达 lr / √(1 − α)，与梯度大小无关；从不遗忘的 Adagrad 则对罕见特征保持合适的步长。",
    },
    state: at({
      surface: "sparse",
      start: [-3, 2],
      runners: [
        { rule: "RMSprop", options: { lr: 0.2, alpha: 0.9 } },
        { rule: "Adagrad", options: { lr: 0.8 } },
      ],
      selected: 0,
      steps: 200,
      step: 200,
      speed: 50,
    }),
  },
  {
    title: { en: "Adam: RMSProp with momentum and bias correction", zh: "Adam：带动量与偏差修正的 RMSProp" },
    text: {
      en: "Adam divides a running mean of the gradient by RMSProp’s root, and corrects both for having started at zero, so that the first steps are neither too long nor too short. Without the correction RMSProp’s first step is lr / √(1 − α) long: three times the learning rate here.",
      zh: "Adam 用 RMSProp 的均方根去除梯度的滑动平均，并修正两者从零开始带来的偏差，使最初几步不长也不短。没有修正的 RMSProp 第一步长为 lr / √(1 − α)：在这里是学习率的三倍。",
    },
    state: at({
      surface: "beale",
      start: [1, 1],
      runners: [
        { rule: "RMSprop", options: { lr: 0.1, alpha: 0.9 } },
        { rule: "Adam", options: { lr: 0.1, beta2: 0.9 } },
      ],
      selected: 1,
      steps: 200,
      step: 40,
    }),
  },
  {
    title: { en: "When RMSProp is the wrong choice", zh: "何时不该用 RMSProp" },
    text: {
      en: "In an evenly curved bowl there is nothing to adjust, and near the minimum RMSProp still takes steps as long as its learning rate, so it circles where plain gradient descent settles. Then lower the learning rate as you go, or use plain descent.",
      zh: "在各方向弯曲程度相同的碗里没有什么可调的；到了最小值附近，RMSProp 的步子仍和学习率一样长，于是原地打转，而普通梯度下降会停住。这时应逐步降低学习率，或直接用普通梯度下降。",
    },
    state: at({
      surface: "formula",
      formula: "x^2 + y^2",
      start: [-3, 2],
      runners: [
        { rule: "RMSprop", options: { lr: 0.3, alpha: 0.9 } },
        { rule: "SGD", options: { lr: 0.1 } },
      ],
      selected: 0,
      steps: 100,
      step: 100,
    }),
  },
];
