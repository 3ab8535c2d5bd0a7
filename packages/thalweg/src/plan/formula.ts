import { type DType, RANK } from "../dtype.js";
import { actualOf, type Node, record } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { SCALAR, sameShape } from "../graph/shape.js";
import { nextMark } from "./key.js";

/**
 * An update rule's formula as a graph of its own, in which numbers stand for the values: first the inputs (parameter,
 * gradient, states), then the numbers, then the steps.
 *
 * A rule does the same to every parameter. So it is recorded once, for one of them; what is recorded for the others is
 * that the formula is applied to them. It is written out for each when a plan is made.
 */
export interface Formula {
  readonly id: number;
  readonly steps: readonly { primitive: P.Primitive; dtype: DType; srcs: readonly number[] }[];
  /** For each input what takes its place: an input or a step. -1 where it stays as it is. */
  readonly outputs: readonly number[];
}

/** By their numbers. Programs have a handful: an optimizer has one for each combination of its switches. */
const formulas: Formula[] = [];
const byStructure = new Map<string, Formula>();

export const formulaOf = ({ attr }: Node): Formula => formulas[attr![0]!]!;

/** A formula may have so many steps. */
const MOST_STEPS = 200;

/**
 * The formula by which `outputs` were recorded from `inputs`, as a node with the recording's numbers; null if it is not one
 * that could be applied to values of any shape: each step an elementwise operation on the inputs and numbers.
 *
 * @param outputs - for each input what takes its place, or null
 */
export function formulaFrom(inputs: readonly Node[], outputs: readonly (Node | null)[]): Node | null {
  const { dtype, shape } = inputs[0]!;
  const mark = nextMark();
  for (let i = 0; i < inputs.length; i++) {
    const input = inputs[i]!;
    if (input.mark === mark || input.dtype !== dtype || !sameShape(input.shape, shape)) return null;
    input.mark = mark;
    input.index = i;
  }
  const steps: Node[] = [];
  const scalars: Node[] = [];
  const note = (node: Node, index: number): true => {
    node.mark = mark;
    node.index = index;
    return true;
  };
  const visit = (node: Node): boolean => {
    if (actualOf(node).mark === mark) return true;
    if (node.primitive === P.scalar) return note(node, -scalars.push(node));
    if (node.primitive.kind !== "elementwise" || node.attr !== null || !sameShape(node.shape, shape)) return false;
    if (node.buffer !== null || node.srcs.length === 0 || steps.length === MOST_STEPS) return false;
    for (let s = 0; s < node.srcs.length; s++) if (!visit(node.srcs[s]!)) return false;
    return note(node, inputs.length + steps.push(node) - 1);
  };
  for (const output of outputs) {
    if (output !== null && (output.primitive === P.scalar || !visit(output))) return null;
  }
  // Numbers stand between inputs and steps; how many there are is known only now.
  const placeOf = (node: Node): number => {
    const { index } = actualOf(node);
    return index < 0 ? inputs.length - 1 - index : index < inputs.length ? index : index + scalars.length;
  };
  const structure = [inputs.length, scalars.length, RANK[dtype]];
  for (const { primitive, dtype, srcs } of steps) {
    structure.push(primitive.code, RANK[dtype]);
    for (let s = 0; s < srcs.length; s++) structure.push(placeOf(srcs[s]!));
  }
  for (const scalar of scalars) structure.push(RANK[scalar.dtype]);
  for (const output of outputs) structure.push(output === null ? -1 : placeOf(output));
  const name = structure.join();
  let formula = byStructure.get(name);
  if (formula === undefined) {
    formula = {
      id: formulas.length,
      steps: steps.map(({ primitive, dtype, srcs }) => ({ primitive, dtype, srcs: srcs.map(placeOf) })),
      outputs: outputs.map((output) => (output === null ? -1 : placeOf(output))),
    };
    formulas.push(formula);
    byStructure.set(name, formula);
  }
  return record(P.formula, dtype, SCALAR, scalars, [formula.id]);
}
