"""Synthetic series to pretrain on: Gaussian processes, and causal graphs of them.

No data are behind them, so that weights that learned from them are bound by no licence.
"""

import numpy as np

# Draws of one process: its covariance is factored once.
DRAWS = 16
MOST_KERNELS = 5
MOST_PARENTS = 3
GRAPH = 12  # nodes, of which the first third are Gaussian processes
JITTER = 1e-4
FUNCTIONS = (
    lambda x: x,
    np.abs,
    np.sin,
    np.tanh,
    lambda x: np.sin(3.0 * x),
    lambda x: np.maximum(x, 0.0),
    lambda x: np.maximum(x, 0.1 * x),
    lambda x: x**2,
    lambda x: np.exp(-(x**2)),
    lambda x: np.round(x),
    lambda x: np.sign(x),
    lambda x: x % 1.0,
)


def synthetic_series(count, steps, seed):
    """Returns random series of mean 0 and deviation 1; 3 in 100 are constant.

    The roots of a graph are draws of Gaussian processes whose kernels are sums and
    products of periodic, smooth, rough, linear and white ones, some with a trend or
    with spikes. Every other node is a function of the sum of some nodes before it,
    each shifted in time. A graph gives all of its nodes.

    Args:
        count: Integer.
        steps: Integer.
        seed: Integer.

    Returns:
        A float32 array of shape `(count, steps)`.

    Reference:
        "Chronos" (arXiv 2403.07815), section 4.2, of the kernels; "CauKer" (arXiv
        2508.02879), section 3, of the graphs.
    """
    rng = np.random.default_rng(seed)
    kernels = _kernels(steps)
    roots = GRAPH // 3
    made = []
    while len(made) * DRAWS * GRAPH < count:
        # The same places of all graphs share processes and wiring, not draws.
        nodes = [_process(kernels, rng) for _ in range(roots)]
        for _ in range(GRAPH - roots):
            nodes.append(_child(nodes, rng))
        made.append(np.concatenate(nodes).astype("float32"))
    series = np.concatenate(made)
    series = series[rng.permutation(len(series))[:count]]
    return _normalized(series)


def _kernels(steps):
    time = np.linspace(0.0, 1.0, steps)
    apart = np.abs(time[:, None] - time)
    made = [np.eye(steps), np.ones((steps, steps)), np.outer(time, time)]
    for length in (0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0):
        made.append(np.exp(-((apart / length) ** 2) / 2))
        made.append(np.exp(-apart / length))
        made.append((1 + (apart / length) ** 2 / 2) ** -1.0)
    for cycles in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48):
        for length in (0.3, 1.0):
            made.append(np.exp(-2 * (np.sin(np.pi * cycles * apart) / length) ** 2))
    return np.stack(made)


def _process(kernels, rng):
    """Draws of a Gaussian process, of shape `(DRAWS, steps)`."""
    count = rng.integers(1, MOST_KERNELS + 1)
    chosen = kernels[rng.integers(len(kernels), size=count)]
    covariance = chosen[0]
    for kernel in chosen[1:]:
        if rng.random() < 0.5:
            covariance = covariance + kernel
        else:
            covariance = covariance * kernel
    steps = len(covariance)
    factor = np.linalg.cholesky(covariance + JITTER * np.eye(steps))
    draws = _normalized(rng.normal(size=(DRAWS, steps)) @ factor.T)
    time = np.linspace(-1.0, 1.0, steps)
    kind = rng.integers(6)
    if kind == 0:
        draws = draws + rng.normal(size=(DRAWS, 1)) * time
    if kind == 1:
        draws = draws * np.exp(rng.normal(size=(DRAWS, 1)) * time)
    if kind == 2:
        spikes = rng.random((DRAWS, steps)) < 4 / steps
        draws = draws + spikes * rng.normal(0.0, 5.0, size=(DRAWS, steps))
    return draws


def _child(nodes, rng):
    count = rng.integers(1, MOST_PARENTS + 1)
    parents = rng.choice(len(nodes), size=min(count, len(nodes)), replace=False)
    steps = nodes[0].shape[1]
    total = rng.normal()
    for parent in parents:
        shifted = np.roll(nodes[parent], rng.integers(steps // 8), axis=1)
        total = total + rng.normal() * shifted
    return _normalized(FUNCTIONS[rng.integers(len(FUNCTIONS))](total))


def _normalized(series):
    mean = series.mean(axis=1, keepdims=True)
    return (series - mean) / (series.std(axis=1, keepdims=True) + 1e-6)
