export { type CheckpointStore, Checkpoints, type CheckpointsOptions, writeWhole } from "./checkpoints.js";
export { diagnose } from "./diagnosis/diagnose.js";
export type { Finding, FindingKind } from "./diagnosis/finding.js";
export type { EarlyStoppingOptions } from "./earlyStopping.js";
export { type EvaluateOptions, evaluate } from "./evaluate.js";
export { type Callback, type CheckpointOptions, type FitOptions, fit, type Progress } from "./fit.js";
export {
  type EpochRecord,
  History,
  type HistoryData,
  HistoryError,
  type ParameterRecord,
  type StepRecord,
  type Stopped,
} from "./history.js";
export { Meter, type Metric, type Sums } from "./metric.js";
export * as metrics from "./metrics.js";
export type { Batch, BatchSource, Loss, LossFunction, Trainable } from "./model.js";
export { CheckpointError, decodeState, encodeState, load as tensorsOf, type TrainingState } from "./state.js";
export { type Summary, summarize } from "./summary.js";
