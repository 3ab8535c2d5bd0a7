export { DataFileError } from "./errors.js";
export type { Cell, Chunk, TableSource } from "./source.js";
