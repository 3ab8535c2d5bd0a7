import { describe, expect, it } from "vitest";
import * as E from "../../src/kernels/expression.js";
import type { Expr } from "../../src/kernels/kernel.js";

const float32 = E.constant("float32", 1.5);
const float64 = E.constant("float64", 1.5);
const int32 = E.constant("int32", 3);
const int64 = E.constant("int64", 3n);
const bool = E.constant("bool", 1);

describe("types are inferred", () => {
  it.each<[string, Expr, string]>([
    ["add of float32", E.add(float32, float32), "float32"],
    ["div of float64", E.div(float64, float64), "float64"],
    ["min of int32", E.min(int32, int32), "int32"],
    ["mul of int64", E.mul(int64, int64), "int64"],
    ["sqrt", E.sqrt(float32), "float32"],
    ["a comparison", E.lt(float32, float32), "bool"],
    ["a comparison of int64", E.eq(int64, int64), "bool"],
    ["and of bool", E.and(bool, bool), "bool"],
    ["not of int32", E.not(int32), "int32"],
    ["a shift", E.shl(int64, 52), "int64"],
    ["a choice", E.select(bool, int32, int32), "int32"],
    ["a cast", E.cast("bool", float64), "bool"],
    ["a bitcast", E.bitcast("int64", float64), "int64"],
    ["a load", E.load({ buffer: 0, dtype: "bool", offset: 0, strides: [] }), "bool"],
    ["a gather", E.gather({ buffer: 0, dtype: "float64", offset: 0, strides: [] }, int32, 1, 4), "float64"],
    ["a position", E.position(0, [1]), "int32"],
    ["any operation", E.apply("add", "float32", float32, float32), "float32"],
  ])("%s", (_, expr, type) => {
    expect(expr.type).toBe(type);
  });
});

describe("what does not go together throws", () => {
  it.each<[string, () => Expr, string]>([
    ["two types", () => E.add(float32, float64), "add(float32, float64)"],
    ["div of int32", () => E.div(int32, int32), "div(int32, int32)"],
    ["sqrt of int32", () => E.sqrt(int32), "sqrt(int32)"],
    ["add of bool", () => E.add(bool, bool), "add(bool, bool)"],
    ["and of floats", () => E.and(float32, float32), "and(float32, float32)"],
    ["a comparison of bools", () => E.lt(bool, bool), "lt(bool, bool)"],
    ["a choice by a number", () => E.select(int32, float32, float32), "select(int32, float32, float32)"],
    ["a choice between types", () => E.select(bool, float32, int32), "select(bool, float32, int32)"],
    ["a shift by an expression", () => E.apply("shl", "int32", int32, E.neg(int32)), "shl(int32, int32)"],
    ["a bitcast between sizes", () => E.bitcast("int64", float32), "bitcast(float32)"],
    ["int64 from float32", () => E.cast("int64", float32), "cast(float32)"],
    ["bool from int64", () => E.cast("bool", int64), "cast(int64)"],
    ["a result of another type", () => E.apply("lt", "float32", float32, float32), "gives bool, not float32"],
    ["an argument too many", () => E.apply("neg", "float32", float32, float32), "takes 1 arguments"],
    ["a bigint that is not int64", () => E.constant("int32", 1n), "cannot be a int32"],
    ["a number that is int64", () => E.constant("int64", 1), "cannot be a int64"],
    [
      "an index that is not int32",
      () => E.gather({ buffer: 0, dtype: "float32", offset: 0, strides: [] }, float32, 1, 4),
      "gather(float32)",
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});

it("leaves a cast to the same type out", () => {
  expect(E.cast("float32", float32)).toBe(float32);
  expect(E.bitcast("float64", float64)).toBe(float64);
});

it("rounds float32 constants to float32", () => {
  expect(E.constant("float32", 0.1).value).toBe(Math.fround(0.1));
});

it("writes greater as less with the arguments exchanged", () => {
  expect(E.gt(float32, E.neg(float32))).toEqual(E.lt(E.neg(float32), float32));
  expect(E.ge(float32, E.neg(float32))).toEqual(E.le(E.neg(float32), float32));
});
