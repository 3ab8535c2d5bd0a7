/** A small encoder of WebAssembly's binary format: function bodies, and a module around them. */
import { control, f32, f64, I32, i32, i64, type ValueType, v128 } from "./opcodes.js";

/** Bytes that grow. */
class Bytes {
  private data = new Uint8Array(256);
  length = 0;

  push(byte: number): void {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = byte;
  }

  append(bytes: ArrayLike<number>): void {
    this.reserve(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Appends an unsigned number in LEB128. */
  unsigned(value: number): void {
    while (value > 0x7f) {
      this.push((value & 0x7f) | 0x80);
      value = Math.floor(value / 128);
    }
    this.push(value);
  }

  /** Appends a signed 32-bit number in LEB128. */
  signed(value: number): void {
    for (;;) {
      const byte = value & 0x7f;
      value >>= 7;
      if (value === (byte < 0x40 ? 0 : -1)) {
        this.push(byte);
        return;
      }
      this.push(byte | 0x80);
    }
  }

  /** Appends a signed 64-bit number in LEB128. */
  signed64(value: bigint): void {
    for (;;) {
      const byte = Number(value & 0x7fn);
      value >>= 7n;
      if (value === (byte < 0x40 ? 0n : -1n)) {
        this.push(byte);
        return;
      }
      this.push(byte | 0x80);
    }
  }

  /** What was appended, valid until more is. */
  view(): Uint8Array<ArrayBuffer> {
    return this.data.subarray(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.data.length) return;
    const larger = new Uint8Array(2 * (this.length + more));
    larger.set(this.view());
    this.data = larger;
  }
}

/** The type of a block that leaves nothing. */
const NOTHING = 0x40;

const scratch = new DataView(new ArrayBuffer(8));

/** The code of one function, appended instruction by instruction; also hands out its locals. */
export class FunctionBuilder {
  private readonly code = new Bytes();
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
        this.code.unsigned(opcode & 0xfff);
      }
    }
  }

  get(local: number): void {
    this.code.push(control.localGet);
    this.code.unsigned(local);
  }
  set(local: number): void {
    this.code.push(control.localSet);
    this.code.unsigned(local);
  }
  tee(local: number): void {
    this.code.push(control.localTee);
    this.code.unsigned(local);
  }
  globalGet(index: number): void {
    this.code.push(control.globalGet);
    this.code.unsigned(index);
  }

  i32(value: number): void {
    this.code.push(i32.const);
    this.code.signed(value | 0);
  }
  i64(value: bigint): void {
    this.code.push(i64.const);
    this.code.signed64(BigInt.asIntN(64, value));
  }
  f32(value: number): void {
    scratch.setFloat32(0, value, true);
    this.code.push(f32.const);
    this.code.append(new Uint8Array(scratch.buffer, 0, 4));
  }
  f64(value: number): void {
    scratch.setFloat64(0, value, true);
    this.code.push(f64.const);
    this.code.append(new Uint8Array(scratch.buffer));
  }
  v128(bytes: ArrayLike<number>): void {
    this.op(v128.const);
    this.code.append(bytes);
  }

  /** A load or store at an offset ≥ 0 past the address on the stack. Promises no alignment. */
  memory(opcode: number, offset = 0): void {
    this.op(opcode);
    this.code.push(0);
    this.code.unsigned(offset);
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
    this.code.append(bytes);
  }

  /** `local += value`. */
  increment(local: number, value: number): void {
    this.get(local);
    this.i32(value);
    this.op(i32.add);
    this.set(local);
  }

  /** The body goes round again by branching to depth 0. */
  loop(body: () => void): void {
    this.code.push(control.loop);
    this.code.push(NOTHING);
    body();
    this.code.push(control.end);
  }
  /** Pops an int32; both arms leave a value of type `result` if there is one. */
  if(result: ValueType | undefined, then: () => void, otherwise?: () => void): void {
    this.code.push(control.if);
    this.code.push(result ?? NOTHING);
    then();
    if (otherwise) {
      this.code.push(control.else);
      otherwise();
    }
    this.code.push(control.end);
  }
  brIf(depth: number): void {
    this.code.push(control.brIf);
    this.code.push(depth);
  }
  call(index: number): void {
    this.code.push(control.call);
    this.code.unsigned(index);
  }

  /** Locals and code with their length in front, as the code section wants them. */
  encode(out: Bytes): void {
    const head = new Bytes();
    let groups = 0;
    for (let i = 0; i < this.locals.length; groups++) {
      let end = i;
      while (end < this.locals.length && this.locals[end] === this.locals[i]) end++;
      head.unsigned(end - i);
      head.push(this.locals[i]!);
      i = end;
    }
    const count = new Bytes();
    count.unsigned(groups);
    out.unsigned(count.length + head.length + this.code.length + 1);
    for (const part of [count, head, this.code]) out.append(part.view());
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
    const out = new Bytes();
    out.append([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, fill: (body: Bytes) => void): void => {
      const body = new Bytes();
      fill(body);
      out.push(id);
      out.unsigned(body.length);
      out.append(body.view());
    };
    const types = new Map<string, { index: number; params: readonly ValueType[] }>();
    const typeOf = this.functions.map(({ params }) => {
      const key = params.join();
      if (!types.has(key)) types.set(key, { index: types.size, params });
      return types.get(key)!.index;
    });
    section(1, (body) => {
      body.unsigned(types.size);
      for (const { params } of types.values()) {
        body.push(0x60);
        body.unsigned(params.length);
        body.append([...params, 0]);
      }
    });
    section(2, (body) => {
      body.append([2, 1, 0x65, 1, 0x6d, 0x02]);
      if (shared) {
        body.append([0x03, 0]);
        body.unsigned(65536);
      } else body.append([0x00, 0]);
      body.append([1, 0x65, 1, 0x73, 0x03, I32, 0]);
    });
    section(3, (body) => {
      body.unsigned(typeOf.length);
      for (const index of typeOf) body.unsigned(index);
    });
    section(7, (body) => {
      body.unsigned(this.exported.length);
      for (const [name, index] of this.exported) {
        body.unsigned(name.length);
        for (let i = 0; i < name.length; i++) body.push(name.charCodeAt(i));
        body.push(0);
        body.unsigned(index);
      }
    });
    section(10, (body) => {
      body.unsigned(this.functions.length);
      for (const code of this.functions) code.encode(body);
    });
    return out.view();
  }
}
