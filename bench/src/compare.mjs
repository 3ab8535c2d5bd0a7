/**
 * Compares each answer (a flat list of numbers) with what is right.
 * @param {(key: string) => readonly number[]} expectedOf for a contestant's key
 * @param {number} tolerance relative, absolute below 1
 * @param {(answer: unknown) => readonly number[]} numbersOf
 */
export const compare =
  (expectedOf, tolerance, numbersOf = (answer) => answer) =>
  (/** @type {Map<string, unknown>} */ answers) => {
    const problems = new Map();
    for (const [key, answer] of answers) {
      if (answer == null) continue; // The memory kernels check themselves.
      const expected = expectedOf(key);
      const numbers = numbersOf(answer);
      const wrong = expected.findIndex(
        (value, i) => !(Math.abs(numbers[i] - value) <= tolerance * Math.max(1, Math.abs(value))),
      );
      if (wrong >= 0) problems.set(key, `number ${wrong} is ${numbers[wrong]}, expected ${expected[wrong]}`);
    }
    return problems;
  };
