// Keeps each [data-live] region up to date: asks for it again at the address that it names, as often as
// it says. Parsed as a document of its own, in which nothing runs; without this file the page is loaded anew.
"use strict";

const PATIENCE_MS = 10_000;
const SELDOM_MS = 60_000;

function follow(region) {
  const said = document.getElementById("said");
  let failures = 0;

  function again() {
    const pause = Number(region.dataset.every) * 2 ** failures;
    setTimeout(document.hidden ? again : ask, Math.min(pause, SELDOM_MS));
  }

  function ask() {
    const request = new XMLHttpRequest();
    request.open("GET", region.dataset.live);
    request.responseType = "document";
    request.timeout = PATIENCE_MS;
    request.onloadend = () => {
      if (request.status === 401) {
        say("You are signed out; load the page again to sign in.");
        return;
      }
      const fresh = request.status === 200 ? request.response?.querySelector("[data-live]") : null;
      failures = fresh ? 0 : failures + 1;
      if (fresh) replace(fresh);
      else if (failures === 3) say("The service does not answer; trying again.");
      again();
    };
    request.send();
  }

  function replace(fresh) {
    if (fresh.dataset.summary !== region.dataset.summary) say(fresh.dataset.summary);
    Object.assign(region.dataset, fresh.dataset);
    if (fresh.innerHTML === region.innerHTML) return;
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    region.replaceChildren(...fresh.childNodes);
    if (focused) document.getElementById(focused)?.focus();
  }

  function say(text) {
    if (said) said.textContent = text;
  }

  again();
}

for (const region of document.querySelectorAll("[data-live]")) follow(region);
