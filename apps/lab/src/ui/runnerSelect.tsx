/** Which of the runners is looked into. */
import { namesOf } from "../core/rules.js";
import { words } from "../i18n/index.js";
import { change, settings } from "./store.js";

export function RunnerSelect() {
  const { runners, selected } = settings.value;
  return (
    <label class="inline">
      {words.value.rule}
      <select value={selected} onChange={(event) => change({ selected: Number(event.currentTarget.value) })}>
        {namesOf(runners).map((name, i) => (
          <option key={name} value={i}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
