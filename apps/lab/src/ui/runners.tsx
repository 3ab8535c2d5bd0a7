/** The rules in the race: a card for each, with its options on sliders that act at once. */
import { useSignal } from "@preact/signals";
import { DIALECTS, optionsOf, RULE_NAMES, type RuleName, type Runner } from "../core/rules.js";
import { MOST_RUNNERS } from "../core/state.js";
import { words } from "../i18n/index.js";
import { saidOf } from "./complaints.js";
import { short } from "./format.js";
import { Icon } from "./icon.js";
import { COLOURS } from "./palette.js";
import { Slider } from "./slider.js";
import {
  addRunner,
  change,
  changeRunner,
  complaint,
  lossAt,
  removeRunner,
  setOption,
  settings,
  told,
  tracks,
} from "./store.js";

/** What a rule starts with when it is added: defaults, but a learning rate that moves something on these surfaces. */
const LIVELY: Partial<Record<RuleName, Runner["options"]>> = {
  SGD: { lr: 0.1 },
  RMSprop: { lr: 0.1, alpha: 0.9 },
  Adagrad: { lr: 0.5 },
  Adam: { lr: 0.1 },
  AdamW: { lr: 0.1 },
  Adamax: { lr: 0.1 },
  NAdam: { lr: 0.1 },
  RAdam: { lr: 0.1 },
  Lion: { lr: 0.05 },
  LAMB: { lr: 0.05 },
  Rprop: { lr: 0.1 },
};

export function Runners() {
  const w = words.value;
  const { runners } = settings.value;
  return (
    <section class="runners" aria-label={w.rules}>
      {runners.map((runner, i) => (
        <RunnerCard key={`${i}${runner.rule}`} runner={runner} i={i} />
      ))}
      {runners.length >= MOST_RUNNERS ? null : (
        <label class="inline add">
          {w.add}
          <select
            value=""
            onChange={(event) => {
              const rule = event.currentTarget.value as RuleName;
              event.currentTarget.value = "";
              addRunner({ rule, options: LIVELY[rule] ?? {} });
            }}
          >
            <option value="" disabled>
              …
            </option>
            {RULE_NAMES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
    </section>
  );
}

function RunnerCard({ runner, i }: { readonly runner: Runner; readonly i: number }) {
  const w = words.value;
  const { selected, runners } = settings.value;
  const wrong = complaint.value?.runner === i ? complaint.value : null;
  return (
    <article
      class={`card ${selected === i ? "selected" : ""}`}
      style={{ "--mine": `var(${COLOURS[i % COLOURS.length]})` }}
    >
      <header>
        <select
          aria-label={w.rule}
          value={runner.rule}
          onChange={(event) => {
            const rule = event.currentTarget.value as RuleName;
            changeRunner(i, { rule, options: LIVELY[rule] ?? {} });
          }}
        >
          {RULE_NAMES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <Loss i={i} />
        <button
          type="button"
          class="icon"
          aria-pressed={selected === i}
          aria-label={w.look(runner.rule)}
          title={w.look(runner.rule)}
          onClick={() => change({ selected: i })}
        >
          <Icon name="look" />
        </button>
        {runners.length === 1 ? null : (
          <button
            type="button"
            class="icon"
            aria-label={w.remove(runner.rule)}
            title={w.remove(runner.rule)}
            onClick={() => removeRunner(i)}
          >
            <Icon name="remove" />
          </button>
        )}
      </header>
      {wrong === null ? null : (
        <p class="complaint" role="alert">
          {saidOf(wrong)}
        </p>
      )}
      <RunnerOptions runner={runner} i={i} />
    </article>
  );
}

/** A component of its own: the only part of a card that changes with the step. */
function Loss({ i }: { readonly i: number }) {
  const w = words.value;
  const track = tracks.value[i];
  const step = told.value;
  const diverged = track !== undefined && track.diverged !== null && step >= track.diverged;
  const said =
    track === undefined ? "" : diverged ? w.diverged(track.diverged!) : `${w.loss} ${short(lossAt(track, step))}`;
  return <output class="loss">{said}</output>;
}

export function RunnerOptions({ runner, i }: { readonly runner: Runner; readonly i: number }) {
  const w = words.value;
  const specs = optionsOf(runner.rule);
  const unfolded = useSignal(false);
  // The options that people turn most often are in sight; the rest is a click away.
  const main = specs.filter(({ name }) => MAIN.has(name));
  const rest = specs.filter(({ name }) => !MAIN.has(name));
  const control = (spec: (typeof specs)[number]) => {
    const value = runner.options[spec.name] ?? spec.initial;
    return spec.kind === "number" ? (
      <Slider key={spec.name} spec={spec} value={value as number} onChange={(x) => setOption(i, spec.name, x)} />
    ) : (
      <label key={spec.name} class="switch">
        <input
          type="checkbox"
          checked={value as boolean}
          onChange={(event) => setOption(i, spec.name, event.currentTarget.checked)}
        />
        {spec.name}
      </label>
    );
  };
  return (
    <div class="options">
      {runner.rule === "RMSprop" ? <Dialect runner={runner} i={i} /> : null}
      {main.map(control)}
      {rest.length === 0 ? null : (
        <details
          open={unfolded.value}
          onToggle={(event) => {
            unfolded.value = event.currentTarget.open;
          }}
        >
          <summary>{w.options}</summary>
          {unfolded.value ? (
            <>
              {rest.map(control)}
              <button type="button" class="quiet" onClick={() => changeRunner(i, { rule: runner.rule, options: {} })}>
                {w.defaults}
              </button>
            </>
          ) : null}
        </details>
      )}
    </div>
  );
}

const MAIN = new Set(["lr", "alpha", "eps", "momentum", "centered", "beta1", "beta2", "rho"]);

/** RMSProp as each framework means it: the options that its dialect sets, keeping the learning rate and decay of the race. */
function Dialect({ runner, i }: { readonly runner: Runner; readonly i: number }) {
  const w = words.value;
  const { lr, alpha } = runner.options;
  const names = Object.keys(DIALECTS) as (keyof typeof w.dialects)[];
  const kept = { ...(lr === undefined ? {} : { lr }), ...(alpha === undefined ? {} : { alpha }) };
  const current = names.find((name) => {
    const meant: Runner["options"] = { ...changesOf(name), ...kept };
    return optionsOf("RMSprop").every(
      ({ name: option, initial }) => (meant[option] ?? initial) === (runner.options[option] ?? initial),
    );
  });
  return (
    <label class="inline">
      {w.dialect}
      <select
        value={current ?? "own"}
        onChange={(event) => {
          const name = event.currentTarget.value as keyof typeof w.dialects;
          if (name !== "own") changeRunner(i, { rule: "RMSprop", options: { ...changesOf(name), ...kept } });
        }}
      >
        {current === undefined ? <option value="own">{w.dialects.own}</option> : null}
        {names.map((name) => (
          <option key={name} value={name}>
            {w.dialects[name]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What a dialect changes of the library's defaults. */
function changesOf(name: string): Runner["options"] {
  const specs = optionsOf("RMSprop");
  return Object.fromEntries(
    Object.entries(DIALECTS[name]!).filter(([option, value]) => {
      const spec = specs.find((known) => known.name === option);
      return spec !== undefined && spec.initial !== value;
    }),
  );
}
