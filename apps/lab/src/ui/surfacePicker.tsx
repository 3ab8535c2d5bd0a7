/** Which surface, and the formula that a person types. */
import { FUNCTION_NAMES } from "../core/formula.js";
import { STARTS } from "../core/starts.js";
import { SURFACES, type SurfaceName } from "../core/surfaces.js";
import { words } from "../i18n/index.js";
import { saidOf } from "./complaints.js";
import { FIRST_TURN } from "./looking.js";
import { Maths } from "./maths.js";
import { change, complaint, facts, initialState, settings } from "./store.js";

/** `turnable` where the surface itself is to be seen. */
export function SurfacePicker({ turnable = true }: { readonly turnable?: boolean }) {
  const w = words.value;
  const { surface: name, formula, turned } = settings.value;
  const wrong = complaint.value !== null && complaint.value.runner === null ? complaint.value : null;
  return (
    <div class="picker">
      <label class="inline">
        {w.surface}
        <select
          value={name}
          onChange={(event) => {
            const next = event.currentTarget.value as SurfaceName;
            change({ surface: next, start: STARTS[next], zoom: null });
          }}
        >
          {SURFACES.map((known) => (
            <option key={known} value={known}>
              {w.surfaces[known]}
            </option>
          ))}
        </select>
      </label>
      {turnable ? (
        <div class="toggle">
          <button type="button" aria-pressed={turned === null} onClick={() => change({ turned: null })}>
            {w.map}
          </button>
          <button type="button" aria-pressed={turned !== null} onClick={() => change({ turned: turned ?? FIRST_TURN })}>
            {w.relief}
          </button>
        </div>
      ) : null}
      <button type="button" class="quiet reset" onClick={() => change({ ...initialState, view: settings.value.view })}>
        {w.reset}
      </button>
      {turned === null || !turnable ? null : (
        <div class="angles">
          <Angle
            label={w.turn}
            value={turned[0]}
            least={-180}
            most={180}
            onChange={(x) => change({ turned: [x, turned[1]] })}
          />
          <Angle
            label={w.tilt}
            value={turned[1]}
            least={5}
            most={85}
            onChange={(x) => change({ turned: [turned[0], x] })}
          />
        </div>
      )}
      {name === "formula" ? (
        <label class="formula">
          {w.formula}
          <input
            type="text"
            value={formula}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={wrong !== null}
            aria-describedby="formula-help"
            onInput={(event) => change({ formula: event.currentTarget.value })}
          />
          <small id="formula-help">{w.formulaHelp(FUNCTION_NAMES.join(", "))}</small>
        </label>
      ) : null}
      {wrong === null ? (
        // Without the surface itself there is nothing whose formula could be told.
        <div class="shown-formula">
          {facts.value === null || !turnable ? null : <Maths tex={`f = ${facts.value.tex}`} />}
        </div>
      ) : (
        <p class="complaint" role="alert">
          {saidOf(wrong)}
        </p>
      )}
    </div>
  );
}

interface AngleProps {
  readonly label: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly onChange: (value: number) => void;
}

function Angle({ label, value, least, most, onChange }: AngleProps) {
  return (
    <label class="inline">
      {label}
      <input
        type="range"
        min={least}
        max={most}
        value={value}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}
