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
  const begin = (form) => {
    form.open = true;
    form.querySelector("input:not([type=hidden]), select, textarea, button").focus();
    form.scrollIntoView({ block: "nearest" });
  };
  for (const form of document.querySelectorAll("details[data-key]")) {
    keys[form.dataset.key] = () => begin(form);
  }
  for (const link of document.querySelectorAll('.quick a[href^="#do-"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      begin(document.querySelector(link.hash).closest("details"));
    });
  }
  pageKeys({ keys, help });
})();
