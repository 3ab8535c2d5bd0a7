export {
  type Entry,
  Optimizer,
  type ParamGroup,
  type Params,
  type SavedTensor,
  type State,
  type StateDict,
  type StepReport,
} from "./optimizer.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { SGD, type SGDOptions } from "./sgd.js";
