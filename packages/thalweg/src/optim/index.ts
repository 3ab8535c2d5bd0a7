export { Adadelta, type AdadeltaOptions } from "./adadelta.js";
export { Adafactor, type AdafactorOptions } from "./adafactor.js";
export { Adagrad, type AdagradOptions } from "./adagrad.js";
export { Adam, type AdamOptions, AdamW } from "./adam.js";
export { Adamax, type AdamaxOptions } from "./adamax.js";
export { AdamWScheduleFree, type AdamWScheduleFreeOptions } from "./adamWScheduleFree.js";
export { ASGD, type ASGDOptions } from "./asgd.js";
export {
  AveragedParameters,
  type AverageFunction,
  type AverageState,
  emaAverage,
  swaAverage,
} from "./averaging.js";
export type { Betas } from "./betas.js";
export { type ClipOptions, clipGradNorm, clipGradValue } from "./clip.js";
export { Combined } from "./combined.js";
export { dialects } from "./dialects.js";
export { LAMB, type LAMBOptions } from "./lamb.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export { Lion, type LionOptions } from "./lion.js";
export * as lrScheduler from "./lrScheduler/index.js";
export {
  type MinimizeOptions,
  type MinimizeProgress,
  type Minimizer,
  type Minimum,
  minimize,
  type Variables,
} from "./minimize.js";
export { Muon, type MuonOptions } from "./muon.js";
export { NAdam, type NAdamOptions } from "./nadam.js";
export {
  type Entry,
  type Gap,
  type Numbers,
  Optimizer,
  type ParamGroup,
  type Params,
  type SavedTensor,
  type State,
  type StateDict,
  type StepReport,
} from "./optimizer.js";
export { Prodigy, type ProdigyOptions } from "./prodigy.js";
export { RAdam, type RAdamOptions } from "./radam.js";
export { lrRangeTest, type RangeTest, type RangeTestOptions } from "./rangeTest.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { Rprop, type RpropOptions } from "./rprop.js";
export { SGD, type SGDOptions } from "./sgd.js";
export { SGDScheduleFree, type SGDScheduleFreeOptions } from "./sgdScheduleFree.js";
export { SparseAdam, type SparseAdamOptions } from "./sparseAdam.js";
export { type SettingOf, Sweep } from "./sweep.js";
export * as testFunctions from "./testFunctions.js";
