import { allocate, type DType, isFloat } from "../dtype.js";
import { DTypeError, OptionError } from "../errors.js";
import { sameShape, showShape } from "../graph/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { Callable } from "./callable.js";
import { roleOf, setValues } from "./parameter.js";

/** Tensors by the names under which PyTorch saves them. */
export type StateDict = Record<string, Tensor>;

export interface LoadOptions {
  /** Refuse a state in which a name is missing or that has one too many. Default true. */
  strict?: boolean | undefined;
}

/** Names that did not match; both empty unless `strict` is false. */
export interface LoadReport {
  missingKeys: string[];
  unexpectedKeys: string[];
}

/** A module can be called: `model(x)` is `model.forward(x)`. */
export interface Module {
  // biome-ignore lint/style/useShorthandFunctionType: a type cannot be merged with the class
  (...inputs: Parameters<this["forward"]>): ReturnType<this["forward"]>;
}

/**
 * The base of all layers and models. A module is its `forward`; its parameters, buffers and inner modules are found in
 * its fields: a leaf that requires a gradient (or made by {@link parameter}) is a parameter, one made by {@link buffer} a
 * buffer, another module (or an array of such things) a part of it.
 *
 * ```ts
 * class Net extends nn.Module {
 *   fc1 = new nn.Linear(784, 128);
 *   fc2 = new nn.Linear(128, 10);
 *   forward(x: Tensor) {
 *     return this.fc2(this.fc1(x).relu());
 *   }
 * }
 * ```
 *
 * Names are PyTorch's: the field `runningMean` is called `running_mean`, so that state dictionaries fit both ways.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Callable's constructor provides the call
export abstract class Module extends Callable {
  /** Whether the module is being trained, which Dropout and BatchNorm care about. Set by {@link train} and {@link eval}. */
  training = true;

  /** What the module computes; calling the module calls this. */
  abstract override forward(...inputs: Tensor[]): Tensor;

  /** What the module consists of, by name; containers name what they hold. Overridden where that is not in fields. */
  protected *members(): Iterable<readonly [name: string, member: Tensor | Module]> {
    for (const [field, value] of Object.entries(this) as [string, unknown][]) {
      const name = savedName(field);
      if (value instanceof Tensor || value instanceof Module) yield [name, value];
      else if (Array.isArray(value)) {
        for (const [i, item] of value.entries()) {
          if (item instanceof Tensor || item instanceof Module) yield [`${name}.${i}`, item];
        }
      }
    }
  }

  /** The modules directly inside this one, by name. */
  namedChildren(): [string, Module][] {
    return [...this.members()].filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** This module (named "") and all modules inside it, each once. */
  namedModules(): [string, Module][] {
    const found = new Map<Module, string>();
    const visit = (module: Module, name: string): void => {
      if (found.has(module)) return;
      found.set(module, name);
      for (const [child, inner] of module.namedChildren()) visit(inner, join(name, child));
    };
    visit(this, "");
    return [...found].map(([module, name]) => [name, module]);
  }

  /** All parameters, each once, in the order in which optimizers number them in PyTorch. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, p]) => p);
  }

  namedParameters(): [string, Tensor][] {
    return this.named(["parameter"]);
  }

  namedBuffers(): [string, Tensor][] {
    return this.named(["buffer", "unsaved"]);
  }

  private named(wanted: readonly string[]): [string, Tensor][] {
    const found = new Map<Tensor, string>();
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, role, x] of module.ownTensors()) {
        if (wanted.includes(role) && !found.has(x)) found.set(x, join(prefix, name));
      }
    }
    return [...found].map(([x, name]) => [name, x]);
  }

  private ownTensors(): [name: string, role: string, tensor: Tensor][] {
    return [...this.members()].flatMap(([name, x]): [string, string, Tensor][] => {
      const role = x instanceof Tensor ? roleOf(x) : undefined;
      return role === undefined ? [] : [[name, role, x as Tensor]];
    });
  }

  /** What {@link stateDict} saves and {@link loadStateDict} sets, under every name that it has. */
  private savedTensors(): Map<string, Tensor> {
    const found = new Map<string, Tensor>();
    const add = (name: string, x: Tensor): void => {
      if (found.has(name)) throw new OptionError(`stateDict: two fields are both saved as "${name}"; rename one`);
      found.set(name, x);
    };
    const visit = (module: Module, prefix: string): void => {
      const own = module.ownTensors();
      for (const [name, role, x] of own) if (role === "parameter") add(join(prefix, name), x);
      for (const [name, role, x] of own) if (role === "buffer") add(join(prefix, name), x);
      for (const [name, child] of module.namedChildren()) visit(child, join(prefix, name));
    };
    visit(this, "");
    return found;
  }

  /**
   * The values of all parameters and buffers as they are now, under PyTorch's names ("0.weight", "bn.running_mean").
   * Unlike PyTorch's it stays as it is when training goes on, so the best state so far can simply be kept.
   */
  stateDict(): StateDict {
    return Object.fromEntries([...this.savedTensors()].map(([name, x]) => [name, x.detach()]));
  }

  /**
   * Sets parameters and buffers from {@link stateDict}'s data, or from what `safetensors` has read. Everything is checked
   * first: if anything does not fit, the error names all that does not, and the module stays as it was.
   *
   * @returns the names that did not match, where `strict` is false
   * @throws OptionError if shapes differ, or (with `strict`) names are missing or too many
   */
  loadStateDict(state: Readonly<StateDict>, { strict = true }: LoadOptions = {}): LoadReport {
    const own = this.savedTensors();
    const missingKeys = [...own.keys()].filter((name) => !Object.hasOwn(state, name));
    const unexpectedKeys = Object.keys(state).filter((name) => !own.has(name));
    const problems: string[] = [];
    if (strict && missingKeys.length > 0) problems.push(`missing: ${missingKeys.join(", ")}`);
    if (strict && unexpectedKeys.length > 0) problems.push(`not in the model: ${unexpectedKeys.join(", ")}`);
    const matching = [...own].filter(([name]) => Object.hasOwn(state, name));
    for (const [name, x] of matching) problems.push(...misfit(name, x, state[name]));
    if (problems.length > 0) {
      throw new OptionError(
        `loadStateDict: the state does not fit the model; nothing was loaded\n  ${problems.join("\n  ")}`,
      );
    }
    const values = matching.map(([name, x]) => state[name]!.to(x.dtype).dataSync());
    matching.forEach(([, x], i) => {
      setValues(x, values[i]!);
    });
    return { missingKeys, unexpectedKeys };
  }

  /** Switches this module and all inside it to training (or, with false, to evaluation). */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Switches to evaluation: Dropout does nothing, BatchNorm uses its running statistics. */
  eval(): this {
    return this.train(false);
  }

  /** Sets the gradients of all parameters to none. */
  zeroGrad(): void {
    for (const p of this.parameters()) p.grad = null;
  }

  /** Calls a function with every module inside this one, and then with this one: to initialise weights, say. */
  apply(f: (module: Module) => void): this {
    for (const [, child] of this.namedChildren()) child.apply(f);
    f(this);
    return this;
  }

  /** Converts all parameters and buffers that are floats. They stay the same tensors; gradients are dropped. */
  to(dtype: DType): this {
    if (!isFloat(dtype)) throw new DTypeError(`to: a module's dtype must be float32 or float64, not ${dtype}`);
    for (const x of [...this.namedParameters(), ...this.namedBuffers()].map(([, tensor]) => tensor)) {
      if (!isFloat(x.dtype) || x.dtype === dtype) continue;
      const values = allocate(dtype, x.numel);
      values.set(x.dataSync());
      x.grad = null;
      setValues(x, values, dtype);
    }
    return this;
  }

  double(): this {
    return this.to("float64");
  }

  float(): this {
    return this.to("float32");
  }

  /** What the printed form says in the parentheses of a layer: `inFeatures=784, outFeatures=128`. */
  protected extraRepr(): string {
    return "";
  }

  /** The module and all inside it, as PyTorch prints them. */
  override toString(): string {
    const name = this.constructor.name;
    const children = this.namedChildren().map(([child, module]) => `(${child}): ${module}`.replaceAll("\n", "\n  "));
    const extra = this.extraRepr();
    if (children.length === 0) return `${name}(${extra})`;
    return `${name}(\n  ${[...(extra === "" ? [] : [extra]), ...children].join("\n  ")}\n)`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

const join = (prefix: string, name: string): string => (prefix === "" ? name : `${prefix}.${name}`);

/** `runningMean` as PyTorch calls it: `running_mean`. */
export const savedName = (field: string): string =>
  field.replace(/([a-z0-9])([A-Z])/g, (_, before: string, letter: string) => `${before}_${letter.toLowerCase()}`);

/** Why a saved tensor cannot be a parameter's new value. */
function misfit(name: string, own: Tensor, saved: Tensor | undefined): string[] {
  if (!(saved instanceof Tensor)) return [`${name} is no tensor`];
  if (!sameShape(own.shape, saved.shape))
    return [`${name} has shape ${showShape(saved.shape)}, the model's ${showShape(own.shape)}`];
  if (isFloat(own.dtype) !== isFloat(saved.dtype)) return [`${name} is ${saved.dtype}, the model's ${own.dtype}`];
  return [];
}
