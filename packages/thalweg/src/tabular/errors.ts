import { ThalwegError } from "../errors.js";

/** A data file that cannot be used: the message names the file, and the line and column where there is one. */
export class DataFileError extends ThalwegError {
  override name = "DataFileError";
}
