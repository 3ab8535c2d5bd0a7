/** Base of every error that Thalweg throws on purpose. */
export class ThalwegError extends Error {
  override name = "ThalwegError";
}

/** Shapes that do not go together, or dimensions that do not exist. */
export class ShapeError extends ThalwegError {
  override name = "ShapeError";
}

/** A dtype that an operation cannot work with. */
export class DTypeError extends ThalwegError {
  override name = "DTypeError";
}

/** A value whose parameters have moved on, so that it can no longer be computed. */
export class StaleError extends ThalwegError {
  override name = "StaleError";
}

/** An option outside its range. */
export class OptionError extends ThalwegError {
  override name = "OptionError";
}

/** An index outside a tensor's bounds. */
export class IndexError extends ThalwegError {
  override name = "IndexError";
}

/** A backward pass that cannot be done. */
export class GradientError extends ThalwegError {
  override name = "GradientError";
}

/** A device that is not there, or tensors of two devices in one operation. */
export class DeviceError extends ThalwegError {
  override name = "DeviceError";
}
