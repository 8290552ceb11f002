/* Runs just before the widget manager (nb_ipywidgets_js in _config.yml), only on pages with widgets. */
(() => {
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  window.__jupyter_widgets_assets_path__ = `${here}vendor/html-manager/`;

  // The theme's FontAwesome script turns each <i class="fa-..."> into an <svg>, also those that widgets make later.
  // Play looks for its <i> at each step, throws, and no link behind it runs. So: turn them once, at load, and no more.
  window.FontAwesomeConfig = { ...window.FontAwesomeConfig, observeMutations: false };

  // Widgets have their labels typeset by MathJax 2's call, MathJax.Hub.Queue(["Typeset", Hub, element]).
  // MathJax 3 has no Hub. It replaces the settings object by itself when it is up, so whatever is put there gets one.
  const Hub = {
    Queue([, , element]) {
      const live = window.MathJax;
      if (!live?.typesetPromise || !element) return;
      live.startup.promise = live.startup.promise.then(() => live.typesetPromise([element]));
    },
  };
  const equip = (value) => {
    if (value && !value.Hub) value.Hub = Hub;
    return value;
  };
  let current = equip(window.MathJax);
  Object.defineProperty(window, "MathJax", {
    configurable: true,
    get: () => current,
    set: (value) => { current = equip(value); },
  });
})();
