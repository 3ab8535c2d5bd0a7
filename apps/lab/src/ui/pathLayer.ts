/** The paths on a canvas over the ground. Playing adds to what is drawn: a frame costs what its own steps cost. */
import type { Track } from "../core/path.js";
import { colour, DASHES, runnerColour } from "./palette.js";
import type { Placing } from "./projection.js";
import { lossAt, positionAt } from "./store.js";

/** Up to so many steps each has a dot. */
const DOTTED = 200;
/** Shorter ways, in pixels, are not drawn: thousands of steps near a minimum are one point. */
const SHORTEST = 0.6;

/** How far one path has been drawn. */
interface Pen {
  step: number;
  x: number;
  y: number;
  /** Pixels drawn, so that dashes go on where they stopped. */
  length: number;
  lost: boolean;
}

export class PathLayer {
  private pens: Pen[] = [];
  private drawn = Number.POSITIVE_INFINITY;

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly placing: Placing,
    private readonly tracks: readonly Track[],
    private readonly width: number,
    private readonly height: number,
  ) {}

  /** Draws all paths up to a step. */
  draw(step: number): void {
    this.context.clearRect(0, 0, this.width, this.height);
    this.pens = this.tracks.map((track) => {
      const [x, y] = this.placing.project(...positionAt(track, 0), lossAt(track, 0));
      return { step: 0, x, y, length: 0, lost: !inReach(x, y) };
    });
    this.advance(step);
  }

  /** Draws what has come since, or everything if the step lies before. */
  extend(step: number): void {
    if (step < this.drawn) this.draw(step);
    else this.advance(step);
  }

  private advance(step: number): void {
    this.tracks.forEach((track, i) => {
      this.lengthen(track, this.pens[i]!, Math.min(step, track.steps), i);
    });
    this.drawn = step;
  }

  private lengthen(track: Track, pen: Pen, last: number, i: number): void {
    if (pen.lost || last <= pen.step) return;
    const { context, placing } = this;
    const before = { ...pen };
    const line = new Path2D();
    const covered = new Path2D();
    const dots = new Path2D();
    line.moveTo(pen.x, pen.y);
    for (let s = pen.step + 1; s <= last; s++) {
      const [x, y] = positionAt(track, s);
      const loss = track.losses[s]!;
      const [px, py] = placing.project(x, y, loss);
      // Canvases lose their way far outside.
      if (!inReach(px, py)) {
        pen.lost = true;
        break;
      }
      pen.step = s;
      const way = Math.hypot(px - pen.x, py - pen.y);
      if (way < SHORTEST && s < track.steps) continue;
      if (placing.hidden(x, y, loss)) {
        covered.moveTo(pen.x, pen.y);
        covered.lineTo(px, py);
        line.moveTo(px, py);
      } else {
        line.lineTo(px, py);
        if (s <= DOTTED) {
          dots.moveTo(px + 2.4, py);
          dots.arc(px, py, 2.4, 0, 2 * Math.PI);
        }
      }
      [pen.x, pen.y] = [px, py];
      pen.length += way;
    }
    context.lineJoin = context.lineCap = "round";
    context.strokeStyle = context.fillStyle = runnerColour(i);
    context.lineWidth = 2.25;
    context.setLineDash([...DASHES[i % DASHES.length]!]);
    context.lineDashOffset = before.length;
    context.stroke(line);
    context.globalAlpha = 0.3;
    context.stroke(covered);
    context.globalAlpha = 1;
    context.setLineDash([]);
    context.fill(dots);
    // The halo lies beneath all that is drawn, so that it covers no path.
    context.globalCompositeOperation = "destination-over";
    context.strokeStyle = colour("--halo");
    context.lineWidth = 4.5;
    context.stroke(line);
    context.globalCompositeOperation = "source-over";
  }
}

const inReach = (x: number, y: number): boolean => Math.abs(x) < 1e5 && Math.abs(y) < 1e5;
