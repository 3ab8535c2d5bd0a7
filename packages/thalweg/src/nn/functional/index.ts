export * from "./activation.js";
export * from "./classification.js";
export * from "./dropout.js";
export * from "./embedding.js";
export * from "./linear.js";
export * from "./normalization.js";
export * from "./probability.js";
export type { Reduction, ReductionOptions } from "./reduction.js";
export * from "./regression.js";
