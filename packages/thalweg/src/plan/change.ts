import { Node } from "../graph/node.js";
import * as P from "../graph/primitive.js";

/** A parameter's (or state's) new value; with row numbers, of those rows only. */
export interface Change {
  readonly old: Node;
  readonly value: Node;
  readonly rows?: Node;
  /** What will hold the new value. */
  readonly holder?: { node: Node };
}

/** The node that stands for a new value. */
export function assignNode({ old, value, rows }: Change): Node {
  const node =
    rows === undefined
      ? new Node(P.assign, old.dtype, old.shape, [value, old], null)
      : new Node(P.assignRows, old.dtype, old.shape, [value, old, rows], null);
  value.used = true;
  node.mutable = true;
  node.live = true;
  node.internal = true;
  node.requiresGrad = old.requiresGrad;
  node.owner = old.owner;
  return node;
}
