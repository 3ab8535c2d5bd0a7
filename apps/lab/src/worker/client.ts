/** The page's end of the line to a worker: newer requests make older ones of their kind void. */
import type { Answer, FromWorker, Request, ToWorker } from "./protocol.js";

/** A worker that answers the latest request of each kind. */
export class Line {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private id = 0;
  private readonly listeners = new Map<Request["kind"], { id: number; onAnswer: (answer: Answer) => void }>();

  constructor(private readonly onFailure: (message: string) => void) {
    this.worker.onmessage = ({ data: { id, answer } }: MessageEvent<FromWorker>) => {
      for (const listener of this.listeners.values()) if (listener.id === id) listener.onAnswer(answer);
    };
    this.worker.onerror = (event) => this.onFailure(event.message);
  }

  /** Asks; `onAnswer` is called with each piece until something else of the kind is asked. */
  ask(request: Request, onAnswer: (answer: Answer) => void): void {
    const id = ++this.id;
    this.listeners.set(request.kind, { id, onAnswer });
    this.worker.postMessage({ id, request } satisfies ToWorker);
  }
}
