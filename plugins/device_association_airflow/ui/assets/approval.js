"use strict";
// When a change needs a second person: read the rule's fields, save them, say what came of it.

const rule = document.getElementById("rule");
const said = document.getElementById("said");

rule.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { MostDevices, MostRejectedPercent, FirstUse } = rule.elements;
  const asked = { MostDevices: threshold(MostDevices), MostRejectedPercent: threshold(MostRejectedPercent), FirstUse: FirstUse.checked };
  for (const one of [MostDevices, MostRejectedPercent]) one.removeAttribute("aria-invalid");
  event.submitter.disabled = true;
  try {
    await ask("/ApprovalRule", { body: asked });
    said.textContent = "Saved; it counts from now on.";
  } catch (problem) {
    said.textContent = problem.problems.map((one) => `${one.Field}: ${one.Message}`).join("; ");
    for (const one of problem.problems) rule.elements[one.Field]?.setAttribute("aria-invalid", "true");
  } finally {
    event.submitter.disabled = false;
  }
});

/** A number as the API takes it; what is none goes as it is, so that the API says what is wrong with it. */
function threshold(field) {
  const text = field.value.trim();
  if (!text) return null;
  return /^\d+$/.test(text) ? Number(text) : text;
}
