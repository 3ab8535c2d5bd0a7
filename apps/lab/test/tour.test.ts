import { describe, expect, it } from "vitest";
import { linesOf, numbersOf } from "../src/core/inside.js";
import { PathRun, type Track } from "../src/core/path.js";
import { fromHash, toHash } from "../src/core/state.js";
import { surfaceOf } from "../src/core/surfaces.js";
import { TOUR } from "../src/core/tour.js";

/** The tracks of a stop, as the page computes them. */
function tracksOf(stop: number): Track[] {
  const { surface, formula, start, runners, steps } = TOUR[stop]!.state;
  return runners.map((runner) => {
    const run = new PathRun(surfaceOf(surface, formula), start, runner);
    run.advance(steps);
    return run.track;
  });
}

const distance = ({ positions }: Track, step: number) => Math.hypot(positions[2 * step]!, positions[2 * step + 1]!);

/** What each stop of the tour claims, in the numbers of its own run. */
const claims: ((tracks: Track[]) => void)[] = [
  function bouncesAndWouldDiverge([sgd]) {
    const ys = Array.from({ length: 20 }, (_, i) => sgd!.positions[2 * i + 1]!);
    expect(ys.every((y, i) => i === 0 || Math.sign(y) !== Math.sign(ys[i - 1]!))).toBe(true);
    const larger = new PathRun(surfaceOf("ravine"), [-9, 1.7], { rule: "SGD", options: { lr: 0.41 } });
    larger.advance(100);
    expect(larger.track.losses.at(-1)).toBeGreaterThan(larger.track.losses[0]!);
  },
  function signsMislead([rprop, sgd]) {
    expect(distance(sgd!, 200)).toBeLessThan(distance(sgd!, 0));
    expect(distance(rprop!, 200)).toBeGreaterThan(3 * distance(sgd!, 200));
  },
  function stepsNeverRecover([adagrad, rmsprop]) {
    const sizes = adagrad!.stepSizes.filter((_, i) => i % 2 === 0);
    expect(sizes.every((size, i) => i === 0 || size <= sizes[i - 1]!)).toBe(true);
    const free = rmsprop!.stepSizes.filter((_, i) => i % 2 === 0);
    expect(Math.max(...free.slice(100))).toBeGreaterThan(2 * Math.min(...free.slice(0, 100)));
  },
  function bothMoveAlike([sgd, rmsprop]) {
    expect(rmsprop!.losses[45]).toBeLessThan(sgd!.losses[45]! / 10);
    const n = [0, 1].map((c) => Math.abs(numbersOf(rmsprop!, 1, c as 0 | 1)!.update));
    const g = [0, 1].map((c) => Math.abs(numbersOf(rmsprop!, 1, c as 0 | 1)!.gradient));
    expect(Math.max(...n) / Math.min(...n)).toBeLessThan(1.001);
    expect(Math.max(...g) / Math.min(...g)).toBeGreaterThan(9);
  },
  function memorySetsStepLengths([short, , long]) {
    const length = (track: Track, i: number) =>
      Math.hypot(
        track.positions[2 * i + 2]! - track.positions[2 * i]!,
        track.positions[2 * i + 3]! - track.positions[2 * i + 1]!,
      );
    expect(length(long!, 0)).toBeGreaterThan(5 * length(short!, 0));
    const late = (track: Track) => Math.max(...Array.from({ length: 20 }, (_, i) => length(track, 129 + i)));
    expect(late(short!)).toBeGreaterThan(length(short!, 0) / 2);
    expect(late(long!)).toBeLessThan(late(short!) / 10);
  },
  function epsAndDialects([pytorch, tensorflow, large]) {
    const moved = (track: Track) => Math.hypot(track.positions[80]! + 2.5, track.positions[81]! - 1);
    expect(moved(pytorch!)).toBeGreaterThan(5 * moved(tensorflow!));
    expect(moved(pytorch!)).toBeGreaterThan(5 * moved(large!));
  },
  function momentumAndCentering([plain, momentum, centered]) {
    expect(momentum!.losses[400]).toBeLessThan(plain!.losses[400]!);
    const sizes = (track: Track) => track.stepSizes[2 * 300]!;
    expect(sizes(centered!)).toBeGreaterThan(sizes(plain!));
  },
  function rareGradientsGetLongSteps([rmsprop, adagrad]) {
    const jumps = (track: Track) =>
      Array.from({ length: 199 }, (_, i) => Math.abs(track.positions[2 * i + 3]! - track.positions[2 * i + 1]!)).filter(
        (_, i) => track.gradients[2 * i + 1] !== 0,
      );
    const late = (xs: number[]) => Math.max(...xs.slice(-8));
    expect(late(jumps(rmsprop!))).toBeGreaterThan(0.2);
    expect(late(jumps(adagrad!))).toBeLessThan(late(jumps(rmsprop!)) / 3);
  },
  function firstSteps([rmsprop, adam]) {
    const first = (track: Track) => Math.abs(track.positions[3]! - track.positions[1]!);
    expect(first(rmsprop!)).toBeCloseTo(0.1 / Math.sqrt(0.1), 4);
    expect(first(adam!)).toBeCloseTo(0.1, 4);
  },
  function circlesWhereDescentSettles([rmsprop, sgd]) {
    expect(Math.max(...rmsprop!.losses.slice(-20))).toBeGreaterThan(1e-3);
    expect(Math.max(...sgd!.losses.slice(-20))).toBeLessThan(1e-6);
  },
];

describe("the guided tour", () => {
  it("has ten stops, each with two sentences or so in both languages and a state that an address holds", () => {
    expect(TOUR).toHaveLength(10);
    for (const { title, text, state } of TOUR) {
      expect(title.en && title.zh).toBeTruthy();
      expect(text.en.split(/[.:?] /).length).toBeLessThanOrEqual(4);
      expect(text.zh).toMatch(/[\u4e00-\u9fff]/);
      expect(fromHash(toHash(state))).toEqual(state);
    }
  });

  claims.forEach((claim, stop) => {
    it(`stop ${stop + 1}, ${TOUR[stop]!.title.en}: the run shows it (${claim.name})`, () => claim(tracksOf(stop)));
  });
});

describe("a step in numbers", () => {
  const show = (x: number, inside = false) => (inside && x < 0 ? `(${x})` : String(x));
  it("the formula's right side is what the library computed", () => {
    const run = new PathRun(surfaceOf("ravine"), [-9, 1.7], { rule: "RMSprop", options: { lr: 0.25, alpha: 0.9 } });
    run.advance(5);
    for (const coordinate of [0, 1] as const) {
      const numbers = numbersOf(run.track, 4, coordinate)!;
      const lines = linesOf(run.track, numbers, "x", 4, show)!;
      expect(lines).toHaveLength(3);
      const v = numbers.state.squareAvg!;
      expect(0.9 * v.before + 0.1 * numbers.gradient ** 2).toBeCloseTo(v.after, 5);
      expect(lines[0]).toContain(`= ${v.after}`);
      expect(numbers.position - numbers.stepSize! * numbers.gradient).toBeCloseTo(numbers.next, 5);
      expect(lines[2]).toContain(`= ${numbers.next}`);
    }
  });

  it("there is none before the first step and after the last", () => {
    const run = new PathRun(surfaceOf("ravine"), [-9, 1.7], { rule: "SGD", options: {} });
    run.advance(2);
    expect(numbersOf(run.track, 0, 0)).toBeNull();
    expect(numbersOf(run.track, 3, 0)).toBeNull();
    expect(numbersOf(run.track, 1, 1)?.position).toBeCloseTo(1.7, 6);
  });
});
