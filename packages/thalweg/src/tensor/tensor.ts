import { device } from "../device/device.js";
import { allocate, type DType, isFloat, type TypedArray } from "../dtype.js";
import { DTypeError, GradientError, ShapeError } from "../errors.js";
import { leafNode, type Node, record, recording } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { type Shape, sameShape, showShape } from "../graph/shape.js";
import { noteGradient, realize, step } from "../plan/engine.js";
import type { DeviceName, Operand } from "./elementwise.js";
import * as elementwise from "./elementwise.js";
import { formatTensor } from "./format.js";
import * as movement from "./movement.js";
import { Operations } from "./operations.js";
import { contiguous } from "./read.js";
import { denseGradient, dropRows, hasRows } from "./sparse.js";

export type { DeviceName } from "./elementwise.js";

/** The values of a tensor as nested arrays; a number or boolean for a tensor of no dimensions. */
export type NestedValues = number | boolean | NestedValues[];

export interface BackwardOptions {
  /** The gradient of whatever comes after this tensor. Default 1, which needs a tensor of one element. */
  gradient?: Tensor | undefined;
  /** Keep the graph for another backward pass. Default: the value of `createGraph`. */
  retainGraph?: boolean | undefined;
  /** Record the backward pass itself, for gradients of gradients. Default false. */
  createGraph?: boolean | undefined;
}

/** Installed by the autograd floor, which stands above this one. */
export const backwardHook: { run: ((root: Tensor, options: BackwardOptions) => void) | null } = { run: null };

/**
 * A multidimensional array of one number type. Operations give new tensors and are computed when a value is needed;
 * nobody has to free anything.
 */
export class Tensor extends Operations {
  /** The recorded value that this tensor stands for now. */
  node: Node;
  /** @internal The gradient, for code that does not let users get hold of it. */
  gradient: Tensor | null = null;

  /** @internal Use {@link tensor}, {@link zeros}, {@link randn} and the like. */
  constructor(node: Node) {
    super();
    this.node = node;
    if (recording.following !== null) recording.following.tensors.push(this);
  }

  /** Sizes of the dimensions. */
  get shape(): Shape {
    return this.node.shape;
  }
  get dtype(): DType {
    return this.node.dtype;
  }
  /** The number of dimensions. */
  get ndim(): number {
    return this.node.shape.length;
  }
  /** The number of elements. */
  get numel(): number {
    return this.node.size;
  }
  /** Made by a program, not by an operation on tensors that require a gradient. */
  get isLeaf(): boolean {
    const { node } = this;
    return !node.requiresGrad || node.primitive === P.leaf || node.primitive.kind === "assign";
  }

  /** Whether backward passes compute a gradient for this tensor (a leaf) or through it. */
  get requiresGrad(): boolean {
    return this.node.requiresGrad;
  }
  set requiresGrad(value: boolean) {
    if (value === this.node.requiresGrad) return;
    if (!this.isLeaf) {
      throw new GradientError(
        "requiresGrad: can only be changed on leaves; use detach() for a tensor without gradient",
      );
    }
    if (value && !isFloat(this.dtype))
      throw new DTypeError(`requiresGrad: only floats have gradients, not ${this.dtype}`);
    const leaf = this.freshLeaf();
    leaf.requiresGrad = value;
    leaf.mutable = value;
    leaf.live = value;
    leaf.owner = value ? this : null;
    this.node = leaf;
  }

  /** The gradient that backward passes have added up, or null. Setting it replaces it. */
  get grad(): Tensor | null {
    if (hasRows(this)) this.gradient = denseGradient(this);
    if (this.gradient !== null) this.gradient.node.escaped = true;
    return this.gradient;
  }
  set grad(value: Tensor | null) {
    if (value !== null) {
      if (!sameShape(value.shape, this.shape)) {
        throw new ShapeError(
          `grad: a gradient of shape ${showShape(value.shape)} does not fit a tensor of ${showShape(this.shape)}`,
        );
      }
      if (value.dtype !== this.dtype)
        throw new DTypeError(`grad: a ${value.dtype} gradient does not fit a ${this.dtype} tensor`);
      // As one that a backward pass gives, it is there whatever happens to the parameters that it was computed from.
      if (value.node.buffer === null) noteGradient(this, value.node);
    }
    dropRows(this);
    this.gradient = value;
  }

  /** This tensor's value as a leaf on storage of its own if another tensor looks at it too. */
  private freshLeaf(): Node {
    const { node } = this;
    realize(node);
    const leaf = leafNode(node.buffer!, node.shape);
    if (node.strides !== null || node.offset !== 0 || node.buffer!.length !== node.size) {
      const copy = new Tensor(record(P.detach, node.dtype, node.shape, [node]));
      realize(copy.node);
      leaf.buffer = copy.node.buffer;
    }
    return leaf;
  }

  /**
   * Gives the tensor new values, in place as far as the program can see (`copy_` in PyTorch). Broadcasts and converts.
   * What was recorded from the old values keeps them, or says so if that is impossible.
   */
  assign(value: Operand): this {
    const { node } = this;
    if (!this.isLeaf) throw new GradientError("assign: can only change leaves; an operation's result is what it is");
    if (node.buffer === null || node.strides !== null || node.buffer.length !== node.size) {
      const { requiresGrad, owner } = node;
      if (node.primitive.kind !== "assign") {
        this.node = this.freshLeaf();
        this.node.requiresGrad = requiresGrad;
        this.node.owner = owner;
      }
    }
    const source = value instanceof Tensor ? value.detach() : elementwise.constant([], Number(value), this.dtype);
    const fitting = movement.expand(elementwise.to(source, this.dtype), this.shape);
    [this.node] = step([{ old: this.node, value: fitting.node, holder: this }]) as [Node];
    return this;
  }

  /** Computes the value now, so that it stays readable whatever happens to the parameters it depends on. */
  realize(): this {
    this.node.escaped = true;
    realize(this.node);
    return this;
  }

  /** The only element, as a number (a bool as 0 or 1). */
  item(): number {
    if (this.numel !== 1) {
      throw new ShapeError(
        `item: expects a tensor of one element, got shape ${showShape(this.shape)}; use toArray() or dataSync()`,
      );
    }
    return this.values()[0]!;
  }

  /** The elements in row-major order, as a typed array of their own (bools as 0 and 1). */
  dataSync(): TypedArray {
    return this.values().slice();
  }

  /** The elements in row-major order: the way to read that works on every device. */
  async data(): Promise<TypedArray> {
    return this.dataSync();
  }

  /** The elements as nested arrays. */
  toArray(): NestedValues {
    const values = this.values();
    let next = 0;
    const build = (depth: number): NestedValues => {
      if (depth === this.ndim) {
        const value = values[next++]!;
        return this.dtype === "bool" ? value !== 0 : value;
      }
      return Array.from({ length: this.shape[depth]! }, () => build(depth + 1));
    };
    return build(0);
  }

  private values(): TypedArray {
    const { node } = this;
    if (node.size === 0) return allocate(node.dtype, 0);
    // Said before the plan runs, which gives up what only a backward pass has asked for.
    node.escaped = true;
    realize(node);
    return contiguous(device().read(node.buffer!), node);
  }

  /** What PyTorch prints, with our names. */
  override toString(): string {
    const suffix = this.requiresGrad
      ? this.isLeaf
        ? "requiresGrad=true"
        : `gradFn=<${this.node.primitive.name[0]!.toUpperCase()}${this.node.primitive.name.slice(1)}Backward>`
      : undefined;
    return formatTensor({
      data: this.values(),
      shape: this.shape,
      dtype: this.dtype,
      ...(suffix === undefined ? {} : { suffix }),
    });
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /**
   * Adds the gradients of this tensor with respect to the leaves that it was computed from to their `grad`.
   *
   * @throws GradientError if there is no graph behind this tensor, or it was used up by an earlier backward pass
   */
  backward(options: BackwardOptions = {}): void {
    if (backwardHook.run === null)
      throw new GradientError("backward: import thalweg's entry, which brings the gradients");
    backwardHook.run(this, options);
  }

  /** Keeps the gradient of a tensor that is no leaf in its `grad`, too. */
  retainGrad(): this {
    if (!this.requiresGrad) throw new GradientError("retainGrad: the tensor does not require a gradient");
    this.node.owner = this;
    return this;
  }

  /** The same value with no gradient behind it. */
  detach(): Tensor {
    const { node } = this;
    if (!node.requiresGrad && !node.mutable) return new Tensor(node);
    return new Tensor(record(P.detach, node.dtype, node.shape, [node])).withoutGrad();
  }

  private withoutGrad(): this {
    this.node.requiresGrad = false;
    return this;
  }

  /** The same value; gradients pass through. (Values never change, so this is seldom needed.) */
  clone(): Tensor {
    return movement.reshape(this, this.shape) === this && !this.requiresGrad ? this.detach() : elementwise.mul(this, 1);
  }

  /** Gives the storage back at once instead of when the garbage collector or a full memory asks. Never required. */
  dispose(): void {
    const { buffer } = this.node;
    if (buffer === null || buffer.shared) return;
    device().release(buffer);
    buffer.host = null;
    this.node.buffer = null;
    this.node.stale = true;
    this.node.forget();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Where the values are computed. */
  get device(): DeviceName {
    return "cpu";
  }

  /**
   * The same values as another dtype, or on another device.
   *
   * @throws DeviceError if the device is not there (so far there is only "cpu")
   */
  to(target: DType | DeviceName): Tensor {
    return elementwise.to(this, target);
  }
  float(): Tensor {
    return this.to("float32");
  }
  double(): Tensor {
    return this.to("float64");
  }
  int(): Tensor {
    return this.to("int32");
  }
  bool(): Tensor {
    return this.to("bool");
  }

  /** All dimensions in reverse order. */
  get T(): Tensor {
    return movement.permute(
      this,
      this.shape.map((_, d) => this.ndim - 1 - d),
    );
  }
}
