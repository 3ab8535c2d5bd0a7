/** The person's own data: a table, what to learn from it, and how training goes. */
import { useMemo } from "preact/hooks";
import { programOf } from "../core/dataRun.js";
import { libraryOptions, optionsOf, RULE_NAMES, type RuleName } from "../core/rules.js";
import { words } from "../i18n/index.js";
import { StepChart } from "./chart.js";
import {
  asked,
  begun,
  dataComplaint,
  notes,
  opened,
  openFile,
  outcome,
  progress,
  startTraining,
  trained,
  trainer,
  trainingState,
} from "./dataStore.js";
import { short } from "./format.js";
import { Outcome, StepSizes } from "./outcome.js";
import { Slider } from "./slider.js";

export default function OwnDataView() {
  const w = words.value;
  return (
    <div class="own-data">
      <div class="controls">
        <p class="intro">{w.data.intro}</p>
        <Opener />
        {dataComplaint.value === null ? null : (
          <p class="complaint" role="alert">
            {dataComplaint.value}
          </p>
        )}
        {opened.value === null ? null : <Settings />}
      </div>
      <div class="stage">
        <Running />
      </div>
    </div>
  );
}

function Opener() {
  const w = words.value;
  const take = (file: File | undefined) => {
    if (file !== undefined) openFile(file.name, file);
  };
  return (
    <label
      class="drop"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        take(event.dataTransfer?.files[0]);
      }}
    >
      <span>{opened.value === null ? w.data.drop : w.data.opened(opened.value.name, opened.value.rows)}</span>
      <input
        type="file"
        accept=".csv,.tsv,.txt,.jsonl,.ndjson,.parquet"
        onChange={(event) => {
          take(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

function Settings() {
  const w = words.value;
  const table = opened.value!;
  const now = asked.value!;
  const set = (changes: Partial<typeof now>) => {
    asked.value = { ...now, ...changes };
  };
  const { runner } = now;
  const specs = optionsOf(runner.rule);
  const busy = trainingState.value === "running" || trainingState.value === "paused";
  return (
    <>
      <label class="inline">
        {w.data.target}
        <select value={now.target} onChange={(event) => set({ target: event.currentTarget.value })}>
          {table.columns.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <fieldset class="columns">
        <legend>{w.data.columns}</legend>
        {table.columns
          .filter(({ name }) => name !== now.target)
          .map(({ name, type, missing }) => (
            <label key={name} class="switch">
              <input
                type="checkbox"
                checked={!now.ignore.includes(name)}
                onChange={(event) =>
                  set({
                    ignore: event.currentTarget.checked
                      ? now.ignore.filter((other) => other !== name)
                      : [...now.ignore, name],
                  })
                }
              />
              <span>
                {name}{" "}
                <small>
                  {w.data.types[type]}
                  {missing > 0 ? `, ${w.data.missing(missing)}` : ""}
                </small>
              </span>
            </label>
          ))}
      </fieldset>
      <label class="inline">
        {w.data.model}
        <select
          value={now.hidden.join()}
          onChange={(event) => set({ hidden: event.currentTarget.value.split(",").filter(Boolean).map(Number) })}
        >
          <option value="">{w.data.linear}</option>
          {["16", "32,32", "64,64", "128,128,128"].map((hidden) => (
            <option key={hidden} value={hidden}>
              MLP {hidden.replaceAll(",", " → ")}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        {w.rule}
        <select
          value={runner.rule}
          onChange={(event) => set({ runner: { rule: event.currentTarget.value as RuleName, options: {} } })}
        >
          {RULE_NAMES.filter((name) => name !== "LBFGS").map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <div class="options">
        {specs.map((spec) =>
          spec.kind === "number" && ["lr", "alpha", "eps", "momentum", "beta1", "beta2"].includes(spec.name) ? (
            <Slider
              key={spec.name}
              spec={spec}
              value={(runner.options[spec.name] ?? spec.initial) as number}
              onChange={(value) => {
                set({ runner: { ...runner, options: { ...runner.options, [spec.name]: value } } });
                if (spec.name === "lr" && busy) trainer({ kind: "lr", lr: value });
              }}
            />
          ) : null,
        )}
      </div>
      <Count label={w.data.epochs} most={5000} value={now.epochs} onChange={(epochs) => set({ epochs })} />
      <Count label={w.data.batch} most={4096} value={now.batchSize} onChange={(batchSize) => set({ batchSize })} />
      <div class="buttons">
        {busy ? (
          <>
            <button
              type="button"
              onClick={() => {
                const paused = trainingState.value === "paused";
                trainer({ kind: paused ? "go" : "pause" });
                trainingState.value = paused ? "running" : "paused";
              }}
            >
              {trainingState.value === "paused" ? w.data.go : w.pause}
            </button>
            <button type="button" onClick={() => trainer({ kind: "stop" })}>
              {w.data.stop}
            </button>
          </>
        ) : (
          <button type="button" class="main" onClick={startTraining}>
            {w.data.train}
          </button>
        )}
      </div>
    </>
  );
}

function Running() {
  const w = words.value;
  const so = progress.value;
  const lines = useMemo(() => {
    // Step 0 of the chart is before the first epoch.
    const line = (values: readonly number[]) => [Number.NaN, ...values];
    if (so === null) return [];
    const training = { name: w.data.training, colour: "--c1", values: line(so.train) };
    if (so.validation.length === 0) return [training];
    return [training, { name: w.data.validation, colour: "--c2", values: line(so.validation), dashed: true }];
  }, [so, w]);
  if (so === null) return trainingState.value === "running" ? <p>{w.computing}</p> : null;
  return (
    <>
      <p aria-live="polite">
        {w.data.epoch(so.train.length, begun.value!.epochs)} <b>lr {short(so.lr)}</b>
      </p>
      <StepChart title={w.data.losses} step={trained} told={trained} log lines={lines} />
      {so.parameters === null ? null : <StepSizes parameters={so.parameters} />}
      {outcome.value === null ? null : <Outcome outcome={outcome.value} />}
      {notes.value.length === 0 ? null : (
        <ul class="notes">
          {notes.value.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {outcome.value === null ? null : <Downloads />}
    </>
  );
}

function Downloads() {
  const w = words.value;
  const files = outcome.value!.files;
  const program = () => {
    const settings = { ...begun.value!, epochs: progress.value!.train.length };
    const options = libraryOptions(settings.runner.rule, settings.runner.options);
    return programOf(opened.value!.name, settings, options, outcome.value!.changes);
  };
  const picture = () => {
    const canvas = document.querySelector<HTMLCanvasElement>(".own-data .chart canvas");
    if (canvas !== null) canvas.toBlob((blob) => blob !== null && save("losses.png", blob));
  };
  return (
    <div class="buttons">
      <button
        type="button"
        onClick={() => {
          for (const [name, content] of Object.entries(files)) save(name, new Blob([content as BlobPart]));
        }}
      >
        {w.data.saveModel}
      </button>
      <button type="button" onClick={picture}>
        {w.data.savePicture}
      </button>
      <button type="button" onClick={() => save("train.ts", new Blob([program()]))}>
        {w.data.saveProgram}
      </button>
    </div>
  );
}

function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

interface CountProps {
  readonly label: string;
  readonly most: number;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** A whole number from 1 on. */
function Count({ label, most, value, onChange }: CountProps) {
  const whole = (text: string) => Math.min(Math.max(Math.round(Number(text)) || 1, 1), most);
  return (
    <label class="inline">
      {label}
      <input
        type="number"
        min={1}
        max={most}
        value={value}
        onChange={(event) => onChange(whole(event.currentTarget.value))}
      />
    </label>
  );
}
