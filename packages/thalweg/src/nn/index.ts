export * from "./activation.js";
export { ModuleList, Sequential } from "./containers.js";
export * as functional from "./functional/index.js";
export * as init from "./init.js";
export { Linear, type LinearOptions } from "./linear.js";
export * from "./loss.js";
export { type LoadOptions, type LoadReport, Module, type StateDict } from "./module.js";
export { buffer, parameter } from "./parameter.js";
