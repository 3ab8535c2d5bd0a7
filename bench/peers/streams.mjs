/** Kernels that move memory and compute next to nothing. */

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

/** A memory of so many bytes, shared by threads or not. */
export function memoryOf(bytes, shared = false) {
  const initial = Math.ceil(bytes / 65536) + 1;
  return new WebAssembly.Memory(shared ? { initial, maximum: 65536, shared } : { initial });
}

/** The kernels above on a memory of {@link memoryOf}. */
export function instantiate(memory, shared = false) {
  const limits = shared ? [3, 1, ...leb(65536)] : [0, 1];
  const module = new Uint8Array(
    [
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [2, 0x60, 3, I32, I32, I32, 0, 0x60, 4, I32, I32, I32, I32, 0]),
      section(2, [1, ...name("m"), ...name("m"), 2, ...limits]),
      section(3, [3, 0, 1, 0]),
      section(7, [3, ...name("copy"), 0, 0, ...name("streams"), 0, 1, ...name("bulk"), 0, 2]),
      section(10, [3, ...code(copyBody), ...code(streamsBody), ...code(bulkBody)]),
    ].flat(),
  );
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { m: { m: memory } });
  return /** @type {any} */ (instance.exports);
}
