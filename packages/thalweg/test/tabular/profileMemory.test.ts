import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openTable, profile } from "thalweg/tabular";
import { expect, test } from "vitest";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const heldMegabytes = () => {
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

test("a profile does not hold on to the file's text, although it keeps values from everywhere in it", async () => {
  // 60 blocks of the file, each with a value of its own, long enough for engines to share it with the block's text.
  const filling = "x".repeat(10_000);
  const rows = Array.from(
    { length: 60 * 105 },
    (_, i) => `${i % 31},a city with number ${Math.floor(i / 105)},${filling}`,
  );
  const source = await openTable({
    name: "t.csv",
    data: new TextEncoder().encode(`n,city,filling\n${rows.join("\n")}\n`),
  });
  expect(source.bytes).toBeGreaterThan(60e6);
  rows.length = 0;
  const before = heldMegabytes();
  const profiles = await profile(source.columns, source.chunks());
  expect(profiles[1]!.values).toHaveLength(60);
  expect(heldMegabytes() - before).toBeLessThan(20);
});
