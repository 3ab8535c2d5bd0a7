/** The person's own data: a table, what to learn from it, and how training goes. */
import { useEffect, useMemo } from "preact/hooks";
import type { ColumnProfile } from "thalweg/tabular";
import cars from "../../../../examples/data/cars.csv?url";
import { programOf } from "../core/dataRun.js";
import { libraryOptions, optionsOf, RULE_NAMES, type RuleName } from "../core/rules.js";
import { words } from "../i18n/index.js";
import { aboutTable } from "../i18n/tablePhrases.js";
import { StepChart } from "./chart.js";
import {
  asked,
  begun,
  dataComplaint,
  notes,
  opened,
  openFile,
  opening,
  outcome,
  progress,
  startTraining,
  trained,
  trainer,
  trainingState,
} from "./dataStore.js";
import { short } from "./format.js";
import { Outcome } from "./outcome.js";
import { pictureOf } from "./picture.js";
import { Slider } from "./slider.js";
import { StepSizes } from "./stepSizes.js";

export default function OwnDataView() {
  const w = words.value;
  // Wherever on the page a file is dropped: beside the field it would take the page's place.
  useEffect(() => {
    const over = (event: DragEvent) => event.preventDefault();
    const drop = (event: DragEvent) => {
      event.preventDefault();
      take(event.dataTransfer?.files[0]);
    };
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  }, []);
  return (
    <div class="own-data">
      <div class="controls">
        <p class="intro">{w.data.intro}</p>
        <Opener />
        {opened.value === null ? <Example /> : null}
        {dataComplaint.value === null ? null : (
          <p class="complaint" role="alert">
            {aboutTable(dataComplaint.value)}
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

function take(file: File | undefined): void {
  if (file !== undefined) openFile(file.name, file);
}

/** For whoever has no table at hand, as on a phone. */
function Example() {
  const open = async () => {
    try {
      const answer = await fetch(cars);
      openFile("cars.csv", await answer.blob());
    } catch (error) {
      dataComplaint.value = String(error);
    }
  };
  return (
    <button type="button" class="quiet example" onClick={open}>
      {words.value.data.example}
    </button>
  );
}

function Opener() {
  const w = words.value;
  const said =
    opening.value !== null
      ? w.data.opening(opening.value)
      : opened.value === null
        ? w.data.drop
        : w.data.opened(opened.value.name, opened.value.rows);
  return (
    <label class="drop">
      <span aria-live="polite">{said}</span>
      <span class="choose" aria-hidden="true">
        {w.data.choose}
      </span>
      <input
        class="visually-hidden"
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
        <select value={now.target} disabled={busy} onChange={(event) => set({ target: event.currentTarget.value })}>
          {table.columns.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <fieldset class="columns" disabled={busy}>
        <legend>{w.data.columns}</legend>
        {table.columns
          .filter(({ name }) => name !== now.target)
          .map(({ name, type, missing }) => (
            <label key={name} class="switch">
              <input
                type="checkbox"
                checked={!now.ignore.includes(name) && !LEFT_OUT.has(type)}
                disabled={LEFT_OUT.has(type)}
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
          disabled={busy}
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
          disabled={busy}
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
              disabled={busy && spec.name !== "lr"}
              onChange={(value) => {
                set({ runner: { ...runner, options: { ...runner.options, [spec.name]: value } } });
                if (spec.name === "lr" && busy) trainer({ kind: "lr", lr: value });
              }}
            />
          ) : null,
        )}
      </div>
      <Count
        label={w.data.epochs}
        most={5000}
        value={now.epochs}
        disabled={busy}
        onChange={(epochs) => set({ epochs })}
      />
      <Count
        label={w.data.batch}
        most={4096}
        value={now.batchSize}
        disabled={busy}
        onChange={(batchSize) => set({ batchSize })}
      />
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

/** Columns of which nothing can be learned. */
const LEFT_OUT: ReadonlySet<ColumnProfile["type"]> = new Set(["text", "identifier", "constant", "empty"]);

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
      <p class="epoch">
        <span>{w.data.epoch(so.train.length, begun.value!.epochs)}</span>
        <progress max={begun.value!.epochs} value={so.train.length} aria-label={w.data.train} />
        <b>lr {short(so.lr)}</b>
      </p>
      <div class="charts">
        <StepChart title={w.data.losses} step={trained} told={trained} log lines={lines} />
        {so.parameters === null ? null : <StepSizes parameters={so.parameters} />}
      </div>
      {outcome.value === null ? (
        <Notes />
      ) : (
        <Outcome outcome={outcome.value} curves={so}>
          <Notes />
          <Downloads />
        </Outcome>
      )}
    </>
  );
}

function Notes() {
  if (notes.value.length === 0) return null;
  return (
    <ul class="notes">
      {notes.value.map((note) => (
        <li key={note}>{aboutTable(note)}</li>
      ))}
    </ul>
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
    const figure = document.querySelector<HTMLElement>(".own-data .chart");
    if (figure !== null) pictureOf(figure).toBlob((blob) => blob !== null && save("losses.png", blob));
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
  readonly disabled: boolean;
  readonly onChange: (value: number) => void;
}

/** A whole number from 1 on. */
function Count({ label, most, value, disabled, onChange }: CountProps) {
  const whole = (text: string) => Math.min(Math.max(Math.round(Number(text)) || 1, 1), most);
  return (
    <label class="inline">
      {label}
      <input
        type="number"
        min={1}
        max={most}
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(whole(event.currentTarget.value))}
      />
    </label>
  );
}
