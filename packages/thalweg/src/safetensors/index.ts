export { SafetensorsError } from "./header.js";
export { loadOptimizer, saveOptimizer } from "./optimizer.js";
export { type Decoded, decode, encode } from "./safetensors.js";
