// A ticket's page by the keyboard: each form has its key, said in the list that `?` shows.
"use strict";
(() => {
  const help = document.getElementById("help");
  const facts = [...document.querySelectorAll(".timeline > li")];
  const step = (by) => {
    const at = facts.indexOf(document.activeElement);
    const next = at < 0 ? (by > 0 ? 0 : facts.length - 1) : at + by;
    const fact = facts[Math.min(facts.length - 1, Math.max(0, next))];
    fact?.focus();
    fact?.scrollIntoView({ block: "nearest" });
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    u: () => document.querySelector(".crumbs a").click(),
  };
  for (const form of document.querySelectorAll("details[data-key]")) {
    keys[form.dataset.key] = () => {
      form.open = true;
      const field = form.querySelector("input:not([type=hidden]), select, textarea, button");
      field.focus();
      form.scrollIntoView({ block: "nearest" });
    };
  }
  pageKeys({ keys, help });
})();
