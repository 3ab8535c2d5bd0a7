import { Buffer } from "../device/device.js";
import { allocate, type DType, isFloat, type TypedArray } from "../dtype.js";
import { DTypeError } from "../errors.js";
import { leafNode, type Node } from "../graph/node.js";
import type { Shape } from "../graph/shape.js";
import { Tensor } from "../tensor/tensor.js";

/** What a tensor is to the module in whose field it stands. */
export type Role = "parameter" | "buffer" | "unsaved";

const roles = new WeakMap<Tensor, Role>();

/** A tensor's role in modules: one that requires a gradient is a parameter, and stays one if it is frozen later. */
export function roleOf(x: Tensor): Role | undefined {
  const known = roles.get(x);
  if (known !== undefined || !x.requiresGrad || !x.isLeaf) return known;
  roles.set(x, "parameter");
  return "parameter";
}

/**
 * A parameter with the given values, for a field of a {@link Module} (PyTorch's `nn.Parameter`). The values are copied.
 *
 * @param options - `requiresGrad: false` for a parameter that is saved with the others but not trained. Default true.
 */
export function parameter(values: Tensor, { requiresGrad = true }: { requiresGrad?: boolean } = {}): Tensor {
  if (!isFloat(values.dtype)) throw new DTypeError(`parameter: expects floats, got ${values.dtype}`);
  return owned(values.dataSync(), values.shape, values.dtype, "parameter", requiresGrad);
}

/**
 * A tensor that belongs to a module's state but is not trained, such as a running mean (PyTorch's `nn.Buffer`). The
 * values are copied.
 *
 * @param options - `persistent: false` leaves it out of `stateDict`. Default true.
 */
export function buffer(values: Tensor, { persistent = true }: { persistent?: boolean } = {}): Tensor {
  return owned(values.dataSync(), values.shape, values.dtype, persistent ? "buffer" : "unsaved");
}

/** A parameter or buffer on storage that nobody else has. */
function owned(values: TypedArray, shape: Shape, dtype: DType, role: Role, requiresGrad = false): Tensor {
  const made = new Tensor(leaf(values, shape, dtype));
  if (requiresGrad) train(made.node, made);
  roles.set(made, role);
  return made;
}

/** A new parameter whose values a function fills in: for layers, which draw their own. */
export function filled(shape: Shape, dtype: DType, fill: (values: Floats) => void): Tensor {
  if (!isFloat(dtype)) throw new DTypeError(`a layer's dtype must be float32 or float64, not ${dtype}`);
  const values = allocate(
    dtype,
    shape.reduce((n, size) => n * size, 1),
  ) as Floats;
  fill(values);
  return owned(values, shape, dtype, "parameter", true);
}

export type Floats = Float32Array | Float64Array;

/**
 * Puts values into a parameter or buffer, which stays the same tensor. What was recorded from the old values keeps them.
 *
 * @param dtype - the dtype from now on; the array is one of that dtype. Default: as before.
 */
export function setValues(x: Tensor, values: TypedArray, dtype: DType = x.dtype): void {
  const node = leaf(values, x.shape, dtype);
  if (x.requiresGrad) train(node, x);
  x.node = node;
}

const leaf = (values: TypedArray, shape: Shape, dtype: DType): Node =>
  leafNode(new Buffer(dtype, values.length, values), shape);

/** What makes a leaf one that optimizers may overwrite, and whose gradient is kept. */
function train(node: Node, owner: Tensor): void {
  node.requiresGrad = true;
  node.mutable = true;
  node.live = true;
  node.owner = owner;
}
