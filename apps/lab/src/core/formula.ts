/** A formula that somebody types, such as `x^2 + 10*y^2 + sin(3*x)`, as an operation on tensors. */
import jsep, { type Expression } from "jsep";
import { cos, exp, log, maximum, minimum, pow, sin, sqrt, Tensor, tanh } from "thalweg";

/** A formula that cannot be read, and where: the number of the character, from 0. */
export class FormulaError extends Error {
  override name = "FormulaError";
  constructor(
    /** Which message, for translation. */
    readonly reason: "syntax" | "name" | "function" | "arguments" | "operator" | "constant" | "empty",
    /** The name, operator or text that is wrong. */
    readonly what: string,
    readonly at: number | null,
  ) {
    super(`${reason}: ${what}`);
  }
}

type Value = Tensor | number;
type Point = { readonly x: Tensor; readonly y: Tensor };
type Evaluate = (point: Point) => Value;

/** A formula of x and y that has been read. */
export interface Formula {
  readonly text: string;
  /** The formula as TeX. */
  readonly tex: string;
  /** Its values at points of shape [..., 2]: shape [...]. */
  evaluate(points: Tensor): Tensor;
}

// Powers bind more tightly than products, and from the right: x^2^3 is x^(2^3).
jsep.addBinaryOp("^", 11, true);
for (const operator of ["||", "&&", "|", "&", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "<<", ">>", ">>>", "%"])
  jsep.removeBinaryOp(operator);
for (const operator of ["!", "~"]) jsep.removeUnaryOp(operator);

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

const isTensor = (value: Value): value is Tensor => value instanceof Tensor;

/** A function of one argument, on numbers and on tensors. */
const one = (ofNumber: (x: number) => number, ofTensor: (x: Tensor) => Tensor) => (x: Value) =>
  isTensor(x) ? ofTensor(x) : ofNumber(x);

/** A function of two arguments; the tensor's version takes a number on either side. */
const two =
  (ofNumbers: (a: number, b: number) => number, ofTensors: (a: Value, b: Value) => Tensor) => (a: Value, b: Value) =>
    isTensor(a) || isTensor(b) ? ofTensors(a, b) : ofNumbers(a, b);

const subtract = two(
  (a, b) => a - b,
  (a, b) => (isTensor(a) ? a.sub(b) : (b as Tensor).neg().add(a)),
);
const divide = two(
  (a, b) => a / b,
  (a, b) => (isTensor(a) ? a.div(b) : (b as Tensor).reciprocal().mul(a)),
);
const commuting = (ofNumbers: (a: number, b: number) => number, name: "add" | "mul") =>
  two(ofNumbers, (a, b) => (isTensor(a) ? a[name](b) : (b as Tensor)[name](a)));

const OPERATORS: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  "+": commuting((a, b) => a + b, "add"),
  "-": subtract,
  "*": commuting((a, b) => a * b, "mul"),
  "/": divide,
  "^": two((a, b) => a ** b, power),
};

/** Squares are written x², whose gradient is right for negative x too. */
function power(a: Value, b: Value): Tensor {
  if (b === 2) return (a as Tensor).square();
  return pow(a, b);
}

const FUNCTIONS: Readonly<Record<string, { readonly count: number; readonly call: (...args: Value[]) => Value }>> = {
  sin: { count: 1, call: one(Math.sin, sin) },
  cos: { count: 1, call: one(Math.cos, cos) },
  tanh: { count: 1, call: one(Math.tanh, tanh) },
  exp: { count: 1, call: one(Math.exp, exp) },
  log: { count: 1, call: one(Math.log, log) },
  sqrt: { count: 1, call: one(Math.sqrt, sqrt) },
  abs: { count: 1, call: one(Math.abs, (x) => x.abs()) },
  max: { count: 2, call: two(Math.max, maximum) },
  min: { count: 2, call: two(Math.min, minimum) },
};

/** The names that a formula may use, for help texts. */
export const FUNCTION_NAMES: readonly string[] = Object.keys(FUNCTIONS);

/**
 * Reads a formula of x and y.
 *
 * @throws FormulaError that says what is wrong, and where if that is known
 */
export function parseFormula(text: string): Formula {
  if (text.trim() === "") throw new FormulaError("empty", "", null);
  let tree: Expression;
  try {
    tree = jsep(text);
  } catch (error) {
    const { index, description } = error as { index?: number; description?: string };
    const what = description === "missing unaryOp argument" ? "Expected expression after a sign" : description;
    throw new FormulaError("syntax", what ?? String(error), index ?? null);
  }
  const evaluate = compile(tree, text);
  return {
    text,
    tex: texOf(tree),
    evaluate(points) {
      const x = points.select(-1, 0);
      const y = points.select(-1, 1);
      const value = evaluate({ x, y });
      // Where only one of them occurs the shapes are right all the same.
      if (!isTensor(value)) throw new FormulaError("constant", text, null);
      return value;
    },
  };
}

function compile(node: Expression, text: string): Evaluate {
  const at = (name: string) => {
    const found = text.indexOf(name);
    return found < 0 ? null : found;
  };
  switch (node.type) {
    case "Literal": {
      const value = (node as jsep.Literal).value;
      if (typeof value !== "number") throw new FormulaError("syntax", String(value), at(String(value)));
      return () => value;
    }
    case "Identifier": {
      const { name } = node as jsep.Identifier;
      if (name === "x" || name === "y") return (point) => point[name];
      const constant = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
      if (constant === undefined) throw new FormulaError("name", name, at(name));
      return () => constant;
    }
    case "UnaryExpression": {
      const { operator, argument } = node as jsep.UnaryExpression;
      const inner = compile(argument, text);
      if (operator === "+") return inner;
      // As on paper, −x² is −(x²): the reader binds the sign first, so the sign is taken out of the base.
      return (point) => {
        const value = inner(point);
        return isTensor(value) ? value.neg() : -value;
      };
    }
    case "BinaryExpression": {
      const { operator, left, right } = node as jsep.BinaryExpression;
      const apply = OPERATORS[operator];
      if (apply === undefined) throw new FormulaError("operator", operator, at(operator));
      if (operator === "^" && left.type === "UnaryExpression") {
        const { operator: sign, argument } = left as jsep.UnaryExpression;
        return compile(
          { type: "UnaryExpression", operator: sign, prefix: true, argument: { ...node, left: argument } },
          text,
        );
      }
      const a = compile(left, text);
      const b = compile(right, text);
      return (point) => apply(a(point), b(point));
    }
    case "CallExpression": {
      const { callee, arguments: args } = node as jsep.CallExpression;
      const name = callee.type === "Identifier" ? (callee as jsep.Identifier).name : "";
      const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
      if (known === undefined) throw new FormulaError("function", name, at(name));
      if (args.length !== known.count) throw new FormulaError("arguments", name, at(name));
      const inner = args.map((arg) => compile(arg, text));
      return (point) => known.call(...inner.map((f) => f(point)));
    }
    default:
      throw new FormulaError("syntax", text, null);
  }
}

/** How tightly operators bind, for brackets. */
const BINDING: Readonly<Record<string, number>> = { "+": 1, "-": 1, "*": 2, "/": 2, "^": 3 };

function texOf(node: Expression, outer = 0): string {
  const bracket = (tex: string, binding: number) => (binding < outer ? `\\left(${tex}\\right)` : tex);
  switch (node.type) {
    case "Literal":
      return (node as jsep.Literal).raw;
    case "Identifier": {
      const { name } = node as jsep.Identifier;
      return name === "pi" ? "\\pi" : name;
    }
    case "UnaryExpression": {
      const { operator, argument } = node as jsep.UnaryExpression;
      return bracket(`${operator === "-" ? "-" : ""}${texOf(argument, 2)}`, 1);
    }
    case "BinaryExpression": {
      const { operator, left, right } = node as jsep.BinaryExpression;
      const binding = BINDING[operator]!;
      if (operator === "/") return `\\frac{${texOf(left)}}{${texOf(right)}}`;
      if (operator === "^") return `${texOf(left, 4)}^{${texOf(right)}}`;
      const sign = operator === "*" ? " \\cdot " : ` ${operator} `;
      return bracket(
        `${texOf(left, binding)}${sign}${texOf(right, operator === "-" ? binding + 1 : binding)}`,
        binding,
      );
    }
    default: {
      const { callee, arguments: args } = node as jsep.CallExpression;
      const { name } = callee as jsep.Identifier;
      const inner = args.map((arg) => texOf(arg)).join(", ");
      if (name === "sqrt") return `\\sqrt{${inner}}`;
      if (name === "abs") return `\\left|${inner}\\right|`;
      return `\\${name === "log" ? "ln" : name}\\left(${inner}\\right)`;
    }
  }
}
