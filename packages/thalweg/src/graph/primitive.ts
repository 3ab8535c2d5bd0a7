/**
 * The primitives: all operations that a graph is made of. What a primitive means is said in three tables that are
 * indexed by its name: its expression in the kernel language (`plan/expressions.ts`) or its lowering (`plan/lower.ts`),
 * and its gradient (`autograd/rules.ts`).
 */
export type Kind =
  /** A value that exists. */
  | "leaf"
  /** A number handed to the plan at run time. */
  | "scalar"
  /** One output element per point, from the elements at that point of sources that broadcast to its shape. */
  | "elementwise"
  /** The same elements seen through other indices; costs nothing. */
  | "movement"
  /** Folds dimensions. */
  | "reduce"
  /** Has a kernel, or kernels, of its own. */
  | "special"
  /** Becomes the new value of a parameter, in the old one's place. */
  | "assign"
  /** No value: a way in which values are computed. */
  | "formula";

/** Which values the gradient rule of a primitive reads: kept when a forward pass runs before its backward pass. */
export type Needs = "nothing" | "inputs" | "output" | "other" | "condition" | "index";

export interface Primitive {
  readonly name: string;
  readonly kind: Kind;
  /** A small number that stands for the primitive in the key of a plan. */
  readonly code: number;
  readonly needs: Needs;
}

let codes = 0;
const all: Primitive[] = [];

function primitive(kind: Kind, name: string, needs: Needs = "nothing"): Primitive {
  const made: Primitive = { name, kind, code: codes++, needs };
  all.push(made);
  return made;
}

export const leaf = primitive("leaf", "leaf");
export const scalar = primitive("scalar", "scalar");
export const assign = primitive("assign", "assign");
/**
 * Rows of a parameter become new in their places; the other rows are not touched, nor even read. Sources: the new rows
 * [n, …], the old value, int32 row numbers [n], all of them different but for -1, which stands for no row.
 */
export const assignRows = primitive("assign", "assignRows");
/**
 * An update rule's formula with its numbers (the sources). attr: [number of the formula]; see `plan/formula.ts`.
 */
export const formula = primitive("formula", "formula");
/**
 * A formula applied to many parameters. Sources: the formula, and for one parameter after the other what it is applied to;
 * attr: [how many values that are for each].
 */
export const applied = primitive("formula", "applied");
/** A new value by a formula. Source: where it is applied; attr: [which of the sources of that is the old value]. */
export const assignBy = primitive("assign", "assignBy");

// Elementwise, one source.
export const neg = primitive("elementwise", "neg");
export const abs = primitive("elementwise", "abs", "inputs");
export const sign = primitive("elementwise", "sign");
export const square = primitive("elementwise", "square", "inputs");
export const sqrt = primitive("elementwise", "sqrt", "output");
export const rsqrt = primitive("elementwise", "rsqrt", "output");
export const reciprocal = primitive("elementwise", "reciprocal", "output");
export const exp = primitive("elementwise", "exp", "output");
export const expm1 = primitive("elementwise", "expm1", "output");
export const log = primitive("elementwise", "log", "inputs");
export const log1p = primitive("elementwise", "log1p", "inputs");
export const sin = primitive("elementwise", "sin", "inputs");
export const cos = primitive("elementwise", "cos", "inputs");
export const tanh = primitive("elementwise", "tanh", "output");
export const sigmoid = primitive("elementwise", "sigmoid", "output");
export const relu = primitive("elementwise", "relu", "output");
export const erf = primitive("elementwise", "erf", "inputs");
export const floor = primitive("elementwise", "floor");
export const ceil = primitive("elementwise", "ceil");
export const round = primitive("elementwise", "round");
export const trunc = primitive("elementwise", "trunc");
export const not = primitive("elementwise", "not");
/** The same value as another dtype. */
export const cast = primitive("elementwise", "cast");
/** The same value with no gradient behind it. */
export const detach = primitive("elementwise", "detach");

/**
 * The first source, whose elements were each chosen from a window of the third: [..., place, element, place, element], where
 * the result is [..., place, place]. The second (int32) is the number of the chosen element in its window: the gradient goes
 * there.
 */
export const chosen = primitive("elementwise", "chosen", "index");

// Elementwise, two sources.
export const add = primitive("elementwise", "add");
export const sub = primitive("elementwise", "sub");
export const mul = primitive("elementwise", "mul", "other");
export const div = primitive("elementwise", "div", "inputs");
export const pow = primitive("elementwise", "pow", "inputs");
export const maximum = primitive("elementwise", "maximum", "inputs");
export const minimum = primitive("elementwise", "minimum", "inputs");
export const eq = primitive("elementwise", "eq");
export const ne = primitive("elementwise", "ne");
export const lt = primitive("elementwise", "lt");
export const le = primitive("elementwise", "le");
export const and = primitive("elementwise", "and");
export const or = primitive("elementwise", "or");
export const xor = primitive("elementwise", "xor");

/** Elementwise, three sources: condition, value where it holds, value where not. */
export const where = primitive("elementwise", "where", "condition");

/** int32 position along one dimension. attr: [dim]. No sources. */
export const position = primitive("elementwise", "position");

// Movement.
/** The same elements in row-major order under another shape. */
export const reshape = primitive("movement", "reshape");
/** attr: for each dimension of the result, the source's dimension. */
export const permute = primitive("movement", "permute");
/** Repeats dimensions of size 1 (and new ones in front). */
export const expand = primitive("movement", "expand");
/** attr: start and step of each dimension, [start0, step0, start1, …]; a negative step walks backwards. */
export const slice = primitive("movement", "slice");
/** attr: how many zeros stand before each dimension; the shape says how many after. */
export const pad = primitive("movement", "pad");
/**
 * Windows along one dimension: out[…, o, …, k] = in[…, o + k · dilation, …], the place in the window being a new last
 * dimension. attr: [dim, size, dilation].
 */
export const unfold = primitive("movement", "unfold");
/** The adjoint of unfold: each element is the sum of what it is in all windows. attr: [dim, size, dilation]. */
export const overlap = primitive("movement", "overlap");

/** True for movements whose elements are elements of their source. */
export const isView = ({ kind, code }: Primitive): boolean =>
  kind === "movement" && code !== pad.code && code !== overlap.code;

// Reductions. attr: the reduced dimensions, ascending; the shape says whether they are kept with size 1.
export const sum = primitive("reduce", "sum");
export const prod = primitive("reduce", "prod", "inputs");
export const max = primitive("reduce", "max", "inputs");
export const min = primitive("reduce", "min", "inputs");
/** int32 position of the first greatest element along one dimension. */
export const argmax = primitive("reduce", "argmax");
export const argmin = primitive("reduce", "argmin");

// Special.
/** Sources one after another along attr [dim]. */
export const cat = primitive("special", "cat");
/** [...batch, m, k] × [...batch, k, n], batch sizes already equal. */
export const matmul = primitive("special", "matmul", "other");
/**
 * Sources: values, int32 indices. attr: [dim]. out[i…] = values[i… with dim replaced by indices[i…]].
 * For rows whose gradient stays sparse attr is [0, 1], and a third source is the vector of row numbers.
 */
export const gather = primitive("special", "gather", "index");
/** Sources: base, int32 indices, values. attr: [dim]. A copy of base, to which values are added at the indices. */
export const scatterAdd = primitive("special", "scatterAdd", "index");
/** Running sums along attr [dim]. */
export const cumsum = primitive("special", "cumsum");

/** Every primitive, by code. */
export const primitives: readonly Primitive[] = all;
