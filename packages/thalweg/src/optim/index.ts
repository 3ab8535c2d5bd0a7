export { Optimizer, type ParamGroup, type SavedTensor, type State, type StateDict } from "./optimizer.js";
export { RMSprop, type RMSpropOptions } from "./rmsprop.js";
export { SGD, type SGDOptions } from "./sgd.js";
