import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { configure, manualSeed, optim, randn, stats, tensor } from "thalweg";
import { afterEach, describe, expect, test } from "vitest";
import { line, loops } from "./support/trainingLoops.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

afterEach(() => configure({ backend: "wasm", eager: false, fuse: true }));

/** Bytes in use when nothing that can be collected is left. */
function heap(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What compiled code and type feedback may add to the heap between two looks, which are 1000 steps apart or more. */
const HEAP = 2 ** 20;
/** Idle values of a few kilobytes may wait in device memory until it is worth while to look for them. */
const HELD = 64 * 1024;

describe("memory is flat", () => {
  test.each(loops.map((loop) => [loop.name, loop] as const))(
    "%s",
    (_, { make, held = false, steps = [1000, 5000] }) => {
      const step = make();
      let i = 0;
      const look = (until: number) => {
        while (i < until) step(i++);
        const { bytesHeld, wasmBytes } = stats();
        return { bytesHeld, wasmBytes, heap: heap() };
      };
      const first = look(steps[0]);
      const second = look(steps[1]);
      const grown = (name: keyof typeof first) => second[name] - first[name];
      expect(grown("wasmBytes"), "bytes of WebAssembly memory").toBeLessThanOrEqual(held ? 2 ** 20 : 0);
      expect(grown("bytesHeld"), "bytes held in it").toBeLessThanOrEqual(held ? 2 ** 20 : HELD);
      expect(grown("heap"), "bytes on the heap").toBeLessThan(HEAP);
      step(i);
    },
  );

  test.each([
    ["eager", { eager: true }],
    ["in JavaScript", { backend: "javascript" }],
  ] as const)("%s", (_, way) => {
    configure(way);
    const step = line((loss) => loss.item())();
    for (let i = 0; i < 300; i++) step(i);
    const before = { ...stats(), heap: heap() };
    for (let i = 300; i < 1500; i++) step(i);
    expect(stats().bytesHeld - before.bytesHeld).toBeLessThanOrEqual(HELD);
    expect(stats().wasmBytes).toBe(before.wasmBytes);
    expect(heap() - before.heap).toBeLessThan(HEAP);
  });

  // Each batch is 200 KB of device memory that nobody gives back: the engine has to find out by itself.
  test("large batches from the heap, in a loop that never waits", () => {
    manualSeed(2);
    const W = randn([784, 10], { requiresGrad: true });
    const optimizer = new optim.RMSprop([W]);
    const most = { held: 0, wasm: 0, process: 0 };
    const train = (steps: number) => {
      Object.assign(most, { held: 0, wasm: 0, process: 0 });
      for (let i = 0; i < steps; i++) {
        const x = tensor(new Float32Array(64 * 784).fill(i % 7)).reshape([64, 784]);
        optimizer.zeroGrad();
        x.matmul(W).square().mean().backward();
        optimizer.step();
        const { bytesHeld, wasmBytes } = stats();
        most.held = Math.max(most.held, bytesHeld);
        most.wasm = Math.max(most.wasm, wasmBytes);
      }
      most.process = heap();
      return { ...most };
    };
    const first = train(700);
    const second = train(1400);
    expect(second.wasm).toBe(first.wasm);
    expect(second.held).toBeLessThanOrEqual(1.02 * first.held);
    expect(second.held).toBeLessThan(160 * 2 ** 20);
    expect(second.process - first.process).toBeLessThan(8 * 2 ** 20);
  });

  test("values of all sizes come and go", () => {
    manualSeed(3);
    const sizes = [10, 1000, 5000, 70_000, 200_000];
    const use = (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        const n = sizes[i % sizes.length]! + (i % 13);
        const x = tensor(new Float32Array(n).fill(1));
        x.requiresGrad = i % 2 === 0;
        const y = x.mul(2).add(1);
        if (x.requiresGrad) y.square().sum().backward();
        y.slice(0, 0, 5).dataSync();
      }
      return { held: stats().bytesHeld, wasm: stats().wasmBytes, heap: heap() };
    };
    use(500);
    const first = use(300);
    const second = use(1000);
    expect(second.wasm).toBe(first.wasm);
    expect(second.held).toBeLessThan(64 * 2 ** 20);
    expect(second.heap - first.heap).toBeLessThan(8 * 2 ** 20);
  });

  test("a value that a user holds outlives all that", () => {
    const held = tensor(new Float32Array(100_000).fill(3)).mul(2).realize();
    const big = tensor(new Float32Array(300_000).fill(4));
    big.sum().item();
    for (let i = 0; i < 800; i++) tensor(new Float32Array(50_000).fill(i)).sum().item();
    expect([held.sum().item(), held.slice(0, 99_999).item(), big.sum().item()]).toEqual([600_000, 6, 1_200_000]);
  });
});
