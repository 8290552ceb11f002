/* The player of sounds: a button, the waveform to walk through, a mark that runs along. Listens on the page itself,
   so that a player that comes later works at once. Without it the browser's own player stands there. */
(() => {
  "use strict";
  if (window.mmSound) return;
  window.mmSound = true;
  document.documentElement.classList.add("mm-hears");
  const box = (event) => event.target.closest?.(".mm-sound");
  const player = (root) => root.querySelector("audio");
  const length = (root) => (player(root).duration > 0 && Number.isFinite(player(root).duration) ? player(root).duration : +root.dataset.seconds);

  const mark = (root) => {
    const at = Math.min(player(root).currentTime, length(root)), wave = root.querySelector(".mm-wave");
    root.querySelector(".mm-now").style.left = `${(100 * at) / length(root)}%`;
    wave.setAttribute("aria-valuenow", at.toFixed(2));
    wave.setAttribute("aria-valuetext", `${at.toFixed(1)} s`);
  };
  const run = (root) => {
    mark(root);
    if (!player(root).paused) requestAnimationFrame(() => run(root));
  };
  const trouble = (root) => {
    root.classList.remove("mm-playing");
    root.querySelector(".mm-heard").append(" – this browser cannot play it.");
  };
  const play = (root) => {
    for (const other of document.querySelectorAll(".mm-sound audio")) if (other !== player(root)) other.pause();
    player(root).play().catch((error) => { if (error.name !== "AbortError") trouble(root); });
  };
  const seek = (root, seconds) => {
    player(root).currentTime = Math.min(length(root), Math.max(0, seconds));
    mark(root);
  };

  document.addEventListener("click", (event) => {
    const root = box(event);
    if (!root) return;
    if (event.target.closest(".mm-play")) {
      if (player(root).paused) play(root); else player(root).pause();
    } else if (event.target.closest(".mm-wave")) {
      const { left, width } = root.querySelector(".mm-wave").getBoundingClientRect();
      seek(root, (length(root) * (event.clientX - left)) / width);
      play(root);
    }
  });
  document.addEventListener("keydown", (event) => {
    const root = box(event);
    if (!root || !event.target.closest(".mm-wave")) return;
    const step = length(root) / 20, at = player(root).currentTime;
    const to = { ArrowRight: at + step, ArrowUp: at + step, ArrowLeft: at - step, ArrowDown: at - step, Home: 0, End: length(root) }[event.key];
    if (to !== undefined) { event.preventDefault(); seek(root, to); }
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); if (player(root).paused) play(root); else player(root).pause(); }
  });
  const state = (event) => {
    const root = box(event);
    if (!root || event.target.tagName !== "AUDIO") return;
    const playing = event.type === "play", button = root.querySelector(".mm-play");
    root.classList.toggle("mm-playing", playing);
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+:/, playing ? "Pause:" : "Play:"));
    if (playing) run(root); else mark(root);
  };
  for (const kind of ["play", "pause", "ended"]) document.addEventListener(kind, state, true);
})();
