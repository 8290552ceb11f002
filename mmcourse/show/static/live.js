/* Figures that are computed in the page: one skeleton (controls with names, keys, words for those who do not see),
   and the figures on it. Each draws over the first frame that the page brings; data and numbers come with the figure,
   the weights of a model from a file of their own when the figure comes near. */
(() => {
  "use strict";
  const mm = (window.mmLive ??= {});
  if (mm.figures) { mm.scan(); return; }
  const here = (document.currentScript?.src ?? "").replace(/[^/]*$/, "");
  const figures = (mm.figures = {});

  // ---- small tools ----

  const SVG = "http://www.w3.org/2000/svg";
  const make = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== undefined && child !== null));
    return element;
  };
  const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);
  const s = (tag, attributes, ...children) => make(document.createElementNS(SVG, tag), attributes, children);
  let count = 0;
  const fresh = () => `mm-live-${++count}`;
  const percent = (p) => (p > 0.995 && p < 1 ? "> 99%" : p > 0 && p < 0.005 ? "< 1%" : `${Math.round(100 * p)}%`);
  const fixed = (value, digits = 2) => (Number.isFinite(value) ? (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits).replace("-", "−") : "−∞");
  const colour = (rgb) => `rgb(${rgb.map((v) => Math.round(255 * Math.min(1, Math.max(0, v)))).join(" ")})`;

  /** A number or word as mathematics: Z_L^0, x^{<i>}. */
  const maths = (text) => {
    const out = [];
    for (const [, mark, group, one, plain] of text.matchAll(/(?:([_^])(?:\{([^}]*)\}|(.)))|([^_^]+)/g)) {
      out.push(mark ? h(mark === "_" ? "sub" : "sup", {}, group ?? one) : plain);
    }
    return h("span", { class: "mm-math" }, ...out);
  };

  // Colours for values: the page's paper at nothing; they are set as opacity, so that either theme serves.
  const heat = (share) => `color-mix(in srgb, var(--d-blue) ${Math.round(100 * Math.min(1, Math.max(0, share)))}%, var(--d-card))`;
  const signed = (value) => `color-mix(in srgb, var(${value < 0 ? "--d-vermilion" : "--d-blue"}) ${Math.round(100 * Math.min(1, Math.abs(value)))}%, var(--d-card))`;

  // ---- controls ----

  /** A slider with its value beside it; the keys are the browser's own. */
  const slider = (name, { min, max, step, value, say = String }, changed) => {
    const id = fresh(), shown = h("output", { for: id }, say(value));
    const input = h("input", { type: "range", id, min, max, step, value, "aria-valuetext": say(value), oninput: () => {
      shown.textContent = say(+input.value);
      input.setAttribute("aria-valuetext", say(+input.value));
      changed(+input.value);
    } });
    return Object.assign(h("div", { class: "mm-glide" }, h("label", { for: id }, name), input, shown), {
      set: (next) => { input.value = next; shown.textContent = say(next); input.setAttribute("aria-valuetext", say(next)); },
    });
  };

  /** One of a few: radio buttons; arrow keys are the browser's, Home and End ours. */
  const choice = (name, options, value, changed) => {
    const group = fresh();
    const inputs = options.map(([key, words]) => {
      const input = h("input", { type: "radio", name: group, value: key, checked: key === value });
      input.addEventListener("change", () => changed(key));
      return h("label", {}, input, h("span", {}, words));
    });
    const box = h("fieldset", { class: "mm-pick", onkeydown: (event) => {
      const end = { Home: 0, End: -1 }[event.key];
      if (end === undefined) return;
      event.preventDefault();
      const input = inputs.at(end).firstChild;
      input.checked = true;
      input.focus();
      changed(options.at(end)[0]);
    } }, h("legend", {}, name), ...inputs);
    return Object.assign(box, { set: (key) => inputs.forEach((label, i) => { label.firstChild.checked = options[i][0] === key; }) });
  };

  const button = (words, pressed) => h("button", { type: "button", class: "mm-press", onclick: pressed }, words);

  /** A board of cells, one of which is in the order of Tab; arrow keys, Home and End walk, Enter and Space press. */
  const board = (rows, columns, { name, say, walked, pressed, hovered, selected = 0 }) => {
    let at = selected;
    const cells = [];
    const box = h("div", { class: "mm-board", role: "grid", "aria-label": name, style: `--columns:${columns}` });
    const walk = (index, focus = true) => {
      cells[at].tabIndex = -1;
      cells[at].setAttribute("aria-selected", "false");
      at = index;
      cells[at].tabIndex = 0;
      cells[at].setAttribute("aria-selected", "true");
      if (focus) cells[at].focus({ preventScroll: true });
      walked?.(at);
    };
    for (let r = 0; r < rows; r++) {
      const line = h("div", { role: "row" });
      for (let c = 0; c < columns; c++) {
        const i = r * columns + c;
        const cell = h("div", { role: "gridcell", tabindex: i === at ? 0 : -1, "aria-selected": i === at ? "true" : "false", "aria-label": say(i) });
        cells.push(cell);
        line.append(cell);
      }
      box.append(line);
    }
    box.addEventListener("keydown", (event) => {
      const [r, c] = [(at / columns) | 0, at % columns];
      const next = {
        ArrowRight: c < columns - 1 ? at + 1 : at, ArrowLeft: c ? at - 1 : at,
        ArrowDown: r < rows - 1 ? at + columns : at, ArrowUp: r ? at - columns : at,
        Home: event.ctrlKey ? 0 : r * columns, End: event.ctrlKey ? rows * columns - 1 : (r + 1) * columns - 1,
      }[event.key];
      if (next !== undefined) { event.preventDefault(); if (next !== at) walk(next); }
      if (pressed && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); pressed(at); }
    });
    const index = (event) => cells.indexOf(event.target.closest?.("[role=gridcell]"));
    box.addEventListener("click", (event) => { const i = index(event); if (i >= 0) { walk(i); pressed?.(i); } });
    if (hovered) box.addEventListener("pointerover", (event) => { const i = index(event); if (i >= 0 && event.pointerType === "mouse") hovered(i); });
    return Object.assign(box, { cells, walk, at: () => at, name: (i, words) => cells[i].setAttribute("aria-label", words) });
  };

  // ---- pictures ----

  /** A picture given as base64 of bytes, (height, width, channels) row by row -> numbers in [0, 1]. */
  const picture = ({ data, height, width, channels }) => ({
    height, width, channels, values: Float32Array.from(mm.math.bytes(data), (v) => v / 255),
  });
  const paint = (canvas, { height, width, channels, values, cover }) => {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.round(255 * values[i * channels + (channels === 3 ? c : 0)]);
      image.data[4 * i + 3] = cover ? Math.round(255 * cover[i]) : 255;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };
  const canvas = (image, alt) => paint(h("canvas", { class: "mm-pixels", role: "img", "aria-label": alt }), image);
  /** A picture under a board. */
  const under = (image, grid) => h("div", { class: "mm-under" }, paint(h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), image), grid);

  /** Bars of probabilities with names; rows are set by `show`. */
  const bars = (names, swatches, mark = true) => {
    const rows = names.map((name, i) => {
      const bar = h("i"), value = h("span", { class: "mm-amount" }, "");
      const row = h("li", {}, swatches ? h("b", { class: "mm-swatch", style: `background:${swatches[i]}` }) : null,
        h("span", { class: "mm-name" }, name), h("span", { class: "mm-track", "aria-hidden": "true" }, bar), value);
      return { row, bar, value };
    });
    return Object.assign(h("ol", { class: "mm-bars" }, ...rows.map((r) => r.row)), {
      show: (shares, words = shares.map(percent), top = 1) => {
        const best = shares.indexOf(Math.max(...shares));
        rows.forEach(({ row, bar, value }, i) => {
          bar.style.width = `${100 * Math.min(1, shares[i] / top)}%`;
          value.textContent = words[i];
          row.classList.toggle("mm-best", mark && i === best);
        });
      },
    });
  };

  /** A scale for a map: from its least to its largest value. */
  const scale = (from, to, fill) => h("div", { class: "mm-scale" }, h("span", {}, from),
    h("i", { "aria-hidden": "true", style: `background:linear-gradient(90deg,${fill})` }), h("span", {}, to));

  // ---- the skeleton ----

  const waiting = new Map();
  /** A file of weights, fetched once: {config, tensors, data}. */
  const weights = (name) => {
    if (!waiting.has(name)) {
      let done;
      const promise = new Promise((resolve, reject) => { done = { resolve, reject }; });
      waiting.set(name, { promise, ...done });
      const lost = () => done.reject(new Error(`the weights ${name} did not come`)); // after they have come it does nothing
      if (here) document.head.append(h("script", { src: `${here}models/${name}.js`, onerror: lost, onload: lost }));
      else lost();
    }
    return waiting.get(name).promise;
  };
  mm.put = (name, file) => {
    if (waiting.has(name)) waiting.get(name).resolve?.(file);
    else waiting.set(name, { promise: Promise.resolve(file) });
  };
  const coming = new Map();
  /** A script beside this one, fetched once, with the first figure that needs it. */
  const fetched = (file) => {
    if (!coming.has(file)) coming.set(file, new Promise((resolve, reject) => {
      document.head.append(h("script", { src: `${here}${file}`, onload: resolve, onerror: () => reject(new Error("its arithmetic did not come")) }));
    }));
    return coming.get(file);
  };
  /** The arithmetic, and for a figure of sounds the script that holds it. */
  const ready = async (kind) => {
    if (!mm.math) await fetched("live-math.js");
    if (!figures[kind] && !here) await new Promise((done) => setTimeout(done, 0)); // in a notebook it stands right behind
    if (!figures[kind]) await fetched("live-sound.js");
  };
  const built = new Map();
  /** Between two pieces of work, what the reader does comes first. */
  const rest = (value) => new Promise((done) => (window.requestIdleCallback ?? setTimeout)(() => done(value)));
  const vit = (name) => {
    if (!built.has(name)) built.set(name, weights(name).then(rest).then((file) => new mm.math.ViT(file)).then(rest));
    return built.get(name);
  };

  const start = async (root) => {
    const kind = root.dataset.figure;
    const stage = root.querySelector(".mm-stage"), said = root.querySelector(".mm-said");
    const data = JSON.parse(root.querySelector(".mm-data").textContent);
    let timer, moved = false;
    const tools = {
      data,
      root,
      frame: stage.querySelector("img"),
      /** Words for those who do not see the change; after the first one the answer opens. */
      say: (words) => {
        clearTimeout(timer);
        timer = setTimeout(() => { said.textContent = words; }, 250);
        if (moved) { const seen = root.querySelector(".mm-seen"); if (seen) seen.open = true; }
      },
    };
    const begin = () => { moved = true; };
    root.addEventListener("input", begin, true);
    root.addEventListener("click", begin, true);
    root.addEventListener("keydown", (event) => { if (event.key !== "Tab") begin(); }, true);
    try {
      await ready(kind);
      const content = await figures[kind](tools);
      stage.replaceChildren(content);
      root.dataset.live = "on";
    } catch (error) {
      root.dataset.live = "off";
      stage.append(h("p", { class: "mm-trouble" }, `This figure stands still: ${error.message}.`));
    }
  };

  /** Begin every figure of the page when it comes near. */
  mm.scan = () => {
    for (const root of document.querySelectorAll(".mm-live:not([data-live])")) {
      root.dataset.live = "waiting";
      if (root.dataset.now !== undefined || !window.IntersectionObserver) { start(root); continue; }
      const eye = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        eye.disconnect();
        start(root);
      }, { rootMargin: "500px" });
      eye.observe(root);
    }
  };

  mm.tools = { h, s, slider, choice, button, fixed, scale };

  // ---- 1: the row of a token in the attention map, over the picture ----

  figures.attention = async ({ data, say }) => {
    const images = data.images.map(picture);
    const model = data.model ? await vit(data.model) : null;
    /** Maps (L, H, N, N) of one picture, kept as bytes and each row's largest weight. */
    const unpacked = ({ shape: [L, H, N, M], values, tops }) => {
      const raw = mm.math.bytes(values);
      let at = 0;
      return Array.from({ length: L }, () => Array.from({ length: H }, () => Array.from({ length: N }, () => {
        const top = tops[at / M];
        return Array.from({ length: M }, () => (raw[at++] / 255) * top);
      })));
    };
    const stored = [data.maps ?? []].flat().map(unpacked);
    const [down, grid] = model ? [model.grid, model.grid] : [data.grid, data.grid].flat(), prefix = model ? model.prefix : data.prefix;
    const state = { image: 0, layer: 0, head: "mean", token: data.token ?? Math.floor(down / 2) * grid + Math.floor(grid / 2) };
    let maps;
    const compute = () => { maps = stored[state.image] ?? model.forward(images[state.image].values).maps; };
    compute();
    const [L, H] = [maps.length, maps[0].length];
    const place = (i) => `row ${((i / grid) | 0) + 1}, column ${(i % grid) + 1}`;
    const asked = h("div", { class: "mm-under" }), seen = h("div", { class: "mm-under mm-map" });
    const legend = h("div"), words = h("p", { class: "mm-words" });
    const cells = board(down, grid, { name: "The picture: choose the token that asks", say: place, walked: (i) => { state.token = i; draw(); }, selected: state.token });
    const shades = Array.from({ length: down * grid }, () => h("i"));
    const layer = h("div", { class: "mm-shades", style: `--columns:${grid}`, "aria-hidden": "true" }, ...shades);
    const row = () => {
      const i = state.token < 0 ? 0 : state.token + prefix;
      const heads = state.head === "mean" ? maps[state.layer] : [maps[state.layer][state.head]];
      return heads[0][i].map((_, j) => heads.reduce((sum, head) => sum + head[i][j], 0) / heads.length);
    };
    const show = () => {
      const image = images[state.image];
      asked.replaceChildren(paint(h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), image), cells);
      seen.replaceChildren(paint(h("canvas", { class: "mm-pixels mm-sunk", "aria-hidden": "true" }), image), layer);
      draw();
    };
    const draw = () => {
      const all = row(), here_ = all.slice(prefix), top = Math.max(...here_);
      cells.cells.forEach((cell, i) => cell.classList.toggle("mm-on", i === state.token));
      here_.forEach((w, j) => { shades[j].style.opacity = top ? (w / top).toFixed(3) : 0; shades[j].className = j === state.token ? "mm-on" : ""; });
      const best = here_.indexOf(top);
      legend.replaceChildren(scale("0", percent(top), "rgb(10 28 55),rgb(230 159 0)"));
      const own = state.token < 0 ? 0 : here_[state.token];
      const to = prefix ? ` The class token gets ${percent(all[0])}.` : "";
      const who = state.token < 0 ? "The class token" : `The token at ${place(state.token)}`;
      words.textContent = `${who} reads most from ${place(best)}: ${percent(top)} of its weight.${to}`;
      seen.setAttribute("aria-label", `Attention of layer ${state.layer + 1}: ${words.textContent}`);
      say(`${words.textContent} Itself gets ${percent(own)}.`);
    };
    seen.setAttribute("role", "img");
    const controls = [];
    if (images.length > 1) controls.push(choice("picture", data.names.map((name, i) => [i, name]), 0, (i) => { state.image = i; compute(); show(); }));
    controls.push(choice("layer", Array.from({ length: L }, (_, l) => [l, l + 1]), 0, (l) => { state.layer = l; draw(); }));
    controls.push(choice("head", [["mean", "mean"], ...Array.from({ length: H }, (_, k) => [k, k + 1])], "mean", (k) => { state.head = k; draw(); }));
    if (prefix) controls.push(button("Let the class token ask", () => { state.token = -1; draw(); }));
    show();
    return h("div", {}, h("div", { class: "mm-controls" }, ...controls),
      h("div", { class: "mm-pair" }, h("div", {}, h("p", { class: "mm-title" }, "who asks"), asked),
        h("div", {}, h("p", { class: "mm-title" }, "what is read"), seen, legend)), words);
  };

  // ---- 2: similarity of a position to all others ----

  figures.positions = async ({ data, say }) => {
    const [rows, columns] = data.grid, n = rows * columns;
    const tables = data.tables.map(({ name, width, values, scale: by, waves }) => {
      if (waves) return { name, rows: mm.math.waves(waves, rows, columns, width) };
      const raw = new Int16Array(mm.math.bytes(values).buffer);
      return { name, rows: Array.from({ length: n }, (_, i) => Float64Array.from(raw.slice(i * width, (i + 1) * width), (v) => v * by)) };
    });
    let at = data.place ?? 0;
    const place = (i) => `row ${((i / columns) | 0) + 1}, column ${(i % columns) + 1}`;
    const boards = tables.map(({ name }) => board(rows, columns, { name: `${name}: choose a position`, say: place, walked: (i) => { at = i; draw(); }, selected: at }));
    const image = data.image ? picture(data.image) : null, what = image ? "Token" : "Position";
    if (image) boards.push(board(rows, columns, { name: "the picture: choose a token", say: place, walked: (i) => { at = i; draw(); }, selected: at }));
    const words = h("p", { class: "mm-words" });
    let busy = false;
    const draw = () => {
      const told = tables.map(({ name, rows: table }, t) => {
        const like = table.map((row) => mm.math.cosine(table[at], row));
        let best = -1;
        like.forEach((v, i) => {
          boards[t].cells[i].style.background = signed(v);
          boards[t].cells[i].classList.toggle("mm-on", i === at);
          if (i !== at && (best < 0 || v > like[best])) best = i;
        });
        return `${name}: most like it is ${place(best)} (${fixed(like[best])})`;
      });
      if (image) boards.at(-1).cells.forEach((cell, i) => cell.classList.toggle("mm-on", i === at));
      if (!busy) { busy = true; boards.forEach((b) => { if (b.at() !== at) b.walk(at, false); }); busy = false; }
      words.textContent = `${what} ${place(at)}: ${told.join("; ")}.`;
      if (!busy) say(words.textContent);
    };
    draw();
    const shown = tables.map(({ name }, t) => h("div", {}, h("p", { class: "mm-title" }, name), boards[t]));
    if (image) shown.unshift(h("div", {}, h("p", { class: "mm-title" }, "the picture"), under(image, boards.at(-1))));
    return h("div", {}, h("div", { class: "mm-pair mm-many" }, ...shown),
      scale("−1", "1", "var(--d-vermilion),var(--d-card),var(--d-blue)"), words);
  };

  // ---- a tower of 3 x 3 convolutions: what stride does to the number of tokens and to what one of them sees ----

  figures.convolution = async ({ data, say }) => {
    const image = picture(data.image), { height, width, channels } = image;
    const grey = { height, width, values: Float64Array.from({ length: height * width }, (_, i) => {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += image.values[i * channels + c];
      return (data.top * sum) / channels;
    }) };
    const small = height * width <= 64;
    const strides = [...data.strides], kernel = [...data.kernels[0].values];
    let at = -1, map, cells;
    const used = () => strides.filter((stride) => stride);
    const place = (i) => `row ${((i / map.width) | 0) + 1}, column ${(i % map.width) + 1}`;
    const frame = h("div", { class: "mm-window" });
    const pixels_ = small ? Array.from(grey.values, (v) => h("i", {}, fixed(v, 0))) : [];
    const left = h("div", { class: "mm-under mm-cut", role: "img" }, paint(h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), image),
      small ? h("div", { class: "mm-shades mm-numbers", style: `--columns:${width}`, "aria-hidden": "true" }, ...pixels_) : null, frame);
    const right = h("div"), sizes = h("p", { class: "mm-title" }), legend = h("div"), words = h("p", { class: "mm-words" });
    const look = (first_ = "") => {
      const r = (at / map.width) | 0, c = at % map.width, steps = used();
      const [top, bottom] = mm.math.field(steps, r), [first, last] = mm.math.field(steps, c);
      frame.style.cssText = `top:${(100 * top) / height}%;left:${(100 * first) / width}%;width:${(100 * (last - first + 1)) / width}%;height:${(100 * (bottom - top + 1)) / height}%`;
      cells.cells.forEach((cell, i) => cell.classList.toggle("mm-on", i === at));
      const stride = steps.reduce((a, b) => a * b, 1), side = last - first + 1, n = map.width * map.height;
      const shared = Math.max(0, side - stride);
      let told = `Total stride ${stride}: ${map.height} × ${map.width} = ${n} tokens for ${height * width} pixels. The token at ${place(at)} sees ${side} × ${side} pixels`;
      if (top < 0 || first < 0 || bottom >= height || last >= width) told += ", some of them zeros beyond the edge";
      told += shared ? `; its neighbour shares ${shared} of ${side} columns.` : "; its neighbour shares none of them.";
      if (small && steps.length === 1) {
        const sum = kernel.map((k, i) => {
          const y = top + ((i / 3) | 0), x = first + (i % 3), inside = y >= 0 && x >= 0 && y < height && x < width;
          return k && inside ? `${fixed(k, 1).replace(".0", "")}·${fixed(grey.values[y * width + x], 0)}` : null;
        }).filter(Boolean);
        told += ` Its value: ${sum.join(" + ") || "0"} = ${fixed(map.values[at], 1).replace(".0", "")}.`;
      }
      words.textContent = told;
      const value = small && steps.length === 1 ? "" : ` Its value is ${fixed(map.values[at])}.`;
      left.setAttribute("aria-label", `The picture, with a square around what the token at ${place(at)} sees`);
      say(`${first_}${told}${value}`);
    };
    const show = (first_) => {
      const before = map && { share: [((at / map.width) | 0) / map.height, (at % map.width) / map.width] };
      const steps = used();
      map = grey;
      steps.forEach((stride, l) => { map = mm.math.slide(map, kernel, stride, l < steps.length - 1); });
      const [y, x] = before ? before.share : data.place;
      at = Math.min(map.height - 1, Math.floor(y * map.height + 1e-9)) * map.width + Math.min(map.width - 1, Math.floor(x * map.width + 1e-9));
      const top = Math.max(...map.values.map(Math.abs)), numbers = map.height * map.width <= 36 && small;
      cells = board(map.height, map.width, { name: "The map: choose a token", say: place, walked: (i) => { at = i; look(); }, selected: at });
      cells.classList.toggle("mm-numbers", numbers);
      cells.cells.forEach((cell, i) => {
        cell.style.background = signed(top ? (numbers ? 0.45 : 1) * map.values[i] / top : 0);
        if (!numbers) return;
        cell.textContent = fixed(map.values[i], 1).replace(".0", "");
        cell.setAttribute("aria-label", `${cell.textContent}, ${place(i)}`);
      });
      sizes.textContent = `map: ${map.height} × ${map.width} = ${map.height * map.width} tokens`;
      right.replaceChildren(cells);
      legend.replaceChildren(scale(fixed(-top, 1), fixed(top, 1), "var(--d-vermilion),var(--d-card),var(--d-blue)"));
      look(first_);
    };
    const named = choice("kernel", data.kernels.map(({ name }, i) => [i, name]), 0, (i) => {
      kernel.splice(0, 9, ...data.kernels[i].values);
      fields.forEach((input, k) => { input.value = kernel[k]; });
      show();
    });
    const fields = kernel.map((value, k) => h("input", { type: "number", step: 0.5, value, "aria-label": `kernel, row ${((k / 3) | 0) + 1}, column ${(k % 3) + 1}`, oninput: (event) => {
      if (event.target.value !== "" && Number.isFinite(event.target.valueAsNumber)) { kernel[k] = event.target.valueAsNumber; show(`Kernel ${kernel.map((v) => fixed(v, 1).replace(".0", "")).join(", ")}. `); }
    } }));
    const table = h("div", { class: "mm-matrix" }, h("p", { class: "mm-title" }, "the kernel of each layer"), h("table", { "aria-label": "kernel" },
      h("tbody", {}, ...[0, 1, 2].map((r) => h("tr", {}, ...fields.slice(3 * r, 3 * r + 3).map((input) => h("td", {}, input)))))));
    const layers = strides.map((stride, l) => choice(`layer ${l + 1}`, [...(strides.length > 1 ? [[0, "none"]] : []), [1, "stride 1"], [2, "stride 2"]], stride, (next) => { strides[l] = next; show(); }));
    show();
    return h("div", {}, h("div", { class: "mm-controls" }, ...(data.kernels.length > 1 ? [named] : []), ...layers),
      h("div", { class: "mm-pair mm-many" }, h("div", {}, h("p", { class: "mm-title" }, `picture: ${height} × ${width} = ${height * width} pixels`), left),
        h("div", {}, sizes, right, legend), table), words);
  };

  // ---- 3: draw a digit and let a pixel transformer answer ----

  figures.digit = async ({ data, say }) => {
    const model = await vit(data.model), side = model.side, images = data.images.map(picture);
    const ink = Float32Array.from(images[0].values);
    let from = null, pen = true;
    const classes = data.labels, answer = bars(classes);
    const shades = Array.from({ length: side * side }, () => h("i"));
    const layer = h("div", { class: "mm-shades", style: `--columns:${side}`, "aria-hidden": "true" }, ...shades);
    const sheet = h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), copy = h("canvas", { class: "mm-pixels mm-sunk", "aria-hidden": "true" });
    const place = (i) => `row ${((i / side) | 0) + 1}, column ${(i % side) + 1}`;
    const grid = board(side, side, { name: "Paper: draw here", say: (i) => `${place(i)}, ${ink[i] > 0.5 ? "ink" : "empty"}`, selected: 0 });
    const words = h("p", { class: "mm-words" }), seen = h("div", { class: "mm-under mm-map", role: "img" }, copy, layer);
    let due = false;
    const think = () => {
      due = false;
      const image = { height: side, width: side, channels: 1, values: ink };
      paint(sheet, image);
      paint(copy, image);
      const { logits, maps } = model.forward(ink), p = mm.math.softmax(logits), best = p.indexOf(Math.max(...p));
      answer.show(p);
      const heads = maps.at(-1), row = heads[0][0].map((_, j) => heads.reduce((sum, head) => sum + head[0][j], 0) / heads.length).slice(1);
      const top = Math.max(...row);
      row.forEach((w, j) => { shades[j].style.opacity = (w / top).toFixed(3); });
      const onInk = row.reduce((sum, w, j) => sum + (ink[j] > 0.5 ? w : 0), 0) / row.reduce((a, b) => a + b, 0);
      words.textContent = `It reads a ${classes[best]}, ${percent(p[best])} sure. ${percent(onInk)} of the class token's last look lies on ink.`;
      seen.setAttribute("aria-label", `Where the class token looks in the last layer. ${words.textContent}`);
      say(words.textContent);
    };
    const soon = () => { if (!due) { due = true; requestAnimationFrame(think); } };
    const set = (i, value) => { ink[i] = value; grid.name(i, `${place(i)}, ${value > 0.5 ? "ink" : "empty"}`); soon(); };
    /** A round pen: the cell full, its neighbours half. */
    const dab = (i, value) => {
      set(i, value);
      if (!value) return;
      const [r, c] = [(i / side) | 0, i % side];
      for (const [a, b] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
        if (r + a >= 0 && r + a < side && c + b >= 0 && c + b < side) {
          const j = (r + a) * side + c + b;
          ink[j] = Math.max(ink[j], 0.35);
        }
      }
    };
    grid.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); const i = grid.at(); dab(i, ink[i] > 0.5 ? 0 : 1); }
      if (event.key === "Backspace" || event.key === "Delete") { event.preventDefault(); dab(grid.at(), 0); }
    });
    const under_ = (event) => {
      const box = grid.getBoundingClientRect();
      const c = Math.floor(((event.clientX - box.left) / box.width) * side), r = Math.floor(((event.clientY - box.top) / box.height) * side);
      return r >= 0 && c >= 0 && r < side && c < side ? r * side + c : -1;
    };
    grid.style.touchAction = "none";
    grid.addEventListener("pointerdown", (event) => { const i = under_(event); if (i < 0) return; from = pen ? 1 : 0; grid.setPointerCapture(event.pointerId); dab(i, from); });
    grid.addEventListener("pointermove", (event) => { if (from === null) return; const i = under_(event); if (i >= 0) dab(i, from); });
    for (const end of ["pointerup", "pointercancel"]) grid.addEventListener(end, () => { from = null; });
    const load = (values) => { ink.set(values); for (let i = 0; i < ink.length; i++) grid.name(i, `${place(i)}, ${ink[i] > 0.5 ? "ink" : "empty"}`); soon(); };
    think();
    return h("div", {}, h("div", { class: "mm-controls" },
      choice("tool", [["pen", "pen"], ["rubber", "rubber"]], "pen", (tool) => { pen = tool === "pen"; }),
      button("Clear", () => load(new Float32Array(side * side))),
      button("One pixel right", () => load(ink.map((_, i) => (i % side ? ink[i - 1] : 0)))),
      choice("examples", data.names.map((name, i) => [i, name]), 0, (i) => load(images[i].values))),
    h("div", { class: "mm-pair mm-three" }, h("div", {}, h("p", { class: "mm-title" }, "draw"), h("div", { class: "mm-under" }, sheet, grid)),
      h("div", {}, h("p", { class: "mm-title" }, "where the class token looks"), seen),
      h("div", {}, h("p", { class: "mm-title" }, "what the model says"), answer)), words);
  };

  // ---- 4: k-means, step by step ----

  figures.kmeans = async ({ data, say }) => {
    const raw = mm.math.bytes(data.points), points = Array.from({ length: raw.length / 3 }, (_, i) => Array.from(raw.slice(3 * i, 3 * i + 3), (v) => v / 255));
    const image = data.image ? picture(data.image) : null;
    const [X, Y] = data.axes, names = ["red", "green", "blue"], W = 330, M = 34;
    const px = (v) => M + v * (W - M - 10), py = (v) => 10 + (1 - v) * (W - M - 10);
    let k = data.k, seed = 1, centres, codes, steps = 0, history = [];
    const words = h("p", { class: "mm-words" }), strip = h("ol", { class: "mm-palette" }), curve = s("svg", { viewBox: "0 0 330 90", class: "mm-d", role: "img", "aria-label": "distortion after each step" });
    const dots = points.map((p) => s("circle", { cx: px(p[X]).toFixed(1), cy: py(p[Y]).toFixed(1), r: 2.4, fill: colour(p) }));
    const lines = s("g", { class: "mm-threads" }), handles = s("g");
    const plot = s("svg", { viewBox: `0 0 ${W} ${W}`, class: "mm-d mm-plot", role: "group", "aria-label": `Colours by ${names[X]} and ${names[Y]}` },
      s("path", { class: "line", d: `M${M} 10V${W - M}H${W - 10}` }),
      s("text", { x: (M + W) / 2, y: W - 6, "text-anchor": "middle", class: "s" }, `${names[X]} →`),
      s("text", { x: 14, y: (W - M) / 2, "text-anchor": "middle", class: "s", transform: `rotate(-90 14 ${(W - M) / 2})` }, `${names[Y]} →`),
      lines, ...dots, handles);
    const before = image ? canvas(image, "the picture") : null, after = image ? h("canvas", { class: "mm-pixels", role: "img", "aria-label": "the picture in the centres' colours" }) : null;
    const begin = () => {
      const random = mm.math.random(seed);
      centres = Array.from({ length: k }, () => [...points[Math.floor(random() * points.length)]]);
      steps = 0;
      history = [];
      handles.replaceChildren(...centres.map((_, c) => handle(c)));
      reassign();
      draw();
    };
    const reassign = () => { codes = mm.math.assign(points, centres); history.push(mm.math.distortion(points, codes, centres)); };
    const handle = (c) => {
      const dot = s("circle", { r: 12, class: "mm-handle", tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 100 });
      const to = (x, y) => { centres[c] = [...centres[c]]; centres[c][X] = Math.min(1, Math.max(0, x)); centres[c][Y] = Math.min(1, Math.max(0, y)); codes = mm.math.assign(points, centres); history.push(mm.math.distortion(points, codes, centres)); draw(); };
      dot.addEventListener("keydown", (event) => {
        const d = { ArrowRight: [0.03, 0], ArrowLeft: [-0.03, 0], ArrowUp: [0, 0.03], ArrowDown: [0, -0.03] }[event.key];
        const end = { Home: [0, centres[c][Y]], End: [1, centres[c][Y]] }[event.key];
        if (!d && !end) return;
        event.preventDefault();
        if (end) to(...end); else to(centres[c][X] + d[0], centres[c][Y] + d[1]);
      });
      dot.addEventListener("pointerdown", (event) => { dot.setPointerCapture(event.pointerId); dot.dataset.held = ""; event.preventDefault(); dot.focus(); });
      dot.addEventListener("pointermove", (event) => {
        if (dot.dataset.held === undefined) return;
        const box = plot.getBoundingClientRect(), u = ((event.clientX - box.left) / box.width) * W, v = ((event.clientY - box.top) / box.height) * W;
        to((u - M) / (W - M - 10), 1 - (v - 10) / (W - M - 10));
      });
      for (const end of ["pointerup", "pointercancel"]) dot.addEventListener(end, () => { delete dot.dataset.held; });
      return dot;
    };
    const draw = () => {
      centres.forEach((c, i) => {
        const dot = handles.children[i];
        dot.setAttribute("cx", px(c[X]).toFixed(1));
        dot.setAttribute("cy", py(c[Y]).toFixed(1));
        dot.style.fill = colour(c);
        dot.setAttribute("aria-label", `centre ${i + 1} of ${k}: ${names[X]} and ${names[Y]}, move with the arrow keys`);
        dot.setAttribute("aria-valuenow", Math.round(100 * c[X]));
        dot.setAttribute("aria-valuetext", `${names[X]} ${fixed(c[X])}, ${names[Y]} ${fixed(c[Y])}, ${codes.filter((code) => code === i).length} colours`);
      });
      lines.replaceChildren(...points.map((p, i) => s("path", { d: `M${px(p[X]).toFixed(1)} ${py(p[Y]).toFixed(1)}L${px(centres[codes[i]][X]).toFixed(1)} ${py(centres[codes[i]][Y]).toFixed(1)}` })));
      strip.replaceChildren(...centres.map((c, i) => h("li", {}, h("b", { class: "mm-swatch", style: `background:${colour(c)}` }), `${codes.filter((code) => code === i).length}`)));
      const now = history.at(-1), top = Math.max(...history), shown = history.slice(-30);
      const at = (v, i) => `${(40 + (i * 280) / Math.max(1, shown.length - 1)).toFixed(1)} ${(70 - 58 * (v / top)).toFixed(1)}`;
      curve.replaceChildren(s("path", { class: "line", d: "M40 8V70H322" }), s("path", { d: `M${shown.map(at).join("L")}`, fill: "none", stroke: "var(--d-vermilion)", "stroke-width": 2 }),
        s("circle", { cx: at(now, shown.length - 1).split(" ")[0], cy: at(now, 0).split(" ")[1], r: 4, class: "vermilion" }),
        s("text", { x: 40, y: 86, class: "s" }, "changes →"), s("text", { x: 34, y: 16, "text-anchor": "end", class: "s" }, top.toFixed(3)), s("text", { x: 34, y: 72, "text-anchor": "end", class: "s" }, "0"));
      if (image) {
        const own = mm.math.assign(Array.from({ length: image.width * image.height }, (_, i) => [...image.values.slice(3 * i, 3 * i + 3)]), centres);
        paint(after, { ...image, values: Float32Array.from(own.flatMap((code) => centres[code])) });
      }
      words.textContent = `Distortion ${now.toFixed(4)}: the mean squared distance of ${points.length} colours to their nearest of ${k} centres.`;
      say(words.textContent);
    };
    const step = () => {
      const next = mm.math.move(points, codes, centres), moved = next.some((c, i) => c.some((v, d) => Math.abs(v - centres[i][d]) > 1e-6));
      centres = next;
      steps++;
      reassign();
      draw();
      return moved;
    };
    begin();
    return h("div", {}, h("div", { class: "mm-controls" },
      slider("k", { min: 2, max: data.most, step: 1, value: k, say: (v) => `${v} centres` }, (v) => { k = v; begin(); }),
      button("One step", () => { if (!step()) say(`Nothing moves any more. ${words.textContent}`); }),
      button("Until it stands still", () => { for (let i = 0; i < 200 && step(); i++); say(`After ${steps} steps nothing moves. ${words.textContent}`); }),
      button("Another start", () => { seed++; begin(); })),
    h("div", { class: "mm-pair" }, h("div", {}, plot), h("div", {}, image ? h("div", { class: "mm-pair mm-tight" }, before, after) : null, h("p", { class: "mm-title" }, "the palette, and how many colours each centre stands for"), strip, h("p", { class: "mm-title" }, "distortion"), curve)), words);
  };

  // ---- 5: temperature ----

  figures.temperature = async ({ data, say }) => {
    const state = { T: 1, k: 0, context: 0 }, random = mm.math.random(data.seed ?? 1), most = data.shown;
    const logits = data.contexts.map(({ logits: list }) => list), images = data.contexts.map(({ image }) => (image ? picture(image) : null));
    const all = logits[0].length;
    const holder = h("div"), drawn = h("ol", { class: "mm-drawn" }), words = h("p", { class: "mm-words" }), view = h("div", { class: "mm-view" });
    let p, tally = [];
    const order = () => logits[state.context].map((l, i) => [l, i]).sort((a, b) => b[0] - a[0]).map(([, i]) => i);
    const name = (i) => data.names?.[i] ?? `colour ${i}`;
    let first = [], bar;
    const list = () => {
      first = order().slice(0, most);
      bar = bars([...first.map(name), `the other ${all - first.length}`], data.colours ? [...first.map((i) => colour(data.colours[i])), "transparent"] : null);
      holder.replaceChildren(bar);
      const image = images[state.context];
      view.replaceChildren(...(image ? [canvas(image, `The picture so far: ${data.contexts[state.context].alt ?? data.contexts[state.context].name}`)] : []));
    };
    const show = () => {
      p = mm.math.temper(logits[state.context], state.T, state.k);
      const shares = first.map((i) => p[i]);
      bar.show([...shares, Math.max(0, 1 - shares.reduce((a, b) => a + b, 0))]);
      words.textContent = `T = ${state.T.toFixed(2)}, ${state.k ? `the ${state.k} likeliest` : `all ${all}`}: the first has ${percent(p[first[0]])}; ${mm.math.entropy(p).toFixed(2)} bits of surprise on average.`;
      say(words.textContent);
    };
    const clear = () => { tally = []; drawn.replaceChildren(); };
    const draw = (times) => {
      for (let i = 0; i < times; i++) tally.push(mm.math.draw(p, random()));
      tally = tally.slice(-60);
      drawn.replaceChildren(...tally.map((i) => h("li", { class: "mm-swatch", style: data.colours ? `background:${colour(data.colours[i])}` : "", title: name(i) }, data.colours ? "" : name(i))));
      say(`Drawn: ${name(tally.at(-1))}. ${new Set(tally).size} different among the last ${tally.length}.`);
    };
    list();
    show();
    return h("div", {}, h("div", { class: "mm-controls" },
      data.contexts.length > 1 ? choice("the next pixel of", data.contexts.map(({ name: words_ }, i) => [i, words_]), 0, (i) => { state.context = i; clear(); list(); show(); }) : null,
      slider("temperature T", { min: -2, max: 1.6, step: 0.05, value: 0, say: (v) => (2 ** v).toFixed(2) }, (v) => { state.T = 2 ** v; clear(); show(); }),
      slider("top-k", { min: 1, max: all, step: 1, value: all, say: (v) => (v === all ? `all ${all}` : String(v)) }, (v) => { state.k = v === all ? 0 : v; clear(); show(); }),
      button("Draw one", () => draw(1)), button("Draw twenty", () => draw(20))),
    h("div", { class: "mm-pair" }, h("div", {}, view, h("p", { class: "mm-title" }, "drawn"), drawn), h("div", {}, holder)), words);
  };

  // ---- 6: cut a picture ----

  figures.cut = async ({ data, say, frame }) => {
    const image = data.picture, words = h("p", { class: "mm-words" });
    const net = s("svg", { class: "mm-net", viewBox: `0 0 ${image.width} ${image.height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    frame.setAttribute("alt", "");
    const shown = h("div", { class: "mm-under", role: "img" }, frame, net);
    const rows = { tokens: "tokens N, the class token among them", bytes: "attention weights, written out", embedding: "operations: embedding", matrices: "operations: matrices", attention: "operations: attention" };
    const costs = data.sizes.map((patch) => mm.math.cost({ ...data, ...image, patch }));
    const unit = (v, key) => {
      if (key === "tokens") return v.toLocaleString("en");
      const bytes = key === "bytes", base = bytes ? 1024 : 1000, names = bytes ? ["bytes", "KiB", "MiB", "GiB", "TiB"] : ["", "thousand", "million", "billion", "trillion"];
      let i = 0;
      while (v >= base && i < names.length - 1) { v /= base; i++; }
      return `${v >= 100 || i === 0 ? Math.round(v) : v.toFixed(1)} ${names[i]}`.trim();
    };
    const meter = bars(Object.values(rows), null, false);
    const show = (patch) => {
      const cost = costs[data.sizes.indexOf(patch)], lines = [];
      for (let x = patch; x < image.width; x += patch) lines.push(`M${x} 0V${image.height}`);
      for (let y = patch; y < image.height; y += patch) lines.push(`M0 ${y}H${image.width}`);
      net.replaceChildren(s("path", { d: lines.join(""), fill: "none", "vector-effect": "non-scaling-stroke" }));
      const keys = Object.keys(rows);
      // Lengths are logarithms: the largest P and the smallest differ by powers of ten.
      const long = (key, value) => Math.max(0.02, Math.log(value / 1) / Math.log(Math.max(...costs.map((c) => c[key]), 10)));
      meter.show(keys.map((key) => long(key, cost[key])), keys.map((key) => unit(cost[key], key)));
      words.textContent = `P = ${patch}: ${cost.patches.toLocaleString("en")} patches, ${unit(cost.bytes, "bytes")} of attention weights in ${data.layers} layers of ${data.heads} heads, ${unit(cost.embedding + cost.matrices + cost.attention, "operations")} operations.`;
      shown.setAttribute("aria-label", `The picture cut into ${cost.patches} patches of ${patch} by ${patch} pixels`);
      say(words.textContent);
    };
    show(data.start);
    return h("div", {}, h("div", { class: "mm-controls" }, choice("P (pixels)", data.sizes.map((p) => [p, p]), data.start, show)),
      h("div", { class: "mm-pair" }, h("div", {}, shown), h("div", { class: "mm-costs" }, meter, h("p", { class: "mm-note" }, "Bars are logarithmic: each grows by equal lengths for equal factors."))), words);
  };

  // ---- patches that overlap, over a spectrogram ----

  figures.overlap = async ({ data, say, frame }) => {
    const { frames, bands, patch, hop } = data, words = h("p", { class: "mm-words" });
    const net = s("svg", { class: "mm-net", viewBox: `0 0 ${frames} ${bands}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    frame.setAttribute("alt", "");
    const shown = h("div", { class: "mm-under mm-long", role: "img" }, frame, net);
    const table = h("dl", { class: "mm-count" });
    const state = { stride: data.start, length: data.length };
    const seconds = (n) => `${(n * hop).toFixed(n * hop < 1 ? 2 : 1)} s`;
    const show = () => {
      const { stride, length } = state, count = (size) => Math.floor((size - patch) / stride) + 1;
      const rows = count(bands), columns = count(length), n = rows * columns;
      const high = (rows - 1) * stride + patch, wide = (columns - 1) * stride + patch;
      const box = (row, column, kind) => s("rect", { class: kind, x: column * stride, y: bands - row * stride - patch, width: patch, height: patch });
      const corners = [];
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) corners.push(`M${c * stride} ${bands - r * stride}h0`);
      const rest = `M${wide} 0H${frames}V${bands}H${wide}ZM0 0H${wide}V${bands - high}H0Z`;
      net.replaceChildren(s("path", { class: "mm-rest", d: rest }), s("path", { class: "mm-corners", d: corners.join("") }),
        box(0, 0, "mm-first"), ...(columns > 1 ? [box(0, 1, "mm-next")] : []), ...(rows > 1 ? [box(1, 0, "mm-next")] : []));
      const most = Math.ceil(patch / stride) ** 2, pairs = (n + 2) ** 2;
      const lines = [
        ["rows, in frequency", `⌊(${bands} − ${patch}) / ${stride}⌋ + 1 = ${rows}`],
        ["columns, in time", `⌊(${length.toLocaleString("en")} − ${patch}) / ${stride}⌋ + 1 = ${columns}`],
        ["patches", `${rows} × ${columns} = ${n.toLocaleString("en")}`],
        ["tokens, with both in front", (n + 2).toLocaleString("en")],
        ["pairs of tokens", pairs.toLocaleString("en")],
        ["a cell lies in", most > 1 ? `up to ${most} patches` : "one patch"],
      ];
      table.replaceChildren(...lines.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
      const left = [[bands - high, "bands"], [length - wide, "frames"]].map(([over, what]) => `${over} ${over === 1 ? what.slice(0, -1) : what}`);
      words.textContent = `Stride ${stride}, ${seconds(length)}: ${rows} × ${columns} = ${n.toLocaleString("en")} patches. At the edges ${left.join(" and ")} are read by no patch.`;
      shown.setAttribute("aria-label", `A spectrogram under ${rows} rows and ${columns} columns of patches`);
      say(`${words.textContent} ${pairs.toLocaleString("en")} pairs of tokens.`);
    };
    show();
    return h("div", {}, h("div", { class: "mm-controls" },
      slider("stride", { min: data.least, max: patch, step: 1, value: state.stride, say: (v) => `${v} cells` }, (v) => { state.stride = v; show(); }),
      slider("length", { min: patch, max: frames, step: 1, value: state.length, say: (v) => `${v} frames` }, (v) => { state.length = v; show(); })),
    shown, table, words);
  };

  // ---- 7: shuffle the patches ----

  figures.shuffle = async ({ data, say }) => {
    const models = await Promise.all(data.models.map(({ name }) => vit(name)));
    const images = data.images.map(picture), side = models[0].side, grid = models[0].grid, P = side / grid, n = grid * grid;
    let at = 0, order = Array.from({ length: n }, (_, i) => i), held = -1, seed = 1;
    const place = (i) => `row ${((i / grid) | 0) + 1}, column ${(i % grid) + 1}`;
    const sheet = h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), words = h("p", { class: "mm-words" });
    const cells = board(grid, grid, { name: "Patches: press one, then another, and they change places", say: place, pressed: (i) => {
      if (held < 0) { held = i; mark(); say(`Patch of ${place(i)} is held; choose another to change places.`); return; }
      [order[held], order[i]] = [order[i], order[held]];
      held = -1;
      think();
    } });
    const mark = () => cells.cells.forEach((cell, i) => cell.classList.toggle("mm-on", i === held));
    const answers = models.map(() => bars(data.labels));
    const think = () => {
      const source = images[at], values = new Float32Array(source.values.length), C = source.channels;
      order.forEach((from, to) => {
        for (let r = 0; r < P; r++) for (let c = 0; c < P; c++) for (let k = 0; k < C; k++) {
          const cell = (i) => ((((i / grid) | 0) * P + r) * side + (i % grid) * P + c) * C + k;
          values[cell(to)] = source.values[cell(from)];
        }
      });
      paint(sheet, { ...source, values });
      mark();
      const told = models.map((model, m) => {
        const p = mm.math.softmax(model.forward(values).logits), best = p.indexOf(Math.max(...p));
        answers[m].show(p);
        return `${data.models[m].title}: ${data.labels[best]}, ${percent(p[best])}`;
      });
      const moved = order.filter((from, to) => from !== to).length;
      words.textContent = `${moved} of ${n} patches are elsewhere: ${told.join("; ")}.`;
      say(words.textContent);
    };
    const shuffle = (times) => {
      const random = mm.math.random(seed++);
      if (times >= n) for (let i = n - 1; i > 0; i--) { const j = Math.floor(random() * (i + 1)); [order[i], order[j]] = [order[j], order[i]]; }
      else for (let t = 0; t < times; t++) { const [i, j] = [Math.floor(random() * n), Math.floor(random() * n)]; [order[i], order[j]] = [order[j], order[i]]; }
      think();
    };
    const home = () => { order = Array.from({ length: n }, (_, i) => i); held = -1; think(); };
    think();
    return h("div", {}, h("div", { class: "mm-controls" },
      images.length > 1 ? choice("picture", data.names.map((name, i) => [i, name]), 0, (i) => { at = i; home(); }) : null,
      button("Swap two", () => shuffle(1)), button("Shuffle all", () => shuffle(n)), button("Put back", home)),
    h("div", { class: "mm-pair mm-three" }, h("div", {}, h("p", { class: "mm-title" }, "the picture that the models get"), h("div", { class: "mm-under" }, sheet, cells)),
      ...answers.map((a, m) => h("div", {}, h("p", { class: "mm-title" }, data.models[m].title), a))), words);
  };

  // ---- 8: attention of two tokens by hand ----

  figures.hand = async ({ data, say }) => {
    const values = { Q: data.Q.map((r) => [...r]), K: data.K.map((r) => [...r]), V: data.V.map((r) => [...r]) };
    let causal = false;
    const out = h("div", { class: "mm-results" }), words = h("p", { class: "mm-words" });
    const table = (title, rows, cell, note) => h("div", { class: "mm-matrix" }, h("p", { class: "mm-title" }, title),
      h("table", { "aria-label": title.textContent ?? title }, h("tbody", {}, ...rows.map((row, i) => h("tr", {}, h("th", { scope: "row" }, `token ${i + 1}`), ...row.map((v, j) => h("td", {}, cell(v, i, j))))))), note ? h("p", { class: "mm-note" }, note) : null);
    const field = (which) => table(maths(which), values[which], (v, i, j) => h("input", { type: "number", step: 0.5, value: v, "aria-label": `${which}, token ${i + 1}, number ${j + 1}`, oninput: (event) => { if (event.target.value !== "" && Number.isFinite(event.target.valueAsNumber)) { values[which][i][j] = event.target.valueAsNumber; show(); } } }));
    const show = () => {
      const { Q, K, V } = values, { scores, weights, output } = mm.math.attend(Q, K, V, causal), d = Q[0].length;
      out.replaceChildren(
        table(maths(`S = QK^T / √${d}`), scores, (v) => fixed(v)),
        table("softmax of each row: A", weights, (v) => h("span", { class: "mm-share", style: `background:${heat(0.55 * v)}` }, fixed(v))),
        table("output: A V", output, (v) => fixed(v)));
      const told = weights.map((row, i) => `Token ${i + 1} reads ${row.map((w, j) => `${percent(w)} of token ${j + 1}`).join(", ")} and puts out (${output[i].map((v) => fixed(v)).join(", ")}).`);
      const sum = Q[0].map((q, e) => `${q}·${K[0][e]}`).join(" + ").replaceAll("-", "−");
      words.textContent = `First score: ${sum} = ${fixed(mm.math.dot(Q[0], K[0]))}, divided by √${d} = ${fixed(scores[0][0])}. ${told.join(" ")}`;
      say(words.textContent);
    };
    show();
    const inputs = h("div", { class: "mm-results" }, field("Q"), field("K"), field("V"));
    return h("div", {}, h("div", { class: "mm-controls" }, choice("who may be read", [["all", "every token"], ["past", "only earlier ones (a decoder)"]], "all", (which) => { causal = which === "past"; show(); })), inputs, out, words);
  };

  // ---- 9: exchange a code and see the picture change ----

  figures.codes = async ({ data, say }) => {
    const decoder = new mm.math.CodeDecoder(await weights(data.model)), side = Math.round(Math.sqrt(data.codes[0].length)), K = decoder.codebook.shape[0];
    const TRACE = [0.16, 0.56, 0.82]; // a blue that reads on light and on dark paper
    let which = 0, codes = [...data.codes[0]], place = 0, plain;
    const sheet = h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), change = h("canvas", { class: "mm-pixels mm-trace", role: "img" }), words = h("p", { class: "mm-words" });
    const label = (i) => `row ${((i / side) | 0) + 1}, column ${(i % side) + 1}, code ${codes[i]}`;
    const cells = board(side, side, { name: "Codes: choose a token of the picture", say: label, walked: (i) => { place = i; pick.set(codes[i]); mark(); say(`${label(i)}.`); } });
    const mark = () => cells.cells.forEach((cell, i) => { cell.classList.toggle("mm-on", i === place); cell.classList.toggle("mm-changed", codes[i] !== data.codes[which][i]); cell.textContent = codes[i]; cell.setAttribute("aria-label", label(i)); });
    const interleave = ({ data: x, height, width }) => ({ height, width, channels: 3, values: Float32Array.from({ length: 3 * height * width }, (_, i) => x[(i % 3) * height * width + ((i / 3) | 0)]) });
    const show = (told) => {
      const now = interleave(decoder.decode(codes));
      paint(sheet, now);
      const steps = Array.from({ length: now.height * now.width }, (_, i) => Math.max(...[0, 1, 2].map((c) => Math.abs(now.values[3 * i + c] - plain.values[3 * i + c]))));
      const moved = steps.filter((step) => step > 0.02).length;
      paint(change, { ...now, values: now.values.map((_, i) => TRACE[i % 3]), cover: steps.map((step) => Math.min(1, 4 * step)) });
      const changed = codes.filter((c, i) => c !== data.codes[which][i]).length, block = (now.width / side) ** 2;
      words.textContent = `${changed} of ${codes.length} codes changed; ${moved} of ${now.height * now.width} pixels moved by more than 2% (a token's own square has ${block}).`;
      change.setAttribute("aria-label", `What changed. ${words.textContent}`);
      mark();
      if (told) say(words.textContent);
    };
    const load = (i) => { which = i; codes = [...data.codes[i]]; plain = interleave(decoder.decode(codes)); pick.set(codes[place]); show(true); };
    const pick = slider("code of the chosen token", { min: 0, max: K - 1, step: 1, value: codes[0] }, (v) => { codes[place] = v; show(true); });
    load(0);
    return h("div", {}, h("div", { class: "mm-controls" },
      data.codes.length > 1 ? choice("picture", data.names.map((name, i) => [i, name]), 0, load) : null, pick,
      button("Put back", () => load(which))),
    h("div", { class: "mm-pair" }, h("div", {}, h("p", { class: "mm-title" }, "the picture, drawn from its codes"), h("div", { class: "mm-under mm-codes" }, sheet, cells)),
      h("div", {}, h("p", { class: "mm-title" }, "what changed, four times as strong"), change)), words);
  };

  // ---- the slide's figure: follow one patch through the vision transformer ----

  figures.vit = async ({ data, say, root }) => {
    const model = await vit(data.model), images = data.images.map(picture), { grid, config, side } = model, P = side / grid;
    const { width: D, heads: H, layers: L } = config, m = grid * grid, E = data.equations;
    let at = 0, patch = data.patch, layer = 0, run;
    const sheet = h("canvas", { class: "mm-pixels", "aria-hidden": "true" }), words = h("p", { class: "mm-words" });
    const place = (i) => `patch ${i + 1}, row ${((i / grid) | 0) + 1}, column ${(i % grid) + 1}`;
    const cells = board(grid, grid, { name: "Patches: choose the one to follow", say: place, selected: patch, walked: (i) => { patch = i; follow(); }, hovered: (i) => { patch = i; follow(); } });
    const strip = (values, top = Math.max(...values.map(Math.abs), 1e-9)) => h("div", { class: "mm-cells", "aria-hidden": "true" }, ...Array.from(values, (v) => h("i", { style: `background:${signed(v / top)}` })));
    const small = (row, mark) => {
      const top = Math.max(...row);
      return h("div", { class: "mm-mini", style: `--columns:${grid}`, "aria-hidden": "true" }, ...row.map((w, i) => h("i", { class: i === mark ? "mm-on" : "", style: `background:${heat(w / top)}` })));
    };
    const answer = bars(data.labels);
    // Which part of the diagram above belongs to a step.
    const PARTS = { patch: "patches", embed: "embed", position: "positions", heads: "attention", attention: "attention", mlp: "mlp",
      out: "blocks", summary: "summary", logits: "head" };
    const step = (key, title, equation, shape) => {
      const show = h("div", { class: "mm-show" });
      const light = (on) => () => root.querySelectorAll(`.mm-d [data-part="${PARTS[key]}"]`).forEach((part) => part.classList.toggle("on", on));
      const item = h("li", { onpointerenter: light(true), onpointerleave: light(false) }, h("div", { class: "mm-step" }, h("strong", {}, title), h("span", { class: "mm-eq" }, maths(equation), E[key] ? ` ${E[key]}` : ""), h("span", { class: "mm-shape" }, shape)), show);
      return { item, show };
    };
    const steps = {
      patch: step("patch", "the patch, flattened", "x^{<i>}", `P²C = ${P * P * config.channels} numbers`),
      embed: step("embed", "embedding", "x^{<i>}E", `D = ${D} numbers`),
      position: step("position", "plus its position", "x^{<i>}E + E_{pos}^{i}", `D = ${D} numbers`),
      heads: step("heads", "what its heads read", "softmax(QK^T / √d) V", `${H} heads, ${m + 1} weights each`),
      attention: step("attention", "after attention", "Z′_l = Multihead(LN(Z_{l−1})) + Z_{l−1}", `D = ${D} numbers`),
      mlp: step("mlp", "inside the MLP", "gelu(LN(Z′_l) W_1)", `${config.mlp} numbers`),
      out: step("out", "after the block", "Z_l = MLP(LN(Z′_l)) + Z′_l", `D = ${D} numbers`),
      summary: step("summary", "what the class token reads of it", "Z_L^0", `${H} heads, last layer`),
      logits: step("logits", "the answer", "LN(Z_L^0) W", `${data.labels.length} logits`),
    };
    const run_ = () => { run = model.forward(images[at].values, true); paint(sheet, images[at]); answer.show(mm.math.softmax(run.logits)); };
    const follow = () => {
      const i = patch + 1, { steps: t, maps } = run, cut = t.patches.length / m;
      const token = (x) => x.slice(i * (x.length / (m + 1)), (i + 1) * (x.length / (m + 1)));
      const own = t.patches.slice(patch * cut, (patch + 1) * cut);
      cells.cells.forEach((cell, j) => cell.classList.toggle("mm-on", j === patch));
      steps.patch.show.replaceChildren(paint(h("canvas", { class: "mm-pixels mm-little", "aria-hidden": "true" }), { height: P, width: P, channels: config.channels, values: own }));
      steps.embed.show.replaceChildren(strip(t.embedded.slice(patch * D, (patch + 1) * D)));
      steps.position.show.replaceChildren(strip(token(t.start)));
      const rows = maps[layer].map((head) => head[i].slice(1));
      steps.heads.show.replaceChildren(...rows.map((row) => small(row, patch)));
      const l = t.layers[layer];
      steps.attention.show.replaceChildren(strip(token(l.middle)));
      steps.mlp.show.replaceChildren(strip(token(l.hidden)));
      steps.out.show.replaceChildren(strip(token(l.out)));
      const last = maps.at(-1).map((head) => head[0]), share = last.map((row) => row[i]);
      steps.summary.show.replaceChildren(h("span", {}, share.map((v, k) => `head ${k + 1}: ${percent(v)}`).join(", ")));
      const p = mm.math.softmax(run.logits), best = p.indexOf(Math.max(...p));
      const mean = rows[0].map((_, j) => rows.reduce((sum, row) => sum + row[j], 0) / rows.length), most = mean.indexOf(Math.max(...mean));
      words.textContent = `${place(patch)}: in layer ${layer + 1} it reads most from patch ${most + 1} (${percent(mean[most])}). The class token's last heads give it ${percent(share.reduce((a, b) => a + b, 0) / H)}. Answer: ${data.labels[best]}, ${percent(p[best])}.`;
      words.textContent = words.textContent[0].toUpperCase() + words.textContent.slice(1);
      say(words.textContent);
    };
    steps.logits.show.append(answer);
    run_();
    follow();
    return h("div", {}, h("div", { class: "mm-controls" },
      images.length > 1 ? choice("picture", data.names.map((name, k) => [k, name]), 0, (k) => { at = k; run_(); follow(); }) : null,
      choice("layer l", Array.from({ length: L }, (_, l) => [l, l + 1]), 0, (l) => { layer = l; follow(); })),
    h("div", { class: "mm-pair mm-follow" }, h("div", {}, h("p", { class: "mm-title" }, "choose a patch"), h("div", { class: "mm-under" }, sheet, cells), words),
      h("ol", { class: "mm-steps" }, ...Object.values(steps).map(({ item }) => item))));
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mm.scan); else mm.scan();
})();
