/** Which of the runners is looked into. */
import { words } from "../i18n/index.js";
import { change, settings } from "./store.js";

export function RunnerSelect() {
  const { runners, selected } = settings.value;
  return (
    <label class="inline">
      {words.value.rule}
      <select value={selected} onChange={(event) => change({ selected: Number(event.currentTarget.value) })}>
        {runners.map(({ rule }, i) => (
          <option key={`${i}${rule}`} value={i}>
            {rule}
          </option>
        ))}
      </select>
    </label>
  );
}
