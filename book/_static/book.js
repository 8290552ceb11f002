/* Names for what the theme leaves unnamed, so that a screen reader has something to say. */
document.addEventListener("DOMContentLoaded", () => {
  const all = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  const mend = () => {
    // The visible words of a button must be in its name: let the words be the name.
    all("button.search-button-field[aria-label]", (button) => {
      button.removeAttribute("aria-label");
      button.removeAttribute("title");
      button.querySelector(".search-button__kbd-shortcut")?.setAttribute("aria-hidden", "true");
    });
    all(".theme-switch-button [title]", (icon) => icon.removeAttribute("title"));
    all(".theme-switch-button svg", (icon) => {
      icon.querySelector("title")?.remove();
      icon.removeAttribute("aria-labelledby");
      icon.setAttribute("aria-hidden", "true");
    });
    // What scrolls sideways must be reachable by keyboard.
    all(".mm-table, .mm-formula, .mm-frame, .cell_output, .pst-scrollable-table-container, div.highlight pre", (box) => {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else if (!box.hasAttribute("data-tabindex")) box.removeAttribute("tabindex");
    });
  };

  let due = false;
  const soon = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; mend(); });
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  window.addEventListener("resize", soon);
  mend();
});
