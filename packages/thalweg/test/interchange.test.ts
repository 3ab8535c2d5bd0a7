import fc from "fast-check";
import { cat, type DType, Generator, optim, randn, type Tensor, ThalwegError, tensor } from "thalweg";
import { decode, encode, loadOptimizer, SafetensorsError, saveOptimizer } from "thalweg/safetensors";
import { describe, expect, test } from "vitest";
import fixture from "./fixtures/interchange.json" with { type: "json" };

// Both sides are in tools/fixtures/interchange.py: PyTorch runs 30 steps and saves, Thalweg goes on to 60, and the
// other way. Thalweg's files were written by the built library, so an old file is read here, too.

type Options = Record<string, unknown>;
type AnyOptimizer = optim.Optimizer<{ lr: number }>;

interface Case {
  rule: string;
  dtype: "float32" | "float64";
  groups: ({ params: number[] } & Options)[];
  options: Options;
  pytorchFile: string;
  pytorch: (number | string)[][];
  thalwegFile: string;
  continued: (number | string)[][];
}

const cases = fixture.cases as unknown as Case[];
const { steps, middle, names, shapes, initial, gradients } = fixture;
const tolerances = { float32: 2e-6, float64: 1e-12 };
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

const leaf = (data: readonly number[], i: number, dtype: DType): Tensor =>
  tensor([...data], { dtype })
    .reshape(shapes[i]!)
    .detach();

interface Training {
  optimizer: AnyOptimizer;
  params: Tensor[];
  named: Record<string, Tensor>;
  run(from: number, to: number): void;
  values(): number[][];
}

function training({ rule, dtype, groups, options }: Case, more: { start?: number; options?: Options } = {}): Training {
  const params = initial.map((data, i) =>
    leaf(more.start === undefined ? data : data.map(() => more.start!), i, dtype),
  );
  for (const p of params) p.requiresGrad = true;
  const grouped = groups.map(({ params: indices, ...own }) => ({ params: indices.map((i) => params[i]!), ...own }));
  // The fixture names the rule and its options, so here they are only data.
  const rules = optim as unknown as Record<string, new (params: unknown, options: Options) => AnyOptimizer>;
  const optimizer = new rules[rule]!(grouped, { ...options, ...more.options });
  const own = names.flatMap((name, i) =>
    groups.some((group) => group.params.includes(i)) ? [[name, params[i]!] as const] : [],
  );
  return {
    optimizer,
    params,
    named: Object.fromEntries(own),
    run(from, to) {
      for (const step of gradients.slice(from, to)) {
        params.forEach((p, i) => {
          p.grad = leaf(step[i]!, i, dtype);
        });
        optimizer.step();
      }
    },
    values: () => own.map(([, p]) => Array.from(p.dataSync())),
  };
}

function expectClose(got: number[][], expected: (number | string)[][], dtype: Case["dtype"]): void {
  got.forEach((values, p) => {
    values.forEach((value, k) => {
      const wanted = Number(expected[p]![k]);
      const scale = Math.max(Math.abs(wanted), Math.abs(initial[p]![k]!), 1e-3);
      expect(Math.abs(value - wanted), `${names[p]}[${k}]: ${value}, PyTorch ${wanted}`).toBeLessThanOrEqual(
        tolerances[dtype] * scale,
      );
    });
  });
}

const titled = cases.map((one): [string, Case] => [
  `${one.rule} ${one.dtype} ${JSON.stringify(one.options)}${one.groups.length > 1 ? ", two groups" : ""}`,
  one,
]);

describe("an optimizer in a safetensors file", () => {
  test.each(titled)("%s: begun in PyTorch, gone on with here, follows PyTorch", (_, one) => {
    const other = training(one, { start: 5, options: { lr: 0.5 } });
    expect(loadOptimizer(other.optimizer, bytesOf(one.pytorchFile), other.named)).toMatchObject({
      note: "from PyTorch",
    });
    other.run(middle, steps);
    expectClose(other.values(), one.pytorch, one.dtype);
  });

  test.each(titled)("%s: begun here, gone on with in PyTorch, follows an uninterrupted run", (_, one) => {
    const whole = training(one);
    whole.run(0, steps);
    expectClose(whole.values(), one.continued, one.dtype);
  });

  test.each(titled)("%s: begun and gone on with here, is bit for bit an uninterrupted run", (_, one) => {
    const whole = training(one);
    whole.run(0, middle);
    const saved = saveOptimizer(whole.optimizer, whole.named, { note: "30" });
    whole.run(middle, steps);
    const other = training(one, { start: 5, options: { lr: 0.5 } });
    other.run(0, 3);
    expect(loadOptimizer(other.optimizer, saved, other.named)).toEqual({ note: "30" });
    other.run(middle, steps);
    expect(other.values()).toEqual(whole.values());
    expect(other.optimizer.stateDict()).toEqual(whole.optimizer.stateDict());
  });

  // LBFGS evaluates a function itself, and looks for a minimum along lines: what differs in the last digit grows.
  describe.each(fixture.lbfgs.cases.map((one) => [`LBFGS ${one.dtype} ${JSON.stringify(one.options)}`, one] as const))(
    "%s",
    (_, one) => {
      const { steps, middle, initial } = fixture.lbfgs;
      const dtype = one.dtype as "float32" | "float64";
      const tolerance = dtype === "float32" ? 2e-4 : 1e-11;
      const make = (start?: number, more: Options = {}) => {
        const params = initial.map((data) =>
          tensor(start === undefined ? data : data.map(() => start), { dtype, requiresGrad: true }),
        );
        const optimizer = new optim.LBFGS(params, { ...(one.options as object), ...more });
        const run = (from: number, to: number) => {
          for (let step = from; step < to; step++) {
            optimizer.step(() => {
              optimizer.zeroGrad();
              const x = cat(params);
              const [a, b] = [x.slice(0, 0, -1), x.slice(0, 1)];
              const loss = x.sub(1).square().sum().add(b.sub(a.square()).square().sum().mul(3));
              loss.backward();
              return loss;
            });
          }
        };
        const values = () => params.flatMap((p) => Array.from(p.dataSync()));
        return { optimizer, run, values, named: { a: params[0]!, b: params[1]! } };
      };
      const expectNear = (got: number[], wanted: number[][]) => {
        wanted.flat().forEach((x, i) => {
          expect(Math.abs(got[i]! - x), `${i}: ${got[i]}, PyTorch ${x}`).toBeLessThanOrEqual(tolerance);
        });
      };

      test("begun in PyTorch, gone on with here, follows PyTorch", () => {
        const other = make(9, { lr: 0.5 });
        loadOptimizer(other.optimizer, bytesOf(one.pytorchFile), other.named);
        other.run(middle, steps);
        expectNear(other.values(), one.pytorch);
      });

      test("begun here, gone on with in PyTorch, follows an uninterrupted run", () => {
        const whole = make();
        whole.run(0, steps);
        expectNear(whole.values(), one.continued);
      });
    },
  );

  test("with a scheduler and a generator's state in the metadata, everything goes on bit for bit", () => {
    const make = (start: number) => {
      const w = tensor([start, 2, 3], { requiresGrad: true });
      const optimizer = new optim.RMSprop([w], { lr: 0.05, momentum: 0.9 });
      const scheduler = new optim.lrScheduler.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 40 });
      const generator = new Generator().manualSeed(start);
      const run = (n: number) => {
        for (let i = 0; i < n; i++) {
          optimizer.zeroGrad();
          w.sub(randn([3], { generator }))
            .square()
            .sum()
            .backward();
          optimizer.step();
          scheduler.step();
        }
      };
      return { w, optimizer, scheduler, generator, run };
    };
    const one = make(1);
    one.run(15);
    const file = saveOptimizer(
      one.optimizer,
      { w: one.w },
      {
        scheduler: JSON.stringify(one.scheduler.stateDict()),
        generator: JSON.stringify(one.generator.getState()),
      },
    );
    one.run(20);
    const two = make(2);
    const metadata = loadOptimizer(two.optimizer, file, { w: two.w });
    two.scheduler.loadStateDict(JSON.parse(metadata.scheduler!));
    two.generator.setState(JSON.parse(metadata.generator!));
    two.run(20);
    expect(two.w.dataSync()).toEqual(one.w.dataSync());
    expect(two.optimizer.stateDict()).toEqual(one.optimizer.stateDict());
  });

  test("options that are infinite are kept", () => {
    const w = tensor([1], { requiresGrad: true });
    const file = saveOptimizer(new optim.SGD([w], { lr: Number.POSITIVE_INFINITY }), { w });
    const other = new optim.SGD([w]);
    loadOptimizer(other, file, { w });
    expect(other.paramGroups[0]!.lr).toBe(Number.POSITIVE_INFINITY);
  });
});

const rmsprop = cases.find(({ rule, options }) => rule === "RMSprop" && options.centered && options.momentum)!;

/** An optimizer after ten steps, and a way to see that nothing about it has changed. */
function victim(one = rmsprop) {
  const made = training(one);
  made.run(0, 10);
  const look = () => [made.values(), structuredClone(made.optimizer.stateDict())];
  const before = look();
  return { ...made, expectUnchanged: () => expect(look()).toEqual(before) };
}

const intact = (() => {
  const made = training(rmsprop);
  made.run(0, middle);
  return { file: saveOptimizer(made.optimizer, made.named), values: made.values(), state: made.optimizer.stateDict() };
})();

/** The same file with other content and the checksum it then needs: what a wrong program would write. */
function rewritten(change: (optimizer: Description, tensors: Record<string, Tensor>) => void): Uint8Array {
  const { tensors, metadata } = decode(intact.file);
  const description = JSON.parse(metadata.optimizer!) as Description;
  change(description, tensors);
  const text = JSON.stringify(description);
  return encode(tensors, { ...metadata, optimizer: text, checksum: checksumOf(text, tensors) });
}

interface Description {
  format: number;
  rule: string;
  groups: Record<string, unknown>[];
  state: Record<string, { step: number; slots: string[] }>;
  shared: string[];
}

function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

function checksumOf(text: string, tensors: Record<string, Tensor>): string {
  const parts = Object.keys(tensors)
    .sort()
    .flatMap((name) => {
      const x = tensors[name]!;
      const dtype = { float32: "F32", float64: "F64", int32: "I32", bool: "BOOL" }[x.dtype];
      return [Buffer.from(`${name}\0${dtype}\0${x.shape.join(",")}\0`), Buffer.from(x.dataSync().buffer)];
    });
  return crc(Buffer.concat([Buffer.from(text), ...parts]))
    .toString(16)
    .padStart(8, "0");
}

describe("a file that does not fit is refused, says what differs, and leaves the optimizer as it was", () => {
  const slot = "optimizer/state/layer.bias/squareAvg";
  const wrong: [string, () => Uint8Array, RegExp][] = [
    ["cut short", () => intact.file.subarray(0, -4), /cut short/],
    ["tensors only", () => encode({ x: tensor(1) }), /holds tensors but no optimizer/],
    [
      "another rule",
      () => bytesOf(cases.find(({ rule, dtype }) => rule === "SGD" && dtype === rmsprop.dtype)!.thalwegFile),
      /is of the rule SGD, this optimizer is RMSprop/,
    ],
    [
      "another dtype",
      () =>
        bytesOf(
          cases.find(
            (c) => c.rule === "RMSprop" && c.dtype !== rmsprop.dtype && c.options.centered && c.options.momentum,
          )!.thalwegFile,
        ),
      /is float64 of shape/,
    ],
    [
      "other groups",
      () => bytesOf(cases.find((c) => c.rule === "RMSprop" && c.groups.length === 1)!.thalwegFile),
      /the file has 1 groups of parameters, this optimizer 2/,
    ],
    [
      "a later format",
      () =>
        rewritten((o) => {
          o.format = 2;
        }),
      /format 2/,
    ],
    [
      "no groups",
      () =>
        rewritten((o) => {
          o.groups = {} as never;
        }),
      /no list of groups/,
    ],
    [
      "no state",
      () =>
        rewritten((o) => {
          o.state = null as never;
        }),
      /no state/,
    ],
    [
      "no list of what is shared",
      () =>
        rewritten((o) => {
          o.shared = 1 as never;
        }),
      /names that are shared/,
    ],
    [
      "a missing parameter",
      () =>
        rewritten((_, t) => {
          delete t["layer.bias"];
        }),
      /"layer.bias" is missing/,
    ],
    [
      "a missing state",
      () =>
        rewritten((_, t) => {
          delete t[slot];
        }),
      /squareAvg" is missing/,
    ],
    [
      "a tensor too many",
      () =>
        rewritten((_, t) => {
          t.more = tensor(1);
        }),
      /nothing asks for: more/,
    ],
    [
      "a parameter of another shape",
      () =>
        rewritten((_, t) => {
          t["layer.bias"] = tensor([1, 2]);
        }),
      /"layer.bias" is float32 of shape \[2\] in the file, float32 of \[3\] here/,
    ],
    [
      "a state of another shape",
      () =>
        rewritten((_, t) => {
          t[slot] = tensor([1, 2]);
        }),
      /squareAvg/,
    ],
    [
      "a state of another dtype",
      () =>
        rewritten((_, t) => {
          t[slot] = tensor([1, 2, 3], { dtype: "int32" });
        }),
      /squareAvg of parameter \d is int32, this optimizer's is float32/,
    ],
    [
      "other names in a group",
      () =>
        rewritten((o) => {
          o.groups[0]!.params = ["layer.other"];
        }),
      /group 0 has the parameters layer.other in the file/,
    ],
    [
      "an option that is not there",
      () =>
        rewritten((o) => {
          o.groups[0]!.betas = [0.9, 0.9];
        }),
      /option betas/,
    ],
    [
      "an option of another kind",
      () =>
        rewritten((o) => {
          o.groups[0]!.lr = "fast";
        }),
      /option lr is a string in the file, a number/,
    ],
    [
      "an option out of range",
      () =>
        rewritten((o) => {
          o.groups[1]!.eps = -1;
        }),
      /eps/,
    ],
    [
      "half a step",
      () =>
        rewritten((o) => {
          o.state["layer.bias"]!.step = 2.5;
        }),
      /whole number/,
    ],
    [
      "state of somebody else",
      () =>
        rewritten((o) => {
          o.state.nobody = { step: 1, slots: [] };
        }),
      /nobody/,
    ],
  ];
  test.each(wrong)("%s", (_, file, message) => {
    const { optimizer, named, expectUnchanged } = victim();
    expect(() => loadOptimizer(optimizer, file(), named)).toThrow(message);
    expect(() => loadOptimizer(optimizer, file(), named)).toThrow(ThalwegError);
    expectUnchanged();
  });

  test("the same file, rewritten without a change, is read", () => {
    const { optimizer, named, values } = victim();
    loadOptimizer(
      optimizer,
      rewritten(() => {}),
      named,
    );
    expect(values()).toEqual(intact.values);
  });

  test("random damage never changes the optimizer", () => {
    const { length } = intact.file;
    const position = fc.nat(length - 1);
    const damage = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), at: position, byte: fc.nat(255) }),
      fc.record({ kind: fc.constant("flip" as const), at: position, byte: fc.nat(7) }),
      fc.record({ kind: fc.constant("remove" as const), at: position, byte: fc.nat(40) }),
      fc.record({ kind: fc.constant("insert" as const), at: position, byte: fc.nat(255) }),
      fc.record({ kind: fc.constant("cut" as const), at: position, byte: fc.constant(0) }),
    );
    const { optimizer, named, values, expectUnchanged } = victim();
    const unharmed = JSON.stringify(Array.from(intact.file));
    const property = fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      const bytes = Array.from(intact.file);
      for (const { kind, at, byte } of damages) {
        if (kind === "set") bytes[at] = byte;
        else if (kind === "flip") bytes[at] = (bytes[at] ?? 0) ^ (1 << byte);
        else if (kind === "remove") bytes.splice(at, byte + 1);
        else if (kind === "insert") bytes.splice(at, 0, byte);
        else bytes.length = Math.min(bytes.length, at);
      }
      fc.pre(JSON.stringify(bytes) !== unharmed);
      const other = training(rmsprop);
      try {
        loadOptimizer(other.optimizer, Uint8Array.from(bytes), other.named);
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
        expect(() => loadOptimizer(optimizer, Uint8Array.from(bytes), named)).toThrow(SafetensorsError);
        expectUnchanged();
        return;
      }
      // Only the spaces around the header's JSON can differ without a difference.
      expect([other.values(), other.optimizer.stateDict()]).toEqual([intact.values, intact.state]);
    });
    fc.assert(property, { numRuns: 300 });
    expect(values().length).toBe(names.length);
  });

  test("names that do not fit the parameters are refused when saving and loading", () => {
    const { optimizer, named, params, expectUnchanged } = victim();
    const { "layer.bias": _, ...fewer } = named;
    const bad: Record<string, Tensor>[] = [fewer, { ...named, more: tensor([1]) }, { ...named, again: params[0]! }, {}];
    for (const one of bad) {
      expect(() => saveOptimizer(optimizer, one)).toThrow(SafetensorsError);
      expect(() => loadOptimizer(optimizer, intact.file, one)).toThrow(SafetensorsError);
    }
    expect(() => saveOptimizer(optimizer, { ...fewer, "optimizer/x": params[1]! })).toThrow(/must not begin with/);
    expect(() => saveOptimizer(optimizer, named, { checksum: "" })).toThrow(/the file's own/);
    expectUnchanged();
  });
});
