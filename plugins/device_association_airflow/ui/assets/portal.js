"use strict";
// What every page shares: asking the API, speaking of numbers, dialogs, and links that leave Airflow's frame.

const API = document.body.dataset.api;
const UI = document.body.dataset.ui;
const numbers = new Intl.NumberFormat("en");

/** Ask the API; return its answer, or throw an Error whose `problems` are the contract's. */
async function ask(path, { body, headers = {}, signal } = {}) {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(API + path, {
      ...sent, signal, credentials: "same-origin", headers: { "Content-Type": "application/json", ...headers },
    });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw refusal([{ Code: "UNREACHABLE", Field: "", Message: "the server does not answer; try again in a moment" }]);
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok && said) return said;
  const problems = said?.Errors ?? [{ Code: `HTTP ${answer.status}`, Field: "", Message: "the server could not answer; try again in a moment" }];
  throw refusal(answer.status === 401 ? [{ Code: "NOT_SIGNED_IN", Field: "", Message: "you were signed out; load the page again to sign in" }] : problems);
}

function refusal(problems) {
  return Object.assign(new Error(problems.map((one) => one.Message).join("; ")), { problems });
}

/** Make an element; its text is text, never markup. */
function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) made.setAttribute(name, value);
  made.append(...inside.filter((one) => one !== null && one !== undefined));
  return made;
}

function lengthOf(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const said = [];
  let left = Math.round(seconds);
  for (const [unit, size] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count && said.length < 2) said.push(`${count} ${unit}${count > 1 ? "s" : ""}`);
  }
  return said.join(" ") || "under 1 second";
}

function plural(count, one, many = `${one}s`) {
  return `${numbers.format(count)} ${count === 1 ? one : many}`;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
  const link = event.target.closest("a[data-outside]");
  if (link && window.parent !== window && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    leaveFrame(link.href);
  }
});

/** Let Airflow's own window follow a link: its frame lets no page in it open another one. */
function leaveFrame(address) {
  const link = window.parent.document.createElement("a");
  link.href = address;
  window.parent.document.body.append(link);
  link.click();
  link.remove();
}
