import { Node } from "../graph/node.js";
import * as P from "../graph/primitive.js";

/** A parameter's (or state's) new value; with row numbers, of those rows only. */
export interface Change {
  readonly old: Node;
  readonly value: Node;
  readonly rows?: Node;
  /** What will hold the new value. */
  readonly holder?: { node: Node };
  /** If `value` is a formula that was applied: which of the values that it was applied to is the old one. */
  readonly place?: number;
}

const places: (readonly number[])[] = [];
const placed = (place: number): readonly number[] => (places[place] ??= [place]);

/** The node that stands for a new value. */
export function assignNode({ old, value, rows, place }: Change): Node {
  const { dtype, shape } = old;
  let node: Node;
  if (place !== undefined) node = new Node(P.assignBy, dtype, shape, [value], placed(place));
  else if (rows === undefined) node = new Node(P.assign, dtype, shape, [value, old], null);
  else node = new Node(P.assignRows, dtype, shape, [value, old, rows], null);
  value.used = true;
  node.mutable = true;
  node.live = true;
  node.internal = true;
  node.requiresGrad = old.requiresGrad;
  node.owner = old.owner;
  return node;
}

/** The value in whose place an assign's comes. */
export const oldOf = ({ srcs, attr }: Node): Node => (attr === null ? srcs[1]! : srcs[0]!.srcs[attr[0]!]!);
