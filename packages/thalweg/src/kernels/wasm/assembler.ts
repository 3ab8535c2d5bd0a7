/** A small encoder of WebAssembly's binary format: function bodies, and a module around them. */
import { control, f32, f64, I32, i32, i64, type ValueType, v128 } from "./opcodes.js";

/** Appends an unsigned number in LEB128. */
function unsigned(out: number[], value: number): void {
  while (value > 0x7f) {
    out.push((value & 0x7f) | 0x80);
    value = Math.floor(value / 128);
  }
  out.push(value);
}

/** Appends a signed 64-bit number in LEB128. */
function signed64(out: number[], value: bigint): void {
  for (;;) {
    const byte = Number(value & 0x7fn);
    value >>= 7n;
    if ((value === 0n && byte < 0x40) || (value === -1n && byte >= 0x40)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

/** Appends a signed 32-bit number in LEB128. */
function signed(out: number[], value: number): void {
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    if ((value === 0 && byte < 0x40) || (value === -1 && byte >= 0x40)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

const scratch = new DataView(new ArrayBuffer(8));

/** The code of one function, appended instruction by instruction; also hands out its locals. */
export class FunctionBuilder {
  private readonly code: number[] = [];
  private readonly locals: ValueType[] = [];
  private readonly free = new Map<ValueType, number[]>();

  constructor(readonly params: readonly ValueType[]) {}

  /** A local of the given type that nobody uses. Its value is undefined until it is set. */
  local(type: ValueType): number {
    const reused = this.free.get(type)?.pop();
    if (reused !== undefined) return reused;
    return this.params.length + this.locals.push(type) - 1;
  }

  /** Gives a local back. */
  release(local: number): void {
    const type = this.locals[local - this.params.length]!;
    const list = this.free.get(type);
    if (list) list.push(local);
    else this.free.set(type, [local]);
  }

  /** Instructions without immediates. */
  op(...opcodes: readonly number[]): void {
    for (const opcode of opcodes) {
      if (opcode < 0x100) this.code.push(opcode);
      else {
        this.code.push(opcode >> 12);
        unsigned(this.code, opcode & 0xfff);
      }
    }
  }

  get(local: number): void {
    this.code.push(control.localGet);
    unsigned(this.code, local);
  }
  set(local: number): void {
    this.code.push(control.localSet);
    unsigned(this.code, local);
  }
  tee(local: number): void {
    this.code.push(control.localTee);
    unsigned(this.code, local);
  }
  globalGet(index: number): void {
    this.code.push(control.globalGet);
    unsigned(this.code, index);
  }

  i32(value: number): void {
    this.code.push(i32.const);
    signed(this.code, value | 0);
  }
  i64(value: bigint): void {
    this.code.push(i64.const);
    signed64(this.code, BigInt.asIntN(64, value));
  }
  f32(value: number): void {
    scratch.setFloat32(0, value, true);
    this.code.push(f32.const);
    for (let i = 0; i < 4; i++) this.code.push(scratch.getUint8(i));
  }
  f64(value: number): void {
    scratch.setFloat64(0, value, true);
    this.code.push(f64.const);
    for (let i = 0; i < 8; i++) this.code.push(scratch.getUint8(i));
  }
  v128(bytes: ArrayLike<number>): void {
    this.op(v128.const);
    for (let i = 0; i < 16; i++) this.code.push(bytes[i]!);
  }

  /** A load or store at an offset ≥ 0 past the address on the stack. Promises no alignment. */
  memory(opcode: number, offset = 0): void {
    this.op(opcode);
    this.code.push(0);
    unsigned(this.code, offset);
  }
  /** A load or store of one lane. */
  memoryLane(opcode: number, offset: number, lane: number): void {
    this.memory(opcode, offset);
    this.code.push(lane);
  }
  /** Extracts or replaces a lane. */
  lane(opcode: number, lane: number): void {
    this.op(opcode);
    this.code.push(lane);
  }
  /** Picks 16 of the 32 bytes of two vectors. */
  shuffle(bytes: readonly number[]): void {
    this.op(v128.shuffle);
    this.code.push(...bytes);
  }

  /** `local += value`. */
  increment(local: number, value: number): void {
    this.get(local);
    this.i32(value);
    this.op(i32.add);
    this.set(local);
  }

  block(body: () => void): void {
    this.code.push(control.block, 0x40);
    body();
    this.code.push(control.end);
  }
  /** The body goes round again by branching to depth 0. */
  loop(body: () => void): void {
    this.code.push(control.loop, 0x40);
    body();
    this.code.push(control.end);
  }
  /** Pops an int32; both arms leave a value of type `result` if there is one. */
  if(result: ValueType | undefined, then: () => void, otherwise?: () => void): void {
    this.code.push(control.if, result ?? 0x40);
    then();
    if (otherwise) {
      this.code.push(control.else);
      otherwise();
    }
    this.code.push(control.end);
  }
  br(depth: number): void {
    this.code.push(control.br, depth);
  }
  brIf(depth: number): void {
    this.code.push(control.brIf, depth);
  }
  call(index: number): void {
    this.code.push(control.call);
    unsigned(this.code, index);
  }

  /** Locals and code with their length in front, as the code section wants them. */
  encode(out: number[]): void {
    const head: number[] = [];
    let groups = 0;
    for (let i = 0; i < this.locals.length; groups++) {
      let end = i;
      while (end < this.locals.length && this.locals[end] === this.locals[i]) end++;
      unsigned(head, end - i);
      head.push(this.locals[i]!);
      i = end;
    }
    const count: number[] = [];
    unsigned(count, groups);
    unsigned(out, count.length + head.length + this.code.length + 1);
    for (const part of [count, head, this.code]) for (const byte of part) out.push(byte);
    out.push(control.end);
  }
}

/** A module of functions without results, over an imported memory and one imported int32 constant. */
export class ModuleBuilder {
  private readonly functions: FunctionBuilder[] = [];
  private readonly exported: (readonly [name: string, index: number])[] = [];

  /** Adds a function, exported if it is given a name. Returns the index by which it is called. */
  add(body: FunctionBuilder, name?: string): number {
    const index = this.functions.push(body) - 1;
    if (name !== undefined) this.exported.push([name, index]);
    return index;
  }

  /**
   * The module's bytes. It imports `e.m`, a memory of any size (`shared` as stated), and `e.s`, an int32 global that is
   * global number 0.
   */
  encode(shared: boolean): Uint8Array<ArrayBuffer> {
    const out: number[] = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const section = (id: number, fill: (body: number[]) => void): void => {
      const body: number[] = [];
      fill(body);
      out.push(id);
      unsigned(out, body.length);
      for (const byte of body) out.push(byte);
    };
    const types = new Map<string, { index: number; params: readonly ValueType[] }>();
    const typeOf = this.functions.map(({ params }) => {
      const key = params.join();
      if (!types.has(key)) types.set(key, { index: types.size, params });
      return types.get(key)!.index;
    });
    section(1, (body) => {
      unsigned(body, types.size);
      for (const { params } of types.values()) {
        body.push(0x60);
        unsigned(body, params.length);
        body.push(...params, 0);
      }
    });
    section(2, (body) => {
      body.push(2, 1, 0x65, 1, 0x6d, 0x02);
      if (shared) {
        body.push(0x03, 0);
        unsigned(body, 65536);
      } else body.push(0x00, 0);
      body.push(1, 0x65, 1, 0x73, 0x03, I32, 0);
    });
    section(3, (body) => {
      unsigned(body, typeOf.length);
      for (const index of typeOf) unsigned(body, index);
    });
    section(7, (body) => {
      unsigned(body, this.exported.length);
      for (const [name, index] of this.exported) {
        unsigned(body, name.length);
        for (let i = 0; i < name.length; i++) body.push(name.charCodeAt(i));
        body.push(0);
        unsigned(body, index);
      }
    });
    section(10, (body) => {
      unsigned(body, this.functions.length);
      for (const code of this.functions) code.encode(body);
    });
    return Uint8Array.from(out);
  }
}
