/* Names for what the theme and the widgets leave unnamed, so that a screen reader has something to say. */
document.addEventListener("DOMContentLoaded", () => {
  const PLAY = ["Play or pause", "Stop", "Repeat"];
  const all = (selector, mend) => document.querySelectorAll(selector).forEach(mend);
  const name = (element, text) => {
    if (text && !element.getAttribute("aria-label")) element.setAttribute("aria-label", text);
  };

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
    all(".widget-slider .noUi-handle", (handle) => {
      const slider = handle.closest(".widget-slider");
      name(handle, slider.querySelector(".widget-label")?.textContent.trim() || "value");
      // The handle itself knows only the number of the choice; what is read out must be the choice.
      const chosen = slider.querySelector(".widget-readout")?.textContent.trim();
      if (chosen && handle.getAttribute("aria-valuetext") !== chosen) handle.setAttribute("aria-valuetext", chosen);
    });
    all(".widget-play", (play) => play.querySelectorAll("button").forEach((button, i) => name(button, PLAY[i])));
    // What scrolls sideways must be reachable by keyboard.
    all(".mm-table, div.math, .cell_output, .pst-scrollable-table-container, div.highlight pre", (box) => {
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
