import type { Tensor } from "../tensor/tensor.js";

/**
 * Makes `model(x)` mean `model.forward(x)`, as in PyTorch: what the constructor gives is a function whose prototype is the
 * class's, so fields, methods and `instanceof` are those of any other object.
 */
export abstract class Callable {
  constructor() {
    const self = (...inputs: Tensor[]): Tensor => (self as unknown as Callable).forward(...inputs);
    // A function's own name and length would hide fields and getters of a class that has some.
    Reflect.deleteProperty(self, "name");
    Reflect.deleteProperty(self, "length");
    // biome-ignore lint/correctness/noConstructorReturn: this is what makes it callable
    return Object.setPrototypeOf(self, new.target.prototype) as this;
  }

  abstract forward(...inputs: Tensor[]): Tensor;
}
