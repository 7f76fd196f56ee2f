"use strict";
// One change: its counts move by themselves, and what can be done to it is asked with a reason.

const page = document.getElementById("change");
const path = `/BulkChanges/${page.dataset.id}`;
const trouble = document.getElementById("trouble");
const NOT_ENDED = ["NEW", "PENDING_APPROVAL", "PROCESSING"];
const SECONDS_BETWEEN_LOOKS = 3;
let renewing = null;
let status = page.dataset.status;

function move(seen) {
  const total = seen.Counts.TOTAL;
  const bar = document.querySelector("#counts .bar");
  bar.setAttribute("viewBox", `0 0 ${total || 1} 1`);
  document.querySelector("[data-count=TOTAL]").textContent = numbers.format(total);
  let start = 0;
  const said = [];
  for (const part of bar.querySelectorAll("[data-states]")) {
    const devices = part.dataset.states.split(" ").reduce((sum, state) => sum + seen.Counts[state], 0);
    part.setAttribute("x", start);
    part.setAttribute("width", devices);
    start += devices;
    const shown = document.querySelector(`[data-count=${part.getAttribute("class")}]`);
    shown.textContent = numbers.format(devices);
    if (devices) said.push(`${numbers.format(devices)} ${shown.previousElementSibling.textContent.toLowerCase()}`);
  }
  bar.setAttribute("aria-label", `${said.join(", ")} of ${numbers.format(total)}`);
  const estimate = seen.EstimateSeconds ? `About ${lengthOf(seen.EstimateSeconds)} of Rev.io's time left.` : "";
  const place = document.getElementById("estimate");
  if (place.textContent !== estimate) place.textContent = estimate;
  status = seen.Status;
}

/** Put in the newest look of every part of the page that isn't being used right now. */
async function renew() {
  renewing = null;
  const answer = await fetch(window.location.href, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = fresh.getElementById(part.id);
    const used = part.contains(document.activeElement) || part.closest("dialog")?.open;
    if (newer && !used && newer.innerHTML !== part.innerHTML) part.replaceWith(document.importNode(newer, true));
  }
}

function renewSoon() {
  renewing ??= setTimeout(renew, SECONDS_BETWEEN_LOOKS * 1000);
}

function watch() {
  const stream = new EventSource(`${API}${path}/events`);
  stream.addEventListener("progress", (event) => {
    const before = status;
    move(JSON.parse(event.data));
    trouble.hidden = true;
    if (status !== before && !NOT_ENDED.includes(status)) {
      stream.close();
      clearTimeout(renewing);
      renew();
    } else renewSoon();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
    renew();
    if (!NOT_ENDED.includes(status)) return;
    trouble.textContent = "The live view was cut off; load the page again to go on watching.";
    trouble.hidden = false;
  });
  window.addEventListener("pagehide", () => stream.close());
}

function wrongIn(body, line, chosenNone) {
  if (line !== undefined && !/^[0-9]{1,10}$/.test(line)) return "The id of a line is a whole number; copy it from Rev.io.";
  if (!body.Reason) return "Say why; it is kept with the change.";
  return chosenNone ? "Choose at least one group of devices." : null;
}

for (const form of document.querySelectorAll("[data-action]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("[role=alert]");
    const button = event.submitter ?? form.querySelector("button:not([type=button])");
    const body = { Reason: form.elements.Reason.value.trim() };
    const boxes = [...form.querySelectorAll("[name=Codes]")];
    const codes = boxes.filter((one) => one.checked).map((one) => one.value);
    if (codes.length && codes.length < boxes.length) body.Codes = codes;
    const line = form.elements.RevServiceId?.value.trim();
    if (line !== undefined) Object.assign(body, { ICCID: form.dataset.iccid, RevServiceId: Number(line) });
    said.hidden = true;
    const wrong = wrongIn(body, line, boxes.length && !codes.length);
    if (wrong) {
      said.textContent = wrong;
      said.hidden = false;
      return;
    }
    button.disabled = true;
    try {
      const answer = await ask(`${path}/${form.dataset.action}`, { body });
      if (form.dataset.action === "revert") window.location.assign(`${UI}/changes/${answer.ChangeId}`);
      else window.location.reload();
    } catch (problem) {
      said.textContent = problem.message[0].toUpperCase() + problem.message.slice(1);
      said.hidden = false;
      button.disabled = false;
    }
  });
}

/** Say in the dialog what taking the change back would do; nothing is stored by asking. */
async function previewRevert() {
  const place = document.getElementById("revert-preview");
  place.replaceChildren(make("p", { class: "faint" }, "Looking at the devices…"));
  try {
    const seen = await ask(`${path}/revert/preview`, { body: {} });
    const refused = Object.entries(seen.Codes).filter(([code]) => code !== "ACCEPTED");
    place.replaceChildren(
      make("p", {}, `${plural(seen.Accepted, "device")} will get back what they had; ${plural(seen.Lines, "line")} will be disconnected.`),
      ...(seen.NeedsApproval ? [make("p", { class: "notice warn" }, `A second person has to approve it first: ${seen.NeedsApproval}.`)] : []),
      ...refused.map(([code, count]) => make("p", { class: "notice warn" }, `${plural(count, "device")} left as they are: `, make("code", {}, code))),
    );
  } catch (problem) {
    place.replaceChildren(make("p", { class: "notice bad" }, problem.message));
  }
}

/** Say in the dialog whose line is to be named, and offer the lines that the device's message names. */
function askWhichLine(device) {
  const form = document.querySelector("[data-action=lines]");
  form.reset();
  form.querySelector("[role=alert]").hidden = true;
  form.dataset.iccid = device.iccid;
  form.querySelector("[data-place=iccid]").textContent = device.iccid;
  const offered = device.lines.split(" ").filter(Boolean).map((line) => {
    const button = make("button", { type: "button", class: "small" }, `Line ${line}`);
    button.addEventListener("click", () => { form.elements.RevServiceId.value = line; });
    return button;
  });
  const place = form.querySelector("[data-place=lines]");
  place.replaceChildren(...offered);
  place.hidden = !offered.length;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-opens=revert]")) previewRevert();
  const naming = event.target.closest("[data-opens=lines]");
  if (naming) askWhichLine(naming.dataset);
});

if (page.dataset.open) watch();
