import { configure, DeviceError, manualSeed, randn } from "thalweg";
import { expect, test } from "vitest";

const product = (): number[] => {
  manualSeed(3);
  return Array.from(
    randn([37, 300])
      .matmul(randn([300, 45]))
      .relu()
      .dataSync(),
    Number,
  );
};

const engine = Number.parseInt(process.versions.v8, 10);

test("vectors of 256 bits: the same bits where they can be had, else an error that says why", () => {
  const expected = product();
  if (process.arch === "x64" && engine >= 13) {
    configure({ wide: true });
    expect(product()).toEqual(expected);
    configure({ wide: false });
  } else {
    expect(() => configure({ wide: true })).toThrow(DeviceError);
    expect(() => configure({ wide: true })).toThrow(/^configure: wide kernels cannot be had: they need/);
  }
  expect(product()).toEqual(expected);
});
