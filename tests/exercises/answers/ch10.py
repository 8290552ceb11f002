"""Answers to the exercises of chapter 10, as students write them."""

# ruff: noqa: N803, N806  (Z, M, W are the letters of the chapter)
import difflib
import functools
import math

import jiwer
import numpy as np
import torch
import torch.nn.functional as F


def _prefix_append(ids, language, task, timestamps):
    tokens = [ids["startoftranscript"]]
    tokens.append(ids[language])
    tokens.append(ids[task])
    if not timestamps:
        tokens.append(ids["notimestamps"])
    return tokens


def _prefix_split(ids, language, task, timestamps):
    text = f"startoftranscript {language} {task}" + ("" if timestamps else " notimestamps")
    return [ids[word] for word in text.split()]


def _prefix_filter(ids, language, task, timestamps):
    names = ["startoftranscript", language, task, None if timestamps else "notimestamps"]
    return list(map(ids.get, filter(None, names)))


def _cross_plain(Z, M, W_Q, W_K, W_V):
    q, k, v = Z @ W_Q, M @ W_K, M @ W_V
    return torch.softmax(q @ k.T / math.sqrt(q.shape[-1]), dim=-1) @ v


def _cross_fused(Z, M, W_Q, W_K, W_V):
    return F.scaled_dot_product_attention((Z @ W_Q)[None], (M @ W_K)[None], (M @ W_V)[None])[0]


def _cross_numpy(Z, M, W_Q, W_K, W_V):
    Z, M, W_Q, W_K, W_V = (np.asarray(x, dtype=np.float64) for x in (Z, M, W_Q, W_K, W_V))
    s = Z @ W_Q @ (M @ W_K).T / np.sqrt(W_Q.shape[1])
    e = np.exp(s - s.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True) @ (M @ W_V)


def _cross_loop(Z, M, W_Q, W_K, W_V):
    out = []
    for z in Z:
        q = z @ W_Q
        scores = torch.stack([(q * (m @ W_K)).sum() for m in M]) / W_K.shape[1] ** 0.5
        weights = scores.exp() / scores.exp().sum()
        out.append(sum(w * (m @ W_V) for w, m in zip(weights, M, strict=True)))
    return torch.stack(out)


def _cross_einsum(Z, M, W_Q, W_K, W_V):
    scores = torch.einsum("nd,dh,ah->na", Z, W_Q, M @ W_K) * W_Q.shape[1] ** -0.5
    return torch.einsum("na,ah->nh", F.softmax(scores, 1), M @ W_V)


def _cross_transposed(Z, M, W_Q, W_K, W_V):
    scores = (W_K.T @ M.T).T @ (W_Q.T @ Z.T) / W_K.shape[1] ** 0.5
    return scores.softmax(0).T @ (M @ W_V)


def _align_numpy(weights):
    w = np.asarray(weights, dtype=float)
    N, A = w.shape
    best = np.full((N, A), -np.inf)
    best[0, 0] = w[0, 0]
    for a in range(1, A):
        moved = np.concatenate([[-np.inf], best[:-1, a - 1]])
        best[:, a] = w[:, a] + np.maximum(best[:, a - 1], moved)
    n, path = N - 1, []
    for a in reversed(range(A)):
        path.append(n)
        if a and n and best[n - 1, a - 1] > best[n, a - 1]:
            n -= 1
    return np.array(path[::-1])


def _align_recursive(weights):
    N, A = weights.shape

    @functools.cache
    def best(n, a):
        if n < 0 or n > a:
            return -math.inf, ()
        if a == 0:
            return float(weights[0, 0]), (0,)
        score, path = max(best(n, a - 1), best(n - 1, a - 1), key=lambda found: found[0])
        return score + float(weights[n, a]), (*path, n)

    return list(best(N - 1, A - 1)[1])


def _align_all(weights):
    import itertools

    N, A = weights.shape
    w = weights.tolist()
    found = []
    for cuts in itertools.combinations(range(1, A), N - 1):
        path = [sum(a >= cut for cut in cuts) for a in range(A)]
        found.append((sum(w[n][a] for a, n in enumerate(path)), path))
    return max(found)[1]


def _align_paths(weights):
    N, A = weights.shape
    paths = {0: (float(weights[0, 0]), [0])}
    for a in range(1, A):
        new = {}
        for n in range(N):
            options = [paths[i] for i in (n, n - 1) if i in paths]
            if options:
                score, path = max(options, key=lambda p: p[0])
                new[n] = (score + float(weights[n, a]), [*path, n])
        paths = new
    return paths[N - 1][1]


def _align_backwards(weights):
    N, A = weights.shape
    w = weights.double().tolist()
    rest = [[-math.inf] * A for _ in range(N + 1)]
    rest[N - 1][A - 1] = w[N - 1][A - 1]
    for a in range(A - 2, -1, -1):
        for n in range(N):
            rest[n][a] = w[n][a] + max(rest[n][a + 1], rest[n + 1][a + 1])
    n, path = 0, [0]
    for a in range(1, A):
        n += rest[n + 1][a] > rest[n][a]
        path.append(int(n))
    return path


def _align_costs(weights):
    cost = -weights.double()
    N, A = cost.shape
    D = torch.full((N + 1, A + 1), torch.inf, dtype=torch.float64)
    D[0, 0] = 0
    for i in range(1, N + 1):
        for j in range(1, A + 1):
            D[i, j] = cost[i - 1, j - 1] + min(D[i - 1, j - 1], D[i, j - 1])
    i, j, path = N, A, []
    while j > 0:
        path.append(i - 1)
        i -= int(D[i - 1, j - 1] < D[i, j - 1])
        j -= 1
    return torch.tensor(path[::-1])


def _errors_table(said, written):
    a, b = said.split(), written.split()
    D = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i == 0 or j == 0:
                D[i][j] = i + j
            else:
                D[i][j] = min(D[i - 1][j] + 1, D[i][j - 1] + 1, D[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
    return D[-1][-1] / len(a)


def _errors_recursive(said, written):
    a, b = tuple(said.split()), tuple(written.split())

    @functools.lru_cache(None)
    def cost(i, j):
        if not i or not j:
            return i + j
        if a[i - 1] == b[j - 1]:
            return cost(i - 1, j - 1)
        return 1 + min(cost(i - 1, j), cost(i, j - 1), cost(i - 1, j - 1))

    return cost(len(a), len(b)) / len(a)


def _errors_numpy(said, written):
    a, b = said.split(" "), written.split()
    row = np.arange(len(b) + 1)
    for i, word in enumerate(a):
        new = np.empty_like(row)
        new[0] = i + 1
        for j, other in enumerate(b):
            new[j + 1] = min(row[j + 1] + 1, new[j] + 1, row[j] + int(word != other))
        row = new
    return row[-1] / len(a)


def _errors_jiwer(said, written):
    return jiwer.wer(said, written)


def _errors_counts(said, written):
    out = jiwer.process_words(said, written)
    return (out.substitutions + out.deletions + out.insertions) / len(said.split())


def _errors_tensor(said, written):
    a, b = said.split(), written.split()
    D = torch.zeros(len(a) + 1, len(b) + 1)
    D[:, 0] = torch.arange(len(a) + 1)
    D[0] = torch.arange(len(b) + 1)
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            D[i, j] = min(D[i - 1, j] + 1, D[i, j - 1] + 1, D[i - 1, j - 1] + (x != y))
    return D[len(a), len(b)] / len(a)


def _errors_matcher(said, written):
    a, b = said.split(), written.split()
    blocks = difflib.SequenceMatcher(None, a, b).get_matching_blocks()
    return (len(a) - sum(block.size for block in blocks)) / len(a)


def _errors_zip(said, written):
    return sum(x != y for x, y in zip(said.split(), written.split(), strict=False)) / len(said.split())


def _errors_start(said, written):
    a, b = said.split(), written.split()
    D = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            D[i][j] = min(D[i - 1][j] + 1, D[i][j - 1] + 1, D[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
    return D[-1][-1] / len(a)


def _errors_no_change(said, written):
    a, b = said.split(), written.split()
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(above[j - 1] if x == y else 1 + min(above[j], row[j - 1]))
    return row[-1] / len(a)


def _verdict_nested(no_speech, log_probability, compression):
    if log_probability < -1.0:
        if no_speech > 0.6:
            return 2
        return 1
    if compression > 2.4:
        return 1
    return 0


def _verdict_openai(no_speech, log_probability, compression):
    again = compression > 2.4 or log_probability < -1.0
    skip = no_speech > 0.6
    if skip and log_probability > -1.0:
        skip = False
    if skip and log_probability < -1:
        return 2
    return 1 if again else 0


def _verdict_steps(no_speech, log_probability, compression):
    result = 0
    if compression > 2.4 or log_probability < -1:
        result = 1
    if no_speech > 0.6 and log_probability < -1:
        result = 2
    return result


RIGHT = {
    "10.prefix": [
        _prefix_append,
        _prefix_split,
        _prefix_filter,
        lambda ids, language, task, timestamps: (
            [ids["startoftranscript"], ids[language], ids[task]] + ([] if timestamps else [ids["notimestamps"]])
        ),
        lambda ids, language, task, timestamps: _prefix_append(ids, language, task, False)[: 3 if timestamps else 4],
        lambda ids, language, task, timestamps: tuple(_prefix_append(ids, language, task, timestamps)),
        lambda ids, language, task, timestamps: torch.tensor(_prefix_append(ids, language, task, timestamps)),
    ],
    "10.cross": [_cross_plain, _cross_fused, _cross_numpy, _cross_loop, _cross_einsum, _cross_transposed],
    "10.align": [_align_numpy, _align_recursive, _align_all, _align_paths, _align_backwards, _align_costs],
    "10.errors": [
        _errors_table,
        _errors_recursive,
        _errors_numpy,
        _errors_jiwer,
        _errors_counts,
        _errors_tensor,
    ],
    "10.verdict": [
        _verdict_nested,
        _verdict_openai,
        _verdict_steps,
        lambda s, p, c: 2 if s > 0.6 and p < -1 else (1 if p < -1 or c > 2.4 else 0),
        lambda s, p, c: 0 if p >= -1 and c <= 2.4 else 2 if p < -1 and s > 0.6 else 1,
        lambda s, p, c: (0, 1, 2)[2 if s > 0.6 and p < -1 else int(p < -1 or c > 2.4)],
    ],
}

WRONG = {
    "10.prefix": {
        "upside down": lambda ids, language, task, timestamps: _prefix_append(ids, language, task, not timestamps),
        "no start": lambda ids, language, task, timestamps: _prefix_append(ids, language, task, timestamps)[1:],
        "task first": lambda ids, language, task, timestamps: (
            [ids["startoftranscript"], ids[task], ids[language]] + ([] if timestamps else [ids["notimestamps"]])
        ),
        "English for a translation": lambda ids, language, task, timestamps: _prefix_append(
            ids, language if task == "transcribe" else "en", task, timestamps
        ),
        "never without": lambda ids, language, task, timestamps: _prefix_append(ids, language, task, True),
        "one too many": lambda ids, language, task, timestamps: [
            *_prefix_append(ids, language, task, True),
            ids["notimestamps"] if not timestamps else -1,
        ],
    },
    "10.cross": {
        "self": lambda Z, M, W_Q, W_K, W_V: _cross_plain(Z, Z, W_Q, W_K, W_V),
        "no scale": lambda Z, M, W_Q, W_K, W_V: ((Z @ W_Q) @ (M @ W_K).T).softmax(-1) @ (M @ W_V),
        "over the tokens": lambda Z, M, W_Q, W_K, W_V: (
            ((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5).softmax(0) @ (M @ W_V)
        ),
        "memory as values": lambda Z, M, W_Q, W_K, W_V: ((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5).softmax(-1) @ M,
        "no softmax": lambda Z, M, W_Q, W_K, W_V: (Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5 @ (M @ W_V),
        "weights alone": lambda Z, M, W_Q, W_K, W_V: ((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5).softmax(-1),
    },
    "10.align": {
        "argmax": lambda weights: weights.argmax(0).tolist(),
        "argmax of tokens": lambda weights: weights.argmax(1).tolist(),
        "backwards": lambda weights: _align_paths(weights)[::-1],
        "smallest": lambda weights: _align_paths(-weights),
        "even": lambda weights: [a * weights.shape[0] // weights.shape[1] for a in range(weights.shape[1])],
    },
    "10.errors": {
        "place by place": _errors_zip,
        "of the written": lambda said, written: (
            _errors_table(said, written) * len(said.split()) / max(1, len(written.split()))
        ),
        "letters": lambda said, written: _errors_table(" ".join(said), " ".join(written)),
        "a number": lambda said, written: _errors_table(said, written) * len(said.split()),
        "no changes": _errors_no_change,
        "right words": lambda said, written: 1 - _errors_table(said, written),
    },
    "10.verdict": {
        "silence alone": lambda s, p, c: 2 if s > 0.6 else 1 if p < -1 or c > 2.4 else 0,
        "and": lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if p < -1 and c > 2.4 else 0,
        "again first": lambda s, p, c: 1 if p < -1 or c > 2.4 else 2 if s > 0.6 and p < -1 else 0,
        "never skip": lambda s, p, c: 1 if p < -1 or c > 2.4 else 0,
        "at the limits": lambda s, p, c: 2 if s >= 0.6 and p <= -1 else 1 if p <= -1 or c >= 2.4 else 0,
    },
}

HELD_OUT = {
    "10.prefix": {
        "names": lambda ids, language, task, timestamps: ["startoftranscript", language, task],
        "sorted": lambda ids, language, task, timestamps: sorted(_prefix_append(ids, language, task, timestamps)),
        "always transcribe": lambda ids, language, task, timestamps: _prefix_append(
            ids, language, "transcribe", timestamps
        ),
        "always without": lambda ids, language, task, timestamps: _prefix_append(ids, language, task, False),
        "no language": lambda ids, language, task, timestamps: [
            ids["startoftranscript"],
            *_prefix_append(ids, language, task, timestamps)[2:],
        ],
    },
    "10.cross": {
        "exchanged": lambda Z, M, W_Q, W_K, W_V: _cross_plain(M, Z, W_Q, W_K, W_V),
        "scaled by the width": lambda Z, M, W_Q, W_K, W_V: (
            ((Z @ W_Q) @ (M @ W_K).T / Z.shape[1] ** 0.5).softmax(-1) @ (M @ W_V)
        ),
        "scaled by the size": lambda Z, M, W_Q, W_K, W_V: (
            ((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1]).softmax(-1) @ (M @ W_V)
        ),
        "memory alone": lambda Z, M, W_Q, W_K, W_V: _cross_plain(M, M, W_Q, W_K, W_V),
        "mean of values": lambda Z, M, W_Q, W_K, W_V: (M @ W_V).mean(0).expand(len(Z), -1),
    },
    "10.align": {
        "sorted argmax": lambda weights: sorted(weights.argmax(0).tolist()),
        "one late": lambda weights: [0, *_align_paths(weights)[:-1]],
        "from one": lambda weights: [n + 1 for n in _align_paths(weights)],
        "ends anywhere": lambda weights: weights.cummax(0).indices[-1].tolist(),
        "begin of each": lambda weights: [_align_paths(weights).index(n) for n in range(weights.shape[0])],
    },
    "10.errors": {
        "matching blocks": _errors_matcher,
        "border of zeros": _errors_start,
        "percent": lambda said, written: 100 * _errors_table(said, written),
        "at most one": lambda said, written: min(1.0, _errors_table(said, written)),
        "sets": lambda said, written: len(set(said.split()) - set(written.split())) / len(said.split()),
    },
    "10.verdict": {
        "or": lambda s, p, c: 2 if s > 0.6 or p < -1 else 1 if c > 2.4 else 0,
        "compression below": lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if p < -1 or c < 2.4 else 0,
        "no compression": lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if p < -1 else 0,
        "no probability": lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if c > 2.4 else 0,
        "positive": lambda s, p, c: 2 if s > 0.6 and p > -1 else 1 if p > -1 or c > 2.4 else 0,
    },
}
