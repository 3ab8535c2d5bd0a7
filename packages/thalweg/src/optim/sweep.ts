/**
 * Many runs of one rule at once, each with options of its own, as one batched program: a grid of learning rates and decays
 * costs little more than one run.
 *
 * A rule is a formula of tensors and numbers. What differs between two settings is only the numbers, so the formula is
 * recorded once per setting on stand-ins, the numbers at each place are gathered into a column, and the formula is recorded
 * again on all runs together with the columns in the numbers' places. Rules know nothing of it.
 */
import { OptionError } from "../errors.js";
import { type Node, record } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { broadcast, type Shape, showShape } from "../graph/shape.js";
import { nextMark } from "../plan/key.js";
import { full, tensor } from "../tensor/create.js";
import { where } from "../tensor/elementwise.js";
import { Tensor } from "../tensor/tensor.js";
import { type Numbers, Optimizer, type State } from "./optimizer.js";

/** Makes a setting's optimizer, as one would for a single run. */
export type SettingOf = (params: Tensor[]) => Optimizer<object>;

/** A formula as one setting has it: what it computes, of stand-ins, by name ("" is the parameter). */
type Formula = ReadonlyMap<string, Node>;

/**
 * Runs a function's minimisation for many settings of a rule side by side.
 *
 * ```ts
 * const sweep = new optim.Sweep(f, [-9, 1.7], lrs.map((lr) => (p) => new optim.RMSprop(p, { lr })));
 * sweep.advance(500);
 * sweep.values(); // f where each of the runs stands
 * ```
 *
 * Each run gives the bits that it would give alone, provided that `f` treats points independently.
 */
export class Sweep {
  /** Where the runs stand: shape [runs, n]. */
  readonly points: Tensor;
  private readonly rule: BatchedRule;
  /** Steps made so far. */
  steps = 0;

  /**
   * @param f - takes points [runs, n] and gives their values [runs]
   * @param start - where every run begins: n numbers
   * @param settings - one for each run
   * @throws OptionError if there are no settings, or a rule is not elementwise (it mixes a parameter's elements, as LAMB and
   *   Muon do, or its parameters, as Prodigy does): such a rule cannot be batched
   */
  constructor(
    private readonly f: (points: Tensor) => Tensor,
    start: readonly number[],
    settings: readonly SettingOf[],
  ) {
    if (settings.length === 0) throw new OptionError("Sweep: expects at least one setting");
    if (start.length === 0) throw new OptionError("Sweep: the start must have at least one coordinate");
    const rows = Float32Array.from({ length: settings.length * start.length }, (_, i) => start[i % start.length]!);
    this.points = tensor(rows).reshape([settings.length, start.length]).clone();
    this.points.requiresGrad = true;
    this.rule = new BatchedRule(this.points, settings);
  }

  /** Makes `steps` steps in every run. */
  advance(steps: number): void {
    for (let i = 0; i < steps; i++) {
      const values = this.evaluate();
      this.rule.zeroGrad();
      values.sum().backward();
      this.rule.step();
      this.steps++;
    }
  }

  /** The function's value where each run stands now; NaN or infinite for those that diverged. */
  values(): Float32Array {
    return this.evaluate().detach().dataSync() as Float32Array;
  }

  /** Where each run stands now: n numbers a run, one run after another. */
  positions(): Float32Array {
    return this.points.dataSync() as Float32Array;
  }

  private evaluate(): Tensor {
    const values = this.f(this.points);
    const runs = this.points.shape[0]!;
    if (values.ndim !== 1 || values.shape[0] !== runs) {
      throw new OptionError(
        `Sweep: the function must give shape [${runs}] for points of shape ${showShape(this.points.shape)}, got ${showShape(values.shape)}`,
      );
    }
    return values;
  }
}

/** The rule that updates all runs at once: each setting's own formula, with columns in the places of numbers. */
class BatchedRule extends Optimizer<object> {
  override readonly rule = "Batched";
  private readonly settings: readonly Optimizer<object>[];
  private readonly p = standIn();
  private readonly g = standIn();
  private readonly states = new Map<string, Tensor>();
  /** For each setting the names of what it has remembered so far. */
  private readonly remembered: Set<string>[];
  private readonly numbers: readonly Numbers[];

  constructor(points: Tensor, settings: readonly SettingOf[]) {
    super([points], {});
    this.settings = settings.map((make) => make([full([], 0, { requiresGrad: true })]));
    this.remembered = this.settings.map(() => new Set());
    this.numbers = this.settings.map((setting) => setting.initialNumbers(setting.paramGroups[0]!));
  }

  protected override initialState(p: Tensor): State {
    const runs = p.shape[0]!;
    const initial = this.settings.map((setting) => {
      const group = setting.paramGroups[0]!;
      const state = setting.initialOf(group.params[0]!, group);
      if (state === null)
        throw new OptionError(`Sweep: ${setting.rule} updates all parameters together, so it cannot be batched`);
      return state;
    });
    initial.forEach((state, i) => {
      this.remembered[i] = new Set(Object.keys(state));
    });
    const names = new Set(initial.flatMap((state) => Object.keys(state)));
    return Object.fromEntries(
      [...names].map((name) => {
        const column = Float32Array.from(initial, (state) => (state[name]?.item() as number | undefined) ?? 0);
        return [name, tensor(column).reshape([runs, 1]).expand(p.shape).clone()];
      }),
    );
  }

  update(p: Tensor, g: Tensor, state: State, _options: object, step: number): Tensor {
    const formulas = this.settings.map((setting, i) =>
      this.formulaOf(setting, this.remembered[i]!, this.numbers[i]!, step),
    );
    const groups = groupByStructure(formulas);
    const known = new Map<Node, Node>([
      [this.p.node, p.node],
      [this.g.node, g.node],
    ]);
    for (const [name, x] of this.states) known.set(x.node, state[name]!.node);

    const results = new Map<string, Tensor>();
    for (const { members, nodes } of groups) {
      const batched = rebuild(nodes, formulas.length, members, known);
      const mine = groups.length === 1 ? null : columnOf(formulas.length, members);
      for (const [name, node] of formulas[members[0]!]!) {
        const value = new Tensor(batched.get(node)!).expand(p.shape);
        const others = results.get(name) ?? (name === "" ? p : state[name]!);
        results.set(name, mine === null ? value : where(mine, value, others));
      }
    }
    for (const [name, value] of results) if (name !== "") state[name] = value;
    return results.get("")!;
  }

  /** Records one setting's update on stand-ins. What the setting remembers by now is there as its own, as in a single run. */
  private formulaOf(setting: Optimizer<object>, remembered: Set<string>, numbers: Numbers, step: number): Formula {
    const own: State = {};
    for (const name of remembered) own[name] = this.stateStandIn(name);
    const state = new Proxy(own, { get: (_, name: string) => own[name] ?? this.stateStandIn(name) });
    const value = setting.update(this.p, this.g, state, setting.paramGroups[0]!, step, numbers);
    const formula = new Map([["", value.node]]);
    for (const [name, x] of Object.entries(own)) {
      remembered.add(name);
      if (x !== this.states.get(name)) formula.set(name, x.node);
    }
    return formula;
  }

  private stateStandIn(name: string): Tensor {
    let x = this.states.get(name);
    if (x === undefined) this.states.set(name, (x = standIn()));
    return x;
  }
}

/** Stands for a tensor whose values do not matter: only what is recorded from it does. */
const standIn = (): Tensor => tensor(new Float32Array(1)).reshape([]).clone().realize();

/** The nodes that a formula computes, sources first, and its structure as numbers. */
interface Walked {
  readonly nodes: Node[];
  readonly structure: number[];
}

function walk(formula: Formula): Walked {
  const nodes: Node[] = [];
  const structure: number[] = [];
  const mark = nextMark();
  const visit = (node: Node): void => {
    if (node.mark === mark) return;
    node.mark = mark;
    const { primitive, srcs, attr } = node;
    if (node.buffer !== null) structure.push(-1);
    else {
      if (primitive !== P.scalar && primitive.kind !== "elementwise") {
        throw new OptionError(
          `Sweep: the rule uses ${primitive.name}, which is not elementwise, so it cannot be batched`,
        );
      }
      for (let i = 0; i < srcs.length; i++) visit(srcs[i]!);
      structure.push(primitive.code);
      for (let i = 0; i < srcs.length; i++) structure.push(srcs[i]!.index);
      if (attr !== null) structure.push(...attr);
    }
    node.index = nodes.length;
    nodes.push(node);
  };
  for (const node of formula.values()) {
    visit(node);
    structure.push(node.index);
  }
  return { nodes, structure };
}

interface Group {
  /** The numbers of the settings whose formulas look alike. */
  readonly members: number[];
  /** Each member's nodes, in the same order. */
  readonly nodes: Node[][];
  readonly names: string;
  readonly structure: readonly number[];
}

function groupByStructure(formulas: readonly Formula[]): Group[] {
  const groups: Group[] = [];
  formulas.forEach((formula, i) => {
    const { nodes, structure } = walk(formula);
    const names = [...formula.keys()].join();
    const alike = groups.find(
      (group) =>
        group.names === names &&
        group.structure.length === structure.length &&
        group.structure.every((x, place) => x === structure[place]),
    );
    if (alike === undefined) groups.push({ members: [i], nodes: [nodes], names, structure });
    else {
      alike.members.push(i);
      alike.nodes.push(nodes);
    }
  });
  return groups;
}

/** Records a group's formula for all runs; runs that are not of the group get its first member's numbers. */
function rebuild(
  nodes: readonly Node[][],
  runs: number,
  members: readonly number[],
  known: ReadonlyMap<Node, Node>,
): Map<Node, Node> {
  const made = new Map<Node, Node>(known);
  nodes[0]!.forEach((node, place) => {
    if (made.has(node)) return;
    if (node.buffer !== null)
      throw new OptionError("Sweep: the rule uses a tensor of its own, so it cannot be batched");
    if (node.primitive === P.scalar) {
      const column = new Float32Array(runs).fill(node.value!);
      members.forEach((run, m) => {
        column[run] = nodes[m]![place]!.value!;
      });
      made.set(node, column.every((x) => x === column[0]) ? node : tensor(column).reshape([column.length, 1]).node);
      return;
    }
    const srcs = node.srcs.map((src) => made.get(src)!);
    const together = srcs.reduce<Shape>((so, src) => broadcast(node.primitive.name, so, src.shape), []);
    made.set(node, record(node.primitive, node.dtype, together, srcs, node.attr));
  });
  return made;
}

/** True in the rows of a group's members: shape [runs, 1]. */
function columnOf(runs: number, members: readonly number[]): Tensor {
  const mask = new Uint8Array(runs);
  for (const run of members) mask[run] = 1;
  return tensor(mask, { dtype: "bool" }).reshape([runs, 1]);
}
