"use strict";
const form = document.querySelector("form"), state = document.getElementById("state");
const email = form.elements.email, kind = form.elements.kind;
let stamp = document.body.dataset.stamp;

// Choosing is enough; the button is for who types.
for (const field of form.elements) {
  if (field === email) continue;
  field.addEventListener("change", () => form.requestSubmit());
}
form.addEventListener("input", event => { if (event.target === email) kind.value = ""; });
email.addEventListener("change", () => form.requestSubmit());

let typed;
email.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(async () => {
    const found = await (await fetch("/people?" + new URLSearchParams({ part: email.value }))).json();
    document.getElementById("people").replaceChildren(...found.map(one => new Option("", one)));
  }, 150);
});

const scrolled = panel => panel.tagName === "IFRAME" ? panel.contentDocument?.scrollingElement : panel;
const panels = () => [...document.querySelectorAll("[data-panel]")];

async function renew() {
  const answer = await fetch(location.href), page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const places = new Map(panels().map(panel => [panel.dataset.panel, scrolled(panel)?.scrollTop ?? 0]));
  stamp = page.body.dataset.stamp;
  document.title = page.title;
  document.getElementById("view").replaceWith(page.getElementById("view"));
  for (const panel of panels()) {
    const back = () => { const at = scrolled(panel); if (at) at.scrollTop = places.get(panel.dataset.panel) ?? 0; };
    if (panel.tagName === "IFRAME") panel.addEventListener("load", back, { once: true }); else back();
  }
}

const say = (words, ended) => { state.textContent = words; state.classList.toggle("ended", ended); };

(async () => {
  for (;;) {
    try {
      const now = (await (await fetch("/changes?" + new URLSearchParams({ after: stamp }))).json()).stamp;
      if (now !== stamp) { await renew(); say("Changed, and shown anew", false); }
      else if (state.classList.contains("ended")) say("Watching", false);
    } catch {
      say("The preview has ended", true);
      await new Promise(done => setTimeout(done, 1000));
    }
  }
})();
