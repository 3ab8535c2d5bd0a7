/**
 * What the memory itself gives: WebAssembly kernels that move as many bytes as a step of the rule beside
 * them does (RMSProp: 20 a parameter) and compute next to nothing. `copy` reads one stream and writes another with 128-bit loads and
 * stores (the processor fetches what is about to be overwritten, so it moves half as much again); `bulk` is
 * the engine's own memory.copy; `streams` touches memory just as the update does, three streams read and two
 * of them written in place, which is the bound that counts.
 */
import { sparseFloor } from "./rows.mjs";
import { serve } from "./serve.mjs";

const [GET, SET, ADD, SUB, LT_U, BR_IF, LOOP, END, CONST] = [0x20, 0x21, 0x6a, 0x6b, 0x49, 0x0d, 0x03, 0x0b, 0x41];
const V128 = 0xfd;

const load = (offset) => [V128, 0x00, 4, offset];
const store = (offset) => [V128, 0x0b, 4, offset];
const addF32x4 = [V128, 0xe4, 0x01];
const advance = (local) => [GET, local, CONST, 0xc0, 0x00, ADD, SET, local]; // by 64 bytes
/** 64 bytes a turn while local 0 is below local `end`. */
const loop = (body, end) => [LOOP, 0x40, ...body, GET, 0, GET, end, LT_U, BR_IF, 0, END];
const OFFSETS = [0, 16, 32, 48];

// copy(source, target, sourceEnd)
const copyBody = loop(
  [...OFFSETS.flatMap((o) => [GET, 1, GET, 0, ...load(o), ...store(o)]), ...advance(0), ...advance(1)],
  2,
);
// bulk(source, target, sourceEnd)
const bulkBody = [GET, 1, GET, 0, GET, 2, GET, 0, SUB, 0xfc, 0x0a, 0, 0];
// streams(p, v, g, pEnd): p += g, v += g
const streamsBody = loop(
  [
    ...[0, 1].flatMap((target) =>
      OFFSETS.flatMap((o) => [GET, target, GET, target, ...load(o), GET, 2, ...load(o), ...addF32x4, ...store(o)]),
    ),
    ...[0, 1, 2].flatMap(advance),
  ],
  3,
);

const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const code = (body) => [...leb(body.length + 2), 0, ...body, END];
const name = (text) => [text.length, ...Buffer.from(text)];
const I32 = 0x7f;

function instantiate(bytes) {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) + 1 });
  const module = new Uint8Array(
    [
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [2, 0x60, 3, I32, I32, I32, 0, 0x60, 4, I32, I32, I32, I32, 0]),
      section(2, [1, ...name("m"), ...name("m"), 2, 0, 1]),
      section(3, [3, 0, 1, 0]),
      section(7, [3, ...name("copy"), 0, 0, ...name("streams"), 0, 1, ...name("bulk"), 0, 2]),
      section(10, [3, ...code(copyBody), ...code(streamsBody), ...code(bulkBody)]),
    ].flat(),
  );
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { m: { m: memory } });
  return { memory, .../** @type {any} */ (instance.exports) };
}

const down64 = (bytes) => Math.floor(bytes / 64) * 64;

const copyCase =
  (kernel) =>
  ({ n, bytes: perParameter = 20 }) => {
    const half = down64((n * perParameter) / 2);
    const { memory, [kernel]: copy } = instantiate(2 * half);
    const bytes = new Uint8Array(memory.buffer);
    for (let i = 0; i < half; i++) bytes[i] = i;
    const run = () => copy(0, half, half);
    return {
      check: () => {
        run();
        if (bytes[half + 777] !== (777 & 255) || bytes[2 * half - 1] !== bytes[half - 1]) throw new Error("not copied");
      },
      run,
    };
  };

function streamsCase({ n }) {
  const size = down64(n * 4);
  const { memory, streams } = instantiate(3 * size);
  const floats = new Float32Array(memory.buffer);
  floats.fill(1);
  const run = () => streams(0, size, 2 * size, size);
  return {
    check: () => {
      run();
      const ends = [0, size / 4 - 1, size / 4, size / 2 - 1].map((i) => floats[i]);
      if (ends.some((value) => value !== 2) || floats[size / 2] !== 1) throw new Error("not added");
    },
    run,
  };
}

const version = () => `V8 ${process.versions.v8}`;
await serve(
  { version },
  {
    copy: copyCase("copy"),
    bulk: copyCase("bulk"),
    streams: streamsCase,
    sparseFloor: sparseFloor(false),
    sparseStepFloor: sparseFloor(true),
  },
);
