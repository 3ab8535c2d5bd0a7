/** The training loop. */
import type { TypedArray } from "../dtype.js";
import { OptionError, StaleError } from "../errors.js";
import { clipGradNorm, clipGradValue } from "../optim/clip.js";
import type { LBFGS } from "../optim/lbfgs.js";
import { ReduceLROnPlateau } from "../optim/lrScheduler/reduceLROnPlateau.js";
import { fullLike, tensor } from "../tensor/create.js";
import { defaultGenerator, type GeneratorState } from "../tensor/generator.js";
import { rowNode } from "../tensor/sparse.js";
import { Tensor } from "../tensor/tensor.js";
import { accuse } from "./accuse.js";
import { EarlyStopping } from "./earlyStopping.js";
import { evaluate } from "./evaluate.js";
import { type CheckpointOptions, checkNames, type FitOptions, type Progress } from "./fitOptions.js";
import { type EpochRecord, History, type Stopped } from "./history.js";
import { inspect } from "./inspect.js";
import { Meter } from "./metric.js";
import { type Batch, batchesOf, type LossFunction, lossFunction, pass, type Trainable } from "./model.js";
import { Pace } from "./pace.js";
import { CheckpointError, load, save, type TrainingState } from "./state.js";

/** Progress is told when so much time has passed. */
const TELL_MILLISECONDS = 60;

interface Recorded {
  readonly step: number;
  readonly samples: number;
  readonly loss: Tensor;
  /** The last batch of its step. */
  readonly ends: boolean;
  readonly gradNorm: Tensor | null;
}

export class Training {
  private history = new History();
  private readonly lossOf: LossFunction;
  private readonly meters: readonly (readonly [string, Meter])[];
  private readonly watch: EarlyStopping | null;
  private readonly accumulate: number;
  private readonly inspectEvery: number;
  private readonly pace = new Pace();
  private best: Record<string, Tensor> | null = null;

  /** Epochs finished, batches of the running one, optimizer steps. */
  private epoch = 0;
  private batch = 0;
  private step = 0;
  private lossSum = 0;
  private samples = 0;
  /** Batches whose gradients wait for a step. */
  private sinceStep = 0;
  private stepLosses: number[] = [];
  private epochGenerator: GeneratorState = defaultGenerator.getState();
  private readonly unread: Recorded[] = [];
  private lastTold = performance.now();
  private lastSaved = performance.now();
  private started = performance.now();
  /** Samples trained on since `started`, for the rate. */
  private trained = 0;
  /** How large an epoch is, once one has been seen. */
  private epochSamples: number | null = null;
  private resumedWithin = false;
  /** All batches of the running epoch have been used; what remains is to measure it. */
  private trainedThrough = false;
  /** The parameters by name, and their values before the batch that is being trained on. */
  private readonly watched: readonly [string, Tensor][];
  private readonly before: Tensor["node"][] = [];
  private last: Batch = [];
  /** The rule looks along a line at each step, and evaluates the batch as often as it needs. */
  private readonly searches: boolean;
  /** What was seen of the parameters in the running epoch. */
  private seen: EpochRecord["parameters"] = null;

  constructor(
    private readonly model: Trainable,
    private readonly options: FitOptions,
  ) {
    checkNames(options);
    const { epochs, accumulate = 1, metrics = {}, earlyStopping, validation } = options;
    whole("epochs", epochs);
    whole("accumulate", accumulate);
    this.inspectEvery = options.inspectEvery ?? Math.ceil(epochs / 40);
    this.accumulate = accumulate;
    this.watched = model.namedParameters();
    this.searches = options.optimizer.rule === "LBFGS";
    if (this.searches && accumulate > 1)
      throw new OptionError("fit: LBFGS evaluates each batch several times, so batches cannot be accumulated");
    this.lossOf = lossFunction(options.loss);
    this.meters = Object.entries(metrics).map(([name, metric]) => [name, new Meter(metric)] as const);
    const goals = Object.fromEntries(Object.entries(metrics).map(([name, { goal }]) => [name, goal]));
    const wanted = earlyStopping ?? (validation === undefined ? undefined : { patience: Number.POSITIVE_INFINITY });
    this.watch = wanted === undefined ? null : new EarlyStopping(wanted, validation !== undefined, goals);
  }

  async run(): Promise<History> {
    const { options, model } = this;
    if (options.checkpoint?.resume) await this.resume(options.checkpoint);
    const { stopped } = this.history.data;
    // A run that came to its end has nothing left to do, unless it was given more epochs.
    const over = stopped !== null && (stopped.reason === "earlyStopping" || this.epoch >= options.epochs);
    if (!over) {
      this.history.data.stopped = null;
      model.train();
      this.started = performance.now();
      const end = await this.epochs();
      this.history.data.stopped = end;
      const { checkpoint } = options;
      // After a loss that is not finite the last good checkpoint stays the last.
      if (checkpoint !== undefined && end.reason !== "notFinite") await this.save(checkpoint);
    }
    this.settleEnd(this.history.data.stopped!);
    for (const callback of options.callbacks ?? []) await callback.onEnd?.(this.history);
    return this.history;
  }

  private async epochs(): Promise<Stopped> {
    const { options } = this;
    while (this.epoch < options.epochs) {
      const begun = performance.now();
      for (const callback of options.callbacks ?? []) await callback.onEpochStart?.(this.epoch + 1);
      const stop = (this.trainedThrough ? null : await this.trainEpoch()) ?? (await this.endEpoch(begun));
      if (stop !== null) return stop;
    }
    return this.stop("finished", `all ${options.epochs} epochs are done`);
  }

  /** All batches of an epoch; a reason to stop, if there is one. */
  private async trainEpoch(): Promise<Stopped | null> {
    const { options } = this;
    const { train, signal, checkpoint } = options;
    const looked = this.inspectEvery > 0 && (this.epoch % this.inspectEvery === 0 || this.epoch + 1 === options.epochs);
    const batches = await this.beginEpoch();
    for (;;) {
      const drawn = batches.next();
      const { done, value: batch } = drawn instanceof Promise ? await drawn : drawn;
      if (done) break;
      // The step that is looked into is the last, or the first where nobody knows which is the last.
      const inspected = looked && this.seen === null && this.batch + 1 === (train.length ?? 1);
      if (inspected) options.optimizer.observe(true);
      this.trainBatch(batch, this.batch + 1 === train.length);
      if (inspected) {
        this.seen = inspect(this.model, options.optimizer);
        options.optimizer.observe(false);
      }
      const bad = this.readLosses();
      if (bad !== null) return bad;
      const now = performance.now();
      if (now - this.lastTold > TELL_MILLISECONDS) await this.tell();
      if (this.pace.isDue(now)) await this.pace.turn();
      if (signal?.aborted) return this.stop("aborted", `stopped in epoch ${this.epoch + 1}, after step ${this.step}`);
      if (checkpoint !== undefined && this.isDue(checkpoint)) await this.save(checkpoint);
    }
    if (this.batch === 0) throw new OptionError("fit: the training data gave no batch at all");
    // Fewer batches than make a step were left, and nobody knew that they were the last.
    if (this.sinceStep > 0) this.makeStep();
    this.trainedThrough = true;
    return null;
  }

  /** The epoch's batches, from the place where training was interrupted. */
  private async beginEpoch(): Promise<ReturnType<typeof batchesOf>> {
    const { train } = this.options;
    if (!this.resumedWithin) {
      this.epochGenerator = defaultGenerator.getState();
      return batchesOf(train);
    }
    this.resumedWithin = false;
    // A source that knows its position was given it; of another the batches that were used are drawn again.
    if (train.loadStateDict !== undefined) return batchesOf(train);
    const after = defaultGenerator.getState();
    defaultGenerator.setState(this.epochGenerator);
    const batches = batchesOf(train);
    for (let i = 0; i < this.batch; i++) await batches.next();
    defaultGenerator.setState(after);
    return batches;
  }

  private trainBatch(batch: Batch, isLast: boolean): void {
    const { accumulate } = this;
    if (this.sinceStep === 0) this.options.optimizer.zeroGrad();
    this.last = batch;
    for (let i = 0; i < this.watched.length; i++) this.before[i] = rowNode(this.watched[i]![1]);
    const step = this.step + 1;
    this.sinceStep++;
    this.batch++;
    if (this.searches) {
      this.search(batch, step);
      return;
    }
    const { output, target, samples } = pass(this.model, batch);
    const loss = this.lossOf(output, target, batch);
    loss.backward(accumulate === 1 ? {} : { gradient: fullLike(loss, 1 / accumulate) });
    for (const [, meter] of this.meters) meter.add(output, target);
    this.trained += samples;
    const ends = this.sinceStep === accumulate || isLast;
    const gradNorm = ends ? this.makeStep() : null;
    this.unread.push({ step, samples, loss, ends, gradNorm });
  }

  /** A step of a rule that evaluates the batch several times. */
  private search(batch: Batch, step: number): void {
    const optimizer = this.options.optimizer as unknown as LBFGS;
    let first: ReturnType<typeof pass> | null = null;
    const loss = optimizer.step(() => {
      optimizer.zeroGrad();
      const passed = pass(this.model, batch);
      const loss = this.lossOf(passed.output, passed.target, batch);
      loss.backward();
      if (first === null) for (const [, meter] of this.meters) meter.add(passed.output, passed.target);
      first ??= passed;
      this.clip();
      return loss;
    });
    const { samples } = first!;
    this.trained += samples;
    this.stepped();
    this.unread.push({ step, samples, loss, ends: true, gradNorm: null });
  }

  private clip(): Tensor | null {
    const { optimizer, clipNorm, clipValue } = this.options;
    if (clipNorm === undefined && clipValue === undefined) return null;
    const parameters = optimizer.paramGroups.flatMap(({ params }) => params);
    const norm = clipNorm === undefined ? null : clipGradNorm(parameters, clipNorm);
    if (clipValue !== undefined) clipGradValue(parameters, clipValue);
    return norm;
  }

  private makeStep(): Tensor | null {
    const norm = this.clip();
    this.options.optimizer.step();
    this.stepped();
    return norm;
  }

  private stepped(): void {
    const { scheduler, scheduleEvery } = this.options;
    this.step++;
    this.sinceStep = 0;
    this.options.average?.update();
    if (scheduleEvery === "step" && scheduler !== undefined && !(scheduler instanceof ReduceLROnPlateau))
      scheduler.step();
  }

  /**
   * Reads the loss of the batch that was trained on, which runs the step; one that is not finite is a reason to stop. Read now,
   * and not some steps later, it finds the parameters' values from before the step still there.
   */
  private readLosses(): Stopped | null {
    let bad: Stopped | null = null;
    for (const { step, samples, loss, ends, gradNorm } of this.unread) {
      const value = loss.item() as number;
      const norm = gradNorm === null ? null : (gradNorm.item() as number);
      if (!ends || this.stepLosses.length > 0) this.stepLosses.push(value);
      if (ends || !Number.isFinite(value)) {
        const { length } = this.stepLosses;
        const mean = length === 0 ? value : this.stepLosses.reduce((a, b) => a + b) / length;
        this.history.addStep(step, mean, norm);
        if (length > 0) this.stepLosses = [];
      }
      this.lossSum += value * samples;
      this.samples += samples;
      if (Number.isFinite(value) || bad !== null) continue;
      const suspects = this.watched.map(([name, p], i) => ({ name, value: valueBefore(p, this.before[i]!) }));
      const { parameter, where } = accuse(
        suspects,
        this.last,
        "lr" in this.options.optimizer.paramGroups[0]! ? this.lrs() : [],
      );
      const detail = `the loss is ${value} at step ${step}: ${where}`;
      bad = { reason: "notFinite", epoch: this.epoch + 1, step, detail, parameter };
      // The model keeps the values from which the loss was computed; the step from it could only spoil the rest.
      for (const [i, [, p]] of this.watched.entries()) p.assign(tensor(suspects[i]!.value).reshape(p.shape));
    }
    this.unread.length = 0;
    return bad;
  }

  private lrs(): number[] {
    return this.options.optimizer.paramGroups.map((group) => (group as { lr?: number }).lr ?? Number.NaN);
  }

  private async endEpoch(begun: number): Promise<Stopped | null> {
    const { options } = this;
    const { scheduler, scheduleEvery = "epoch" } = options;
    const train: Record<string, number> = { loss: this.lossSum / this.samples };
    for (const [name, meter] of this.meters) train[name] = meter.read(this.samples);
    const judged = await this.judge();
    if (judged === null)
      return this.stop("aborted", `stopped in epoch ${this.epoch + 1}, while it was measured, after step ${this.step}`);
    const { measured, values } = judged;
    this.epoch++;
    this.epochSamples = this.samples;
    const record = {
      epoch: this.epoch,
      step: this.step,
      train,
      validation: measured,
      lr: this.lrs(),
      seconds: (performance.now() - begun) / 1000,
      samples: this.samples,
      parameters: this.seen,
    };
    this.seen = null;
    this.history.data.epochs.push(record);
    this.batch = this.lossSum = this.samples = 0;
    this.trainedThrough = false;
    for (const [, meter] of this.meters) meter.reset();
    let ends: Stopped | null = null;
    const { watch } = this;
    const monitored = watch?.valueOf(record) ?? train.loss!;
    if (watch !== null) {
      const { isBest, stop } = watch.see(this.epoch, monitored);
      if (isBest) {
        this.best = values;
        this.history.data.best = { epoch: this.epoch, monitor: watch.monitor, value: monitored };
      }
      if (stop)
        ends = this.stop("earlyStopping", `${watch.monitor} has not improved since epoch ${watch.state.bestEpoch}`);
    }
    if (scheduler instanceof ReduceLROnPlateau) scheduler.step(monitored);
    else if (scheduler !== undefined && scheduleEvery === "epoch") scheduler.step();
    for (const callback of options.callbacks ?? []) {
      if ((await callback.onEpochEnd?.(record, this.history)) === false && ends === null)
        ends = this.stop("aborted", `stopped by a callback after epoch ${this.epoch}`);
    }
    const { checkpoint } = options;
    // Whoever goes on from this checkpoint must not go on where this run stops.
    this.history.data.stopped = ends;
    if (checkpoint !== undefined && this.epoch % (checkpoint.everyEpochs ?? 1) === 0) await this.save(checkpoint);
    return ends ?? (options.signal?.aborted ? this.stop("aborted", `stopped after epoch ${this.epoch}`) : null);
  }

  /**
   * The epoch's measures on validation data, and the values that were measured: those that the model is to have in the end,
   * which for schedule-free rules and running averages are others than those that are trained. Null if training is stopped
   * meanwhile: then all is as it was before, and the epoch is measured when training goes on.
   */
  private async judge(): Promise<{
    measured: Record<string, number> | null;
    values: Record<string, Tensor> | null;
  } | null> {
    const { optimizer, validation, loss, metrics = {}, average, signal } = this.options;
    const averaging = optimizer as Partial<{ train(): void; eval(): void }>;
    const onProgress = async (measured: number) => {
      if (performance.now() - this.lastTold > TELL_MILLISECONDS) await this.tell(measured);
    };
    const look = async () => ({
      measured:
        validation === undefined ? null : await evaluate(this.model, validation, { loss, metrics, signal, onProgress }),
      values: this.watch === null ? null : this.model.stateDict(),
    });
    const generator = defaultGenerator.getState();
    averaging.eval?.();
    try {
      return await (average === undefined ? look() : average.during(look));
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error;
      defaultGenerator.setState(generator);
      return null;
    } finally {
      averaging.train?.();
    }
  }

  private stop(reason: Stopped["reason"], detail: string): Stopped {
    const within = this.batch > 0 ? 1 : 0;
    return { reason, epoch: this.epoch + within, step: this.step, detail };
  }

  /** What remains to be done when training has ended, however it did, also if that was in another process. */
  private settleEnd({ reason }: Stopped): void {
    if (reason === "aborted") return;
    const { optimizer, average } = this.options;
    (optimizer as Partial<{ eval(): void }>).eval?.();
    if (this.best !== null && this.watch?.restoreBest) this.model.loadStateDict(this.best);
    else for (const [i, p] of (average?.params ?? []).entries()) p.assign(average!.averages[i]!);
    this.model.eval();
  }

  /** @param measured - validation samples so far, while the epoch is measured */
  private async tell(measured: number | null = null): Promise<void> {
    this.lastTold = performance.now();
    const { callbacks = [], epochs, train, optimizer } = this.options;
    const seconds = (performance.now() - this.started) / 1000;
    const rate = this.trained / seconds;
    const inEpoch =
      this.epochSamples ?? (train.length === undefined ? null : (this.samples / this.batch) * train.length);
    const progress: Progress = {
      epoch: this.epoch + 1,
      epochs,
      batch: this.batch,
      batches: train.length ?? null,
      step: this.step,
      loss: this.lossSum / this.samples,
      lr: (optimizer.paramGroups[0] as { lr?: number }).lr ?? Number.NaN,
      samplesPerSecond: rate,
      secondsLeft: inEpoch === null ? null : Math.max(0, (inEpoch * (epochs - this.epoch) - this.samples) / rate),
      measured,
    };
    for (const callback of callbacks) await callback.onProgress?.(progress);
  }

  private isDue({ everySteps, everySeconds }: CheckpointOptions): boolean {
    if (everySteps !== undefined && this.sinceStep === 0 && this.step % everySteps === 0) return true;
    return everySeconds !== undefined && performance.now() - this.lastSaved > everySeconds * 1000;
  }

  private async save({ store, extra }: CheckpointOptions): Promise<void> {
    const { model, options, best } = this;
    const gradients = this.sinceStep === 0 ? [] : model.namedParameters().filter(([, p]) => p.grad !== null);
    const state: TrainingState = {
      model: save(model.stateDict()),
      best: best === null ? null : save(best),
      rule: options.optimizer.rule,
      optimizer: options.optimizer.stateDict({ settle: false }),
      average: options.average?.stateDict() ?? null,
      scheduler: options.scheduler?.stateDict() ?? null,
      generator: defaultGenerator.getState(),
      epochGenerator: this.epochGenerator,
      source: options.train.stateDict?.() ?? null,
      epoch: this.epoch,
      batch: this.batch,
      trainedThrough: this.trainedThrough,
      step: this.step,
      sums: { loss: this.lossSum, samples: this.samples, sinceStep: this.sinceStep, stepLosses: this.stepLosses },
      meters: Object.fromEntries(this.meters.map(([name, meter]) => [name, meter.save()])),
      gradients: save(Object.fromEntries(gradients.map(([name, p]) => [name, p.grad!]))),
      watch: this.watch?.state ?? null,
      seen: this.seen,
      history: this.history.data,
      extra: extra?.() ?? null,
    };
    await store.save(state);
    this.lastSaved = performance.now();
  }

  private async resume({ store }: CheckpointOptions): Promise<void> {
    const state = await store.latest();
    if (state === null) return;
    const { model, options } = this;
    const { optimizer, scheduler, train } = options;
    if (state.rule !== optimizer.rule)
      throw new CheckpointError(`the checkpoint is of the rule ${state.rule}, the optimizer is ${optimizer.rule}`);
    const names = this.meters.map(([name]) => name).join(", ");
    const saved = Object.keys(state.meters).join(", ");
    if (names !== saved)
      throw new CheckpointError(`the checkpoint has the metrics ${saved || "none"}, not ${names || "none"}`);
    model.loadStateDict(load(state.model));
    optimizer.loadStateDict(state.optimizer);
    if (state.average !== null) options.average?.loadStateDict(state.average);
    if (scheduler !== undefined && state.scheduler !== null) scheduler.loadStateDict(state.scheduler as never);
    this.epoch = state.epoch;
    this.batch = state.batch;
    this.step = state.step;
    this.lossSum = state.sums.loss;
    this.samples = state.sums.samples;
    this.sinceStep = state.sums.sinceStep;
    this.stepLosses = state.sums.stepLosses;
    this.best = state.best === null ? null : load(state.best);
    if (this.watch !== null && state.watch !== null) this.watch.state = { ...state.watch };
    for (const [name, meter] of this.meters) meter.load(state.meters[name]!);
    const byName = new Map(model.namedParameters());
    for (const [name, gradient] of Object.entries(load(state.gradients))) byName.get(name)!.grad = gradient;
    this.history = new History(state.history);
    this.epochSamples = state.history.epochs.at(-1)?.samples ?? null;
    this.epochGenerator = state.epochGenerator;
    this.seen = state.seen;
    this.trainedThrough = state.trainedThrough ?? false;
    this.resumedWithin = state.batch > 0 && !this.trainedThrough;
    if (state.source !== null) train.loadStateDict?.(state.source);
    defaultGenerator.setState(state.generator);
  }
}

/** A parameter's value before its last step: kept by the engine since the loss was read. (Tables change in place.) */
function valueBefore(p: Tensor, node: Tensor["node"]): TypedArray {
  try {
    return new Tensor(node).dataSync();
  } catch (error) {
    if (!(error instanceof StaleError)) throw error;
    return p.dataSync();
  }
}

function whole(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new OptionError(`fit: ${name} must be a whole number of 1 or more, got ${value}`);
}
