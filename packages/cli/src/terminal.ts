/** What is said, and where: results on standard output, everything else on standard error. */
import process from "node:process";
import { createLogUpdate } from "log-update";
import colors from "picocolors";

export interface TerminalOptions {
  readonly quiet: boolean;
  readonly json: boolean;
}

/** Milliseconds between two lines of progress where lines cannot be redrawn. */
const LINE_EVERY = 5000;

export class Terminal {
  private readonly redraw = createLogUpdate(process.stderr);
  private readonly live: boolean;
  private lastLine = 0;
  private drawn = false;
  readonly paint: ReturnType<typeof colors.createColors>;

  constructor(readonly options: TerminalOptions) {
    this.live = process.stderr.isTTY === true && !options.quiet;
    this.paint = colors.createColors(process.stderr.isTTY === true && process.stderr.hasColors?.() === true);
  }

  /** A line for the person at the keyboard. */
  say(text = ""): void {
    if (this.options.quiet) return;
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  /** A warning or an error: said even if all else is quiet. */
  complain(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  /** How far something has come: one line that is redrawn, or a line now and then. */
  progress(text: string): void {
    if (this.options.quiet) return;
    if (this.live) {
      this.redraw(text);
      this.drawn = true;
      return;
    }
    const now = performance.now();
    if (now - this.lastLine < LINE_EVERY) return;
    this.lastLine = now;
    process.stderr.write(`${text}\n`);
  }

  /** Takes the line of progress away. */
  clear(): void {
    if (!this.drawn) return;
    this.redraw.clear();
    this.drawn = false;
  }

  /** The result: text for people unless scripts asked for JSON. */
  result(json: unknown, text: string): void {
    this.clear();
    if (this.options.json) process.stdout.write(`${JSON.stringify(json)}\n`);
    else if (text !== "") process.stdout.write(`${text}\n`);
  }

  /** Part of a result for standard output; waits until it is taken, so that a slow reader's lines do not pile up. */
  print(text: string): Promise<void> {
    this.clear();
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error == null ? resolve() : reject(error)));
    });
  }

  get columns(): number {
    return Math.min(process.stderr.columns || 80, 110);
  }
}

const WIDTH = 24;

/** A bar of blocks. */
export function bar(share: number): string {
  const full = Math.round(Math.min(Math.max(share, 0), 1) * WIDTH);
  return `${"█".repeat(full)}${"░".repeat(WIDTH - full)}`;
}

/** A span of time in the units that one would say. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** A number with four digits that count. */
export function short(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (x !== 0 && (size < 1e-3 || size >= 1e6)) return x.toExponential(2);
  return String(Number(x.toPrecision(4)));
}

/** A count with its noun: "1 row", "392 rows". */
export const count = (n: number, noun: string): string => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
