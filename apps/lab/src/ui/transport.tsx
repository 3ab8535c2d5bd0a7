/** Play, pause, step, scrub and speed. */
import { useEffect } from "preact/hooks";
import { MOST_STEPS } from "../core/state.js";
import { words } from "../i18n/index.js";
import { Icon } from "./icon.js";
import { change, playing, settings, step, told } from "./store.js";

const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export function Transport() {
  const w = words.value;
  const { steps, speed } = settings.value;
  usePlaying();
  const go = (to: number) => {
    playing.value = false;
    step.value = Math.min(Math.max(to, 0), steps);
  };
  const toggle = () => {
    if (!playing.value && step.value >= steps) step.value = 0;
    playing.value = !playing.value;
  };
  return (
    <div class="transport">
      <div class="buttons">
        <button type="button" class="icon" aria-label={w.first} title={w.first} onClick={() => go(0)}>
          <Icon name="first" />
        </button>
        <button type="button" class="icon" aria-label={w.back} title={w.back} onClick={() => go(step.value - 1)}>
          <Icon name="back" />
        </button>
        <button type="button" class="icon play" aria-label={playing.value ? w.pause : w.play} onClick={toggle}>
          <Icon name={playing.value ? "pause" : "play"} />
        </button>
        <button type="button" class="icon" aria-label={w.forward} title={w.forward} onClick={() => go(step.value + 1)}>
          <Icon name="forward" />
        </button>
        <button type="button" class="icon" aria-label={w.last} title={w.last} onClick={() => go(steps)}>
          <Icon name="last" />
        </button>
      </div>
      <Scrubber go={go} />
      <label class="inline">
        {w.steps}
        <input
          type="number"
          min={1}
          max={MOST_STEPS}
          value={steps}
          onChange={(event) => {
            const value = Math.round(event.currentTarget.valueAsNumber);
            if (value >= 1 && value <= MOST_STEPS) change({ steps: value, step: Math.min(step.value, value) });
            else event.currentTarget.value = String(steps);
          }}
        />
      </label>
      <label class="inline">
        {w.speed}
        <select value={speed} onChange={(event) => change({ speed: Number(event.currentTarget.value) })}>
          {SPEEDS.map((value) => (
            <option key={value} value={value}>
              {value}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** Where the paths are, and how one goes elsewhere: the part that changes while they are played. */
function Scrubber({ go }: { readonly go: (to: number) => void }) {
  const w = words.value;
  const { steps } = settings.value;
  const text = w.of(told.value, steps);
  return (
    <>
      <label class="scrub">
        <span class="visually-hidden">{w.step}</span>
        <input
          type="range"
          min={0}
          max={steps}
          value={told.value}
          aria-valuetext={text}
          onInput={(event) => go(event.currentTarget.valueAsNumber)}
        />
      </label>
      <output class="count">{text}</output>
    </>
  );
}

/** While playing, each frame shows as many more steps as its time is worth. */
function usePlaying(): void {
  const on = playing.value;
  useEffect(() => {
    if (!on) return;
    let before = performance.now();
    let due = 0;
    let frame = requestAnimationFrame(function tick(now) {
      // The effect ends only after the next frame.
      if (!playing.peek()) return;
      const { steps, speed } = settings.value;
      due += ((now - before) / 1000) * speed;
      before = now;
      const whole = Math.floor(due);
      due -= whole;
      if (whole > 0) step.value = Math.min(step.value + whole, steps);
      if (step.value >= steps) playing.value = false;
      else frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [on]);
}
