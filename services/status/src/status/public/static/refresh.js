// Keeps an open page up to date: asks for it again and shows what changed, without moving the
// reader's place. Without this script the page works the same and reloads once a minute.
"use strict";
(() => {
  const EVERY = 10000;
  let etag = null;

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const content = fresh.getElementById("content");
    const current = document.getElementById("content");
    if (!content || content.innerHTML === current.innerHTML) return;
    // Somebody who is reading by keyboard is not thrown to the top of the page.
    const inside = current.contains(document.activeElement) ? document.activeElement : null;
    const href = inside && inside.getAttribute("href");
    const said = content.dataset.description;
    const before = current.dataset.description;
    current.replaceWith(content);
    document.title = fresh.title;
    if (href) {
      const same = [...content.querySelectorAll("a")].find((a) => a.getAttribute("href") === href);
      if (same) same.focus({ preventScroll: true });
    }
    document.getElementById("said").textContent =
      said === before ? "The status page was updated." : "The status changed: " + said + ".";
  };

  const ask = async () => {
    if (document.hidden) return;
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const answer = await fetch(location.href, { headers, cache: "no-store" });
      if (answer.status === 200) {
        etag = answer.headers.get("ETag");
        show(await answer.text());
      }
    } catch {
      // The network is away: the page stays as it is and is asked for again.
    }
  };

  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
})();
