/* The arithmetic of the figures that compute in the page: small vectors, a vision transformer, a decoder of codes.
   Numbers are compared with Python's by tests/browser/test_computed.py. Nothing here touches the page. */
(() => {
  "use strict";
  const mm = (window.mmLive ??= {});

  /** Softmax of an array; -Infinity gets 0. */
  const softmax = (scores) => {
    const top = Math.max(...scores);
    const up = Array.from(scores, (s) => Math.exp(s - top));
    const sum = up.reduce((a, b) => a + b, 0);
    return up.map((u) => u / sum);
  };

  /** erf to 1e-7 (Numerical Recipes' fit of erfc by a Chebyshev series). */
  const erf = (x) => {
    const z = Math.abs(x), t = 1 / (1 + 0.5 * z);
    const series = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
      -0.82215223, 0.17087277];
    const fit = series.reduceRight((sum, c) => sum * t + c, 0);
    const rest = t * Math.exp(-z * z + fit);
    return x >= 0 ? 1 - rest : rest - 1;
  };
  const gelu = (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

  const dot = (a, b) => { let s = 0; for (let i = 0; i < a.length; i++) s += a[i] * b[i]; return s; };
  const cosine = (a, b) => dot(a, b) / Math.max(Math.sqrt(dot(a, a) * dot(b, b)), 1e-12);

  /** Attention of few tokens, every step kept: rows of Q, K, V -> scores, weights, output. */
  const attend = (Q, K, V, causal = false) => {
    const scale = Math.sqrt(Q[0].length);
    const scores = Q.map((q, i) => K.map((k, j) => (causal && j > i ? -Infinity : dot(q, k) / scale)));
    const weights = scores.map(softmax);
    const output = weights.map((w) => V[0].map((_, d) => w.reduce((s, share, j) => s + share * V[j][d], 0)));
    return { scores, weights, output };
  };

  /** Index of the nearest centre of each point, by squared distance. */
  const assign = (points, centres) => points.map((p) => {
    let best = 0, least = Infinity;
    centres.forEach((c, k) => {
      let d = 0;
      for (let i = 0; i < c.length; i++) d += (p[i] - c[i]) ** 2;
      if (d < least) { least = d; best = k; }
    });
    return best;
  });
  /** The mean of each centre's points; a centre without points stays. */
  const move = (points, codes, centres) => {
    const sums = centres.map((c) => c.map(() => 0)), counts = centres.map(() => 0);
    points.forEach((p, i) => { counts[codes[i]]++; p.forEach((v, d) => { sums[codes[i]][d] += v; }); });
    return centres.map((c, k) => (counts[k] ? sums[k].map((s) => s / counts[k]) : c));
  };
  /** Mean squared distance of points to their centres. */
  const distortion = (points, codes, centres) =>
    points.reduce((sum, p, i) => sum + p.reduce((s, v, d) => s + (v - centres[codes[i]][d]) ** 2, 0), 0) / points.length;

  /** Probabilities at a temperature, of the k likeliest only (k = 0: of all). */
  const temper = (logits, T, k = 0) => {
    const least = k > 0 && k < logits.length ? [...logits].sort((a, b) => b - a)[k - 1] : -Infinity;
    return softmax(Array.from(logits, (l) => (l < least ? -Infinity : l / T)));
  };
  const entropy = (p) => -p.reduce((s, v) => s + (v > 0 ? v * Math.log2(v) : 0), 0);
  /** Where a number in [0, 1) falls among cumulated probabilities. */
  const draw = (p, u) => {
    let sum = 0;
    for (let i = 0; i < p.length; i++) { sum += p[i]; if (u < sum) return i; }
    return p.reduce((last, v, i) => (v > 0 ? i : last), 0);
  };
  /** Random numbers in [0, 1) that begin alike in every browser (mulberry32). */
  const random = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  /** What a picture cut with P costs: patches, tokens with the class token, bytes of attention (float32), operations. */
  const cost = ({ height, width, channels, patch, dim, heads, layers, hidden }) => {
    const patches = (height / patch) * (width / patch), tokens = patches + 1;
    return {
      patches,
      tokens,
      bytes: layers * heads * tokens * tokens * 4,
      embedding: 2 * patches * patch * patch * channels * dim,
      matrices: layers * 2 * tokens * (4 * dim * dim + 2 * dim * hidden),
      attention: layers * 4 * tokens * tokens * dim,
    };
  };

  /** Sines and cosines of N positions, (N, D) in rows (Vaswani et al., 2017, section 3.5). */
  const sinusoids = (count, width) => Array.from({ length: count }, (_, n) => Float64Array.from({ length: width }, (_, d) => {
    const angle = n * Math.exp((2 * Math.floor(d / 2)) * (-Math.log(10000) / width));
    return d % 2 ? Math.cos(angle) : Math.sin(angle);
  }));

  /** Positions of a grid by name: in reading order, or half of the width for the row and half for the column. */
  const waves = (kind, rows, columns, width) => {
    if (kind === "sinusoidal_1d") return sinusoids(rows * columns, width);
    const down = sinusoids(rows, width / 2), across = sinusoids(columns, width / 2);
    return Array.from({ length: rows * columns }, (_, i) => Float64Array.from([...down[(i / columns) | 0], ...across[i % columns]]));
  };

  // ---- weights: int8 with a scale for each row, or float32, in one base64 string ----

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unpack = (file) => {
    const all = bytes(file.data).buffer, tensors = new Map();
    let at = 0;
    for (const [name, shape, kind] of file.tensors) {
      const size = shape.reduce((a, b) => a * b, 1);
      const out = new Float32Array(size);
      if (kind === "f32") {
        out.set(new Float32Array(all.slice(at, at + 4 * size)));
        at += 4 * size;
      } else {
        const rows = shape[0], each = size / rows;
        const scale = new Float32Array(all.slice(at, at + 4 * rows));
        const whole = new Int8Array(all, at + 4 * rows, size);
        for (let i = 0; i < size; i++) out[i] = whole[i] * scale[(i / each) | 0];
        at += 4 * rows + size;
      }
      tensors.set(name, { shape, data: out });
    }
    return { config: file.config, tensors };
  };

  /** rows (n, in) times Wᵀ (out, in) plus b. */
  const linear = (x, n, layer) => {
    const [out, width] = [layer.weight.shape[0], layer.weight.data.length / layer.weight.shape[0]];
    const w = layer.weight.data, b = layer.bias?.data, y = new Float32Array(n * out);
    for (let i = 0; i < n; i++) {
      for (let o = 0; o < out; o++) {
        let s = b ? b[o] : 0;
        for (let k = 0, p = i * width, q = o * width; k < width; k++) s += x[p + k] * w[q + k];
        y[i * out + o] = s;
      }
    }
    return y;
  };
  const layerNorm = (x, n, norm, epsilon) => {
    const D = norm.weight.data.length, y = new Float32Array(n * D);
    for (let i = 0; i < n; i++) {
      let mean = 0, square = 0;
      for (let d = 0; d < D; d++) mean += x[i * D + d];
      mean /= D;
      for (let d = 0; d < D; d++) square += (x[i * D + d] - mean) ** 2;
      const scale = 1 / Math.sqrt(square / D + epsilon);
      for (let d = 0; d < D; d++) y[i * D + d] = (x[i * D + d] - mean) * scale * norm.weight.data[d] + norm.bias.data[d];
    }
    return y;
  };

  /** The vision transformer of mmcourse.models, with every step open (equations 1 to 4 of Dosovitskiy et al., 2021). */
  class ViT {
    constructor(file) {
      const { config, tensors } = unpack(file);
      this.config = config;
      const layer = (name) => {
        const weight = tensors.get(`${name}.weight`);
        if (!weight) throw new Error(`the weights have no ${name}`);
        return { weight, bias: tensors.get(`${name}.bias`) };
      };
      this.classToken = tensors.get("class_token")?.data;
      this.project = layer("tokens.project");
      this.norm = layer("encoder.norm");
      this.head = layer("head");
      this.side = config.image_size;
      this.grid = config.tokens === "pixels" ? this.side : this.side / config.patch_size;
      this.prefix = this.classToken ? 1 : 0;
      this.positions = tensors.get("positions.table")?.data;
      if (config.positions.startsWith("sinusoidal")) {
        this.positions = new Float32Array((this.prefix + this.grid ** 2) * config.width); // the class token has none
        waves(config.positions, this.grid, this.grid, config.width).forEach((row, i) => this.positions.set(row, (this.prefix + i) * config.width));
      }
      this.blocks = Array.from({ length: config.layers }, (_, l) => {
        const own = `encoder.blocks.${l}`;
        return {
          normAttention: layer(`${own}.self_attention_norm`), normMlp: layer(`${own}.mlp_norm`),
          query: layer(`${own}.self_attention.query`), key: layer(`${own}.self_attention.key`),
          value: layer(`${own}.self_attention.value`), out: layer(`${own}.self_attention.out`),
          up: layer(`${own}.mlp.up`), down: layer(`${own}.mlp.down`),
        };
      });
    }

    /** Tokens of a picture: (side, side, C) numbers in [0, 1], row by row -> (m, numbers of one token). */
    cut(image) {
      const { tokens, patch_size: P, channels: C, preprocessing: { mean = [0], std = [1] } = {} } = this.config, S = this.side;
      image = Float32Array.from(image, (v, i) => (v - mean[(i % C) % mean.length]) / std[(i % C) % std.length]);
      if (tokens === "pixels") return image;
      const out = new Float32Array(image.length), g = this.grid;
      let at = 0;
      for (let i = 0; i < g * g; i++) {
        for (let r = 0; r < P; r++) for (let c = 0; c < P; c++) for (let k = 0; k < C; k++) {
          out[at++] = image[((((i / g) | 0) * P + r) * S + (i % g) * P + c) * C + k];
        }
      }
      return out;
    }

    /** Logits, attention maps[layer][head][row][column], and with trace every step of every token. */
    forward(image, trace = false) {
      const { width: D, heads: H, epsilon } = this.config, m = this.grid ** 2, N = m + this.prefix, d = D / H;
      const patches = this.cut(image), embedded = linear(patches, m, this.project);
      let x = new Float32Array(N * D);
      if (this.prefix) x.set(this.classToken);
      x.set(embedded, this.prefix * D);
      if (this.positions) for (let i = 0; i < x.length; i++) x[i] += this.positions[i];
      const steps = { patches, embedded, start: x.slice(), layers: [] }, maps = [];
      for (const block of this.blocks) {
        const z = layerNorm(x, N, block.normAttention, epsilon);
        const [q, k, v] = [block.query, block.key, block.value].map((layer) => linear(z, N, layer));
        const read = new Float32Array(N * D), layerMaps = [];
        for (let h = 0; h < H; h++) {
          const rows = [];
          for (let i = 0; i < N; i++) {
            const scores = new Float64Array(N);
            for (let j = 0; j < N; j++) {
              let s = 0;
              for (let e = 0; e < d; e++) s += q[i * D + h * d + e] * k[j * D + h * d + e];
              scores[j] = s / Math.sqrt(d);
            }
            const weights = softmax(scores);
            rows.push(weights);
            for (let j = 0; j < N; j++) for (let e = 0; e < d; e++) read[i * D + h * d + e] += weights[j] * v[j * D + h * d + e];
          }
          layerMaps.push(rows);
        }
        maps.push(layerMaps);
        const told = linear(read, N, block.out), middle = x.map((value, i) => value + told[i]);
        const hidden = linear(layerNorm(middle, N, block.normMlp, epsilon), N, block.up).map(gelu);
        const changed = linear(hidden, N, block.down);
        x = middle.map((value, i) => value + changed[i]);
        if (trace) steps.layers.push({ read: told, middle, hidden, out: x.slice() });
      }
      const last = layerNorm(x, N, this.norm, epsilon);
      let summary = last.slice(0, D);
      if (!this.prefix) summary = summary.map((_, e) => { let s = 0; for (let i = 0; i < N; i++) s += last[i * D + e]; return s / N; });
      return { logits: Array.from(linear(summary, 1, this.head)), maps, summary, ...(trace ? { steps } : {}) };
    }
  }

  // ---- a tower of 3 x 3 convolutions of one channel, zeros around the edge ----

  /** One layer: values (h · w), nine numbers, a stride -> the next map; its sides are ⌈h/s⌉ and ⌈w/s⌉. */
  const slide = ({ values, height, width }, kernel, stride, rectify = false) => {
    const rows = Math.ceil(height / stride), columns = Math.ceil(width / stride);
    const out = new Float64Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        let sum = 0;
        for (let k = 0; k < 9; k++) {
          const y = r * stride + ((k / 3) | 0) - 1, x = c * stride + (k % 3) - 1;
          if (y >= 0 && x >= 0 && y < height && x < width) sum += kernel[k] * values[y * width + x];
        }
        out[r * columns + c] = rectify ? Math.max(0, sum) : sum;
      }
    }
    return { values: out, height: rows, width: columns };
  };
  /** First and last pixel, along one side, that place i of the last map depends on; outside the picture too. */
  const field = (strides, i) => strides.reduceRight(([a, b], stride) => [a * stride - 1, b * stride + 1], [i, i]);

  // ---- the decoder of a learned codebook: (h, w, channels) kept channel by channel ----

  const convolve = (x, h, w, layer) => {
    const [out, depth, size] = layer.weight.shape, k = layer.weight.data, pad = (size - 1) / 2;
    const y = new Float32Array(out * h * w);
    for (let o = 0; o < out; o++) {
      const base = o * h * w;
      y.fill(layer.bias.data[o], base, base + h * w);
      for (let c = 0; c < depth; c++) {
        for (let a = 0; a < size; a++) {
          for (let b = 0; b < size; b++) {
            const weight = k[((o * depth + c) * size + a) * size + b];
            const [top, bottom] = [Math.max(0, pad - a), Math.min(h, h + pad - a)];
            const [left, right] = [Math.max(0, pad - b), Math.min(w, w + pad - b)];
            for (let r = top; r < bottom; r++) {
              const to = base + r * w, from = c * h * w + (r + a - pad) * w + b - pad;
              for (let s = left; s < right; s++) y[to + s] += weight * x[from + s];
            }
          }
        }
      }
    }
    return y;
  };
  /** GroupNorm with one group: over all channels and places. */
  const groupNorm = (x, norm) => {
    const each = x.length / norm.weight.data.length;
    let mean = 0, square = 0;
    for (const v of x) mean += v;
    mean /= x.length;
    for (const v of x) square += (v - mean) ** 2;
    const scale = 1 / Math.sqrt(square / x.length + 1e-5);
    return x.map((v, i) => (v - mean) * scale * norm.weight.data[(i / each) | 0] + norm.bias.data[(i / each) | 0]);
  };

  /** The decoder of mmcourse.tokens.vq.VQTokenizer: codes in raster order -> a picture (3, side, side) in [0, 1]. */
  class CodeDecoder {
    constructor(file) {
      const { config, tensors } = unpack(file);
      this.config = config;
      this.tensors = tensors;
      this.codebook = tensors.get("quantizer.codebook");
    }

    layer(name) { return { weight: this.tensors.get(`decoder.${name}.weight`), bias: this.tensors.get(`decoder.${name}.bias`) }; }

    decode(codes, rows = Math.round(Math.sqrt(codes.length))) {
      const { stride, decoder, channels, code_width: d, unit } = this.config, w = codes.length / rows, h = rows;
      let x = new Float32Array(d * h * w);
      codes.forEach((code, i) => {
        const vector = this.codebook.data.slice(code * d, (code + 1) * d);
        const length = unit ? Math.max(Math.sqrt(dot(vector, vector)), 1e-12) : 1;
        vector.forEach((v, c) => { x[c * h * w + i] = v / length; });
      });
      x = convolve(x, h, w, this.layer(0));
      for (let b = 1; b <= decoder; b++) {
        let y = convolve(groupNorm(x, this.layer(`${b}.norm1`)).map(gelu), h, w, this.layer(`${b}.conv1`));
        y = convolve(groupNorm(y, this.layer(`${b}.norm2`)).map(gelu), h, w, this.layer(`${b}.conv2`));
        x = x.map((v, i) => v + y[i]);
      }
      x = convolve(x, h, w, this.layer(decoder + 1));
      const [H, W] = [h * stride, w * stride], depth = x.length / (H * W), full = new Float32Array(x.length);
      for (let c = 0; c < depth; c++) for (let r = 0; r < H; r++) for (let s = 0; s < W; s++) {
        const from = c * stride * stride + (r % stride) * stride + (s % stride);
        full[(c * H + r) * W + s] = gelu(x[(from * h + ((r / stride) | 0)) * w + ((s / stride) | 0)]);
      }
      const y = convolve(full, H, W, this.layer(decoder + 4));
      return { data: y.map((v) => Math.min(1, Math.max(0, (v + 1) / 2))), height: H, width: W };
    }
  }

  mm.math = { slide, field, softmax, erf, gelu, dot, cosine, attend, assign, move, distortion, temper, entropy, draw, random, cost, sinusoids, waves,
    bytes, unpack, ViT, CodeDecoder };
})();
