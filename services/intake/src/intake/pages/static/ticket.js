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
  const canned = document.querySelector(".canned");
  if (canned) {
    const form = canned.closest("form");
    const field = form.elements.text;
    keys.i = () => {
      form.closest("details").open = canned.open = true;
      canned.querySelector("[data-insert]").focus();
      canned.scrollIntoView({ block: "nearest" });
    };
    for (const button of canned.querySelectorAll("[data-insert]")) {
      const title = button.nextElementSibling;
      button.hidden = false;
      title.hidden = true;
      button.addEventListener("click", () => {
        field.focus();
        // As if it were typed: it can be undone, and is part of the draft.
        const words = title.nextElementSibling.textContent;
        if (!document.execCommand("insertText", false, words)) {
          field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }
      });
    }
  }
  pageKeys({ keys, help });

  // What is written is kept on the server until it is sent.
  const PAUSE = 1500;
  for (const said of document.querySelectorAll("[data-draft]")) {
    const form = said.closest("form");
    const words = form.elements.text;
    const path = form.querySelector("[formaction*='/drafts/']").formAction;
    let waiting, isSent = false, saved = words.value, last = Promise.resolve();
    const save = async () => {
      clearTimeout(waiting);
      waiting = undefined;
      if (isSent || words.value === saved) return;
      const text = words.value;
      const { seen_by_draft: seen, csrf_token: code } = form.elements;
      const body = new URLSearchParams({ text, seen_by_draft: seen.value, csrf_token: code.value });
      try {
        const answer = await fetch(path, {
          method: "POST", body, keepalive: text.length < 20000, headers: { accept: "application/json" },
        });
        if (isSent) return;
        if (!answer.ok) throw new Error(answer.status === 409 ? "it was sent already" : `error ${answer.status}`);
        saved = text;
        said.textContent = text.trim() ? "Draft saved." : "";
      } catch (error) {
        if (!isSent) said.textContent = `The draft is not saved: ${error.message}.`;
      }
    };
    const after = () => { last = last.then(save); };  // one at a time, so that the newest stays
    words.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(after, PAUSE);
    });
    form.addEventListener("submit", (event) => {
      clearTimeout(waiting);
      isSent = !event.submitter?.formAction.includes("/drafts/");
    });
    addEventListener("pagehide", after);
  }
})();
