export { DataLoader, type DataLoaderOptions, type DataLoaderState } from "./dataLoader.js";
export { type Batch, type Dataset, TensorDataset } from "./dataset.js";
export { type AsyncBatches, prefetch } from "./prefetch.js";
export { randomSplit, Subset } from "./split.js";
