"use strict";
// The form that associates devices: preview what would happen, then send it once.

const form = document.getElementById("request");
const words = JSON.parse(document.getElementById("words").textContent);
const fields = form.elements;
const area = fields.Devices;
const tally = document.getElementById("tally");
const errors = document.getElementById("errors");
const preview = document.getElementById("preview");
const checkButton = document.getElementById("check");
const sendButton = document.getElementById("send");
const next = document.getElementById("next");
const most = Number(form.dataset.most);
const FLAGS = ["CreateRevService", "AddCarrierRatePlan", "AddCustomerRatePlan"];
const LINE = ["ServiceTypeId", "ProviderId", "UsagePlanGroupId", "RevPackageId"];
let customer = null;
const emptyTally = tally.textContent;
let read = { iccids: [], repeated: 0, odd: [] };
let checked = null; // what was previewed, with the key it will be sent with
let edition = 0; // rises with every change of the form

// --- devices
function count() {
  read = readIccids(area.value);
  const said = [plural(read.iccids.length, "ICCID")];
  if (read.repeated) said.push(`${numbers.format(read.repeated)} repeated, counted once`);
  if (read.odd.length) said.push(`${numbers.format(read.odd.length)} not of 18 to 22 digits, like “${read.odd[0].slice(0, 30)}”`);
  if (read.iccids.length > most) said.push(`${numbers.format(most)} are the most of one request`);
  tally.textContent = read.iccids.length ? `${said.join(" · ")}.` : emptyTally;
}

let counting;
area.addEventListener("input", () => { clearTimeout(counting); counting = setTimeout(count, 150); });

function add(text) {
  area.value = [area.value.trimEnd(), text].filter(Boolean).join("\n");
  count();
  touched();
}

document.getElementById("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  if (file.size > 8 * 1024 * 1024) { tally.textContent = "The file is larger than 8 MiB; split it."; return; }
  add(readFile(await file.text()));
});

// --- the inventory
const found = document.getElementById("found");
const foundTally = document.getElementById("found-tally");
const more = document.getElementById("more");
let after = null;
let looking;

async function look(onward) {
  looking?.abort();
  looking = new AbortController();
  const query = new URLSearchParams({ Limit: "50" });
  const text = document.getElementById("search").value.trim();
  if (text) query.set("Search", text);
  if (fields.ServiceProviderId.value) query.set("ServiceProviderId", fields.ServiceProviderId.value);
  if (onward && after) query.set("After", after);
  try {
    const page = await ask(`/Devices?${query}`, { signal: looking.signal });
    const chosen = new Set(read.iccids);
    const rows = page.Devices.map((one) => make("tr", {},
      make("td", {}, make("input", { type: "checkbox", value: one.ICCID, "aria-label": one.ICCID, checked: chosen.has(one.ICCID) ? "" : null })),
      make("td", { class: "mono" }, one.ICCID), make("td", {}, one.Status ?? "unknown"), make("td", {}, one.CustomerName ?? one.CustomerNumber ?? "–")));
    if (onward) found.append(...rows); else found.replaceChildren(...rows);
    after = page.Next;
    more.hidden = !after;
    foundTally.textContent = found.children.length ? `${plural(found.children.length, "device")} shown${after ? ", and there are more" : ""}.` : "No device that you may see begins with that.";
  } catch (problem) {
    if (problem.name !== "AbortError") foundTally.textContent = problem.message;
  }
}

let searching;
document.getElementById("search").addEventListener("input", () => { clearTimeout(searching); searching = setTimeout(look, 200, false); });
document.getElementById("search").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); look(false); } });
document.getElementById("picker").addEventListener("toggle", (event) => { if (event.target.open) look(false); });
more.addEventListener("click", () => look(true));
document.getElementById("all").addEventListener("click", () => {
  const boxes = [...found.querySelectorAll("input:not(:checked)")];
  for (const box of boxes) box.checked = true;
  add(boxes.map((box) => box.value).join("\n"));
});
found.addEventListener("change", (event) => {
  event.stopPropagation();
  if (event.target.checked) add(event.target.value);
  else without(new Set([event.target.value]));
});

function without(iccids) {
  area.value = readIccids(area.value).iccids.filter((one) => !iccids.has(one)).join("\n");
  count();
  touched();
}

// --- customer, choices and their lists
customerPicker(fields.RevCustomerId, document.getElementById("customers"), document.getElementById("customer-said"), (one) => {
  customer = one;
  touched();
  if (one) fillLists();
});
fields.ServiceProviderId.addEventListener("change", () => { fillLists(); if (document.getElementById("picker").open) look(false); });

for (const name of FLAGS) {
  const box = fields[name];
  const opened = document.getElementById(box.getAttribute("aria-controls"));
  const open = () => { opened.hidden = !box.checked; box.setAttribute("aria-expanded", String(box.checked)); };
  box.addEventListener("change", () => { open(); fillLists(); });
  open(); // a browser may have kept the box from before a reload
}

async function fillLists() {
  const query = new URLSearchParams();
  if (fields.ServiceProviderId.value) query.set("ServiceProviderId", fields.ServiceProviderId.value);
  if (customer) query.set("RevCustomerId", customer.CustomerId);
  for (const list of form.querySelectorAll(".opened:not([hidden]) [data-list]")) {
    if (list.dataset.filled === String(query)) continue;
    list.dataset.filled = String(query);
    if (!(list.closest("#line") ? customer : fields.ServiceProviderId.value)) {
      fill(list, [], list.closest("#line") ? "Choose the customer first" : "Choose the service provider first");
      continue;
    }
    try {
      fill(list, (await ask(`/${list.dataset.list}?${query}`)).Choices);
    } catch (problem) {
      delete list.dataset.filled;
      refuse(problem.problems);
    }
  }
}

function fill(list, choices, none = "Nothing to choose from") {
  if (list.tagName === "SELECT") {
    const before = list.value;
    const empty = choices.length ? (list.required ? "Choose…" : "None") : none;
    list.replaceChildren(make("option", { value: "" }, empty), ...choices.map((one) => make("option", { value: one.Value }, one.Label)));
    if (choices.some((one) => one.Value === before)) list.value = before;
    return;
  }
  list.className = choices.length ? "products" : "";
  list.replaceChildren(...choices.flatMap((one) => [
    make("label", { class: "check" }, make("input", { type: "checkbox", name: "RevProductIdList", value: one.Value }), make("span", {}, one.Label)),
    make("input", { name: `rate-${one.Value}`, inputmode: "decimal", placeholder: "rate", "aria-label": `Rate of ${one.Label}`, maxlength: "26" }),
  ]));
  if (!choices.length) list.replaceChildren(make("p", { class: "hint" }, `${none}.`));
}

// --- the request
function request() {
  const asked = {
    ServiceProviderId: whole(fields.ServiceProviderId.value),
    Devices: read.iccids,
    RevCustomerId: customer?.CustomerId ?? fields.RevCustomerId.value.trim(),
  };
  for (const flag of FLAGS) asked[flag] = fields[flag].checked;
  if (asked.CreateRevService) {
    for (const name of LINE) asked[name] = whole(fields[name].value);
    const products = [...form.querySelectorAll("[name=RevProductIdList]:checked")].map((box) => box.value);
    const rates = products.map((value) => fields[`rate-${value}`].value.trim()).filter(Boolean);
    Object.assign(asked, { RevProductIdList: products.map(Number), RateList: rates });
    Object.assign(asked, { Prorate: fields.Prorate.checked, Description: fields.Description.value.trim() });
  }
  if (asked.AddCarrierRatePlan) Object.assign(asked, { CarrierRatePlan: text("CarrierRatePlan"), CommPlan: text("CommPlan") });
  if (asked.AddCustomerRatePlan) for (const name of ["CustomerRatePlan", "CustomerRatePool", "CustomerDataAllocationMB"]) asked[name] = text(name);
  return { ...asked, EffectiveDate: text("EffectiveDate"), Reason: text("Reason") };
}

const whole = (value) => (value ? Number(value) : null);
const text = (name) => fields[name].value.trim() || null;

function missing() {
  const said = [];
  const need = (name, message) => said.push({ Code: "", Field: name, Message: message });
  if (!fields.ServiceProviderId.value) need("ServiceProviderId", "Choose the service provider.");
  if (!read.iccids.length) need("Devices", "Give at least one ICCID.");
  if (!customer) need("RevCustomerId", "Choose a customer from the list.");
  for (const one of form.querySelectorAll(".opened:not([hidden]) select[required]")) if (!one.value) need(one.name, `Choose the ${one.parentElement.firstChild.textContent.trim().toLowerCase()}.`);
  if (fields.EffectiveDate.validity.badInput) need("EffectiveDate", "Complete the effective date, or empty it.");
  return said;
}

function refuse(problems) {
  const shown = problems.slice(0, 20).map((one) => make("li", {}, one.Message[0].toUpperCase() + one.Message.slice(1), one.Code ? " " : null, one.Code ? make("code", {}, one.Code) : null));
  errors.replaceChildren(make("b", {}, "Nothing was stored. Please correct:"), make("ul", {}, ...shown));
  errors.hidden = false;
  for (const one of problems) {
    const field = fields[one.Field.split(".")[0]];
    if (field?.setAttribute) { field.setAttribute("aria-invalid", "true"); field.setAttribute("aria-errormessage", "errors"); }
  }
  errors.focus();
  errors.scrollIntoView({ block: "nearest" });
}

function clean() {
  errors.hidden = true;
  for (const one of form.querySelectorAll("[aria-invalid]")) { one.removeAttribute("aria-invalid"); one.removeAttribute("aria-errormessage"); }
}

/** Whatever was previewed is no longer what the form says. */
function touched() {
  edition += 1;
  if (checked) next.textContent = "The form has changed since the preview; preview it again.";
  checked = null;
  sendButton.disabled = true;
}
form.addEventListener("input", (event) => {
  if (event.target.closest("#picker")) return;
  event.target.removeAttribute("aria-invalid");
  event.target.removeAttribute("aria-errormessage");
  touched();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  count();
  clean();
  const wrong = missing();
  if (wrong.length) { refuse(wrong); return; }
  const asked = request();
  const seen = edition;
  checkButton.disabled = true;
  next.textContent = "Checking each device…";
  try {
    const answer = await ask("/AssociateCustomer/preview", { body: asked });
    show(answer);
    if (seen === edition) ready(asked, answer);
    else next.textContent = "The form has changed since the preview; preview it again.";
  } catch (problem) {
    preview.hidden = true;
    next.textContent = "";
    refuse(problem.problems);
  } finally {
    checkButton.disabled = false;
  }
});

function ready(asked, answer) {
  checked = { asked, key: newKey() };
  sendButton.disabled = answer.Accepted === 0;
  sendButton.textContent = answer.Accepted ? `Associate ${plural(answer.Accepted, "device")}` : "Associate devices";
  next.textContent = answer.Accepted ? "Nothing is stored yet." : "No device can go on; correct the list above.";
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function show(answer) {
  const takes = answer.Lines ? ` ${plural(answer.Lines, "line")} would be asked of Rev.io, which takes about ${lengthOf(answer.Seconds)} at ${numbers.format(answer.CallsPerMinute)} calls a minute.` : " Rev.io would not be asked for lines.";
  document.getElementById("verdict").textContent = `${plural(answer.Accepted, "device")} can go on, ${numbers.format(answer.Rejected)} can't.${answer.Accepted ? takes : ""}${answer.NeedsApproval ? ` A second person has to approve it first: ${answer.NeedsApproval}.` : ""}`;
  const groups = new Map();
  for (const one of answer.Devices) {
    if (one.Code === "ACCEPTED") continue;
    if (!groups.has(one.Code)) groups.set(one.Code, []);
    groups.get(one.Code).push(one);
  }
  document.getElementById("groups").replaceChildren(...[...groups].sort((one, other) => other[1].length - one[1].length).map(group));
  preview.hidden = false;
  preview.focus({ preventScroll: true });
  preview.scrollIntoView({ block: "nearest" });
}

function group([code, devices]) {
  const said = words[code] ?? { title: code, todo: devices[0].Message };
  const remove = make("button", { type: "button", class: "small" }, "Remove from the list");
  remove.addEventListener("click", () => { without(new Set(devices.map((one) => one.ICCID))); remove.closest("li").remove(); area.focus(); });
  const lines = devices.slice(0, 200).map((one) => `${one.ICCID}  ${one.Message ?? ""}`);
  if (devices.length > 200) lines.push(`and ${numbers.format(devices.length - 200)} more`);
  return make("li", {}, make("span", { class: "count" }, numbers.format(devices.length)),
    make("div", {}, make("b", {}, said.title), " ", make("code", {}, code), make("p", {}, said.todo),
      make("details", {}, make("summary", {}, "Show devices"), make("pre", { tabindex: "0" }, lines.join("\n")), remove)));
}

sendButton.addEventListener("click", async () => {
  if (!checked) return;
  const { asked, key } = checked;
  sendButton.disabled = true;
  checkButton.disabled = true;
  clean();
  next.textContent = "Sending…";
  try {
    const answer = await ask("/AssociateCustomer", { body: asked, headers: { "Idempotency-Key": key } });
    window.location.assign(`${UI}/changes/${answer.ChangeId}`);
  } catch (problem) {
    next.textContent = "Not sent. Sending it again is safe: it is stored once.";
    refuse(problem.problems);
    sendButton.disabled = checked === null;
    checkButton.disabled = false;
  }
});

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // else: back from the change that was made of this form
  checkButton.disabled = false;
  touched();
});

count();
