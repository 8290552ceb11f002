/* Names for what the theme leaves unnamed, and a way by keyboard to what scrolls sideways. */
(() => {
  "use strict";
  const all = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  // The visible words of a button must be in its name: let the words be the name.
  const names = () => {
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
  };

  // Asked only of what is near the screen: asking lays a box out.
  const WIDE = ".mm-table, .mm-formula, .mm-frame, .cell_output, .pst-scrollable-table-container, div.highlight pre";
  const reach = (box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => reach(entry.target)));
  const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    near.unobserve(entry.target);
    sizes.observe(entry.target);
  }), { rootMargin: "300px" });

  names();
  all(WIDE, (box) => near.observe(box));
  addEventListener("load", () => setTimeout(names, 0)); // the theme's script names its buttons when it is ready
})();
