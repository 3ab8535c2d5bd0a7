export {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  type ConvOptions,
  conv1d,
  conv2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
} from "../../tensor/convolution.js";
export * from "./activation.js";
export * from "./classification.js";
export * from "./dropout.js";
export * from "./embedding.js";
export * from "./linear.js";
export * from "./normalization.js";
export * from "./probability.js";
export type { Reduction, ReductionOptions } from "./reduction.js";
export * from "./regression.js";
