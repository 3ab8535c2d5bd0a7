import type { Node } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { nextMark } from "./key.js";
import type { Wanted } from "./plan.js";

/**
 * A forward pass that runs before its backward pass is recorded (because its loss is read first) also keeps the values
 * that the gradient rules will read, so that the backward pass need not run it again. They are added to what is wanted, and
 * returned.
 */
export function keepForBackward(nodes: readonly Node[], wanted: Wanted[]): Node[] | null {
  let generation: Node[] | null = null;
  const mark = nextMark();
  for (const { node } of wanted) node.mark = mark;
  const keep = (node: Node): void => {
    let base = node;
    while (base.buffer === null && (base.primitive.kind === "movement" || base.primitive === P.detach))
      base = base.srcs[0]!;
    if (base.buffer !== null || base.mark === mark || base.srcs.length === 0 || base.primitive.kind === "assign")
      return;
    base.mark = mark;
    wanted.push({ node: base, fate: "saved" });
    generation ??= [];
    generation.push(base);
  };
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    if (!node.requiresGrad || node.freed || node.buffer !== null) continue;
    const { srcs } = node;
    switch (node.primitive.needs) {
      case "output":
        keep(node);
        break;
      case "inputs":
        for (const src of srcs) keep(src);
        if (node.primitive.kind === "reduce") keep(node);
        break;
      case "other":
        if (srcs[1]!.requiresGrad) keep(srcs[0]!);
        if (srcs[0]!.requiresGrad) keep(srcs[1]!);
        break;
      case "condition":
        keep(srcs[0]!);
        break;
      case "index":
        keep(srcs[1]!);
        break;
      case "nothing":
        break;
    }
  }
  return generation;
}
