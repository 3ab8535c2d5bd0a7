/**
 * PyTorch's CPU generator: the Mersenne twister mt19937, and the ways in which PyTorch turns its 32-bit words into
 * uniforms, normals, integers, permutations and coin flips. Each filler takes exactly the words that PyTorch takes, so
 * programs that mix them stay in step with it. Checked against PyTorch 2.15, whose algorithms are those of every 2.x,
 * but for `randint` over ranges of 2^28 and more (PyTorch 2.6 and older took one word for ranges up to 2^32).
 */
import type { TypedArray } from "../dtype.js";
import { OptionError } from "../errors.js";

const WORDS = 624;
const SHIFT = 397;
/** What a `Generator` made without a seed starts from, in PyTorch and here. */
const DEFAULT_SEED = 67280421310721;

/** All that a {@link Generator} remembers, as plain data that survives JSON. */
export interface GeneratorState {
  readonly algorithm: "mt19937";
  /** The seed last given, in decimal, 0 to 2^64 - 1. */
  readonly seed: string;
  /** The twister's 624 words, each 0 to 2^32 - 1. */
  readonly words: readonly number[];
  /** How many of `words` have been used, 0 to 624. */
  readonly position: number;
  /** The second value of the last Box-Muller pair if it has not been used, before mean and standard deviation. */
  readonly cachedNormal: number | null;
}

/**
 * A stream of random numbers that gives PyTorch's values for the same seed.
 *
 * @example
 * const generator = new Generator().manualSeed(42);
 * const x = rand([3], { generator });
 */
export class Generator {
  #words = new Int32Array(WORDS);
  #position = WORDS;
  #seed = 0n;
  /** The second value of the last Box-Muller pair, or null. @internal */
  cachedNormal: number | null = null;

  /**
   * @param seed see {@link manualSeed}; default 67280421310721, as in PyTorch
   */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /**
   * Starts the stream anew. As in PyTorch, only the low 32 bits of the seed matter, and a negative seed stands for
   * 2^64 + seed.
   *
   * @param seed a whole number from -2^63 to 2^64 - 1
   * @returns this generator
   * @throws OptionError if the seed is no such number
   */
  manualSeed(seed: number | bigint): this {
    this.#seed = wholeSeed(seed);
    const words = this.#words;
    let word = Number(this.#seed & 0xffffffffn) | 0;
    words[0] = word;
    for (let i = 1; i < WORDS; i++) {
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i) | 0;
      words[i] = word;
    }
    this.#position = WORDS;
    this.cachedNormal = null;
    return this;
  }

  /** The seed last given, 0 to 2^64 - 1; a bigint only where a number would not be exact. */
  get initialSeed(): number | bigint {
    const seed = Number(this.#seed);
    return Number.isSafeInteger(seed) ? seed : this.#seed;
  }

  /** All that the generator remembers: set it later, here or on another generator, and the stream goes on from here. */
  getState(): GeneratorState {
    return {
      algorithm: "mt19937",
      seed: String(this.#seed),
      words: Array.from(this.#words, (word) => word >>> 0),
      position: this.#position,
      cachedNormal: this.cachedNormal,
    };
  }

  /**
   * Continues from a state that {@link getState} gave.
   *
   * @returns this generator
   * @throws OptionError if this is no such state; the generator is then as it was
   */
  setState(state: GeneratorState): this {
    const problem = stateProblem(state);
    if (problem) throw new OptionError(`setState: not a generator's state: ${problem}. Pass what getState() gave.`);
    this.#seed = BigInt(state.seed);
    this.#words = Int32Array.from(state.words);
    this.#position = state.position;
    this.cachedNormal = state.cachedNormal;
    return this;
  }

  /** The next 32 bits of the stream, as a signed number. @internal */
  nextBits(): number {
    if (this.#position === WORDS) this.#twist();
    let word = this.#words[this.#position++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return word ^ (word >>> 18);
  }

  /** The next uniform of [0, 1) with 24 random bits: one word. @internal */
  nextFloat(): number {
    return (this.nextBits() & 0xffffff) * 2 ** -24;
  }

  /** The next uniform of [0, 1) with 53 random bits: two words, the high one first. @internal */
  nextDouble(): number {
    const high = this.nextBits() & 0x1fffff;
    return (high * 2 ** 32 + (this.nextBits() >>> 0)) * 2 ** -53;
  }

  /** The next 32 bits modulo `range`. @internal */
  nextModulo32(range: number): number {
    return (this.nextBits() >>> 0) % range;
  }

  /** The next 64 bits modulo `range`, which is at most 2^32, without leaving exact numbers. @internal */
  nextModulo64(range: number): number {
    const high = (this.nextBits() >>> 0) % range;
    const low = this.nextBits() >>> 0;
    const upper = (high * 65536 + (low >>> 16)) % range;
    return (upper * 65536 + (low & 0xffff)) % range;
  }

  #twist(): void {
    const words = this.#words;
    for (let i = 0; i < WORDS; i++) {
      const next = words[i === WORDS - 1 ? 0 : i + 1];
      const mixed = (words[i] & 0x80000000) | (next & 0x7fffffff);
      const other = words[i < WORDS - SHIFT ? i + SHIFT : i + SHIFT - WORDS];
      words[i] = other ^ (mixed >>> 1) ^ (-(next & 1) & 0x9908b0df);
    }
    this.#position = 0;
  }
}

/** The generator that is used where none is given. It starts from a seed of chance. */
export const defaultGenerator: Generator = /* @__PURE__ */ new Generator(Math.floor(Math.random() * 2 ** 53));

/**
 * Seeds the default generator, so that what follows gives PyTorch's values after `torch.manual_seed(seed)`.
 *
 * @param seed a whole number from -2^63 to 2^64 - 1
 * @returns the default generator
 * @throws OptionError if the seed is no such number
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed);
}

/**
 * Fills `array` with uniforms of [from, to): `from + (to - from) · u`, where u has 24 random bits in float32 and 53 in
 * float64. Every value is PyTorch's, bit for bit.
 *
 * @throws OptionError unless `from <= to` and both, and their distance, are finite in the array's type
 */
export function fillUniform(generator: Generator, array: Float32Array | Float64Array, from = 0, to = 1): void {
  const single = array instanceof Float32Array;
  const low = single ? Math.fround(from) : from;
  const high = single ? Math.fround(to) : to;
  const width = single ? Math.fround(high - low) : high - low;
  if (!(from <= to) || !Number.isFinite(low) || !Number.isFinite(width)) {
    throw new OptionError(`uniform: expected finite from <= to, got from = ${from} and to = ${to}`);
  }
  // PyTorch's build contracts u · width + low into one fused multiply-add.
  if (single) {
    // Exact in double: 24 bits times 24 bits; the sum is rounded to double and then to float.
    for (let i = 0; i < array.length; i++) array[i] = generator.nextFloat() * width + low;
  } else if (low === 0) {
    for (let i = 0; i < array.length; i++) array[i] = generator.nextDouble() * width;
  } else {
    const fused = fusedMultiplyAdd(width, low);
    for (let i = 0; i < array.length; i++) array[i] = fused(generator.nextDouble());
  }
}

/**
 * Fills `array` with normals of the given mean and standard deviation, by Box and Muller's method. As in PyTorch, fewer
 * than 16 values are made one by one in float64, and the second of a pair is kept for the next such call; 16 or more are
 * made in blocks of 16, the last block being drawn anew where it overlaps the one before, and nothing is kept or used.
 *
 * @throws OptionError unless `std >= 0`
 */
export function fillNormal(generator: Generator, array: Float32Array | Float64Array, mean = 0, std = 1): void {
  if (!(std >= 0)) throw new OptionError(`normal: expected std >= 0, got ${std}`);
  const { length } = array;
  if (length < 16) {
    for (let i = 0; i < length; i++) array[i] = nextNormal(generator) * std + mean;
    return;
  }
  const single = array instanceof Float32Array;
  const block = single ? normalBlockFloat : normalBlockDouble;
  const draw = (from: number, to: number): void => {
    if (single) for (let i = from; i < to; i++) array[i] = generator.nextFloat();
    else for (let i = from; i < to; i++) array[i] = generator.nextDouble();
  };
  draw(0, length);
  for (let start = 0; start + 16 <= length; start += 16) block(array, start, mean, std);
  if (length % 16 !== 0) {
    draw(length - 16, length);
    block(array, length - 16, mean, std);
  }
}

/**
 * Fills `array` with whole numbers of [low, high): `low + bits mod (high - low)`, where bits are 32, or 64 where the
 * range is 2^28 or more.
 *
 * @throws OptionError unless `low < high`, both whole and within int32 (`high` at most 2^31)
 */
export function fillRandint(generator: Generator, array: Int32Array, low: number, high: number): void {
  if (!Number.isInteger(low) || !Number.isInteger(high) || low >= high) {
    throw new OptionError(`randint: expected whole numbers low < high, got low = ${low} and high = ${high}`);
  }
  if (low < -(2 ** 31) || high > 2 ** 31) {
    throw new OptionError(`randint: values of [${low}, ${high}) do not fit int32`);
  }
  const range = high - low;
  if (range < 2 ** 28) for (let i = 0; i < array.length; i++) array[i] = low + generator.nextModulo32(range);
  else for (let i = 0; i < array.length; i++) array[i] = low + generator.nextModulo64(range);
}

/**
 * A random order of 0 … n - 1, by Fisher and Yates' method from the front, as PyTorch does on the CPU: one word per
 * swap, two where n is ⌊(2^32 - 1) / 20⌋ or more.
 *
 * @throws OptionError unless n is a whole number, 0 to 2^31 - 1
 */
export function randperm(generator: Generator, n: number): Int32Array {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) {
    throw new OptionError(`randperm: expected a whole number n >= 0 that fits int32, got ${n}`);
  }
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const small = n < Math.floor((2 ** 32 - 1) / 20);
  for (let i = 0; i < n - 1; i++) {
    const other = i + (small ? generator.nextModulo32(n - i) : generator.nextModulo64(n - i));
    const value = order[i];
    order[i] = order[other];
    order[other] = value;
  }
  return order;
}

/**
 * Fills `array` with 1 where a uniform of 53 bits is below `p`, else 0: two words per element in every dtype. This is
 * PyTorch's `tensor.bernoulli_(p)`, and with p = 1 - dropout probability the mask that its dropout draws on the CPU.
 *
 * @throws OptionError unless 0 <= p <= 1
 */
export function fillBernoulli(generator: Generator, array: TypedArray, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new OptionError(`bernoulli: expected a probability of [0, 1], got ${p}`);
  for (let i = 0; i < array.length; i++) array[i] = generator.nextDouble() < p ? 1 : 0;
}

/** One standard normal, made in float64: the kept one of the last pair if there is one. */
function nextNormal(generator: Generator): number {
  const kept = generator.cachedNormal;
  if (kept !== null) {
    generator.cachedNormal = null;
    return kept;
  }
  const turn = 2 * Math.PI * generator.nextDouble();
  const radius = Math.sqrt(-2 * log(1 - generator.nextDouble()));
  generator.cachedNormal = radius * sinCos(turn, 1);
  return radius * sinCos(turn, 0);
}

/** Turns 16 uniforms into normals: the first 8 give radii, the last 8 angles. Every step is rounded to float32. */
function normalBlockFloat(array: Float32Array | Float64Array, start: number, mean: number, std: number): void {
  const round = Math.fround;
  const [center, scale, circle] = [round(mean), round(std), round(2 * Math.PI)];
  for (let i = start; i < start + 8; i++) {
    const radius = round(Math.sqrt(-2 * round(log(1 - array[i]))));
    const turn = round(circle * array[i + 8]);
    array[i] = round(radius * round(sinCos(turn, 0))) * scale + center;
    array[i + 8] = round(radius * round(sinCos(turn, 1))) * scale + center;
  }
}

function normalBlockDouble(array: Float32Array | Float64Array, start: number, mean: number, std: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = Math.sqrt(-2 * log(1 - array[i]));
    const turn = 2 * Math.PI * array[i + 8];
    array[i] = radius * sinCos(turn, 0) * std + mean;
    array[i + 8] = radius * sinCos(turn, 1) * std + mean;
  }
}

// Math.log, Math.sin and Math.cos differ from engine to engine in their last bits. Those below are made of basic
// operations alone, so a seed gives the same bits everywhere. Each is within 1 ulp or so on the ranges used here.

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);
/** Where the half with the exponent lies, whatever the machine's byte order. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** The natural logarithm of a positive normal x: x = 2^e · m, and log m = 2 · artanh((m - 1) / (m + 1)). */
function log(x: number): number {
  double[0] = x;
  const high = halves[HIGH];
  let exponent = (high >> 20) - 1023;
  halves[HIGH] = (high & 0xfffff) | 0x3ff00000;
  let mantissa = double[0];
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  let tail = 2 / 21 + z * (2 / 23);
  tail = 2 / 15 + z * (2 / 17 + z * (2 / 19 + z * tail));
  tail = z * (2 / 3 + z * (2 / 5 + z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * tail))))));
  // log(1 + f) = 2s + s · tail and 2s = f - s · f, so the largest part, f, is exact.
  return exponent * LN2_HIGH + (f + (s * (tail - f) + exponent * LN2_LOW));
}

const HALF_PI_HIGH = 1.5707963267341256;
const HALF_PI_LOW = 6.077100506506192e-11;

/** The cosine (`which` = 0) or the sine (1) of an angle of [0, 2π]: reduced to [-π/4, π/4], then Taylor's series. */
function sinCos(angle: number, which: 0 | 1): number {
  const quarter = Math.floor(angle * (2 / Math.PI) + 0.5);
  // HALF_PI_HIGH has 33 bits, so its product with a small number and the first difference are exact.
  const a = angle - quarter * HALF_PI_HIGH - quarter * HALF_PI_LOW;
  const z = a * a;
  // sin(a + quarter · π/2) and cos, which is a sine one quarter further on.
  const turned = quarter + 1 - which;
  let value: number;
  if ((turned & 1) === 0) {
    const tail = 1 / 362880 - z * (1 / 39916800 - z * (1 / 6227020800 - z * (1 / 1307674368000)));
    value = a - a * z * (1 / 6 - z * (1 / 120 - z * (1 / 5040 - z * tail)));
  } else {
    const tail = 1 / 3628800 - z * (1 / 479001600 - z * (1 / 87178291200 - z * (1 / 20922789888000)));
    value = 1 - z * (1 / 2 - z * (1 / 24 - z * (1 / 720 - z * (1 / 40320 - z * tail))));
  }
  return (turned & 2) === 0 ? value : -value;
}

/** x ↦ x · factor + term with one rounding, for x in [0, 1): Dekker's exact product, then an exact sum. */
function fusedMultiplyAdd(factor: number, term: number): (x: number) => number {
  const split = (x: number): number => {
    const c = x * (2 ** 27 + 1);
    return c - (c - x);
  };
  // A power of two keeps the splitting of a huge factor from overflowing; the product is the same but for that scale.
  const scale = Math.abs(factor) > 2 ** 900 ? 2 ** -100 : 1;
  const f = factor * scale;
  const t = term * scale;
  const fHigh = split(f);
  const fLow = f - fHigh;
  return (x) => {
    const product = x * f;
    const xHigh = split(x);
    const xLow = x - xHigh;
    const productError = xLow * fLow - (product - xHigh * fHigh - xLow * fHigh - xHigh * fLow);
    const sum = product + t;
    const back = sum - product;
    const sumError = product - (sum - back) + (t - back);
    return (sum + (sumError + productError)) / scale;
  };
}

function wholeSeed(seed: number | bigint): bigint {
  if (typeof seed === "bigint" || Number.isInteger(seed)) {
    const whole = BigInt(seed);
    if (whole >= -(2n ** 63n) && whole < 2n ** 64n) return BigInt.asUintN(64, whole);
  }
  throw new OptionError(`manualSeed: expected a whole number from -2^63 to 2^64 - 1, got ${String(seed)}`);
}

/** What is wrong with a state that came from outside, or null. */
function stateProblem(state: unknown): string | null {
  if (typeof state !== "object" || state === null) return "it is not an object";
  const { algorithm, seed, words, position, cachedNormal } = state as Record<string, unknown>;
  if (algorithm !== "mt19937") return `algorithm is ${String(algorithm)}, not "mt19937"`;
  if (typeof seed !== "string" || !/^\d{1,20}$/.test(seed) || BigInt(seed) >= 2n ** 64n)
    return "seed is no 64-bit number";
  const isWord = (word: unknown) => Number.isInteger(word) && (word as number) >= 0 && (word as number) < 2 ** 32;
  if (!Array.isArray(words) || words.length !== WORDS || !words.every(isWord))
    return "words are not 624 32-bit numbers";
  if (words.every((word) => word === 0)) return "words are all zero, from which only zeros follow";
  if (!Number.isInteger(position) || (position as number) < 0 || (position as number) > WORDS) {
    return "position is not a whole number from 0 to 624";
  }
  if (cachedNormal !== null && !Number.isFinite(cachedNormal))
    return "cachedNormal is neither null nor a finite number";
  return null;
}
