import { data, type Tensor, tensor } from "thalweg";
import { expect, it } from "vitest";

const { prefetch } = data;

/** Batches 0, 1, … that take their time, and a record of what was asked for when. */
function slow(count: number, failAt = -1) {
  const log: string[] = [];
  return {
    log,
    length: count,
    async *[Symbol.asyncIterator](): AsyncGenerator<readonly Tensor[]> {
      try {
        for (let i = 0; i < count; i++) {
          log.push(`asked ${i}`);
          await new Promise((resolve) => setTimeout(resolve, 2));
          if (i === failAt) throw new Error(`batch ${i} is lost`);
          yield [tensor([i])];
        }
      } finally {
        log.push("closed");
      }
    },
  };
}

const numbers = async (source: data.AsyncBatches, stopAt = Number.POSITIVE_INFINITY) => {
  const seen: number[] = [];
  for await (const [x] of source) {
    seen.push(x!.item() as number);
    if (seen.length === stopAt) break;
  }
  return seen;
};

it("gives the same batches in order, as many ahead as asked for", async () => {
  for (const ahead of [1, 2, 5]) {
    const source = slow(4);
    const ready = prefetch(source, ahead);
    expect(ready.length).toBe(4);
    expect(await numbers(ready)).toEqual([0, 1, 2, 3]);
    expect(await numbers(ready)).toEqual([0, 1, 2, 3]);
  }
});

it("asks for the next while one is worked on", async () => {
  const source = slow(6);
  const iterator = prefetch(source, 2)[Symbol.asyncIterator]();
  await iterator.next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  // The first is with its user, two more have been made.
  expect(source.log).toEqual(["asked 0", "asked 1", "asked 2"]);
  await iterator.return?.();
  expect(source.log.at(-1)).toBe("closed");
});

it("tells of a failure when its batch's turn comes, and closes the source when left early", async () => {
  const seen: number[] = [];
  const failing = (async () => {
    for await (const [x] of prefetch(slow(5, 2))) seen.push(x!.item() as number);
  })();
  await expect(failing).rejects.toThrow("batch 2 is lost");
  expect(seen).toEqual([0, 1]);
  const left = slow(100);
  expect(await numbers(prefetch(left), 3)).toEqual([0, 1, 2]);
  expect(left.log.at(-1)).toBe("closed");
  expect(() => prefetch(left, 0)).toThrow(/1 or more/);
});
