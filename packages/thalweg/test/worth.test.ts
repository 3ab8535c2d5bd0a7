import { expect, test } from "vitest";
import { Worth } from "../src/device/worth.js";

const MS = 1e6;

/** For how many milliseconds of work jobs are run alone before they are shared again. */
function alone(worth: Worth): number {
  let jobs = 0;
  while (!worth.wants(MS)) jobs++;
  return jobs;
}

test("helpers that save time are always wanted, a hiccup now and then included", () => {
  const worth = new Worth();
  for (let i = 0; i < 1000; i++) {
    expect(worth.wants(MS)).toBe(true);
    worth.note(i % 50 === 0 ? -4 * MS : 0.2 * MS);
  }
});

test("helpers that keep their caller waiting are left alone, for longer each time, and tried again", () => {
  const worth = new Worth();
  const rests = Array.from({ length: 8 }, () => {
    while (worth.wants(0)) worth.note(-MS);
    return alone(worth);
  });
  expect(rests).toEqual([20, 40, 80, 160, 320, 640, 640, 640]);
});

test("once the machine is quiet again, the next hiccups cost a short while only", () => {
  const worth = new Worth();
  for (let i = 0; i < 5; i++) {
    while (worth.wants(0)) worth.note(-MS);
    alone(worth);
  }
  for (let i = 0; i < 500; i++) worth.note(0.2 * MS);
  while (worth.wants(0)) worth.note(-MS);
  expect(alone(worth)).toBe(20);
});
