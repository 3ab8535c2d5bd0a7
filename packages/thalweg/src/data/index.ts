export { DataLoader, type DataLoaderOptions, type DataLoaderState } from "./dataLoader.js";
export { type Batch, type Dataset, TensorDataset } from "./dataset.js";
export { randomSplit, Subset } from "./split.js";
