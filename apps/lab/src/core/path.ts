/** One rule's way over a surface, step by step, with all that a step is made of. */
import { cat, type Tensor } from "thalweg";
import { optimizerOf, parameterAt, type Runner } from "./rules.js";
import type { Surface } from "./surfaces.js";

/** What is kept of each step, as rows of numbers: two for each name but `loss`. */
export interface Track {
  readonly runner: Runner;
  /** Steps in it. Row i of an array belongs to the step from position i to position i + 1. */
  steps: number;
  /** x, y before each step, and after the last: 2 · (steps + 1) numbers. */
  readonly positions: number[];
  /** The surface's value at each position: steps + 1 numbers. */
  readonly losses: number[];
  readonly gradients: number[];
  /** Effective step sizes; empty for rules without that notion. */
  readonly stepSizes: number[];
  /** What the rule remembers after each step, by its name. Numbers that are one for both coordinates stand twice. */
  readonly state: Readonly<Record<string, number[]>>;
  /** The first step after which a position is not finite; the path ends there. */
  readonly diverged: number | null;
}

/** Runs a rule on a surface; {@link advance} adds steps, and {@link track} is what happened so far. */
export class PathRun {
  readonly track: Track & { state: Record<string, number[]>; diverged: number | null };
  private readonly p: Tensor;
  private readonly optimizer: ReturnType<typeof optimizerOf>;
  private names: string[] | null = null;

  constructor(
    private readonly surface: Surface,
    start: readonly [number, number],
    runner: Runner,
  ) {
    this.p = parameterAt(start);
    this.optimizer = optimizerOf(runner, [this.p]);
    const loss = surface.evaluate(this.p.detach()).item() as number;
    const at = [...this.p.dataSync()];
    this.track = {
      runner,
      steps: 0,
      positions: at,
      losses: [loss],
      gradients: [],
      stepSizes: [],
      state: {},
      diverged: null,
    };
  }

  /** Makes up to `steps` more steps; fewer if the path leaves what numbers can hold. */
  advance(steps: number): void {
    for (let i = 0; i < steps && this.track.diverged === null; i++) this.step();
  }

  private step(): void {
    const { track, p, surface, optimizer } = this;
    const lossAt = surface.sample ?? surface.evaluate;
    const closure = () => {
      optimizer.zeroGrad();
      const loss = lossAt(p);
      loss.backward();
      return loss;
    };
    // Rules that look for the best step size themselves evaluate the surface as often as they like.
    if (track.runner.rule === "LBFGS") (optimizer as unknown as { step(f: () => Tensor): void }).step(closure);
    else {
      closure();
      optimizer.step();
    }
    const gradient = p.grad!;
    const report = optimizer.report(p);
    const state = Object.entries(report?.state ?? {}).filter(([, x]) => x.numel === 2 || x.numel === 1);
    const two = (x: Tensor) => (x.numel === 2 ? x.reshape([2]) : x.reshape([1]).expand([2])).detach().to("float32");
    // One array to read instead of many: a step's cost is mostly the reading.
    const parts = [p.detach(), surface.evaluate(p.detach()).reshape([1]), gradient.detach()];
    if (report !== null) parts.push(two(report.stepSize));
    for (const [, x] of state) parts.push(two(x));
    const row = cat(parts, 0).dataSync();

    this.names ??= state.map(([name]) => name);
    track.positions.push(row[0]!, row[1]!);
    track.losses.push(row[2]!);
    track.gradients.push(row[3]!, row[4]!);
    let next = 5;
    if (report !== null) {
      track.stepSizes.push(row[next]!, row[next + 1]!);
      next += 2;
    }
    for (const [name] of state) {
      // A state that appears late was zero before.
      let rows = track.state[name];
      if (rows === undefined) rows = track.state[name] = new Array<number>(2 * track.steps).fill(0);
      rows.push(row[next]!, row[next + 1]!);
      next += 2;
    }
    track.steps++;
    if (!Number.isFinite(row[0]!) || !Number.isFinite(row[1]!)) track.diverged = track.steps;
  }
}
