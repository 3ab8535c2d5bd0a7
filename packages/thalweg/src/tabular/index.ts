export type { FileInput } from "./bytes.js";
export {
  type Encoded,
  type EncoderOptions,
  type EncoderSpec,
  type FeatureSpec,
  TableEncoder,
  type TargetSpec,
  type Task,
} from "./encoder.js";
export { DataFileError } from "./errors.js";
export { type ModelFiles, type NetworkSpec, type Prediction, TabularModel } from "./model.js";
export { openTable } from "./openTable.js";
export { type ColumnProfile, type ColumnType, type ProfileOptions, profile } from "./profile.js";
export { type Baseline, baselineOf, type Evaluation, isLoss, type Scores, scoresFor } from "./score.js";
export { type Sizes, sizesFor } from "./sizes.js";
export type { Cell, Chunk, TableSource } from "./source.js";
export { readTable, type Table, tableOf, validationRows } from "./table.js";
export { TableBatches, type TableBatchesOptions } from "./tableBatches.js";
