import { enableGrad, GradientError, noGrad, optim, StaleError, type Tensor, tensor, zeros } from "thalweg";
import { bitsOf } from "./counting.js";
import { Chance } from "./program.js";

/** One line of a random training script: what is done, and what decides about the rest. */
export interface Line {
  readonly name: string;
  readonly seed: number;
}

/** How a script is run. */
export interface Manner {
  /** Every value is computed as soon as it is written down: what PyTorch does. Default: when it is needed. */
  readonly atOnce?: boolean;
  /** How likely something is read between two lines, without a trace. Default 0. */
  readonly reading?: number;
}

/** A value that was read, in the order of reading. */
export interface Entry {
  readonly what: string;
  /** Its bits; "stale" if it could not be computed any more. */
  readonly bits: string;
  /** An inner value, read after its parameters have moved on, may be stale. */
  readonly mayBeStale: boolean;
}

interface Value {
  readonly tensor: Tensor;
  /** How often parameters had changed when the oldest part of it was recorded. */
  readonly epoch: number;
  /** backward was called on it. */
  isLoss: boolean;
}

class Script {
  readonly log: Entry[] = [];
  private readonly params = [
    [0.5, -1, 2],
    [1.5, 0.25, -0.75],
    [-0.5, 1, 0.5, 2, -1.25, 0.125],
  ].map((data, i) => {
    const p = tensor(data)
      .reshape(i === 2 ? [2, 3] : [3])
      .clone();
    p.requiresGrad = true;
    return p;
  });
  private readonly optimizers: optim.Optimizer<{ lr: number }>[];
  private values: Value[] = [];
  private losses: Value[] = [];
  /** Nodes that other values were computed from. Detaching what has no gradient gives the same node. */
  private readonly used = new Set<Tensor["node"]>();
  private total: Value;
  private epoch = 0;

  constructor(private readonly manner: Manner) {
    this.total = this.valueOf(zeros([]));
    const [p, q, r] = this.params as [Tensor, Tensor, Tensor];
    this.optimizers = [
      new optim.RMSprop([p, q], { lr: 0.05, momentum: 0.5 }),
      new optim.SGD([r], { lr: 0.05, momentum: 0.9 }),
      new optim.SGD([{ params: [q] }, { params: [r], lr: 0.01 }], { lr: 0.1 }),
    ] as unknown as optim.Optimizer<{ lr: number }>[];
  }

  private valueOf(made: Tensor, ...from: Value[]): Value {
    if (this.manner.atOnce) made.realize();
    for (const { tensor } of from) this.used.add(tensor.node);
    const epoch = Math.min(this.epoch, ...from.filter(({ tensor }) => tensor.requiresGrad).map((value) => value.epoch));
    return { tensor: made, epoch, isLoss: false };
  }

  private mayBeStale({ tensor, isLoss }: Value): boolean {
    return this.used.has(tensor.node) && !isLoss;
  }

  /** A parameter as it is now, or a value that must still be there. */
  private operand(chance: Chance): Value {
    const there = this.values.filter((value) => value.epoch === this.epoch || !this.mayBeStale(value));
    if (chance.some(0.5) || there.length === 0) return this.valueOf(chance.pick(this.params));
    return chance.some(0.7) ? there.at(-1 - chance.below(Math.min(4, there.length)))! : chance.pick(there);
  }

  private combine(chance: Chance): Value {
    const a = this.operand(chance);
    const b = this.operand(chance);
    const [x, y] = [a.tensor, b.tensor];
    switch (chance.below(6)) {
      case 0:
        return this.valueOf(x.mul(y).tanh(), a, b);
      case 1:
        return this.valueOf(x.add(y), a, b);
      case 2:
        return this.valueOf(x.sub(y).square().mul(0.1), a, b);
      case 3:
        return this.valueOf(x.sin().sum(-1, { keepdim: true }), a);
      case 4:
        return this.valueOf(x.amax(-1, { keepdim: true }).mul(y), a, b);
      default:
        return this.valueOf(x.mul(0.5).softmax(-1), a);
    }
  }

  private record(what: string, value: Value): void {
    let bits: string;
    try {
      bits = bitsOf(value.tensor);
    } catch (error) {
      if (!(error instanceof StaleError)) throw error;
      bits = "stale";
    }
    this.log.push({ what, bits, mayBeStale: this.mayBeStale(value) });
  }

  private changed(): void {
    this.epoch++;
  }

  /** What lines can be. */
  static readonly lines: Readonly<Record<string, (script: Script, chance: Chance) => void>> = {
    value: (s, chance) => s.values.push(s.combine(chance)),
    "value, not trained": (s, chance) => s.values.push(noGrad(() => s.combine(chance))),
    detach: (s, chance) => {
      const from = s.operand(chance);
      s.values.push(s.valueOf(from.tensor.detach(), from));
    },
    clone: (s, chance) => {
      const from = s.operand(chance);
      s.values.push(s.valueOf(from.tensor.clone(), from));
    },
    loss: (s, chance) => {
      const parts = [s.operand(chance), s.operand(chance)];
      const loss = parts.map(({ tensor }) => tensor.square().mean()).reduce((a, b) => a.add(b));
      s.losses.push(s.valueOf(loss, ...parts));
    },
    backward: (s, chance) => {
      const fresh = s.losses.filter((loss) => loss.epoch === s.epoch && loss.tensor.requiresGrad);
      if (fresh.length === 0) return;
      const loss = chance.pick(fresh);
      try {
        loss.tensor.backward({ retainGraph: chance.some(0.3) });
        loss.isLoss = true;
      } catch (error) {
        if (!(error instanceof GradientError)) throw error;
        s.log.push({ what: "backward", bits: error.message, mayBeStale: false });
      }
      if (s.manner.atOnce) for (const p of s.params) p.grad?.realize();
    },
    step: (s, chance) => {
      chance.pick(s.optimizers).step();
      s.changed();
      if (s.manner.atOnce) for (const p of s.params) p.dataSync();
    },
    "two steps": (s, chance) => {
      for (const i of chance.order(3).slice(1)) s.optimizers[i]!.step();
      s.changed();
      if (s.manner.atOnce) for (const p of s.params) p.dataSync();
    },
    zeroGrad: (s, chance) => chance.pick(s.optimizers).zeroGrad(),
    "gradient set": (s, chance) => {
      const p = chance.pick(s.params);
      p.grad = chance.some(0.3) ? null : s.valueOf(p.detach().mul(0.25)).tensor;
    },
    "gradient held": (s, chance) => {
      const { grad } = chance.pick(s.params);
      if (grad !== null) s.values.push({ tensor: grad, epoch: s.epoch, isLoss: true });
    },
    assign: (s, chance) => {
      const p = chance.pick(s.params);
      if (chance.some()) noGrad(() => p.assign(p.mul(0.5)));
      else {
        const fitting = s.values.filter(({ tensor }) => String(tensor.shape) === String(p.shape));
        if (fitting.length === 0) return;
        const from = chance.pick(fitting);
        // A value that may be gone is not assigned: it would be an error here and none in PyTorch.
        if (from.epoch !== s.epoch && s.mayBeStale(from)) return;
        s.used.add(from.tensor.node);
        p.assign(from.tensor);
      }
      s.changed();
      if (s.manner.atOnce) p.dataSync();
    },
    total: (s) => {
      const loss = s.losses.at(-1);
      if (loss === undefined || s.mayBeStale(loss)) return;
      s.total = s.valueOf(s.total.tensor.add(loss.tensor.detach()), s.total, loss);
    },
    "state saved and loaded": (s, chance) => {
      const optimizer = chance.pick(s.optimizers);
      optimizer.loadStateDict(optimizer.stateDict());
    },
    "learning rate": (s, chance) => {
      for (const group of chance.pick(s.optimizers).paramGroups) group.lr *= 0.75;
    },
    "value inside noGrad": (s, chance) => s.values.push(noGrad(() => enableGrad(() => s.combine(chance)))),
    "read value": (s, chance) => {
      if (s.values.length > 0) s.record("value", chance.pick(s.values));
    },
    "read parameter": (s, chance) =>
      s.log.push({ what: "parameter", bits: bitsOf(chance.pick(s.params)), mayBeStale: false }),
    "read gradient": (s, chance) => {
      const { grad } = chance.pick(s.params);
      s.log.push({ what: "gradient", bits: grad === null ? "none" : bitsOf(grad), mayBeStale: false });
    },
    "read loss": (s) => {
      const loss = s.losses.at(-1);
      if (loss !== undefined) s.record("loss", loss);
    },
    "read total": (s) => s.record("total", s.total),
    forget: (s) => {
      s.values = s.values.slice(-3);
      s.losses = s.losses.slice(-2);
    },
  };

  run(lines: readonly Line[]): Entry[] {
    lines.forEach(({ name, seed }) => {
      const chance = new Chance(seed);
      Script.lines[name]!(this, chance);
      if (chance.some(this.manner.reading ?? 0)) this.peek(chance);
    });
    for (const p of this.params) this.log.push({ what: "last parameter", bits: bitsOf(p), mayBeStale: false });
    for (const p of this.params)
      if (p.grad) this.log.push({ what: "last gradient", bits: bitsOf(p.grad), mayBeStale: false });
    for (const value of [...this.losses, ...this.values]) this.record("last value", value);
    this.record("last total", this.total);
    return this.log;
  }

  /** Reads something and tells nobody. */
  private peek(chance: Chance): void {
    const all = [
      ...this.params,
      ...this.params.flatMap((p) => p.grad ?? []),
      ...[...this.values, ...this.losses, this.total].map((value) => value.tensor),
    ];
    try {
      chance.pick(all).dataSync();
    } catch (error) {
      if (!(error instanceof StaleError)) throw error;
    }
  }
}

export const lineNames: readonly string[] = Object.keys(Script.lines);

/** Runs a script; what it read, in order. */
export const train = (lines: readonly Line[], manner: Manner = {}): Entry[] => new Script(manner).run(lines);
