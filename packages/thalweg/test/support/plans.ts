import type { Tensor } from "thalweg";
import type { Kernel, LoadExpr } from "../../src/kernels/kernel.js";
import { collect } from "../../src/plan/key.js";
import { type Plan, planOf } from "../../src/plan/plan.js";

/** The plan by which a recorded step would give parameters and states their new values; nothing is run. */
export function planOfStep(changed: readonly Tensor[]): Plan {
  const nodes = changed.map((x) => x.node);
  const graph = collect(nodes);
  return planOf(
    graph.nodes,
    nodes.map((node) => ({ node: node.index, fate: "assign" }) as const),
  );
}

/** Every load in a kernel's expressions, by identity: an expression is computed once however often it is read. */
export function loadsOf(kernel: Kernel): LoadExpr[] {
  const loads = new Set<LoadExpr>();
  const seen = new Set<unknown>();
  const visit = (part: unknown): void => {
    if (typeof part !== "object" || part === null || seen.has(part)) return;
    seen.add(part);
    if ("kind" in part && part.kind === "load") loads.add(part as LoadExpr);
    Object.values(part).forEach(visit);
  };
  visit(kernel);
  return [...loads];
}
