/**
 * Expressions made ready for code generation: a graph of nodes that know in which loops they vary, how often they are
 * used, and on which induction variable each access stands.
 */
import { BYTES, type DType } from "../../dtype.js";
import type { Access, BasicOp, Expr, Guard, RegisterType, Store } from "../kernel.js";

/**
 * A number that moves linearly with the loops: the address of a buffer (in bytes) plus `offset` plus
 * `Σ strides[l] · index[l]`, or the same without a buffer. It lives in a local that each loop increments.
 */
export interface Induction {
  readonly buffer: number | undefined;
  offset: number;
  readonly strides: readonly number[];
}

/** `delta` bytes past an induction variable, where `delta = offset - induction.offset ≥ 0`. */
export interface Place {
  readonly induction: Induction;
  readonly offset: number;
}

interface NodeBase {
  readonly id: number;
  readonly type: RegisterType;
  /** Bit l is set if the value depends on the index of loop l. */
  readonly varies: number;
  readonly args: readonly Node[];
  /** How many times the value is asked for; above 1 it is kept in a local. */
  uses: number;
}
export type Node = NodeBase &
  (
    | { readonly kind: "load" | "gather"; readonly dtype: DType; readonly place: Place }
    /** Byte offset of a checked index: `index · scale`, or 0 and an error where index is not below `size`. */
    | { readonly kind: "checked"; readonly size: number; readonly scale: number }
    | { readonly kind: "constant"; readonly value: number | bigint }
    | { readonly kind: "scalar"; readonly slot: number }
    | { readonly kind: "position"; readonly induction: Induction }
    /** A guard: `0 <= induction < below`. */
    | { readonly kind: "inRange"; readonly induction: Induction; readonly below: number }
    | { readonly kind: "folded"; readonly fold: number }
    | { readonly kind: "apply"; readonly op: BasicOp; readonly amount: number }
  );
type Kind<N> = N extends NodeBase & infer K ? K : never;

/** A store with its value lowered. */
export interface LoweredStore {
  readonly place: Place;
  readonly dtype: DType;
  readonly value: Node;
  /** The row that is stored to, `index · scale` bytes further, if index is below `size`. */
  readonly row: { readonly index: Node; readonly scale: number; readonly size: number } | null;
}

/** Number of the innermost loop in which a value varies, -1 if it varies in none. */
export const level = (node: Node): number => 31 - Math.clz32(node.varies);

/** True for types that take two vectors of 128 bits for four values. */
export const isWide = (type: RegisterType): boolean => type === "float64" || type === "int64";

/** Lowers the expressions of one kernel with `depth` loops, and gathers its induction variables. */
export class Lowering {
  readonly inductions = new Map<string, Induction>();
  private readonly nodes = new Map<Expr, Node>();
  private readonly constants = new Map<string, Node>();
  private count = 0;

  /**
   * `foldedVaries` says in which loops the value of a fold varies; strides name the loops from number `lead` on, which is
   * 1 where a loop was put in front.
   */
  constructor(
    private readonly depth: number,
    private foldedVaries = 0,
    private readonly lead = 0,
  ) {}

  /** Forgets the nodes made so far, for stores that are evaluated elsewhere. */
  stage(foldedVaries: number): void {
    this.nodes.clear();
    this.foldedVaries = foldedVaries;
  }

  /** The node of an expression that is used once more, by a node or store of the given type. */
  use(expr: Expr, by: RegisterType): Node {
    let node = this.nodes.get(expr);
    if (node === undefined) {
      node = this.lower(expr);
      this.nodes.set(expr, node);
    }
    // A user of two vectors asks a one-vector argument for its value twice.
    node.uses += isWide(by) && !isWide(node.type) ? 2 : 1;
    return node;
  }

  store(store: Store): LoweredStore {
    const { access, value, row } = store;
    const { dtype } = access;
    return {
      place: this.place(access, true),
      dtype,
      value: this.use(value, dtype),
      row:
        row === undefined
          ? null
          : { index: this.use(row.index, "int32"), scale: row.stride * BYTES[dtype], size: row.size },
    };
  }

  /** Where an access stands. Certain accesses share an induction variable if they differ by a constant only. */
  place(access: Access, certain: boolean): Place {
    const bytes = BYTES[access.dtype];
    const strides = access.strides.map((stride) => stride * bytes);
    const offset = access.offset * bytes;
    return { induction: this.induction(access.buffer, offset, strides, certain), offset };
  }

  /** The int32 `offset + Σ strides · index` as an induction variable. */
  private linear(offset: number, strides: readonly number[]): Induction {
    return this.induction(undefined, offset, strides, false);
  }

  /** The index of a loop. */
  index(loop: number): Induction {
    return this.linear(
      0,
      Array.from({ length: this.depth - this.lead }, (_, l) => (l + this.lead === loop ? 1 : 0)),
    );
  }

  private induction(
    buffer: number | undefined,
    offset: number,
    strides: readonly number[],
    mayMove: boolean,
  ): Induction {
    const padded = Array.from({ length: this.depth }, (_, l) => strides[l - this.lead] ?? 0);
    // Where an access is guarded its variable may run outside the memory, so it must not stand for others.
    const key = `${buffer}:${padded.join()}:${mayMove ? "" : offset}`;
    let found = this.inductions.get(key);
    if (found === undefined) {
      found = { buffer, offset, strides: padded };
      this.inductions.set(key, found);
    }
    found.offset = Math.min(found.offset, offset);
    return found;
  }

  private make(type: RegisterType, own: number, args: readonly Node[], kind: Kind<Node>): Node {
    const varies = args.reduce((mask, arg) => mask | arg.varies, own);
    return { id: this.count++, type, varies, args, uses: 0, ...kind };
  }

  private guard(guard: Guard): Node {
    const induction = this.linear(guard.offset, guard.strides);
    const node = this.make("bool", mask(induction), [], { kind: "inRange", induction, below: guard.below });
    node.uses++;
    return node;
  }

  private lower(expr: Expr): Node {
    switch (expr.kind) {
      case "load": {
        const { type, access, guards = [] } = expr;
        const place = this.place(access, guards.length === 0);
        const args = guards.map((guard) => this.guard(guard));
        return this.make(type, mask(place.induction), args, { kind: "load", dtype: access.dtype, place });
      }
      case "gather": {
        const { type, access, size } = expr;
        const place = this.place(access, true);
        const index = this.use(expr.index, "int32");
        index.uses++;
        const scale = expr.stride * BYTES[access.dtype];
        const checked = this.make("int32", 0, [index], { kind: "checked", size, scale });
        checked.uses = isWide(type) ? 2 : 1;
        return this.make(type, mask(place.induction), [checked], { kind: "gather", dtype: access.dtype, place });
      }
      case "scalar":
        return this.make(expr.type, 0, [], { kind: "scalar", slot: expr.slot });
      case "constant": {
        const { type, value } = expr;
        const key = `${type}:${Object.is(value, -0) ? "-0" : value}`;
        const node = this.constants.get(key) ?? this.make(type, 0, [], { kind: "constant", value });
        this.constants.set(key, node);
        return node;
      }
      case "position": {
        const induction = this.linear(expr.offset, expr.strides);
        return this.make("int32", mask(induction), [], { kind: "position", induction });
      }
      case "folded":
        return this.make(expr.type, this.foldedVaries, [], { kind: "folded", fold: expr.fold });
      case "apply": {
        const { op, type } = expr;
        const shift = op === "shl" || op === "shr";
        const amount = expr.args[1];
        const args = (shift ? expr.args.slice(0, 1) : expr.args).map((arg) => this.use(arg, type));
        return this.make(type, 0, args, {
          kind: "apply",
          op,
          amount: shift && amount?.kind === "constant" ? Number(amount.value) : 0,
        });
      }
    }
  }
}

function mask({ strides }: Induction): number {
  return strides.reduce((bits, stride, l) => (stride === 0 ? bits : bits | (1 << l)), 0);
}
