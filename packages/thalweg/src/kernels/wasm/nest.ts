/** The frame of a kernel's function: its loops, the induction variables they move, and the locals that hold values. */
import { argumentLayout, type Kernel } from "../kernel.js";
import { FunctionBuilder } from "./assembler.js";
import type { Induction, Lowering, Node } from "./lower.js";
import { control, f32, f64, I32, i32, type ValueType } from "./opcodes.js";

/** Parameters of every kernel's function. More loops whose range the caller gives have two more parameters each. */
const ARGS = 0;
const BEGIN = 1;
const END = 2;

/** How often a loop runs: a number known now, or a local that holds it. */
export type Count = { readonly known: number } | { readonly local: number };

/** A part of a loop that does `points` points at a time, for as many as are left. */
export interface Segment {
  readonly points: number;
  readonly body: () => void;
}

/** What is known inside a block of code and not outside of it. */
interface Scope {
  readonly values: Map<number, number>;
  readonly inductions: Map<Induction, number>;
  readonly owned: number[];
}

/** Emits the loops of one kernel. */
export class Nest {
  readonly f: FunctionBuilder;
  private readonly scopes: Scope[] = [];
  /** Choices that have been made for all of the code that is emitted now, and what was chosen. */
  readonly chosen = new Map<Node, Node>();

  /** @param ranges - of how many outermost loops the caller says from where to where they go */
  constructor(
    readonly kernel: Pick<Kernel, "buffers" | "scalars">,
    readonly lowering: Lowering,
    readonly loops: readonly number[],
    readonly ranges = 1,
  ) {
    this.f = new FunctionBuilder(Array.from({ length: 1 + 2 * ranges }, () => I32));
  }

  /** Emits the whole function: sets the induction variables up for the first point, then the body. */
  function(body: () => void): FunctionBuilder {
    const { f } = this;
    f.get(END);
    f.get(BEGIN);
    f.op(i32.leS);
    f.if(undefined, () => f.op(control.return));
    this.scoped(() => {
      const bases = new Map<number, number>();
      for (const induction of this.lowering.inductions.values()) {
        const { buffer, offset, strides } = induction;
        f.i32(offset);
        if (buffer !== undefined) {
          let base = bases.get(buffer);
          if (base === undefined) {
            base = this.local(I32);
            bases.set(buffer, base);
            f.get(ARGS);
            f.memory(i32.load, 4 * buffer);
            f.set(base);
          }
          f.get(base);
          f.op(i32.add);
        }
        for (let l = 0; l < this.ranges; l++) {
          if (strides[l] === 0) continue;
          f.get(BEGIN + 2 * l);
          f.i32(strides[l]!);
          f.op(i32.mul, i32.add);
        }
        this.setInduction(induction);
      }
      body();
    });
    return f;
  }

  /** Emits code whose locals and cached values end with it. */
  scoped(body: () => void): void {
    const scope: Scope = { values: new Map(), inductions: new Map(), owned: [] };
    this.scopes.push(scope);
    body();
    this.scopes.pop();
    for (const local of scope.owned) this.f.release(local);
  }

  /** A local that belongs to the current scope. */
  local(type: ValueType): number {
    const local = this.f.local(type);
    this.scopes.at(-1)!.owned.push(local);
    return local;
  }

  /** The local of a value computed earlier on every way to here. */
  find(key: number): number | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const local = this.scopes[i]!.values.get(key);
      if (local !== undefined) return local;
    }
    return undefined;
  }

  /** A new local for a value, to be found again by its key within the current scope. */
  keep(key: number, type: ValueType): number {
    const local = this.local(type);
    this.scopes.at(-1)!.values.set(key, local);
    return local;
  }

  /** The local that holds an induction variable here. */
  induction(induction: Induction): number {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const local = this.scopes[i]!.inductions.get(induction);
      if (local !== undefined) return local;
    }
    throw new Error("induction variable outside of its function");
  }

  private setInduction(induction: Induction): void {
    const local = this.local(I32);
    this.f.set(local);
    this.scopes.at(-1)!.inductions.set(induction, local);
  }

  /** How often loop `l` runs: the outermost as its caller says, the others as the kernel says. */
  count(l: number): Count {
    if (l >= this.ranges) return { known: this.loops[l]! };
    const local = this.local(I32);
    this.f.get(END + 2 * l);
    this.f.get(BEGIN + 2 * l);
    this.f.op(i32.sub);
    this.f.set(local);
    return { local };
  }

  /** Emits loop `l`, segment after segment; `inside` another loop over the same index, whose place stays as it is. */
  loop(l: number, count: Count, segments: readonly Segment[], inside = l > 0): void {
    const { f } = this;
    this.scoped(() => {
      const moving = [...this.lowering.inductions.values()].filter(({ strides }) => strides[l] !== 0);
      if (inside) {
        for (const induction of moving) {
          f.get(this.induction(induction));
          this.setInduction(induction);
        }
      }
      const round = (points: number, body: () => void) => {
        this.scoped(body);
        for (const induction of moving) f.increment(this.induction(induction), induction.strides[l]! * points);
      };
      if ("known" in count) {
        let left = count.known;
        for (const { points, body } of segments) {
          const rounds = Math.floor(left / points);
          left -= rounds * points;
          if (rounds === 1 && left === 0) this.scoped(body);
          else if (rounds === 1) round(points, body);
          else if (rounds > 1) this.rounds(rounds, () => round(points, body));
        }
        return;
      }
      const left = this.local(I32);
      f.get(count.local);
      f.set(left);
      for (const { points, body } of segments) {
        const more = () => {
          f.get(left);
          f.i32(points);
          f.op(i32.geS);
        };
        more();
        f.if(undefined, () =>
          f.loop(() => {
            round(points, body);
            f.increment(left, -points);
            more();
            f.brIf(0);
          }),
        );
      }
    });
  }

  private rounds(count: number, body: () => void): void {
    const { f } = this;
    const left = this.local(I32);
    f.i32(count);
    f.set(left);
    f.loop(() => {
      body();
      f.get(left);
      f.i32(1);
      f.op(i32.sub);
      f.tee(left);
      f.brIf(0);
    });
  }

  /** Pushes a scalar from the argument block. */
  pushScalar(slot: number): void {
    const { f, kernel } = this;
    const type = kernel.scalars[slot];
    f.get(ARGS);
    f.memory(
      type === "float32" ? f32.load : type === "float64" ? f64.load : i32.load,
      argumentLayout(kernel).scalars + 8 * slot,
    );
  }
}
