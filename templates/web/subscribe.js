// The page works without it: it only chooses the browser's time zone in the list, unless one was chosen.
"use strict";
const zones = document.querySelector("#timezone[data-guess]");
if (zones) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const option = Array.from(zones.options).find((one) => one.value === here);
  if (option) option.selected = true;
}
