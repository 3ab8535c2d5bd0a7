import { sameShape, showShape } from "../graph/shape.js";
import type { Optimizer, SavedTensor, StateDict } from "../optim/optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import { checksum } from "./checksum.js";
import { parse, SafetensorsError, write } from "./header.js";
import { entryOf, tensorOf } from "./safetensors.js";

/**
 * What a file says about its optimizer, as JSON in the metadata's "optimizer". Tensors stand in the file as
 *
 * - `<parameter>`: a parameter's values,
 * - `optimizer/state/<parameter>/<slot>`: what the rule remembers of it, such as `squareAvg`,
 * - `optimizer/shared/<slot>`: what the rule remembers as a whole.
 *
 * The metadata's "checksum" is the CRC-32 of that JSON and behind it, by name, of each tensor (its name, dtype and shape as
 * text, a zero byte behind each, and its bytes), as eight hexadecimal digits.
 */
interface Description {
  format: 1;
  rule: string;
  groups: ({ params: string[] } & Record<string, unknown>)[];
  state: Record<string, { step: number; slots: string[] }>;
  shared: string[];
}

const PREFIX = "optimizer/";
const stateName = (parameter: string, slot: string): string => `${PREFIX}state/${parameter}/${slot}`;
const sharedName = (slot: string): string => `${PREFIX}shared/${slot}`;

/**
 * An optimizer with its parameters as the bytes of a safetensors file, from which training goes on bit for bit, here
 * ({@link loadOptimizer}) or in PyTorch (tools/safetensorsBridge.py in Thalweg's repository).
 *
 * @param names - every parameter of the optimizer by its name
 * @param metadata - more text to keep, such as a scheduler's state as JSON
 * @throws SafetensorsError if a parameter has no name, or a name is no parameter's
 */
export function saveOptimizer(
  optimizer: Optimizer<object>,
  names: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const order = namesInOrder(optimizer, names);
  for (const name of order) {
    if (name.startsWith(PREFIX))
      throw new SafetensorsError(`a parameter's name must not begin with ${PREFIX}: ${name}`);
  }
  for (const name of ["optimizer", "checksum"]) {
    if (Object.hasOwn(metadata, name)) throw new SafetensorsError(`metadata: "${name}" is the file's own`);
  }
  const saved = optimizer.stateDict();
  const entries = order.map((name) => entryOf(name, names[name]!));
  const state: Description["state"] = {};
  for (const [i, { step, tensors }] of Object.entries(saved.state)) {
    const name = order[Number(i)]!;
    state[name] = { step, slots: Object.keys(tensors) };
    for (const [slot, data] of Object.entries(tensors)) entries.push(entryOf(stateName(name, slot), data));
  }
  for (const [slot, data] of Object.entries(saved.shared)) entries.push(entryOf(sharedName(slot), data));
  const description: Description = {
    format: 1,
    rule: optimizer.rule,
    groups: saved.paramGroups.map((group) => ({ ...group, params: group.params.map((i) => order[i]!) })),
    state,
    shared: Object.keys(saved.shared),
  };
  // JSON has no infinity; as text it is found again where a number is expected.
  const text = JSON.stringify(description, (_, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x));
  return write({ entries, metadata: { ...metadata, optimizer: text, checksum: checksum(text, entries) } });
}

/**
 * Gives an optimizer and its parameters what {@link saveOptimizer} (or PyTorch's side) has saved: values, state, steps
 * and options; options that the file does not name stay. Everything is checked first: if the file is damaged, is
 * another rule's or another model's, the error says what differs, and nothing has changed.
 *
 * @param names - every parameter of the optimizer by its name
 * @returns the metadata that was saved besides
 * @throws SafetensorsError or OptionError if the file does not fit
 */
export function loadOptimizer(
  optimizer: Optimizer<object>,
  bytes: Uint8Array,
  names: Readonly<Record<string, Tensor>>,
): Record<string, string> {
  const order = namesInOrder(optimizer, names);
  const { entries, metadata } = parse(bytes);
  const { optimizer: text, checksum: sum, ...rest } = metadata;
  if (text === undefined || sum === undefined) throw new SafetensorsError("the file holds tensors but no optimizer");
  if (checksum(text, entries) !== sum)
    throw new SafetensorsError("the file is damaged: its content does not have the checksum that it says");
  const description = read(text);
  const { rule } = optimizer;
  if (description.rule !== rule)
    throw new SafetensorsError(`the file is of the rule ${description.rule}, this optimizer is ${rule}`);
  const found = new Map(entries.map((entry) => [entry.name, entry]));
  const take = (name: string): Tensor => {
    const entry = found.get(name);
    if (entry === undefined) throw new SafetensorsError(`the tensor ${JSON.stringify(name)} is missing`);
    found.delete(name);
    return tensorOf(entry);
  };
  const paramGroups = groupsOf(optimizer, description, names);
  const values = order.map((name) => fitting(name, take(name), names[name]!));
  const state: StateDict<object>["state"] = {};
  for (const [name, { step, slots }] of Object.entries(description.state)) {
    if (names[name] === undefined)
      throw new SafetensorsError(`the file has state of ${JSON.stringify(name)}, which is no parameter`);
    const tensors = Object.fromEntries(slots.map((slot) => [slot, plain(take(stateName(name, slot)))]));
    state[order.indexOf(name)] = { step, tensors };
  }
  const shared = Object.fromEntries(description.shared.map((slot) => [slot, plain(take(sharedName(slot)))]));
  if (found.size > 0)
    throw new SafetensorsError(`the file has tensors that nothing asks for: ${[...found.keys()].join(", ")}`);
  optimizer.loadStateDict({ state, shared, paramGroups } as StateDict<object>);
  order.forEach((name, i) => {
    names[name]!.assign(values[i]!);
  });
  return rest;
}

function read(text: string): Description {
  const wrong = (what: string) => new SafetensorsError(`metadata: the optimizer ${what}`);
  let found: Partial<Description> | null;
  try {
    found = JSON.parse(text) as Partial<Description> | null;
  } catch (error) {
    throw wrong(`is no JSON: ${(error as Error).message}`);
  }
  if (found?.format !== 1) throw wrong(`is in format ${found?.format}; this version reads format 1`);
  const isNames = (x: unknown) => Array.isArray(x) && x.every((name) => typeof name === "string");
  const { groups, state, shared } = found;
  if (!Array.isArray(groups) || !groups.every((group) => isNames(group?.params)))
    throw wrong("has no list of groups, each with the names of its params");
  if (typeof state !== "object" || state === null || !Object.values(state).every((one) => isNames(one?.slots)))
    throw wrong("has no state with the names of its slots for each parameter");
  if (!isNames(shared)) throw wrong("has no list of the names that are shared");
  return found as Description;
}

/** The names of the optimizer's parameters, in its order. */
function namesInOrder(optimizer: Optimizer<object>, names: Readonly<Record<string, Tensor>>): string[] {
  const byTensor = new Map(Object.entries(names).map(([name, p]) => [p, name]));
  const order = optimizer.paramGroups.flatMap(({ params }, g) =>
    params.map((p, i) => {
      const name = byTensor.get(p);
      if (name === undefined)
        throw new SafetensorsError(`parameter ${i} of group ${g}, of shape ${showShape(p.shape)}, has no name`);
      return name;
    }),
  );
  const more = Object.keys(names).filter((name) => !order.includes(name));
  if (more.length > 0) throw new SafetensorsError(`the optimizer has no parameter for ${more.join(", ")}`);
  return order;
}

/** The saved groups with the options as they have to be, and their parameters by number. */
function groupsOf(
  { paramGroups }: Optimizer<object>,
  { groups }: Description,
  names: Readonly<Record<string, Tensor>>,
): Record<string, unknown>[] {
  if (groups.length !== paramGroups.length)
    throw new SafetensorsError(
      `the file has ${groups.length} groups of parameters, this optimizer ${paramGroups.length}`,
    );
  let next = 0;
  return groups.map(({ params, ...saved }, g) => {
    const { params: own, ...options } = paramGroups[g] as Record<string, unknown> & { params: Tensor[] };
    const wanted = Object.keys(names).filter((name) => own.includes(names[name]!));
    if ([...params].sort().join() !== wanted.sort().join()) {
      throw new SafetensorsError(
        `group ${g} has the parameters ${params.join(", ")} in the file, ${wanted.join(", ")} in this optimizer`,
      );
    }
    const read = Object.entries(saved).map(([name, value]) => [name, optionOf(name, value, options)] as const);
    return { ...options, ...Object.fromEntries(read), params: own.map(() => next++) };
  });
}

const kindOf = (x: unknown): string => (Array.isArray(x) ? "list" : x === null ? "null" : typeof x);

function optionOf(name: string, value: unknown, options: Record<string, unknown>): unknown {
  // Schedulers keep the initial learning rate in the groups.
  const own = name === "initialLr" ? 0 : options[name];
  if (own === undefined)
    throw new SafetensorsError(`the file has the option ${name}, which this optimizer does not have`);
  if (typeof own === "number" && /^(NaN|-?Infinity)$/.test(String(value))) return Number(value);
  if (own !== null && value !== null && kindOf(value) !== kindOf(own))
    throw new SafetensorsError(
      `the option ${name} is a ${kindOf(value)} in the file, a ${kindOf(own)} in this optimizer`,
    );
  return value;
}

function fitting(name: string, x: Tensor, p: Tensor): Tensor {
  if (sameShape(x.shape, p.shape) && x.dtype === p.dtype) return x;
  throw new SafetensorsError(
    `${JSON.stringify(name)} is ${x.dtype} of shape ${showShape(x.shape)} in the file, ${p.dtype} of ${showShape(p.shape)} here`,
  );
}

const plain = (x: Tensor): SavedTensor => ({ dtype: x.dtype, shape: [...x.shape], data: x.dataSync() });
