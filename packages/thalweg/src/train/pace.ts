/** Gives the event loop a turn now and then, so that pages answer, signals arrive and progress is drawn. */
export class Pace {
  private last = performance.now();

  /** @param milliseconds - how long work may go on without a pause */
  constructor(private readonly milliseconds = 30) {}

  /** @param now - what `performance.now()` says */
  isDue(now = performance.now()): boolean {
    return now - this.last >= this.milliseconds;
  }

  /** Lets everything else have its turn. */
  async turn(): Promise<void> {
    await nextTurn();
    this.last = performance.now();
  }
}

/** Resolves in the next turn of the event loop: without a timer's least delay where there is a way. */
const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void };
    if (setImmediate !== undefined) setImmediate(resolve);
    else if (typeof MessageChannel !== "undefined") {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    } else setTimeout(resolve);
  });
