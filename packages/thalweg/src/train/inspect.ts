/** Looks into a model's parameters after a step. */
import type { Optimizer } from "../optim/optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterRecord } from "./history.js";
import type { Trainable } from "./model.js";
import { summarize } from "./summary.js";

/** Summaries of every parameter, its gradient, its step sizes and what the last step changed, by name. */
export function inspect(model: Trainable, optimizer: Optimizer<object>): Record<string, ParameterRecord> {
  const summary = (x: Tensor | null | undefined) => (x === null || x === undefined ? null : summarize(x.dataSync()));
  const known = new Set(optimizer.paramGroups.flatMap(({ params }) => params));
  const records: Record<string, ParameterRecord> = {};
  for (const [name, p] of model.namedParameters()) {
    if (!known.has(p)) continue;
    // The update first: it is what observing has kept of the step.
    const report = optimizer.report(p);
    const update = summary(report?.update);
    records[name] = {
      value: summarize(p.dataSync()),
      gradient: summary(p.grad),
      stepSize: summary(report?.stepSize),
      update,
    };
  }
  return records;
}
