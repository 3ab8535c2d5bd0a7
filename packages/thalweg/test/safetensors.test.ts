import fc from "fast-check";
import { eye, type Tensor, tensor } from "thalweg";
import { decode, encode, SafetensorsError } from "thalweg/safetensors";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/interchange.json" with { type: "json" };

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

/** A file with this header and this many bytes of data. */
function file(header: unknown, data = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (from: number, to: number, shape = [(to - from) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});

describe("decode", () => {
  const { tensors, metadata } = decode(bytesOf(fixture.file));
  const expectedDType: Record<string, string> = { float64: "float64", bool: "bool" };

  test("finds the tensors and the metadata that Python's safetensors has written", () => {
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(fixture.tensors).sort());
    expect(metadata).toEqual({ format: "pt", about: "every dtype" });
  });

  test.each(Object.entries(fixture.tensors))("reads %s bit for bit", (name, { shape, data }) => {
    const x = tensors[name]!;
    expect(x.shape).toEqual(shape);
    expect(x.dtype).toBe(expectedDType[name] ?? (name.includes("int") ? "int32" : "float32"));
    expect(Array.from(x.dataSync(), (v) => (Object.is(v, -0) ? "-0" : v))).toEqual(
      data.map((v: number | string) => (v === "-0" ? v : x.dtype === "float32" ? Math.fround(Number(v)) : Number(v))),
    );
  });

  test("refuses whole numbers that int32 does not hold", () => {
    expect(() => decode(bytesOf(fixture.tooLarge))).toThrow(/"index" has the value 2147483648/);
  });

  test("reads bytes that begin anywhere in their buffer", () => {
    const bytes = encode({ x: tensor([1, 2, 3], { dtype: "float64" }) });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decode(shifted.subarray(3)).tensors.x!.toArray()).toEqual([1, 2, 3]);
  });

  test("the tensors are ordinary ones", () => {
    const w = decode(encode({ w: eye(2) })).tensors.w!;
    w.requiresGrad = true;
    w.square().sum().backward();
    expect(w.grad!.toArray()).toEqual([
      [2, 0],
      [0, 2],
    ]);
  });

  const whole = encode({ a: tensor([1, 2]), b: tensor([3]) });
  const bad: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(0), /cut short: 0 bytes/],
    ["less than a length", new Uint8Array(7), /cut short: 7 bytes/],
    ["a header cut short", whole.subarray(0, 20), /cut short: its header ends at byte \d+, the file at byte 20/],
    ["data cut short", whole.subarray(0, -1), /cut short: its tensors need 12 bytes, it has 11/],
    ["bytes behind the end", new Uint8Array([...whole, 0]), /1 bytes behind its last tensor/],
    ["a picture", new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]), /no safetensors file/],
    ["a header that is a list", file("[]"), /must begin with \{/],
    ["a header with a space in front", file(" {}"), /must begin with \{/],
    ["a header that is no JSON", file("{x: 1}"), /no JSON/],
    ["a header that is no text", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff]), /no UTF-8/],
    [
      "a name twice",
      file(
        '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}',
        8,
      ),
      /name "a" twice/,
    ],
    [
      "a field twice",
      file('{"a":{"dtype":"F32","shape":[],"shape":[1],"data_offsets":[0,4]}}', 4),
      /name "shape" twice/,
    ],
    ["metadata that are no text", file({ __metadata__: { epoch: 3 } }), /"epoch" must be a string/],
    ["metadata that are a list", file({ __metadata__: [] }), /must be an object/],
    ["an entry that is a number", file({ a: 1 }), /"a" must be an object/],
    ["an entry with more fields", file({ a: { ...f32(0, 4), strides: [1] } }, 4), /strides besides/],
    ["an unknown dtype", file({ a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, 1), /dtype "F8_E4M3"/],
    [
      "a dtype from the prototype",
      file({ a: { dtype: "toString", shape: [], data_offsets: [0, 1] } }, 1),
      /dtype "toString"/,
    ],
    ["a negative size", file({ a: f32(0, 4, [-1]) }, 4), /shape of "a"/],
    ["a size that is no whole number", file({ a: f32(0, 4, [0.5]) }, 4), /shape of "a"/],
    ["no offsets", file({ a: { dtype: "F32", shape: [1] } }, 4), /data_offsets of "a"/],
    ["an offset below 0", file({ a: f32(-4, 0) }, 4), /data_offsets of "a"/],
    [
      "offsets and shape that disagree",
      file({ a: f32(0, 8, [3]) }, 8),
      /"a" has 8 bytes \(0 to 8\), but F32 of shape \[3\] needs 12/,
    ],
    ["offsets the wrong way round", file({ a: f32(4, 0, [1]) }, 4), /-4 bytes/],
    [
      "overlapping tensors",
      file({ a: f32(0, 8), b: f32(4, 12) }, 12),
      /"b" begins at byte 4 and overlaps "a", which ends at 8/,
    ],
    ["a hole between tensors", file({ a: f32(0, 4), b: f32(8, 12) }, 12), /bytes 4 to 8, between "a" and "b"/],
    ["a hole before the first", file({ a: f32(4, 8) }, 8), /bytes 0 to 4, between the header and "a"/],
  ];
  test.each(bad)("refuses %s and says what is wrong", (_, bytes, message) => {
    expect(() => decode(bytes)).toThrow(SafetensorsError);
    expect(() => decode(bytes)).toThrow(message);
  });

  test("any bytes at all are read or refused with a SafetensorsError", () => {
    const read = (bytes: Uint8Array): void => {
      try {
        decode(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
      }
    };
    fc.assert(
      fc.property(fc.json(), fc.nat(12), (header, data) => read(file(header, data))),
      { numRuns: 200 },
    );
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = whole.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        read(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe("encode", () => {
  const dtypes = ["float32", "float64", "int32", "bool"] as const;
  const anyTensor = fc
    .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(3), { maxLength: 3 }), seed: fc.integer() })
    .map(({ dtype, shape, seed }): Tensor => {
      const size = shape.reduce((a, b) => a * b, 1);
      const values = Array.from({ length: size }, (_, i) => Math.sin(seed + i) * 1e6);
      return tensor(Float64Array.from(values), { dtype }).reshape(shape);
    });

  test("what is encoded is decoded again, whatever the names, dtypes and shapes", () => {
    const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
    const property = fc.property(
      fc.dictionary(names, anyTensor),
      fc.dictionary(fc.string(), fc.string()),
      (tensors, metadata) => {
        const bytes = encode(tensors, metadata);
        const decoded = decode(bytes);
        const plain = (all: Record<string, Tensor>) =>
          Object.fromEntries(Object.entries(all).map(([name, x]) => [name, [x.dtype, x.shape, x.dataSync()]]));
        expect(plain(decoded.tensors)).toEqual(plain(tensors));
        expect({ ...decoded.metadata }).toEqual({ ...metadata });
        // Everything begins where its element's size asks for it.
        expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  test("writes, byte for byte, the file that Python's safetensors has read and compared", () => {
    const tensors = {
      "a.float32": tensor([
        [1.5, -0, Number.POSITIVE_INFINITY],
        [2 ** -149, 3.4e38, -1e-40],
      ]),
      "b.float64": tensor([Math.PI, -1e300, 5e-324], { dtype: "float64" }),
      "c.int32": tensor([2 ** 31 - 1, -(2 ** 31), 0], { dtype: "int32" }),
      "d.bool": tensor([true, false, true]),
      "e.scalar": tensor(7),
      "f.empty": tensor([]),
      'ünïcode "name"\n': tensor([1]),
    };
    expect(encode(tensors, { about: "every dtype", "": "empty name" })).toEqual(bytesOf(fixture.thalwegFile));
  });

  test("refuses a tensor called __metadata__, and metadata that are no text", () => {
    expect(() => encode({ __metadata__: tensor(1) })).toThrow(SafetensorsError);
    expect(() => encode({}, { epoch: 3 as unknown as string })).toThrow(/"epoch"/);
  });
});
