/** Everything that the page computes is computed here, by Thalweg, away from the page's own thread. */
import type { FromWorker, ToWorker } from "./protocol.js";
import { answer } from "./scene.js";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
let latest = 0;

scope.onmessage = async ({ data: { id, request } }: MessageEvent<ToWorker>) => {
  latest = id;
  for (const piece of answer(request)) {
    if (piece !== null) scope.postMessage({ id, answer: piece } satisfies FromWorker);
    // A turn of the event loop: a newer request that waits becomes the latest.
    await turn();
    if (latest !== id) return;
  }
};

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** The next turn of the event loop, without a timer's delay. */
const turn = () =>
  new Promise<void>((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
