/* Figures to move: the first frame stands in the page; the others come in a file of their own, fetched when the
   figure is near. A frame is made of numbered lines that all frames of the figure share. */
(() => {
  "use strict";
  const come = new Map(); // mark -> a promise of the frames, and what fulfils it
  const expect = (mark) => {
    if (!come.has(mark)) {
      const one = {};
      one.data = new Promise((done) => { one.done = done; });
      come.set(mark, one);
    }
    return come.get(mark);
  };
  window.mmFrames = (mark, data) => expect(mark).done(data);

  const fetchFrames = (box) => {
    const one = expect(box.dataset.mark);
    if (!one.asked) {
      one.asked = true;
      const script = document.createElement("script");
      script.src = box.dataset.frames;
      document.head.append(script);
      one.data.then((data) => data.lines.forEach((line) => { // so that a picture is there when it is asked for
        for (const found of line.matchAll(/(?:src|href)="([^"#]+\.(?!wav)\w+)"/g)) new Image().src = found[1];
      }));
    }
    return one.data;
  };

  const quoted = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

  const ready = (box) => {
    const controls = [...box.querySelectorAll(".mm-controls > *")];
    const frame = box.querySelector(".mm-frame");
    const said = box.querySelector(".mm-said");
    const seen = box.querySelector(".mm-seen");
    const range = (control) => control.querySelector("input[type=range]");
    const radios = (control) => [...control.querySelectorAll("input[type=radio]")];
    const size = (control) => (range(control) ? +range(control).max + 1 : radios(control).length);
    const at = (control) => +(range(control) ?? radios(control).find((radio) => radio.checked)).value;

    const show = async () => {
      let index = 0;
      const words = controls.map((control) => {
        index = index * size(control) + at(control);
        const slide = range(control);
        if (!slide) {
          const radio = radios(control)[at(control)];
          return `${control.querySelector("legend").textContent} ${radio.nextElementSibling.textContent}`;
        }
        const value = JSON.parse(slide.dataset.values)[at(control)];
        slide.setAttribute("aria-valuetext", value);
        control.querySelector("output").textContent = value;
        return `${control.querySelector("span").textContent} ${value}`;
      });
      box.dataset.index = index;
      const data = await fetchFrames(box);
      if (+box.dataset.index !== index) return; // moved on meanwhile
      const runs = data.runs[index];
      const lines = [];
      for (let i = 0; i < runs.length; i += 2) lines.push(...data.lines.slice(runs[i], runs[i] + runs[i + 1]));
      frame.innerHTML = lines.join("\n").replaceAll("%ALT%", quoted(data.alts[index]));
      said.textContent = `${words.join(", ")}. ${data.alts[index]}`;
      if (seen) seen.open = true;
    };

    box.addEventListener("input", show);
    box.addEventListener("keydown", (event) => {
      const end = { Home: 0, End: -1 }[event.key];
      if (end === undefined || event.target.type !== "radio") return;
      event.preventDefault();
      const radio = radios(event.target.closest("fieldset")).at(end);
      radio.checked = true;
      radio.focus();
      show();
    });
    box.addEventListener("focusin", () => fetchFrames(box));
    box.addEventListener("pointerenter", () => fetchFrames(box));
  };

  const boxes = document.querySelectorAll(".mm-explore[data-frames]");
  boxes.forEach(ready);
  const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    near.unobserve(entry.target);
    fetchFrames(entry.target);
  }), { rootMargin: "400px" });
  // What is in the first screen waits until the page itself has come.
  const watch = () => boxes.forEach((box) => near.observe(box));
  if (document.readyState === "complete") watch(); else window.addEventListener("load", watch);
})();
