/** The page: its head with the views, and the view that is open. */
import { effect, signal, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { VIEWS } from "../core/state.js";
import { LANGUAGES, type Language, language, speak, words } from "../i18n/index.js";
import { InsideView } from "./inside.js";
import { soon } from "./later.js";
import { PathsView } from "./paths.js";
import { address, change, failure, settings } from "./store.js";
import { SweepView } from "./sweepView.js";
import { type Choice, choice, choose } from "./theme.js";
import { TourView } from "./tour.js";

export function App() {
  const w = words.value;
  const { view } = settings.value;
  useEffect(() => {
    document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
    document.title = `${w.title} – ${w.views[view]}`;
  });
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        {w.skip}
      </button>
      <header class="head">
        <h1>
          {w.title} <small>{w.tagline}</small>
        </h1>
        <nav>
          {VIEWS.map((name) => (
            <button
              key={name}
              type="button"
              aria-current={name === view ? "page" : undefined}
              onClick={() => change({ view: name })}
            >
              {w.views[name]}
            </button>
          ))}
        </nav>
        <div class="settings">
          <Share />
          <select
            aria-label={w.language}
            value={language.value}
            onChange={(event) => speak(event.currentTarget.value as Language)}
          >
            {Object.entries(LANGUAGES).map(([code, name]) => (
              <option key={code} value={code} lang={code === "zh" ? "zh-Hans" : "en"}>
                {name}
              </option>
            ))}
          </select>
          <select
            aria-label={w.theme.label}
            value={choice.value}
            onChange={(event) => choose(event.currentTarget.value as Choice)}
          >
            {(["auto", "light", "dark"] as const).map((name) => (
              <option key={name} value={name}>
                {w.theme[name]}
              </option>
            ))}
          </select>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {failure.value === null ? <Open /> : <Failed message={failure.value} />}
      </main>
    </>
  );
}

/** The tab is marked in the frame that follows the click; what it opens, which takes longer to make, in the next. */
const open = signal(settings.value.view);
effect(() => {
  const { view } = settings.value;
  soon(() => {
    if (view === settings.value.view) open.value = view;
  });
});

function Open() {
  switch (open.value) {
    case "paths":
      return <PathsView />;
    case "inside":
      return <InsideView />;
    case "why":
      return <TourView />;
    case "sweep":
      return <SweepView />;
    case "data":
      return <OwnData />;
  }
}

/** Comes with what reads files and trains: fetched when it is first opened. */
function OwnData() {
  const view = useSignal<ComponentType | null>(null);
  useEffect(() => {
    import("./dataView.js").then(
      (module) => {
        view.value = module.default;
      },
      (error: unknown) => {
        failure.value = String(error);
      },
    );
  }, [view]);
  const View = view.value;
  return View === null ? <p>{words.value.computing}</p> : <View />;
}

function Failed({ message }: { readonly message: string }) {
  const w = words.value;
  return (
    <div class="complaint" role="alert">
      <p>
        {w.failed}: {message}
      </p>
      <button type="button" onClick={() => location.reload()}>
        {w.reload}
      </button>
    </div>
  );
}

function Share() {
  const w = words.value;
  const copied = useSignal(false);
  return (
    <button
      type="button"
      onClick={async () => {
        try {
          await navigator.clipboard.writeText(address());
        } catch {
          // Browsers give the clipboard to pages from https and from this machine only, and may ask.
          prompt(w.share, address());
          return;
        }
        copied.value = true;
        setTimeout(() => {
          copied.value = false;
        }, 2000);
      }}
    >
      <span aria-live="polite">{copied.value ? w.copied : w.share}</span>
    </button>
  );
}
