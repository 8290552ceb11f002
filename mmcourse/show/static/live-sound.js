/* Sounds that are computed in the page: aliasing, the short-time Fourier transform, mel bands, the reader's microphone.
   The arithmetic is that of mmcourse.tokens.spectrogram, compared with it by tests/browser/test_computed_sound.py.
   Nothing that is recorded leaves the page: it is drawn and forgotten. */
(() => {
  "use strict";
  const mm = (window.mmLive ??= {});
  if (mm.sound) return;

  // ---- arithmetic ----

  /** Frequency at which a tone of f Hz is heard when it is measured r times a second; with its sign. */
  const alias = (f, r) => f - r * Math.round(f / r);

  const tables = new Map();
  /** Cosines and sines of a circle cut into n steps. */
  const circle = (n) => {
    if (!tables.has(n)) tables.set(n, [0, 1].map((sine) => Float64Array.from({ length: n }, (_, i) => Math[sine ? "sin" : "cos"]((2 * Math.PI * i) / n))));
    return tables.get(n);
  };
  /** Fourier transform of any length by splitting off one factor after the other (Cooley and Tukey, 1965). */
  const fft = (re, im) => {
    const n = re.length;
    if (n === 1) return [re, im];
    let p = 2;
    while (n % p) p++;
    const m = n / p, [cos, sin] = circle(n), parts = [];
    for (let q = 0; q < p; q++) {
      const a = new Float64Array(m), b = new Float64Array(m);
      for (let i = 0; i < m; i++) { a[i] = re[i * p + q]; b[i] = im[i * p + q]; }
      parts.push(fft(a, b));
    }
    const outRe = new Float64Array(n), outIm = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      for (let q = 0; q < p; q++) {
        const [a, b] = parts[q], i = k % m, t = (k * q) % n;
        outRe[k] += a[i] * cos[t] + b[i] * sin[t];
        outIm[k] += b[i] * cos[t] - a[i] * sin[t];
      }
    }
    return [outRe, outIm];
  };
  /** Power at K = N/2 + 1 frequencies of N real samples. */
  const power = (frame) => {
    const [re, im] = fft(Float64Array.from(frame), new Float64Array(frame.length));
    return Float64Array.from({ length: (frame.length >> 1) + 1 }, (_, k) => re[k] ** 2 + im[k] ** 2);
  };
  /** Hann's window of one period, S values. */
  const hann = (size) => Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  /** Power of each windowed frame, ends mirrored so that frame f is centred on sample f · hop: F rows of K numbers. */
  const stft = (x, size, hop, window = hann(size)) => {
    const half = size >> 1, T = x.length, rows = [];
    const at = (i) => (i < 0 ? x[-i] : i >= T ? x[2 * T - 2 - i] : x[i]);
    for (let f = 0; f <= Math.floor((T + 2 * half - size) / hop); f++) {
      rows.push(power(window.map((w, i) => w * at(f * hop + i - half))));
    }
    return rows;
  };
  const hzToMel = (f, scale) => (scale === "hz" ? f : scale === "slaney"
    ? (f < 1000 ? (3 * f) / 200 : 15 + (27 * Math.log(f / 1000)) / Math.log(6.4)) : 2595 * Math.log10(1 + f / 700));
  const melToHz = (m, scale) => (scale === "hz" ? m : scale === "slaney"
    ? (m < 15 ? (m * 200) / 3 : 1000 * Math.exp(((m - 15) * Math.log(6.4)) / 27)) : 700 * (10 ** (m / 2595) - 1));
  /** Corners of M triangles in Hz, equally far apart on the scale: M + 2 numbers. */
  const corners = (bands, high, scale) => {
    const top = hzToMel(high, scale);
    return Float64Array.from({ length: bands + 2 }, (_, i) => melToHz((top * i) / (bands + 1), scale));
  };
  /** M triangles over K frequencies, as M rows; with equal area, each is divided by half its width. */
  const filters = (bands, size, rate, scale, equal = true) => {
    const c = corners(bands, rate / 2, scale);
    return Array.from({ length: bands }, (_, m) => Float64Array.from({ length: (size >> 1) + 1 }, (_, k) => {
      const f = (k * rate) / size;
      const height = Math.max(0, Math.min((f - c[m]) / (c[m + 1] - c[m]), (c[m + 2] - f) / (c[m + 2] - c[m + 1])));
      return equal ? (2 * height) / (c[m + 2] - c[m]) : height;
    }));
  };
  /** Power in each band: F rows of K numbers and M triangles -> F rows of M. */
  const gather = (rows, triangles) => rows.map((row) => Float64Array.from(triangles, (t) => { let s = 0; for (let k = 0; k < t.length; k++) s += t[k] * row[k]; return s; }));
  /** Logarithm to base 10, at most so many powers of ten below the loudest. */
  const logarithm = (rows, range = 8) => {
    let top = 1e-10;
    for (const row of rows) for (const v of row) if (v > top) top = v;
    const least = Math.log10(top) - range;
    return rows.map((row) => row.map((v) => Math.max(least, Math.log10(Math.max(v, 1e-10)))));
  };

  mm.sound = { alias, fft, power, hann, stft, hzToMel, melToHz, corners, filters, gather, logarithm };
  if (!mm.tools) return; // only the arithmetic was asked for

  // ---- what the figures share ----

  const { h, s, slider, choice, button, fixed } = mm.tools, { figures } = mm;
  const say_ = (v) => v.toLocaleString("en", { maximumFractionDigits: 0 });
  const hertz = (v) => (Math.abs(v) >= 1000 ? `${fixed(v / 1000, 1)} kHz` : `${Math.round(v)} Hz`);
  const milli = (seconds) => (seconds < 0.01 ? `${fixed(1000 * seconds, 1)} ms` : `${Math.round(1000 * seconds)} ms`);
  /** 16-bit samples as base64 -> numbers in [-1, 1]. */
  const samples = (text) => Float64Array.from(new Int16Array(mm.math.bytes(text).buffer), (v) => v / 32767);

  let context = null;
  const listen = () => {
    context ??= new (window.AudioContext ?? window.webkitAudioContext)();
    context.resume();
    return context;
  };
  /** Play samples once; a line runs over their picture meanwhile. */
  let playing = null;
  const play = (x, rate, line) => {
    const audio = listen(), buffer = audio.createBuffer(1, x.length, rate), source = audio.createBufferSource();
    buffer.copyToChannel(Float32Array.from(x), 0);
    playing?.stop();
    playing = source;
    source.buffer = buffer;
    source.connect(audio.destination);
    source.start();
    const began = audio.currentTime;
    source.onended = () => { line.hidden = true; };
    const run = () => {
      line.style.left = `${Math.min(100, (100 * (audio.currentTime - began) * rate) / x.length)}%`;
      if (!line.hidden) requestAnimationFrame(run);
    };
    line.hidden = false;
    run();
  };

  /** A colour of the page as three numbers, so that a canvas can take it. */
  const ink = (root) => {
    const probe = h("i", { style: "color:var(--d-blue)", hidden: true });
    root.append(probe);
    const found = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
    probe.remove();
    return found;
  };
  /** Rows of levels (frames by bands) as a picture: time runs right, frequency upwards, clear where nothing sounds. */
  const paint = (canvas, rows, root, low, high) => {
    const width = rows.length, height = rows[0].length, [r, g, b] = ink(root);
    canvas.width = width;
    canvas.height = height;
    canvas.style.imageRendering = width > 700 ? "auto" : "pixelated"; // more columns than pixels are averaged
    const pen = canvas.getContext("2d"), image = pen.createImageData(width, height);
    rows.forEach((row, x) => row.forEach((v, k) => {
      const i = 4 * ((height - 1 - k) * width + x), share = Math.min(1, Math.max(0, (v - low) / (high - low)));
      image.data.set([r, g, b, 255 * share], i);
    }));
    pen.putImageData(image, 0, 0);
  };
  const range = (rows) => {
    let low = Infinity, high = -Infinity;
    for (const row of rows) for (const v of row) { if (v < low) low = v; if (v > high) high = v; }
    return [low, high];
  };
  /** Draw again when the page turns light or dark. */
  const turned = (draw) => new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  /** A picture of a spectrogram with its two axes. */
  const plate = (canvas, seconds) => {
    const upper = h("span", { class: "mm-high" }), lower = h("span", { class: "mm-low" });
    const end = h("span", {}, seconds ? `${fixed(seconds, 2)} s` : "now");
    const box = h("div", { class: "mm-plate" }, h("div", { class: "mm-sheet", role: "img" }, canvas, upper, lower),
      h("div", { class: "mm-time", "aria-hidden": "true" }, h("span", {}, seconds ? "0 s" : ""), h("span", {}, seconds ? "time" : "time, a column for each picture of the screen"), end));
    return Object.assign(box, { edges: (high, low = "0 Hz") => { upper.textContent = high; lower.textContent = low; }, name: (words) => box.firstChild.setAttribute("aria-label", words) });
  };

  // ---- 1: measured too seldom, a tone becomes another one ----

  figures.aliasing = async ({ data, say }) => {
    const state = { f: data.tone, r: data.rate, heard: null }, W = 600, span = data.span;
    const drawing = s("svg", { class: "mm-scope", viewBox: `0 0 ${W} 150`, role: "img" });
    const fold = s("svg", { class: "mm-scope mm-fold", viewBox: "0 0 320 190", role: "img" });
    const words = h("p", { class: "mm-words" });
    let oscillator = null, gain = null;
    const pitch = () => (state.heard === "tone" ? state.f : Math.abs(alias(state.f, state.r)));
    const wave = (f, phase = 0) => Array.from({ length: 301 }, (_, i) => `${i ? "L" : "M"}${2 * i} ${fixed(75 - 62 * Math.sin(2 * Math.PI * f * (i / 300) * span + phase), 1).replace("−", "-")}`).join("");
    const show = () => {
      const { f, r } = state, a = alias(f, r), heard = Math.abs(a), step = W / (r * span), same = heard === f;
      const dots = Array.from({ length: Math.floor(r * span) + 1 }, (_, t) => {
        const y = 75 - 62 * Math.sin((2 * Math.PI * f * t) / r);
        return [s("path", { class: "mm-stem", d: `M${(t * step).toFixed(1)} 75V${y.toFixed(1)}` }), s("circle", { cx: (t * step).toFixed(1), cy: y.toFixed(1), r: 4.5 })];
      });
      drawing.replaceChildren(s("path", { class: "line", d: `M0 75H${W}` }), s("path", { class: "mm-true", d: wave(f) }),
        s("path", { class: "mm-other", d: wave(a) }), ...dots.flat());
      const X = (v) => 34 + (v / data.top) * 276, Y = (v) => 160 - (v / (data.most / 2)) * 140;
      let zigzag = "";
      for (let v = 0; v <= data.top; v += data.top / 400) zigzag += `${v ? "L" : "M"}${X(v).toFixed(1)} ${Y(Math.abs(alias(v, r))).toFixed(1)}`;
      fold.replaceChildren(s("path", { class: "line", d: `M34 20V160H310` }), s("path", { class: "mm-true", d: zigzag }),
        s("path", { class: "mm-stem", d: `M${X(r / 2).toFixed(1)} 160V${Y(r / 2).toFixed(1)}` }),
        s("circle", { cx: X(f).toFixed(1), cy: Y(heard).toFixed(1), r: 5.5 }),
        s("text", { x: 310, y: 177, "text-anchor": "end" }, `the tone, 0 to ${say_(data.top)} Hz`), s("text", { x: 38, y: 14 }, "what is heard"),
        ...(X(r / 2) < 230 ? [s("text", { x: X(r / 2) + 4, y: 156 }, "half the rate")] : []));
      const at = `A tone of ${say_(f)} Hz, measured ${say_(r)} times a second: `;
      words.textContent = heard < 1 ? `${at}every sample falls on the same place of the wave, and nothing is heard.`
        : same ? `${at}${fixed(r / f, 1)} samples a wave, and it stays what it is.`
          : `${at}only ${fixed(r / f, 1)} samples a wave. They are also the samples of a tone of ${say_(heard)} Hz, and that is what is heard.`;
      drawing.setAttribute("aria-label", `The wave with its samples. ${words.textContent}`);
      fold.setAttribute("aria-label", `Heard pitch against true pitch: it rises to ${say_(r / 2)} Hz and is folded back there`);
      if (oscillator) {
        oscillator.frequency.setTargetAtTime(pitch(), context.currentTime, 0.01);
        gain.gain.setTargetAtTime(pitch() < 1 ? 0 : 0.12, context.currentTime, 0.02);
      }
      say(words.textContent);
    };
    const buttons = {};
    const hear = (what) => {
      state.heard = state.heard === what ? null : what;
      if (state.heard && !oscillator) {
        const audio = listen();
        oscillator = audio.createOscillator();
        gain = audio.createGain();
        gain.gain.value = 0;
        oscillator.connect(gain).connect(audio.destination);
        oscillator.start();
      }
      if (!state.heard && oscillator) {
        gain.gain.setTargetAtTime(0, context.currentTime, 0.02);
        oscillator.stop(context.currentTime + 0.15);
        oscillator = null;
      }
      for (const [key, pressed] of Object.entries(buttons)) {
        pressed.setAttribute("aria-pressed", String(key === state.heard));
        pressed.textContent = key === state.heard ? "Silence" : key === "tone" ? "Hear the tone" : "Hear its samples";
      }
      show();
      if (state.heard) say(`${state.heard === "tone" ? "The tone itself" : "What its samples became"}: ${say_(pitch())} Hz is playing.`);
    };
    buttons.tone = button("Hear the tone", () => hear("tone"));
    buttons.samples = button("Hear its samples", () => hear("samples"));
    show();
    return h("div", {}, h("div", { class: "mm-controls" },
      slider("sample rate", { min: 1000, max: data.most, step: 100, value: data.rate, say: (v) => `${say_(v)} Hz` }, (v) => { state.r = v; show(); }),
      slider("tone", { min: 100, max: data.top, step: 50, value: data.tone, say: (v) => `${say_(v)} Hz` }, (v) => { state.f = v; show(); }),
      buttons.tone, buttons.samples),
    h("p", { class: "mm-title" }, `${milli(span)} of the tone, its samples, and the slowest wave through them`), drawing,
    h("p", { class: "mm-title" }, "the tone against what is heard"), fold, words);
  };

  // ---- 2: the window sharpens one axis and blurs the other ----

  figures.stft = async ({ data, say, root }) => {
    const sounds = data.sounds.map(({ name, rate, data: text, alt }) => ({ name, rate, alt, x: samples(text) }));
    const state = { sound: 0, size: data.start, part: 4 };
    const canvas = h("canvas", { "aria-hidden": "true" }), words = h("p", { class: "mm-words" }), holder = h("div");
    const line = h("i", { class: "mm-at", hidden: true });
    let view, rows;
    const draw = () => paint(canvas, rows, root, ...range(rows));
    const show = () => {
      const { x, rate, alt } = sounds[state.sound], hop = Math.max(1, state.size / state.part);
      rows = logarithm(stft(x, state.size, hop), 5);
      if (view?.sound !== state.sound) {
        view = Object.assign(plate(canvas, x.length / rate), { sound: state.sound });
        holder.replaceChildren(view);
        view.firstChild.append(line);
      }
      view.edges(hertz(rate / 2));
      view.name(`Spectrogram of ${alt}: ${rows.length} columns of ${rows[0].length} frequencies`);
      draw();
      words.textContent = `Window ${state.size} samples: ${milli(state.size / rate)} long, lines ${hertz(rate / state.size)} apart. A column every ${milli(hop / rate)}: ${rows.length} columns of ${rows[0].length} numbers, ${say_(rows.length * rows[0].length)} in all.`;
      say(words.textContent);
    };
    const most = Math.log2(data.sizes.at(-1)), least = Math.log2(data.sizes[0]);
    show();
    turned(draw);
    return h("div", {}, h("div", { class: "mm-controls" },
      sounds.length > 1 ? choice("sound", sounds.map(({ name }, i) => [i, name]), 0, (i) => { state.sound = i; show(); }) : null,
      slider("window S", { min: least, max: most, step: 1, value: Math.log2(data.start), say: (v) => `${2 ** v} samples` }, (v) => { state.size = 2 ** v; show(); }),
      choice("hop", [[1, "S"], [2, "S/2"], [4, "S/4"], [8, "S/8"]], 4, (part) => { state.part = part; show(); }),
      button("Hear it", () => { const { x, rate, name } = sounds[state.sound]; play(x, rate, line); say(`Playing: ${name}.`); })), holder, words);
  };

  // ---- 3: fewer bands than frequencies, close together where we hear finely ----

  figures.mel = async ({ data, say, root }) => {
    const { rate, size, hop } = data, x = samples(data.data), spectrum = stft(x, size, hop), K = spectrum[0].length;
    const state = { bands: data.bands, scale: "slaney", frame: Math.floor(spectrum.length * data.at) };
    const graph = s("svg", { class: "mm-scope", viewBox: "0 0 600 150", role: "img" });
    const canvas = h("canvas", { "aria-hidden": "true" }), words = h("p", { class: "mm-words" }), view = plate(canvas, x.length / rate);
    const line = h("i", { class: "mm-at" });
    view.firstChild.append(line);
    const named = { slaney: "mel (Slaney)", htk: "mel (HTK)", hz: "equal steps in Hz" };
    let rows;
    const draw = () => paint(canvas, rows, root, ...range(rows));
    const show = () => {
      const { bands, scale } = state, c = corners(bands, rate / 2, scale), X = (f) => (600 * f) / (rate / 2);
      const triangles = filters(bands, size, rate, scale);
      rows = logarithm(gather(spectrum, triangles), 5);
      const one = logarithm([spectrum[state.frame]], 6)[0], [low, high] = range([one]), Y = (v) => 128 - (110 * (v - low)) / (high - low);
      const curve = Array.from(one, (v, k) => `${k ? "L" : "M"}${((600 * k) / (K - 1)).toFixed(1)} ${Y(v).toFixed(1)}`).join("");
      const shapes = Array.from({ length: bands }, (_, m) => s("path", { class: m % 2 ? "mm-odd" : "mm-even", d: `M${X(c[m]).toFixed(1)} 130L${X(c[m + 1]).toFixed(1)} 34L${X(c[m + 2]).toFixed(1)} 130Z` }));
      graph.replaceChildren(...shapes, s("path", { class: "mm-true", d: curve }), s("path", { class: "line", d: "M0 130H600" }),
        s("text", { x: 2, y: 146 }, "0 Hz"), s("text", { x: 598, y: 146, "text-anchor": "end" }, hertz(rate / 2)));
      line.style.left = `${(100 * state.frame) / (rows.length - 1)}%`;
      view.edges(`band ${bands}`, "band 1");
      const column = rows[state.frame], best = column.indexOf(Math.max(...column));
      const empty = triangles.filter((t) => !t.some((v) => v > 0)).length;
      words.textContent = `${bands} bands in place of ${K} frequencies. The lowest is ${hertz(c[2] - c[0])} wide, the highest ${hertz(c.at(-1) - c.at(-3))}; ${c.filter((f) => f > 0 && f < 1000).length} of their corners lie below 1,000 Hz. The column at ${fixed((state.frame * hop) / rate, 2)} s is loudest in band ${best + 1}, around ${hertz(c[best + 1])}.`
        + (empty ? ` ${empty} ${empty === 1 ? "band is" : "bands are"} empty: narrower than the ${hertz(rate / size)} between two frequencies.` : "");
      graph.setAttribute("aria-label", `One column's spectrum under ${bands} triangles, ${named[scale]}`);
      view.name(`The sound as ${rows.length} columns of ${bands} bands, ${named[scale]}`);
      draw();
      say(words.textContent);
    };
    show();
    turned(draw);
    return h("div", {}, h("div", { class: "mm-controls" },
      slider("bands M", { min: 4, max: 128, step: 1, value: data.bands, say: String }, (v) => { state.bands = v; show(); }),
      choice("scale", Object.entries(named), "slaney", (scale) => { state.scale = scale; show(); }),
      slider("column", { min: 0, max: spectrum.length - 1, step: 1, value: state.frame, say: (v) => `${fixed((v * hop) / rate, 2)} s` }, (v) => { state.frame = v; show(); })),
    h("p", { class: "mm-title" }, "the spectrum of one column, and the triangles that gather it"), graph,
    h("p", { class: "mm-title" }, "the bands of all columns, as logarithms"), view, words);
  };

  // ---- 4: the reader's own microphone ----

  figures.microphone = async ({ data, say, root }) => {
    const wide = data.columns, bands = data.bands, canvas = h("canvas", { "aria-hidden": "true", width: wide, height: bands });
    const words = h("p", { class: "mm-words" }, "Nothing is recorded: each column is drawn and forgotten, and nothing leaves this page."), view = plate(canvas, 0);
    const pen = canvas.getContext("2d"), state = { scale: "slaney", on: null, loudest: -60, drawn: 0 };
    view.edges("half the rate");
    view.name("A live spectrogram; it is empty until you start it");
    const tell = (text) => { words.textContent = text; say(text); };
    const stop = () => {
      state.on?.stream.getTracks().forEach((track) => track.stop());
      state.on?.audio.close();
      state.on = null;
      press.textContent = "Start the microphone";
      press.setAttribute("aria-pressed", "false");
    };
    const column = () => {
      const { analyser, frame, window_, triangles, audio } = state.on;
      analyser.getFloatTimeDomainData(frame);
      const bins = power(window_.map((w, i) => w * frame[i]));
      const level = Float64Array.from(triangles, (t) => { let sum = 0; for (let k = 0; k < t.length; k++) sum += t[k] * bins[k]; return Math.log10(Math.max(sum, 1e-10)); });
      const top = Math.max(...level);
      state.loudest = Math.max(top, state.loudest - 0.004, -3); // the scale follows slowly, as a singer comes nearer
      const [r, g, b] = state.ink, image = pen.createImageData(1, bands);
      level.forEach((v, m) => image.data.set([r, g, b, 255 * Math.min(1, Math.max(0, 1 + (v - state.loudest) / 4))], 4 * (bands - 1 - m)));
      pen.drawImage(canvas, -1, 0);
      pen.clearRect(wide - 1, 0, 1, bands);
      pen.putImageData(image, wide - 1, 0);
      const pitch = bins.indexOf(Math.max(...bins)) * (audio.sampleRate / frame.length);
      root.dataset.peak = Math.round(pitch);
      if (state.drawn++ % 30 === 0) words.textContent = top < -4 ? "Listening. It is quiet." : `Listening. Loudest at ${hertz(pitch)}.`;
    };
    const loop = () => { if (state.on) { column(); requestAnimationFrame(loop); } };
    const bandsOf = () => { const { frame, audio } = state.on; state.on.triangles = filters(bands, frame.length, audio.sampleRate, state.scale, false); };
    const start = async () => {
      if (!navigator.mediaDevices?.getUserMedia) return tell("This browser gives no microphone to this page: open the page over https, or from a server on your own machine.");
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
        const audio = new (window.AudioContext ?? window.webkitAudioContext)(), analyser = audio.createAnalyser();
        analyser.fftSize = 2048;
        audio.createMediaStreamSource(stream).connect(analyser);
        await audio.resume();
        state.ink = ink(root);
        state.on = { stream, audio, analyser, frame: new Float32Array(2048), window_: hann(2048) };
        bandsOf();
        view.edges(hertz(audio.sampleRate / 2));
        view.name("The live spectrogram of your microphone");
        press.textContent = "Stop";
        press.setAttribute("aria-pressed", "true");
        tell("Listening. Whistle, hum, say “sss”.");
        loop();
      } catch (error) {
        tell({ NotAllowedError: "The microphone was refused, which is your right: the other figures need none.",
          NotFoundError: "No microphone was found: plug one in, or read on, the other figures need none." }[error.name] ?? `The microphone did not start (${error.name}): another program may hold it.`);
      }
    };
    const press = button("Start the microphone", () => { if (state.on) { stop(); tell("Stopped. The picture stands still."); } else start(); });
    press.setAttribute("aria-pressed", "false");
    turned(() => { state.ink = ink(root); });
    document.addEventListener("visibilitychange", () => { if (document.hidden && state.on) stop(); });
    return h("div", {}, h("div", { class: "mm-controls" }, press,
      choice("upwards", [["slaney", "mel"], ["hz", "Hz"]], "slaney", (scale) => { state.scale = scale; if (state.on) bandsOf(); tell(scale === "hz" ? "Equal steps in Hz: most of a voice is pressed into the lowest rows." : "Mel bands: the low frequencies, where voices differ, get more rows."); })),
    view, words);
  };
})();
