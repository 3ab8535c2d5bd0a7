import { fullLike, manualSeed, onesLike, rand, randLike, randn, randnLike, tensor, zerosLike } from "thalweg";
import { describe, expect, test } from "vitest";

describe.each(["float32", "float64"] as const)("like a tensor of %s", (dtype) => {
  const x = tensor([[1, 2, 3]], { dtype });

  test.each([
    ["zerosLike", zerosLike, 0],
    ["onesLike", onesLike, 1],
    ["fullLike", (y: typeof x) => fullLike(y, 2.5), 2.5],
  ] as const)("%s has its shape and dtype", (_, make, value) => {
    const made = make(x);
    expect([made.dtype, made.toArray()]).toEqual([dtype, [[value, value, value]]]);
  });

  test.each([
    ["randLike", randLike, rand],
    ["randnLike", randnLike, randn],
  ] as const)("%s draws what its namesake draws", (_, like, plain) => {
    manualSeed(4);
    const wanted = plain([1, 3], { dtype });
    manualSeed(4);
    const made = like(x, { requiresGrad: true });
    expect([made.dtype, made.requiresGrad, made.toArray()]).toEqual([dtype, true, wanted.toArray()]);
  });
});

test("a dtype that is given counts more than the tensor's", () => {
  expect(onesLike(tensor([1, 2]), { dtype: "int32" }).dtype).toBe("int32");
});
