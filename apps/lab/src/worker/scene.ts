/** Answers requests piece by piece, so that a newer one can take over between two pieces. */
import { FormulaError } from "../core/formula.js";
import { PathRun } from "../core/path.js";
import { surfaceOf } from "../core/surfaces.js";
import { SweepRun } from "../core/sweep.js";
import { drawGround } from "./ground.js";
import type { Answer, Complaint, Request, SceneRequest, SweepRequest } from "./protocol.js";

/** Milliseconds of work between two looks for a newer request. */
const PIECE = 24;

/** The answers to a request, one after another. */
export function* answer(request: Request): Generator<Answer | null, void> {
  try {
    switch (request.kind) {
      case "scene":
        return yield* scene(request);
      case "ground":
        return yield drawGround(request);
      case "sweep":
        return yield* sweep(request);
    }
  } catch (error) {
    yield { kind: "complaint", complaint: complaintOf(error, null) };
  }
}

function complaintOf(error: unknown, runner: number | null): Complaint {
  if (error instanceof FormulaError) return { reason: error.reason, what: error.what, at: error.at, runner };
  const option = error instanceof Error && error.name === "OptionError";
  return {
    reason: option ? "option" : "other",
    what: error instanceof Error ? error.message : String(error),
    at: null,
    runner,
  };
}

function* scene({ surface: name, formula, start, runners, steps }: SceneRequest): Generator<Answer | null, void> {
  // A formula that cannot be read is no rule's fault.
  surfaceOf(name, formula);
  const runs: PathRun[] = [];
  for (const [i, runner] of runners.entries()) {
    try {
      // A surface of its own for each: noise begins anew, so that all rules get the same draws.
      runs.push(new PathRun(surfaceOf(name, formula), start, runner));
    } catch (error) {
      yield { kind: "complaint", complaint: complaintOf(error, i) };
      return;
    }
  }
  let told = 0;
  while (runs.some(({ track }) => track.steps < steps && track.diverged === null)) {
    const until = performance.now() + PIECE;
    while (performance.now() < until) {
      const behind = runs.filter(({ track }) => track.steps < steps && track.diverged === null);
      if (behind.length === 0) break;
      for (const run of behind) run.advance(Math.min(10, steps - run.track.steps));
    }
    const done = Math.min(...runs.map(({ track }) => (track.diverged === null ? track.steps : steps)));
    // Copying tracks costs in proportion to their length: told again when they have grown by a half.
    if (done >= steps || done > told * 1.5) {
      told = done;
      yield { kind: "tracks", tracks: runs.map(({ track }) => track), done: done >= steps };
    } else yield null;
  }
  if (told < steps) yield { kind: "tracks", tracks: runs.map(({ track }) => track), done: true };
}

function* sweep({ surface, formula, start, runner, x, y, steps, count }: SweepRequest): Generator<Answer | null, void> {
  const run = new SweepRun(surfaceOf(surface, formula), start, runner, x, y, count);
  const { xs, ys } = run;
  while (run.steps < steps) {
    const until = performance.now() + 2 * PIECE;
    while (run.steps < steps && performance.now() < until) run.advance(Math.min(5, steps - run.steps));
    yield { kind: "sweep", xs, ys, losses: run.measure(), steps: run.steps, done: run.steps >= steps };
  }
}
