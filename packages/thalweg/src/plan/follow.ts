/**
 * Following a recording: what `compile` (../compile.ts) does instead of building a graph again.
 *
 * A function that records a step records, call after call, the same operations on values of the same shapes; only the data
 * and some numbers differ. So its recording is kept. At later calls the function still runs, but each operation that it
 * records is compared with the one that was recorded in its place, whose node it is given; no node is made. If everything
 * was the same, the plan made once is run on this call's data and numbers. At the first difference the nodes given out so
 * far become a recording like any other, and everything goes on as without `compile`.
 */
import { Buffer, device } from "../device/device.js";
import { type DType, isFloat } from "../dtype.js";
import { IndexError } from "../errors.js";
import { actualOf, type Capture, type Following, Node, recording, register } from "../graph/node.js";
import * as P from "../graph/primitive.js";
import { type Shape, sameShape } from "../graph/shape.js";
import { planFor } from "./cache.js";
import { oldOf } from "./change.js";
import { type Change, engine, type GradientOwner } from "./engine.js";
import { collect } from "./key.js";
import type { Wanted } from "./plan.js";
import type { LoadedPlan } from "./run.js";

/** Whatever holds a node: a tensor. */
interface Holder {
  node: Node;
}

/** A backward pass in a recording: which nodes it recorded, and whose gradients it gave. */
interface Pass {
  readonly root: Node;
  readonly from: number;
  readonly to: number;
  readonly watches: readonly { owner: GradientOwner; node: Node }[];
  /** Leaves that are views of others, so many elements further on. */
  readonly views: readonly { slot: Node; base: Node; delta: number }[];
}

/** Why a recording cannot be followed; in words for the user. */
export class NotFollowed extends Error {}

const sameNumbers = (a: readonly number[] | null, b: readonly number[] | null): boolean =>
  a === b || (a !== null && b !== null && sameShape(a, b));

/** A kept recording. */
export class Recorded implements Following {
  readonly tensors: Holder[] = [];
  private readonly nodes: Node[] = [];
  private readonly enabled: readonly boolean[];
  private readonly passes: Pass[] = [];
  /** Assigns of the step, if there is one, and after how many nodes it came. */
  private readonly assigns: Node[] = [];
  private readonly stepAt: number;
  /** For each of the notes on gradients the node noted. Of those that count the gradient is a result. */
  private readonly watched: { readonly node: Node; readonly counts: boolean }[] = [];
  private readonly outputs: Node[];
  private readonly slots: Node[];
  private readonly plan: LoadedPlan;
  private readonly inputs: readonly Node[];
  private readonly scalars: readonly Node[];
  private readonly results: readonly Node[];
  private readonly version = engine.version;

  /** What the step changes, by what holds it. */
  private readonly carried: { readonly slot: Node; readonly holder: Holder }[] = [];
  private readonly deads = new Map<Node, Node>();

  private at = 0;
  private pass = 0;
  private holders: Holder[] | null = null;
  /** Stands for the actual values, in the order in which the plan wants them. */
  private readonly actual: Node[] = [];
  private readonly targets: Buffer[] = [];

  /**
   * @param capture - what a call has recorded, of which nothing has run yet
   * @param args - the leaves that the call was given
   * @param outputs - the nodes of the tensors that it returns
   * @throws NotFollowed if that cannot be followed
   */
  constructor(capture: Capture, args: readonly Node[], outputs: readonly Node[]) {
    if (capture.failed !== null) throw new NotFollowed(capture.failed);
    const templates = new Map<Node, Node>();
    const template = (node: Node, srcs: readonly Node[]): Node => {
      const made = new Node(node.primitive, node.dtype, node.shape, srcs, node.attr);
      made.requiresGrad = node.requiresGrad;
      made.internal = node.internal;
      made.mutable = node.mutable;
      made.owner = node.owner;
      made.value = node.value;
      templates.set(node, made);
      return made;
    };
    /** A value that exists before the step, another one at each call. */
    const leaf = (node: Node): Node => {
      const made = new Node(P.leaf, node.dtype, node.shape, [], null);
      made.requiresGrad = node.requiresGrad;
      made.mutable = node.mutable;
      made.live = node.live;
      made.owner = node.owner;
      made.strides = node.strides;
      stand(made, node);
      templates.set(node, made);
      return made;
    };
    this.slots = args.map(leaf);
    // A state that the step itself makes is there before the next one.
    const begins = capture.changes.some(({ old }) => capture.nodes.includes(old));
    for (const { old } of capture.changes) if (old.buffer !== null && !templates.has(old)) leaf(old);
    for (const { before } of capture.watches) if (before?.buffer && !templates.has(before)) leaf(before);
    const missing: Node[] = [];
    const sourceOf = (node: Node): Node => {
      const known = templates.get(node);
      if (known !== undefined) return known;
      // A value from outside, the same one at each call.
      if (node.buffer === null) missing.push(node);
      return node;
    };
    for (const node of capture.nodes) {
      if (node.primitive === P.leaf) {
        if (node.requiresGrad) throw new NotFollowed("it makes a parameter (a tensor with requiresGrad) at each call");
        this.nodes.push(leaf(node));
        continue;
      }
      if (node.owner !== null) throw new NotFollowed("it keeps the gradient of an inner value (retainGrad)");
      this.nodes.push(template(node, node.srcs.map(sourceOf)));
    }
    for (const { assign, holder } of capture.changes) {
      if (holder === undefined) throw new NotFollowed("it changes a value that no tensor holds");
      this.assigns.push(template(assign, assign.srcs.map(sourceOf)));
    }
    this.enabled = [...capture.enabled];
    this.stepAt = capture.stepAt;
    // It will exist at the next call.
    for (const node of missing) engine.realize(node);
    if (missing.length > 0 || begins) throw new NotFollowed("");
    for (const { owner, node } of capture.watches) {
      const found = templates.get(node);
      if (found === undefined) throw new NotFollowed("a gradient comes from outside of it");
      const counts = owner.gradient?.node === node;
      this.watched.push({ node: found, counts });
    }
    for (const { root, from, to, watches } of capture.passes) {
      const given = watches.map(({ owner, node }) => ({ owner, node: templates.get(node)! }));
      const leaves = capture.nodes.slice(from, to).filter((node) => node.primitive === P.leaf);
      // A leaf with data of its own has to be made anew.
      if (!leaves.every((node) => capture.views.has(node))) continue;
      const views = leaves.map((node) => {
        const base = capture.views.get(node)!;
        return { slot: templates.get(node)!, base: sourceOf(base), delta: node.offset - base.offset };
      });
      this.passes.push({ root: templates.get(root)!, from, to, watches: given, views });
    }
    this.outputs = outputs.map((node) => templates.get(node) ?? node);

    const kept = this.watched.filter(({ counts }) => counts).map(({ node }) => node);
    const values = this.outputs.filter((node) => node.buffer === null && !kept.includes(node));
    this.results = [...new Set([...values, ...kept, ...this.assigns])];
    const graph = collect(this.results);
    const wanted = this.results.map((node): Wanted => {
      const fate = node.primitive.kind === "assign" ? "assign" : kept.includes(node) ? "kept" : "value";
      return { node, fate };
    });
    this.plan = planFor(graph.nodes, wanted, device(), engine.fuse);
    this.inputs = graph.inputs;
    this.scalars = graph.scalars;
    for (const { old, holder } of capture.changes) this.carried.push({ slot: templates.get(old)!, holder: holder! });
    for (const { before, owner, node } of capture.watches) {
      const holder = owner.gradient as Holder | null;
      if (before !== null && holder?.node === node) this.carried.push({ slot: templates.get(before)!, holder });
    }
  }

  /** The plan in words. */
  describe(): string {
    return this.plan.describe();
  }

  /** Begins a call. False if it has to be recorded anew. */
  begin(args: readonly Node[]): boolean {
    if (this.version !== engine.version || !this.plan.isLoaded) return false;
    for (let i = 0; i < args.length; i++) stand(this.slots[i]!, args[i]!);
    const { internal } = recording;
    recording.internal = true;
    for (const { slot, holder } of this.carried) stand(slot, holder.node);
    recording.internal = internal;
    this.at = 0;
    this.pass = 0;
    this.holders = null;
    this.tensors.length = 0;
    recording.following = this;
    return true;
  }

  /** The node of an operation that is recorded now, if it is the one recorded in this place; else null, and it is over. */
  next(primitive: P.Primitive, dtype: DType, shape: Shape, srcs: readonly Node[], attr: readonly number[] | null) {
    const { at } = this;
    const node = this.nodes[at];
    if (
      node !== undefined &&
      node.primitive === primitive &&
      node.dtype === dtype &&
      srcs.length === node.srcs.length &&
      this.enabled[at] === recording.gradEnabled &&
      node.internal === recording.internal &&
      sameShape(shape, node.shape) &&
      sameNumbers(attr, node.attr)
    ) {
      let same = true;
      for (let i = 0; i < srcs.length; i++) {
        const wanted = node.srcs[i]!;
        const src = srcs[i]!;
        if (src === wanted) continue;
        if (wanted.standsFor !== src) same = false;
        // Views are told where they begin when they have been made.
        else wanted.offset = src.offset;
      }
      if (same) {
        this.at = at + 1;
        return this.fresh(node);
      }
    }
    this.abandon();
    return null;
  }

  scalar(value: number, dtype: DType): Node | null {
    const node = this.nodes[this.at];
    if (node !== undefined && node.primitive === P.scalar && node.dtype === dtype) {
      node.value = value;
      this.at++;
      return node;
    }
    this.abandon();
    return null;
  }

  /** A leaf that was made now: the data of this call. */
  leaf(node: Node): void {
    const slot = this.nodes[this.at];
    if (
      slot !== undefined &&
      slot.primitive === P.leaf &&
      slot.dtype === node.dtype &&
      sameShape(slot.shape, node.shape)
    ) {
      stand(slot, node);
      this.at++;
    } else this.abandon();
  }

  /** The gradients that a backward pass gives, if it is the one recorded in this place. */
  backward(root: Node): Pass["watches"] | null {
    let pass = this.passes[this.pass];
    // Passes that were gone through in the ordinary way are over.
    while (pass !== undefined && pass.from < this.at) pass = this.passes[++this.pass];
    if (pass === undefined || pass.root !== root || pass.from !== this.at || !recording.gradEnabled) return null;
    for (const { owner } of pass.watches) if (owner.gradient !== null) return null;
    for (let i = pass.from; i < pass.to; i++) this.fresh(this.nodes[i]!);
    for (const { slot, base, delta } of pass.views) {
      slot.standsFor = null;
      slot.buffer = base.buffer;
      slot.offset = base.offset + delta;
    }
    this.at = pass.to;
    this.pass++;
    return pass.watches;
  }

  /** The nodes of a step's new values, if it is the one recorded in this place. */
  step(changes: readonly Change[]): Node[] | null {
    const { assigns } = this;
    let same = this.holders === null && this.at === this.stepAt && changes.length === assigns.length;
    for (let i = 0; same && i < assigns.length; i++) {
      const { holder } = changes[i]!;
      same = holder !== undefined && isSame(changes[i]!, assigns[i]!);
    }
    if (!same) {
      this.abandon();
      return null;
    }
    this.holders = changes.map(({ holder }) => holder!);
    return assigns.map((node) => this.fresh(node));
  }

  private fresh(node: Node): Node {
    node.stale = false;
    node.freed = false;
    node.escaped = false;
    node.carried = false;
    return node;
  }

  /**
   * Ends following: what was given out so far is a recording like any other from now on. (So these nodes are lost for the
   * next call.)
   */
  abandon(): void {
    if (recording.following !== this) return;
    recording.following = null;
    const actualOf = (node: Node): Node => {
      const actual = node.standsFor;
      if (actual === null) return node;
      // A backward pass may be under way, which has numbered the nodes.
      actual.mark = node.mark;
      actual.index = node.index;
      return actual;
    };
    const given = this.nodes.slice(0, this.at);
    const own = (node: Node): Node => {
      node.srcs = node.srcs.map(actualOf);
      return node;
    };
    given.forEach((node, i) => {
      if (node.primitive === P.leaf || node.primitive === P.scalar) return;
      if (this.holders !== null && i === this.stepAt) engine.takeStep(this.assigns.map(own));
      register(own(node));
    });
    if (this.holders !== null && this.stepAt >= given.length) engine.takeStep(this.assigns.map(own));
  }

  /**
   * Ends a call that has returned `outputs`. If everything was as recorded, runs the plan and gives values to the outputs,
   * parameters and gradients; else false, and the call is a recording like any other.
   */
  finish(outputs: readonly Holder[]): boolean {
    if (recording.following !== this) return false;
    const watches = engine.watches();
    let same =
      this.at === this.nodes.length &&
      (this.assigns.length === 0) === (this.holders === null) &&
      outputs.length === this.outputs.length &&
      watches.length === this.watched.length;
    for (let i = 0; same && i < outputs.length; i++) {
      const wanted = this.outputs[i]!;
      same = outputs[i]!.node === wanted || wanted.standsFor === outputs[i]!.node;
    }
    for (let i = 0; same && i < watches.length; i++) {
      const { node, counts } = this.watched[i]!;
      same = watches[i]!.node === node && (watches[i]!.owner.gradient?.node === node) === counts;
    }
    for (let i = 0; same && i < this.inputs.length; i++) {
      const node = this.inputs[i]!;
      const actual = actualOf(node);
      this.actual[i] = actual;
      same =
        actual.buffer !== null &&
        actual.dtype === node.dtype &&
        sameShape(actual.shape, node.shape) &&
        actual.requiresGrad === node.requiresGrad &&
        actual.mutable === node.mutable &&
        sameNumbers(actual.strides, node.strides);
    }
    if (!same) {
      this.abandon();
      return false;
    }
    recording.following = null;
    this.run(outputs, watches);
    return true;
  }

  private run(outputs: readonly Holder[], watches: readonly { owner: GradientOwner }[]): void {
    const { results, targets } = this;
    const olds = this.assigns.map((node) => actualOf(oldOf(node)));
    engine.beforeOverwriting(olds);
    for (let r = 0; r < results.length; r++) {
      const node = results[r]!;
      if (node.primitive.kind !== "assign") targets[r] = new Buffer(node.dtype, node.size, null);
      else targets[r] = engine.targetOf(node.primitive, actualOf(oldOf(node)));
    }
    const failed = this.plan.run(this.actual, this.scalars, targets);
    for (let r = 0; r < results.length; r++) {
      const node = results[r]!;
      const leaf = new Node(P.leaf, node.dtype, node.shape, [], null);
      leaf.buffer = targets[r]!;
      node.standsFor = leaf;
      if (node.primitive.kind !== "assign") continue;
      const old = actualOf(oldOf(node));
      leaf.requiresGrad = old.requiresGrad;
      leaf.mutable = true;
      leaf.live = true;
      leaf.owner = old.owner;
      if (old.buffer === leaf.buffer) {
        old.buffer = null;
        old.stale = true;
      }
    }
    engine.afterOverwriting(olds);
    // The tensors that were made on the way hold nodes that stand for another value at the next call.
    for (let i = 0; i < this.tensors.length; i++) {
      const tensor = this.tensors[i]!;
      if (tensor.node.primitive !== P.leaf) tensor.node = this.deadOf(tensor.node);
    }
    this.tensors.length = 0;
    this.assigns.forEach((node, i) => {
      this.holders![i]!.node = this.settled(node);
    });
    watches.forEach(({ owner }, i) => {
      const { node, counts } = this.watched[i]!;
      if (!counts) return;
      (owner.gradient as Holder).node = this.settled(node);
    });
    outputs.forEach((output, i) => {
      const node = this.outputs[i]!;
      if (node.buffer === null) output.node = this.settled(node);
    });
    for (const node of results) node.standsFor = null;
    if (failed)
      throw new IndexError("gather, indexSelect or scatterAdd: an index was outside the bounds of its dimension");
  }

  private deadOf(node: Node): Node {
    let found = this.deads.get(node);
    if (found === undefined) this.deads.set(node, (found = dead(node)));
    return found;
  }

  private settled(node: Node): Node {
    return node.standsFor!;
  }
}

const is = (src: Node | undefined, wanted: Node | undefined): boolean =>
  src === wanted || (wanted?.standsFor ?? null) === src;

/** Whether a change is the recorded one. */
function isSame({ old, value, rows, place }: Change, { srcs, attr }: Node): boolean {
  if (!is(value, srcs[0])) return false;
  return attr === null ? place === undefined && is(old, srcs[1]) && is(rows, srcs[2]) : place === attr[0];
}

/** Lets a leaf of a recording stand for a value of the present call. */
function stand(slot: Node, node: Node): void {
  slot.standsFor = node;
  slot.buffer = node.buffer;
  slot.offset = node.offset;
}

/** What a tensor holds that was made inside a compiled step and not returned: a value that can be had no more. */
function dead(node: Node): Node {
  const made = new Node(node.primitive, node.dtype, node.shape, [], node.attr);
  made.requiresGrad = node.requiresGrad && isFloat(node.dtype);
  made.stale = true;
  return made;
}
