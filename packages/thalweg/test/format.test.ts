import { expect, test } from "vitest";
import { allocate, type DType } from "../src/dtype.js";
import { formatTensor } from "../src/tensor/format.js";
import fixture from "./fixtures/format.json" with { type: "json" };

interface Case {
  shape: number[];
  dtype: DType;
  text: string;
  suffix?: string;
  data?: (number | string)[];
  /** data[i] = (i % period - shift) * scale */
  ramp?: { period: number; shift: number; scale: number };
}

test.each(fixture.cases as Case[])(
  "prints what PyTorch prints: $text",
  ({ shape, dtype, text, suffix, data, ramp }) => {
    const values = allocate(
      dtype,
      shape.reduce((product, size) => product * size, 1),
    );
    if (ramp) for (let i = 0; i < values.length; i++) values[i] = ((i % ramp.period) - ramp.shift) * ramp.scale;
    else values.set(data!.map(Number));
    expect(formatTensor({ data: values, shape, dtype, ...(suffix ? { suffix } : {}) })).toBe(text);
  },
);
