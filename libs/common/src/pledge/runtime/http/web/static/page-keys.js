// A page's keys: `keys` is what to do by `event.key`. None is taken from a field in which one writes,
// where Escape leaves the field, nor while the page's list of keys (`help`) is open.
"use strict";
const pageKeys = ({ keys, help }) => {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const field = event.target.closest("input, select, textarea, button, a, summary");
    const isWritten = field?.matches('input:not([type="checkbox"]), select, textarea');
    if (event.key === "Escape" && isWritten) { field.blur(); return; }
    // What has the focus knows what Enter does.
    if (isWritten || (event.key === "Enter" && field)) return;
    const act = event.key === "?" ? () => help.showModal() : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
};
