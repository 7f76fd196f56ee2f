"use strict";
// The customer's type-ahead: a combobox by the WAI-ARIA pattern, over the customers that the caller may use.

/** Turn an input and its listbox into a type-ahead; `picked` is told the customer, or null once the text no longer names one. */
function customerPicker(input, list, said, picked) {
  let customers = [];
  let active = -1;
  let pending;
  let timer;

  const reason = (one) => (one.Status === "CLOSED" ? "closed" : one.SiteId === null ? "no site" : one.AccountId === null ? "no Rev.io account" : "");
  const blocked = (one) => one.Status === "CLOSED" || one.SiteId === null;

  function show() {
    list.replaceChildren(...customers.map((one, index) => make("li", {
      role: "option", id: `customer-${index}`, "aria-selected": String(index === active), "aria-disabled": String(blocked(one)),
    }, make("span", {}, one.Name), make("span", { class: "faint" }, [one.Number, reason(one)].filter(Boolean).join(" · ")))));
    list.hidden = customers.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `customer-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  }

  function close() {
    customers = [];
    active = -1;
    show();
  }

  function choose(one) {
    if (blocked(one)) { said.textContent = `${one.Name} can't be given devices: ${reason(one)}.`; return; }
    input.value = one.Name;
    said.textContent = `${one.Name}, number ${one.Number}${reason(one) ? `, ${reason(one)}: lines can't be created` : ""}.`;
    close();
    picked(one);
  }

  async function search() {
    pending?.abort();
    pending = new AbortController();
    const text = input.value.trim();
    try {
      const found = await ask(`/Customers?Limit=20${text ? `&Search=${encodeURIComponent(text)}` : ""}`, { signal: pending.signal });
      customers = found.Customers;
      active = -1;
      show();
      said.textContent = customers.length ? `${plural(customers.length, "customer")}${found.Next ? " or more; type on" : ""}.` : "No customer that you may use has this name or number.";
    } catch (problem) {
      if (problem.name !== "AbortError") said.textContent = problem.message;
    }
  }

  input.addEventListener("input", () => { picked(null); clearTimeout(timer); timer = setTimeout(search, 180); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) { search(); return; }
      active = (active + (event.key === "ArrowDown" ? 1 : -1) + customers.length) % customers.length;
      show();
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      choose(customers[active]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  input.addEventListener("blur", () => { clearTimeout(timer); pending?.abort(); close(); });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[role=option]");
    if (option) choose(customers[[...list.children].indexOf(option)]);
  });
}
