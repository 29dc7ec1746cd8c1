// Shows the next mail while wishes move; without it buttons do.
"use strict";
const PAUSE = 300;
const shown = document.getElementById("next");
const whole = document.getElementById("whole");
const thought = document.getElementById("thought");
let waiting = 0, latest = 0;

// A new frame each time, so that the way back does not lead through all that was looked at.
function frame() {
  const fresh = document.createElement("iframe");
  fresh.name = "mail";
  fresh.title = whole.dataset.title;
  fresh.tabIndex = 0;
  fresh.setAttribute("sandbox", "");
  const before = whole.querySelector("iframe");
  if (before) before.replaceWith(fresh);
  else whole.append(fresh);
}

async function show(form) {
  const fields = new URLSearchParams(new FormData(form));
  thought.replaceChildren(...Array.from(fields, ([name, value]) =>
    Object.assign(document.createElement("input"), { type: "hidden", name, value })));
  if (whole.querySelector("iframe")) whole.querySelector("form").requestSubmit();
  fields.set("act", "next");
  const turn = ++latest;
  shown.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("next");
    // What was asked first may be answered last.
    if (turn === latest && answer.ok && found) shown.replaceChildren(...found.childNodes);
  } catch {
    // What is shown stays; the button tells of faults.
  } finally {
    if (turn === latest) shown.removeAttribute("aria-busy");
  }
}

function follow(form) {
  form.addEventListener("input", (event) => {
    const slider = event.target.type === "range";
    if (slider) event.target.nextElementSibling.textContent = event.target.value;
    // Words that are still being written are no wish.
    if (!slider && event.target.matches("textarea, input:not([type])")) return;
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE, form);
  });
  form.addEventListener("change", (event) => {
    if (!event.target.matches("textarea, input:not([type])")) return;
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE, form);
  });
}

if (shown && whole) {
  for (const button of document.querySelectorAll("button[value=next]")) follow(button.form);
  // Without a frame of that name the mail would open in a page of its own.
  whole.querySelector("form").addEventListener("submit", frame);
}
