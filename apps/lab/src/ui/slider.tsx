/** A number on a slider with a field beside it, on the scale that suits the option. */
import { useId } from "preact/hooks";
import type { OptionSpec } from "../core/rules.js";
import { fromSlider, toSlider } from "../core/sweep.js";
import { words } from "../i18n/index.js";
import { short } from "./format.js";

type NumberSpec = Extract<OptionSpec, { kind: "number" }>;

const PLACES = 1000;

interface SliderProps {
  readonly spec: NumberSpec;
  readonly value: number;
  readonly disabled?: boolean;
  readonly onChange: (value: number) => void;
}

export function Slider({ spec, value, disabled = false, onChange }: SliderProps) {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{spec.name}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={PLACES}
        disabled={disabled}
        value={Math.round(toSlider(spec, value) * PLACES)}
        aria-valuetext={short(value)}
        onInput={(event) => onChange(fromSlider(spec, event.currentTarget.valueAsNumber / PLACES))}
      />
      <input
        type="text"
        inputMode="decimal"
        disabled={disabled}
        aria-label={`${spec.name}: ${words.value.value}`}
        value={String(value)}
        onChange={(event) => {
          const typed = Number(event.currentTarget.value);
          if (event.currentTarget.value.trim() !== "" && Number.isFinite(typed)) onChange(typed);
          else event.currentTarget.value = String(value);
        }}
      />
    </div>
  );
}
