// Shows the next mail while topics move; without it a button does.
"use strict";
const form = document.getElementById("topics");
const shown = document.getElementById("next");
let waiting = 0, latest = 0;

async function show() {
  const fields = new URLSearchParams(new FormData(form));
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

if (form && shown) {
  form.addEventListener("input", (event) => {
    if (event.target.type === "range") event.target.nextElementSibling.textContent = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(show, 500);
  });
}
