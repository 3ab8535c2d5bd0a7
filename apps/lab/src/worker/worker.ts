/** Everything that the page computes is computed here, by Thalweg, away from the page's own thread. */
import type { Answer, FromWorker, Request, ToWorker } from "./protocol.js";
import { answer } from "./scene.js";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
/** The latest request of each kind: a newer one takes over from an older one of its kind. */
const latest = new Map<Request["kind"], number>();

scope.onmessage = async ({ data: { id, request } }: MessageEvent<ToWorker>) => {
  latest.set(request.kind, id);
  for (const piece of answer(request)) {
    if (piece !== null) scope.postMessage({ id, answer: piece } satisfies FromWorker, moved(piece));
    // A turn of the event loop: a newer request that waits becomes the latest.
    await turn();
    if (latest.get(request.kind) !== id) return;
  }
};

/** Pixels change hands instead of being copied. */
function moved(piece: Answer): Transferable[] {
  if (piece.kind !== "ground") return [];
  const { pixels, depth } = piece;
  return depth === null ? [pixels.data.buffer] : [pixels.data.buffer, depth.away.buffer];
}

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** The next turn of the event loop, without a timer's delay. */
const turn = () =>
  new Promise<void>((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
