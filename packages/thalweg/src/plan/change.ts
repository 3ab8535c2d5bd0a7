import { Node } from "../graph/node.js";
import * as P from "../graph/primitive.js";

/** A parameter's (or state's) new value; with row numbers, of those rows only. */
export interface Change {
  readonly old: Node;
  readonly value: Node;
  readonly rows?: Node;
  /** What will hold the new value. */
  readonly holder?: { node: Node };
  /** If `value` is a formula: that, and what it is applied to. Shared by all that one application changes. */
  readonly sources?: readonly Node[];
  /** Which of the sources is the old value. */
  readonly place?: number;
}

const places: (readonly number[])[] = [];
const placed = (place: number): readonly number[] => (places[place] ??= [place]);

/** The node that stands for a new value. */
export function assignNode({ old, value, rows, sources, place }: Change): Node {
  const { dtype, shape } = old;
  let node: Node;
  if (sources !== undefined) {
    node = new Node(P.assignBy, dtype, shape, sources, placed(place!));
    for (let s = 0; s < sources.length; s++) sources[s]!.used = true;
  } else if (rows === undefined) node = new Node(P.assign, dtype, shape, [value, old], null);
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
export const oldOf = ({ srcs, attr }: Node): Node => srcs[attr === null ? 1 : attr[0]!]!;
