import fc from "fast-check";
import { manualSeed, optim, randn, type Tensor, tensor, zeros } from "thalweg";
import { describe, expect, it } from "vitest";
import { FormulaError, parseFormula } from "../src/core/formula.js";
import { gridOf, levelsOf } from "../src/core/grid.js";
import { enlarged, moved, partOf } from "../src/core/part.js";
import { PathRun } from "../src/core/path.js";
import { pointUnder, projectionOf, reliefTerrain } from "../src/core/relief.js";
import { optimizerOf, optionsOf, parameterAt, RULE_NAMES } from "../src/core/rules.js";
import { fromHash, initialState, type LabState, LEAST_ZOOM, MOST_ZOOM, toHash } from "../src/core/state.js";
import { SURFACES, surfaceOf } from "../src/core/surfaces.js";
import { axisValues, fromSlider, SweepRun, sweepable, toSlider } from "../src/core/sweep.js";
import { linesOf, mapTerrain, refine } from "../src/core/terrain.js";

const at = (text: string, x: number, y: number) =>
  parseFormula(text)
    .evaluate(tensor([x, y], { dtype: "float64" }))
    .item() as number;

describe("a typed formula", () => {
  it.each([
    ["x^2 + 10*y^2", 2, 3, 94],
    ["-x^2", 3, 0, -9],
    ["2^x^2", 2, 0, 16],
    ["(x - 1) / (2 - y)", 4, 1, 3],
    ["1/x - 2", 4, 0, -1.75],
    ["sin(pi*x) + cos(y)*exp(-x)", 0.5, 0, 1 + Math.exp(-0.5)],
    ["max(x, 2*y) + min(x, 1) + abs(y)", 3, -4, 8],
    ["sqrt(x) + log(e*y) + tanh(0*x)", 16, 1, 5],
    ["x - y - 1", 5, 2, 2],
    ["+x*2e-1", 5, 0, 1],
  ])("%s at (%d, %d) is %d", (text, x, y, value) => {
    expect(at(text, x, y)).toBeCloseTo(value, 12);
  });

  it("has gradients, also of squares at negative numbers", () => {
    const p = tensor([-3, 0.5], { requiresGrad: true });
    parseFormula("x^2 + y^3").evaluate(p).backward();
    expect([...p.grad!.dataSync()]).toEqual([-6, 0.75]);
  });

  it.each([
    ["", "empty", null],
    ["x +", "syntax", 3],
    ["x + q", "name", 4],
    ["foo(x)", "function", 0],
    ["sin(x, y)", "arguments", 0],
    ["x + 'a'", "syntax", null],
    ["constructor(x)", "function", 0],
    ["toString", "name", 0],
    ["[x]", "syntax", null],
  ] as const)("%j is refused: %s", (text, reason, where) => {
    try {
      parseFormula(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FormulaError);
      expect((error as FormulaError).reason).toBe(reason);
      if (where !== null) expect((error as FormulaError).at).toBe(where);
    }
  });

  it("is refused if it depends on neither x nor y", () => {
    expect(() => at("1 + 2", 0, 0)).toThrow(FormulaError);
  });

  it("is shown as mathematics", () => {
    expect(parseFormula("(x-1)^2/3 + sqrt(abs(y))*pi").tex).toBe(
      "\\frac{\\left(x - 1\\right)^{2}}{3} + \\sqrt{\\left|y\\right|} \\cdot \\pi",
    );
  });
});

describe("surfaces", () => {
  for (const name of SURFACES) {
    it(`${name}: a grid of it, contour levels, and no lower point than its minima`, () => {
      const surface = surfaceOf(name, initialState.formula);
      const grid = gridOf(surface, surface.view, 41, 31);
      expect(grid.heights).toHaveLength(41 * 31);
      expect(grid.heights.every(Number.isFinite)).toBe(true);
      const levels = levelsOf(grid, 16);
      expect(levels.length).toBeGreaterThan(8);
      expect([...levels].sort((a, b) => a - b)).toEqual(levels);
      for (const minimum of surface.minima) {
        const lowest = surface.evaluate(tensor([...minimum])).item() as number;
        expect(Math.min(...grid.heights)).toBeGreaterThanOrEqual(lowest - 1e-5);
      }
      const corner = surface.evaluate(tensor([surface.view.x[0], surface.view.y[0]])).item() as number;
      expect(grid.heights[0]).toBeCloseTo(corner, 4);
    });
  }

  it("regression: its minimum is where the README's program ends up", () => {
    const [w, b] = surfaceOf("regression").minima[0]!;
    expect(w).toBeCloseTo(2, 0);
    expect(b).toBeCloseTo(3, 0);
  });
});

describe("the ground", () => {
  const surface = surfaceOf("himmelblau");
  const grid = gridOf(surface, surface.view, 81, 61);
  const levels = levelsOf(grid, 12);

  it("passes through the grid's points, and near the surface between them", () => {
    const fine = refine(grid, 161, 121);
    const exact = gridOf(surface, surface.view, 161, 121);
    const reach = Math.max(...exact.heights);
    fine.heights.forEach((h, i) => {
      const on = i % 2 === 0 && Math.floor(i / 161) % 2 === 0;
      expect(Math.abs(h - exact.heights[i]!)).toBeLessThan(reach * (on ? 1e-6 : 2e-3));
    });
  });

  it("counts contour lines: each level is a whole number, and higher ground never counts less", () => {
    const line = linesOf(levels, -1);
    levels.forEach((level, k) => {
      expect(line(level)).toBeCloseTo(k, 12);
    });
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1e4, noNaN: true }),
        fc.double({ min: 0, max: 1e3, noNaN: true }),
        (h, up) => line(h + up) >= line(h),
      ),
    );
  });

  it("from above, the lowest line encloses the minima", () => {
    const { lines } = mapTerrain(grid, levels, 200, 150);
    const { x, y } = surface.view;
    for (const [mx, my] of surface.minima) {
      const c = Math.round(((mx - x[0]) / (x[1] - x[0])) * 199);
      const r = Math.round((1 - (my - y[0]) / (y[1] - y[0])) * 149);
      expect(lines[r * 200 + c]).toBeLessThan(0);
    }
  });

  it.each([
    [0, 45],
    [-28, 46],
    [135, 20],
    [180, 85],
  ] as const)("turned by %d° and tilted by %d°, what is seen under a pixel lies there", (turn, tilt) => {
    const block = { view: grid.view, levels, turned: [turn, tilt] as const, width: 240, height: 160 };
    const { depth, lines } = reliefTerrain(grid, block);
    const project = projectionOf(block);
    let seen = 0;
    for (let row = 0; row < 160; row += 7) {
      for (let c = 0; c < 240; c += 7) {
        const away = depth.away[row * 240 + c]!;
        expect(Number.isFinite(away)).toBe(!Number.isNaN(lines[row * 240 + c]));
        if (!Number.isFinite(away)) continue;
        const [x, y] = pointUnder(block, c + 0.5, away);
        const loss = surface.evaluate(tensor([x, y])).item() as number;
        const [px, py] = project(x, y, loss);
        expect(px).toBeCloseTo(c + 0.5, 6);
        expect(Math.abs(py - row)).toBeLessThan(3);
        seen++;
      }
    }
    expect(seen).toBeGreaterThan(150);
  });

  it("is enlarged about a point that stays, moved by shares of what is seen, and whole without a zoom", () => {
    const own = surface.view;
    expect(partOf(own, [0, 0], null)).toEqual(own);
    expect(partOf(own, [own.x[1] + 1, 0], null).x[1]).toBeGreaterThan(own.x[1] + 1);
    const zoom = enlarged(own, own, 4, [1, 2]);
    const part = partOf(own, [0, 0], zoom);
    const share = (range: readonly [number, number], p: number) => (p - range[0]) / (range[1] - range[0]);
    expect(share(part.x, 1)).toBeCloseTo(share(own.x, 1), 2);
    expect(share(part.y, 2)).toBeCloseTo(share(own.y, 2), 2);
    const next = partOf(own, [0, 0], moved(own, part, 0.5, 0));
    expect(next.x[0]).toBeCloseTo((part.x[0] + part.x[1]) / 2, 2);
    expect(next.y).toEqual(part.y);
  });
});

describe("paths", () => {
  for (const rule of RULE_NAMES) {
    it(`${rule}: the page's numbers are the library's`, () => {
      const surface = surfaceOf("himmelblau");
      const options = optionsOf(rule).some(({ name }) => name === "lr") ? { lr: 0.01 } : {};
      const run = new PathRun(surface, [-1, 2], { rule, options });
      run.advance(12);
      const p = parameterAt([-1, 2]);
      const optimizer = optimizerOf({ rule, options }, [p]) as unknown as {
        step(closure?: () => Tensor): void;
        zeroGrad(): void;
        stateOf(p: Tensor): Record<string, Tensor>;
      };
      const positions = [...p.dataSync()];
      for (let i = 0; i < 12; i++) {
        const closure = () => {
          optimizer.zeroGrad();
          const loss = surface.evaluate(p);
          loss.backward();
          return loss;
        };
        if (rule === "LBFGS") optimizer.step(closure);
        else {
          closure();
          optimizer.step();
        }
        positions.push(...p.dataSync());
      }
      expect(run.track.positions).toEqual(positions);
      expect(run.track.losses).toHaveLength(13);
      expect(run.track.gradients).toHaveLength(24);
      for (const [name, rows] of Object.entries(run.track.state)) {
        const x = optimizer.stateOf(p)[name]!.to("float32").dataSync();
        expect(rows.slice(-2)).toEqual(x.length === 1 ? [x[0], x[0]] : [...x]);
      }
    });
  }

  it("RMSprop on the regression repeats the README's program", () => {
    manualSeed(0);
    const X = randn([100, 1]);
    const y = X.mul(2)
      .add(3)
      .add(randn([100, 1]));
    const w = zeros([1], { requiresGrad: true });
    const b = zeros([1], { requiresGrad: true });
    const optimizer = new optim.RMSprop([w, b], { lr: 0.01 });
    for (let epoch = 0; epoch < 100; epoch++) {
      optimizer.zeroGrad();
      w.mul(X).add(b).sub(y).pow(2).mean().backward();
      optimizer.step();
    }
    const run = new PathRun(surfaceOf("regression"), [0, 0], { rule: "RMSprop", options: { lr: 0.01 } });
    run.advance(100);
    expect(run.track.losses[0]).toBeCloseTo(14.979495, 5);
    expect(run.track.positions.at(-2)).toBeCloseTo(w.item() as number, 5);
    expect(run.track.positions.at(-1)).toBeCloseTo(b.item() as number, 5);
  });

  it("RMSprop's step sizes are lr / (√v + ε), and explain each move", () => {
    const run = new PathRun(surfaceOf("ravine"), [-9, 1.7], { rule: "RMSprop", options: { lr: 0.25, alpha: 0.9 } });
    run.advance(20);
    const { positions, gradients, stepSizes, state } = run.track;
    for (let i = 0; i < 40; i++) {
      expect(stepSizes[i]).toBeCloseTo(0.25 / (Math.sqrt(state.squareAvg![i]!) + 1e-8), 4);
      expect(positions[i + 2]).toBeCloseTo(positions[i]! - stepSizes[i]! * gradients[i]!, 4);
    }
  });

  it("noisy surfaces give every rule the same draws, and the same path each time", () => {
    const once = () => {
      const run = new PathRun(surfaceOf("noisy"), [-4, 2], { rule: "Rprop", options: {} });
      run.advance(30);
      return run.track.positions;
    };
    expect(once()).toEqual(once());
  });

  it("a path that diverges ends, and says where", () => {
    const run = new PathRun(surfaceOf("rosenbrock"), [-1.2, 1], { rule: "SGD", options: { lr: 10 } });
    run.advance(100);
    expect(run.track.diverged).toBe(run.track.steps);
    expect(run.track.steps).toBeLessThan(20);
  });
});

describe("sliders", () => {
  for (const rule of RULE_NAMES) {
    it(`${rule}: sliders reach the ends, and a value's place gives the value back`, () => {
      for (const spec of sweepable(rule)) {
        expect(fromSlider(spec, 0)).toBe(spec.min);
        expect(fromSlider(spec, 1)).toBe(spec.max);
        if (spec.initial < spec.min) continue;
        const back = fromSlider(spec, toSlider(spec, spec.initial));
        expect(Math.abs(back - spec.initial)).toBeLessThanOrEqual(1e-2 * Math.abs(spec.initial));
      }
    });
  }
  it("have the library's defaults", () => {
    const alpha = optionsOf("RMSprop").find(({ name }) => name === "alpha");
    expect(alpha?.initial).toBe(0.99);
    expect(optionsOf("Adam").find(({ name }) => name === "beta2")?.initial).toBe(0.999);
  });
});

describe("a sweep", () => {
  it("gives each setting the loss that a path of its own has, bit for bit", () => {
    for (const name of ["ravine", "noisy", "regression"] as const) {
      const surface = surfaceOf(name);
      const runner = { rule: "RMSprop", options: { momentum: 0.5 } } as const;
      const x = { name: "lr", from: 1e-3, to: 1 };
      const y = { name: "alpha", from: 0.5, to: 0.999 };
      const sweep = new SweepRun(surface, surface.start, runner, x, y, 4);
      sweep.advance(25);
      const losses = sweep.measure();
      sweep.ys.forEach((alpha, r) => {
        sweep.xs.forEach((lr, c) => {
          const path = new PathRun(surfaceOf(name), surface.start, {
            ...runner,
            options: { ...runner.options, lr, alpha },
          });
          path.advance(25);
          // The regression's mean over 100 points is one reduction alone and one of many here: the same order, the same bits.
          expect(losses[4 * r + c]).toBe(path.track.losses[25]);
        });
      });
    }
  });

  it("refuses an option that the rule lacks", () => {
    expect(() => axisValues("SGD", { name: "alpha", from: 0, to: 1 }, 3)).toThrow(/no option alpha/);
  });
});

describe("the state in the address", () => {
  const runner = fc
    .constantFrom(...RULE_NAMES)
    .chain((rule) =>
      fc
        .record(
          Object.fromEntries(
            optionsOf(rule).map((spec) => [
              spec.name,
              spec.kind === "switch" ? fc.boolean() : fc.double({ min: spec.min, max: spec.max, noNaN: true }),
            ]),
          ),
          { requiredKeys: [] },
        )
        .map((options) => ({ rule, options: { ...options } })),
    );
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0 || 0);
  const state = fc
    .record({
      view: fc.constantFrom("paths", "inside", "why", "sweep", "data"),
      surface: fc.constantFrom(...SURFACES),
      formula: fc.string({ unit: "grapheme", minLength: 1 }),
      start: fc.tuple(finite, finite),
      runners: fc.array(runner, { minLength: 1, maxLength: 6 }),
      steps: fc.integer({ min: 1, max: 5000 }),
      speed: fc.integer({ min: 1, max: 1000 }),
      turned: fc.option(fc.tuple(fc.integer({ min: -180, max: 179 }), fc.integer({ min: 5, max: 85 }))),
      zoom: fc.option(fc.tuple(finite, finite, fc.double({ min: LEAST_ZOOM, max: MOST_ZOOM, noNaN: true }))),
      stop: fc.integer({ min: 0, max: 9 }),
    })
    .map((s) => ({ ...initialState, ...s, selected: 0, step: Math.min(45, s.steps) }) as unknown as LabState);

  it("comes back exactly", () => {
    fc.assert(
      fc.property(state, (s) => {
        expect(fromHash(`#${toHash(s)}`)).toEqual(s);
      }),
    );
  });

  it("is nothing for the initial state", () => {
    expect(toHash(initialState)).toBe("");
    expect(fromHash("")).toEqual(initialState);
  });

  it("survives any damage", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const s = fromHash(text);
        expect(s.runners.length).toBeGreaterThan(0);
        expect(s.step).toBeLessThanOrEqual(s.steps);
      }),
    );
    expect(fromHash("#run=Nonsense,lr:1;RMSprop,lr:x,alpha:0.9,foo:1&steps=1e9&start=1").runners).toEqual([
      { rule: "RMSprop", options: { alpha: 0.9 } },
    ]);
  });
});
