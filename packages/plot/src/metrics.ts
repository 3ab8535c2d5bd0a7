/** How the names of metrics are written for people. */
const NAMES: Readonly<Record<string, string>> = {
  mse: "Mean squared error",
  rmse: "Root mean squared error",
  mae: "Mean absolute error",
  r2: "R²",
  auc: "Area under the ROC curve",
  f1: "F1",
  logLoss: "Log loss",
};

/** A metric's name as people write it: `"rmse"` is "Root mean squared error", `"topFive"` "Top five". */
export function metricTitle(name: string): string {
  if (Object.hasOwn(NAMES, name)) return NAMES[name]!;
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

/** Whether less of it is better. */
export const lessIsBetter = (name: string): boolean => /loss|mse|mae|error|perplexity|deviance/i.test(name);

// The first of these that was measured is what a reader wants to know.
const TELLING = ["accuracy", "auc", "rmse", "r2", "mae", "mse", "f1", "logLoss", "loss"];

/** The one metric that says most. */
export const tellingMetric = (names: readonly string[]): string | undefined =>
  TELLING.find((name) => names.includes(name)) ?? names[0];
