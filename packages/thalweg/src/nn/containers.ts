import { OptionError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { Module } from "./module.js";

/** Modules one after another: each takes what the one before it gives. */
export class Sequential extends Module {
  readonly #modules: readonly Module[];

  constructor(...modules: readonly Module[]) {
    super();
    this.#modules = checked("Sequential", modules);
  }

  protected override *members(): Iterable<readonly [string, Module]> {
    yield* numbered(this.#modules);
  }

  override forward(x: Tensor): Tensor {
    return this.#modules.reduce((value, module) => module.forward(value), x);
  }

  override get length(): number {
    return this.#modules.length;
  }

  /** The i-th module; negative numbers count from the end. */
  at(i: number): Module | undefined {
    return this.#modules.at(i);
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#modules[Symbol.iterator]();
  }
}

/** Modules in a list, for a `forward` that uses them as it likes. */
export class ModuleList extends Module {
  readonly #modules: Module[];

  constructor(modules: Iterable<Module> = []) {
    super();
    this.#modules = [...checked("ModuleList", [...modules])];
  }

  protected override *members(): Iterable<readonly [string, Module]> {
    yield* numbered(this.#modules);
  }

  append(module: Module): this {
    this.#modules.push(...checked("ModuleList", [module]));
    return this;
  }

  override get length(): number {
    return this.#modules.length;
  }

  /** The i-th module; negative numbers count from the end. */
  at(i: number): Module | undefined {
    return this.#modules.at(i);
  }

  [Symbol.iterator](): Iterator<Module> {
    return this.#modules[Symbol.iterator]();
  }

  /** @throws OptionError always: a list does not say in what order, or how, its modules are used */
  override forward(): never {
    throw new OptionError("ModuleList: has no forward; call its modules' own, or use Sequential");
  }
}

const numbered = (modules: readonly Module[]): [string, Module][] => modules.map((module, i) => [String(i), module]);

function checked(container: string, modules: readonly Module[]): readonly Module[] {
  const wrong = modules.findIndex((module) => !(module instanceof Module));
  if (wrong >= 0) throw new OptionError(`${container}: element ${wrong} is no module (for a function, write a Module)`);
  return modules;
}
