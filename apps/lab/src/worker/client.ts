/** The page's end of the line to a worker: newer requests make older ones void. */
import type { Answer, FromWorker, Request, ToWorker } from "./protocol.js";

/** A worker that answers the latest request. */
export class Line {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private id = 0;
  private onAnswer: ((answer: Answer) => void) | null = null;

  constructor(private readonly onFailure: (message: string) => void) {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.id === this.id) this.onAnswer?.(data.answer);
    };
    this.worker.onerror = (event) => this.onFailure(event.message);
  }

  /** Asks; `onAnswer` is called with each piece until something else is asked. */
  ask(request: Request, onAnswer: (answer: Answer) => void): void {
    this.id++;
    this.onAnswer = onAnswer;
    this.worker.postMessage({ id: this.id, request } satisfies ToWorker);
  }
}
