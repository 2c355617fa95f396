"""What does MAELRE cost beside its peers, on the same inputs and at equal tokens?

    python benchmarks/peers.py                             # everything, an hour
    python benchmarks/peers.py --quick                     # tiny models, minutes
    python benchmarks/peers.py --groups series --models linformer transformer
    python benchmarks/peers.py --resume                    # goes on where it stopped

Peers have random weights, no dropout, ten classes, and run in eager PyTorch in float32
on the CPU. MAELRE runs on what `KERAS_BACKEND` selects (default: torch), as
`predict_on_batch` and `train_on_batch` do it. A training step is the forward pass,
cross-entropy, the backward pass and an AdamW update.

Every model and mode has a process of its own, one after the other: one step to warm up,
then `--repeats` timed ones, or fewer (one at least) once `--seconds` are used up. The
memory is the peak of the resident memory of that process less what was resident after
the imports: weights, activations, and in training gradients and optimizer states.

Writes peers.json, peers.md and peers.png to `--output`. Every finished row is in the
JSON at once. Needs `pip install "keras_maelre[benchmarks]"`.
"""

import argparse
import ctypes
import dataclasses
import datetime
import gc
import importlib.util
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
import typing

import environment

# Nothing heavy up here: this process only starts others, and of those only the ones
# that run MAELRE are to import Keras, only the ones that run a peer its package.

GROUPS = ("text", "series", "audio", "image")
MODES = ("inference", "training")
NUM_CLASSES = 10
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 4e-3
PACKAGES = (
    "numpy",
    "torch",
    "transformers",
    "timm",
    "linformer",
    "performer-pytorch",
    "reformer-pytorch",
)
INSTALL = 'pip install "keras_maelre[benchmarks]"'


@dataclasses.dataclass(frozen=True)
class Scale:
    """The sizes of the inputs and of the models that have no name."""

    preset: str
    input_shapes: dict
    width: int
    depth: int
    num_heads: int
    # Of text: RoBERTa's most tokens, Longformer's window, 8 blocks of BigBird, which
    # attends to everything unless there are more than 11 blocks.
    window: int
    positions: int  # the most tokens of Longformer and BigBird
    opt: dict
    mvitv2: str
    poolformer: str
    vit: str


FULL = Scale(
    preset="base",
    input_shapes={
        "text": (2048,),
        "series": (3750, 1),
        "audio": (1024, 128),
        "image": (224, 224, 3),
    },
    width=768,
    depth=12,
    num_heads=12,
    window=512,
    positions=4096,
    opt={
        "hidden_size": 1024,
        "word_embed_proj_dim": 512,
        "ffn_dim": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
    mvitv2="mvitv2_base",
    poolformer="poolformer_m36",
    vit="vit_base_patch16_224",
)
QUICK = Scale(
    preset="tiny",
    input_shapes={
        "text": (256,),
        "series": (256, 1),
        "audio": (128, 64),
        "image": (64, 64, 3),
    },
    width=64,
    depth=2,
    num_heads=2,
    window=64,
    positions=256,
    opt={
        "hidden_size": 64,
        "word_embed_proj_dim": 32,
        "ffn_dim": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    mvitv2="mvitv2_tiny",
    poolformer="poolformer_s12",
    vit="vit_tiny_patch16_224",
)


# === Peers ===


class Built(typing.NamedTuple):
    """A module, its logits of a batch, and the module that its tokens enter first."""

    module: object
    logits: typing.Callable
    first: object


def transformers_model(model_class, config_class, path_to_first, **config):
    """A model of `transformers` and the attribute path of its first layer."""
    import transformers

    config = getattr(transformers, config_class)(num_labels=NUM_CLASSES, **config)
    module = getattr(transformers, model_class)(config)
    return Built(
        module, lambda x: module(x).logits, module.get_submodule(path_to_first)
    )


def bert_sizes(scale):
    return {
        "hidden_size": scale.width,
        "num_hidden_layers": scale.depth,
        "num_attention_heads": scale.num_heads,
        "intermediate_size": 4 * scale.width,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def roberta(scale):
    built = transformers_model(
        "RobertaForSequenceClassification",
        "RobertaConfig",
        "roberta.encoder.layer.0",
        # Positions begin after the padding id.
        max_position_embeddings=scale.window + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        **bert_sizes(scale),
    )

    def logits(x):
        windows = x.unflatten(1, (-1, scale.window)).flatten(0, 1)
        return built.logits(windows).unflatten(0, (len(x), -1)).mean(1)

    return built._replace(logits=logits)


def longformer(scale):
    return transformers_model(
        "LongformerForSequenceClassification",
        "LongformerConfig",
        "longformer.encoder.layer.0",
        vocab_size=50265,
        max_position_embeddings=scale.positions + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        attention_window=scale.window,
        **bert_sizes(scale),
    )


def bigbird(scale):
    return transformers_model(
        "BigBirdForSequenceClassification",
        "BigBirdConfig",
        "bert.encoder.layer.0",
        attention_type="block_sparse",
        block_size=scale.window // 8,
        max_position_embeddings=scale.positions,
        **bert_sizes(scale),
    )


def opt(scale):
    return transformers_model(
        "OPTForSequenceClassification",
        "OPTConfig",
        "model.decoder.layers.0",
        do_layer_norm_before=False,
        dropout=0.0,
        use_cache=False,
        max_position_embeddings=scale.input_shapes["text"][0],
        **scale.opt,
    )


def series_model(scale, encoder, path_to_first):
    """Stem, learned positions, the encoder, the mean over time, one linear layer."""
    import torch
    from torch import nn

    length, channels = scale.input_shapes["series"]

    class SeriesClassifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv1d(channels, scale.width, 7, padding=3)
            self.positions = nn.Parameter(0.02 * torch.randn(length, scale.width))
            self.encoder = encoder
            self.norm = nn.LayerNorm(scale.width)
            self.head = nn.Linear(scale.width, NUM_CLASSES)

        def forward(self, x):
            x = self.stem(x.transpose(1, 2)).transpose(1, 2) + self.positions
            return self.head(self.norm(self.encoder(x)).mean(1))

    module = SeriesClassifier()
    return Built(module, module, encoder.get_submodule(path_to_first))


def linformer(scale):
    import linformer

    encoder = linformer.Linformer(
        scale.width,
        scale.input_shapes["series"][0],
        scale.depth,
        heads=scale.num_heads,
    )
    return series_model(scale, encoder, "net")


def performer(scale):
    import performer_pytorch

    encoder = performer_pytorch.Performer(
        dim=scale.width,
        depth=scale.depth,
        heads=scale.num_heads,
        dim_head=scale.width // scale.num_heads,
    )
    return series_model(scale, encoder, "net")


def reformer(scale):
    import reformer_pytorch

    encoder = reformer_pytorch.Reformer(scale.width, scale.depth, heads=scale.num_heads)
    # The hashing wants whole pairs of buckets: the padder adds masked tokens.
    padded = reformer_pytorch.Autopadder(encoder)
    return series_model(scale, padded, "net.layers")


def transformer(scale):
    from torch import nn

    layer = nn.TransformerEncoderLayer(
        scale.width,
        scale.num_heads,
        4 * scale.width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    encoder = nn.TransformerEncoder(layer, scale.depth, enable_nested_tensor=False)
    return series_model(scale, encoder, "layers.0")


def ast(scale):
    frames, mel = scale.input_shapes["audio"]
    return transformers_model(
        "ASTForAudioClassification",
        "ASTConfig",
        # What it lets through enters the first layer.
        "audio_spectrogram_transformer.embeddings.dropout",
        max_length=frames,
        num_mel_bins=mel,
        **bert_sizes(scale),
    )


def timm_model(name, path_to_first, **kwargs):
    import timm

    module = timm.create_model(name, num_classes=NUM_CLASSES, **kwargs)

    def logits(x):
        return module(x.permute(0, 3, 1, 2))

    return Built(module, logits, module.get_submodule(path_to_first))


def mvitv2(scale):
    size = scale.input_shapes["image"][:2]
    return timm_model(scale.mvitv2, "stages.0", img_size=size)


def poolformer(scale):
    return timm_model(scale.poolformer, "stages.0")


def vit(scale):
    size = scale.input_shapes["image"][:2]
    return timm_model(scale.vit, "blocks.0", img_size=size)


class Peer(typing.NamedTuple):
    group: str
    title: str
    package: str | None
    build: typing.Callable


PEERS = {
    "roberta": Peer(
        "text", "RoBERTa-base, {windows} windows of {window}", "transformers", roberta
    ),
    "longformer": Peer("text", "Longformer-base", "transformers", longformer),
    "bigbird": Peer("text", "BigBird-base, block sparse", "transformers", bigbird),
    "opt": Peer("text", "OPT-350M", "transformers", opt),
    "linformer": Peer("series", "Linformer, {layers}", "linformer", linformer),
    "performer": Peer("series", "Performer, {layers}", "performer_pytorch", performer),
    "reformer": Peer("series", "Reformer, {layers}", "reformer_pytorch", reformer),
    "transformer": Peer("series", "Transformer, {layers}", None, transformer),
    "ast": Peer("audio", "AST-base, patches of its own", "transformers", ast),
    "mvitv2": Peer("image", "MViTv2-base", "timm", mvitv2),
    "poolformer": Peer("image", "PoolFormer-M36", "timm", poolformer),
    "vit": Peer("image", "ViT-base, patches of 16 x 16", "timm", vit),
}


def group_of(name):
    """MAELRE goes by the name of its group."""
    return name if name in GROUPS else PEERS[name].group


def title(name, scale):
    """How the table calls a model."""
    if name in GROUPS:
        return f"**MAELRE** {scale.preset}_{name}"
    text = PEERS[name].title.format(
        window=scale.window,
        windows=scale.input_shapes["text"][0] // scale.window,
        layers=f"{scale.depth} x {scale.width}, {scale.num_heads} heads",
    )
    return text if scale is FULL else f"{text} (cut small)"


# === One model, in a process of its own ===


def resident_after_imports():
    """Resident bytes, read after one step of a small model of the same kind.

    That step is for what packages import at first use only, Keras even TensorFlow
    where it is installed: hundreds of megabytes that are no model's.
    """
    gc.collect()
    try:
        # What the step freed goes back to the system, and its peak is forgotten.
        ctypes.CDLL(None).malloc_trim(0)
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError):
        pass  # not Linux with glibc: the small step is part of both numbers
    return environment.memory("VmRSS")


def make_inputs(group, scale, batch_size):
    """A random batch and its labels, as NumPy arrays."""
    import numpy as np

    rng = np.random.default_rng(0)
    shape = (batch_size, *scale.input_shapes[group])
    if group == "text":
        # The lowest ids are padding and marks of all the vocabularies.
        x = rng.integers(100, 50_000, shape)
    else:
        x = rng.standard_normal(shape, "float32")
    return x, np.arange(batch_size) % NUM_CLASSES


def time_steps(step, repeats, seconds):
    """Seconds of each timed step, after one that is not."""
    begin = time.perf_counter()
    step()
    times = []
    while len(times) < repeats:
        start = time.perf_counter()
        step()
        end = time.perf_counter()
        times.append(end - start)
        if end - begin >= seconds:
            break
    return times


def maelre_step(group, mode, scale, batch_size):
    """A classifier, and a function that does a step of it."""
    import keras

    import keras_maelre

    # As in the paper, the token table is not trained.
    frozen = {"trainable_embeddings": False} if group == "text" else {}
    classifier = keras_maelre.MaelreClassifier.from_preset(
        f"{scale.preset}_{group}",
        num_classes=NUM_CLASSES,
        input_shape=scale.input_shapes[group],
        **frozen,
    )
    x, y = make_inputs(group, scale, batch_size)
    if mode == "inference":
        return classifier, lambda: classifier.predict_on_batch(x)
    classifier.compile(
        keras_maelre.training.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return classifier, lambda: classifier.train_on_batch(x, y)


def measure_maelre(group, mode, scale, args):
    import keras

    import keras_maelre

    maelre_step("series", mode, QUICK, 1)[1]()
    resident = resident_after_imports()
    classifier, step = maelre_step(group, mode, scale, args.batch_size)
    times = time_steps(step, args.repeats, args.seconds)
    peak = environment.memory("VmHWM")
    grid = classifier.backbone.get_layer("position_embedding").embeddings.shape[:-1]
    if keras.backend.backend() == "torch":
        import torch

        threads = torch.get_num_threads()
    else:
        threads = environment.cores()
    return {
        "step_seconds": times,
        "memory_bytes": peak - resident,
        "parameters": classifier.count_params(),
        "macs": keras_maelre.count_macs(classifier),
        "tokens": math.prod(grid) + 1,
        "threads": threads,
    }


KEPT = []  # operators that this process declared: they last as long as their library


def import_torchvision():
    """What timm and transformers import, also beside a torch without CUDA.

    The wheel of torchvision in the package index is built for CUDA. Beside a torch
    for the CPU it cannot load its operators, and its import fails on registering the
    shapes of two of them. No model here uses any: declaring the two is enough.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor boxes, Tensor scores, float iou) -> Tensor")
        import torchvision  # noqa: F401

        KEPT.append(library)


def peer_step(name, mode, scale, batch_size):
    """A `Built` peer, its inputs, and a function that does a step of it."""
    import torch
    import torch.nn.functional as F

    built = PEERS[name].build(scale)
    x, y = map(torch.from_numpy, make_inputs(group_of(name), scale, batch_size))
    if mode == "inference":
        built.module.eval()

        def step():
            with torch.inference_mode():
                return built.logits(x).numpy()

        return built, x, step
    built.module.train()
    optimizer = torch.optim.AdamW(
        built.module.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(built.logits(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return built, x, step


def measure_peer(name, mode, scale, args):
    import torch

    package = PEERS[name].package
    if package in ("transformers", "timm") and importlib.util.find_spec("torchvision"):
        import_torchvision()
    if package == "transformers":
        import transformers

        transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    peer_step(name, mode, QUICK, 1)[2]()
    resident = resident_after_imports()
    built, x, step = peer_step(name, mode, scale, args.batch_size)
    times = time_steps(step, args.repeats, args.seconds)
    peak = environment.memory("VmHWM")
    macs, tokens = count_peer(built, x[:1])
    return {
        "step_seconds": times,
        "memory_bytes": peak - resident,
        "parameters": sum(value.numel() for value in built.module.parameters()),
        "macs": macs,
        "tokens": tokens,
        "threads": torch.get_num_threads(),
    }


def count_peer(built, sample):
    """Multiply-accumulates of one forward pass, and the tokens of the first layer."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    shapes = []

    def note(_, args, kwargs):
        shapes.append((args or tuple(kwargs.values()))[0].shape)

    handle = built.first.register_forward_pre_hook(note, with_kwargs=True)
    # The counter knows matrix products and convolutions, and sees them only where no
    # fused kernel of the CPU, of an attention or of a whole layer, hides them.
    built.module.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    with (
        torch.no_grad(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        built.logits(sample)
    handle.remove()
    # (samples or windows, tokens, channels) or (samples, channels, height, width)
    shape = shapes[0]
    tokens = shape[0] * (shape[1] if len(shape) == 3 else math.prod(shape[2:]))
    return counter.get_total_flops() // 2, tokens


def measure_one(name, mode, args):
    """Measures one model in this process and prints a line of JSON."""
    scale = QUICK if args.quick else FULL
    measure = measure_maelre if name in GROUPS else measure_peer
    row = measure(name, mode, scale, args)
    median = statistics.median(row["step_seconds"])
    row = {
        "model": name,
        "mode": mode,
        "group": group_of(name),
        "title": title(name, scale),
        "milliseconds_per_sample": 1e3 * median / args.batch_size,
        "timed_steps": len(row["step_seconds"]),
        **row,
    }
    print(json.dumps(row), flush=True)


# === The run over all models ===


def require_packages(names):
    """Raises now what would otherwise come after hours."""
    needed = {"torch": "every peer", "matplotlib": "the picture"}
    for name in names:
        if PEERS[name].package:
            needed.setdefault(PEERS[name].package, name)
    for package, user in needed.items():
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"{package} is missing, which {user} needs: {INSTALL}. Peers can be "
                "left out: --models names those to run."
            )


def start_one(name, mode, args):
    """The row of one model, from a process of its own; `None` if that failed."""
    command = [sys.executable, __file__, "--one", name, mode]
    for option in ("batch_size", "repeats", "seconds"):
        command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
    if args.quick:
        command.append("--quick")
    variables = {
        "KERAS_BACKEND": "torch",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
    }
    process = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env=variables, check=False
    )
    if process.returncode:
        return None
    return json.loads(process.stdout.splitlines()[-1])


def add_ratios(rows):
    """To each row its quotients by that of MAELRE in its group and mode."""
    bases = {(r["group"], r["mode"]): r for r in rows if r["model"] in GROUPS}
    for row in rows:
        base = bases.get((row["group"], row["mode"]))
        if base is None:
            continue
        for key in ("milliseconds_per_sample", "memory_bytes"):
            row[f"{key}_ratio"] = row[key] / base[key]


def save(result, folder):
    """Replaces the JSON as a whole: an interruption leaves the last one."""
    new = folder / "peers.json.new"
    new.write_text(json.dumps(result, indent=1) + "\n")
    new.replace(folder / "peers.json")


def sorted_rows(rows):
    """MAELRE first in each group, then the peers in the order of the table above."""
    order = [*GROUPS, *PEERS]
    return sorted(
        rows, key=lambda r: (GROUPS.index(r["group"]), order.index(r["model"]))
    )


def number(value, digits=3):
    """Three digits, or all before the point."""
    places = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(places, 0)}f}"


def table(rows):
    head = ["input", "model", "tokens", "parameters, M", "MACs, G"]
    modes = [mode for mode in MODES if any(row["mode"] == mode for row in rows)]
    for mode in modes:
        head += [f"{mode}: ms a sample", "x MAELRE", "memory, MB", "x MAELRE"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    models = {}
    for row in sorted_rows(rows):
        models.setdefault(row["model"], {})[row["mode"]] = row
    for cells in models.values():
        row = next(iter(cells.values()))
        line = [row["group"], row["title"], f"{row['tokens']:,}"]
        line += [f"{row['parameters'] / 1e6:.1f}", number(row["macs"] / 1e9)]
        for mode in modes:
            cell = cells.get(mode, {})
            for key, unit in (("milliseconds_per_sample", 1), ("memory_bytes", 1e6)):
                ratio = cell.get(f"{key}_ratio")
                line.append(number(cell[key] / unit) if cell else "")
                line.append("" if ratio is None else f"{ratio:.2f}")
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def windows_note(rows, scale):
    """What one window of RoBERTa costs, beside the whole document of the table."""
    windows = scale.input_shapes["text"][0] // scale.window
    costs = [
        f"{number(row['milliseconds_per_sample'] / windows)} ms in {row['mode']}"
        for row in rows
        if row["model"] == "roberta"
    ]
    if not costs:
        return ""
    return (
        f"RoBERTa takes no more than {scale.window} tokens: its row is the cost of a "
        f"document of {windows} windows, whose logits are averaged; one window takes "
        f"{' and '.join(costs)}."
    )


def report(result):
    """The table, and how it was made."""
    rows, settings = result["rows"], result["settings"]
    if not rows:
        return "No rows yet.\n"
    threads = sorted({row["threads"] for row in rows})
    steps = min(row["timed_steps"] for row in rows)
    sentences = [
        f"Random weights, float32, no dropout, {NUM_CLASSES} classes, batches of "
        f"{settings['batch_size']}; medians of at least {steps} timed step(s) after "
        "one to warm up.",
        "A training step: forward, cross-entropy, backward, AdamW.",
        f"MAELRE: Keras on {settings['backend']}, the token table of text frozen, as "
        "in the paper. Peers: eager torch, all parameters trained.",
        "Memory: the peak of a process less what its imports took; the weights are in "
        "it.",
        "Tokens: what enters the first layer, class and padding tokens included.",
        "MACs: multiply-accumulates of a forward pass of one sample; of MAELRE by "
        "formula (`keras_maelre.count_macs`), of peers half the operations that "
        "torch's FlopCounterMode counts in matrix products and convolutions, causal "
        "attention in full.",
        windows_note(rows, QUICK if settings["quick"] else FULL),
        f"{' or '.join(map(str, threads))} thread(s) of {settings['machine']}; "
        + ", ".join(f"{name} {text}" for name, text in settings["versions"].items())
        + f"; {result['date']}.",
    ]
    return f"{table(rows)}\n\n" + " ".join(filter(None, sentences)) + "\n"


def plot(rows, path):
    """The peers' ratios to MAELRE, time on the left, memory on the right."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = [row for row in sorted_rows(rows) if row["model"] not in GROUPS]
    names = list(dict.fromkeys(row["model"] for row in rows))
    figure, axes = plt.subplots(
        1, 2, figsize=(9, 1.2 + 0.45 * len(names)), sharey=True, layout="constrained"
    )
    panels = {"time": "milliseconds_per_sample_ratio", "memory": "memory_bytes_ratio"}
    for ax, (label, key) in zip(axes, panels.items(), strict=True):
        for i, mode in enumerate(MODES):
            chosen = [r for r in rows if r["mode"] == mode and key in r]
            if not chosen:
                continue
            places = [names.index(r["model"]) + 0.38 * (i - 0.5) for r in chosen]
            bars = ax.barh(places, [r[key] for r in chosen], 0.36, label=mode)
            ax.bar_label(bars, fmt="%.2f", padding=2, fontsize=7)
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set_xscale("log")
        ax.margins(x=0.3)
        # The ticks between powers of ten would write over each other.
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        ax.set_xlabel(f"{label} / {label} of MAELRE")
    labels = {row["model"]: f"{row['title']} ({row['group']})" for row in rows}
    axes[0].set_yticks(range(len(names)), [labels[name] for name in names], fontsize=8)
    if names:
        axes[0].invert_yaxis()
        axes[0].legend(loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def load(path, settings):
    """The result of an earlier run, if it was made in the same way."""
    result = json.loads(path.read_text())
    differences = [
        f"{key}: {result['settings'].get(key)!r}, now {value!r}"
        for key, value in settings.items()
        if result["settings"].get(key) != value
    ]
    if differences:
        raise ValueError(
            f"{path} cannot be resumed: its rows would not compare with new ones. "
            + "; ".join(differences)
        )
    return result


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1. Received: {text}")
    return value


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--groups", nargs="+", default=GROUPS, choices=GROUPS)
    parser.add_argument(
        "--models",
        nargs="+",
        choices=PEERS,
        help="peers to run, default: all of the groups; MAELRE always runs",
    )
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--batch-size", type=positive, default=2, help="default: 2")
    parser.add_argument("--repeats", type=positive, default=5, help="default: 5")
    parser.add_argument(
        "--seconds",
        type=float,
        default=120,
        help="of a model and mode, after which no further step begins, default: 120",
    )
    parser.add_argument("--quick", action="store_true", help="tiny models and inputs")
    parser.add_argument(
        "--resume", action="store_true", help="keep the finished rows of the output"
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path(__file__).parent / "results" / "peers",
        help="folder of peers.json, peers.md and peers.png",
    )
    parser.add_argument(
        "--one", nargs=2, metavar=("NAME", "MODE"), help=argparse.SUPPRESS
    )
    args = parser.parse_args(argv)
    if args.one:
        return measure_one(*args.one, args)

    peers = [name for name in args.models or PEERS if group_of(name) in args.groups]
    if args.models and len(peers) < len(args.models):
        outside = sorted(set(args.models) - set(peers))
        parser.error(f"--models {' '.join(outside)}: not in --groups")
    require_packages(peers)
    backend = os.environ.get("KERAS_BACKEND", "torch")
    settings = {
        "quick": args.quick,
        "batch_size": args.batch_size,
        "repeats": args.repeats,
        "seconds": args.seconds,
        "backend": backend,
        "cores": environment.cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "machine": environment.machine(),
        "versions": environment.versions("keras", backend, *PACKAGES),
    }
    args.output.mkdir(parents=True, exist_ok=True)
    result = {"settings": settings, "date": str(datetime.date.today()), "rows": []}
    path = args.output / "peers.json"
    if args.resume and path.exists():
        result = load(path, settings)
    rows = result["rows"]
    finished = {(row["model"], row["mode"]) for row in rows}
    failed = []
    for group in args.groups:
        for name in [group, *(peer for peer in peers if group_of(peer) == group)]:
            for mode in args.modes:
                if (name, mode) in finished:
                    continue
                row = start_one(name, mode, args)
                if row is None:
                    failed.append(f"{name} ({mode})")
                    continue
                rows.append(row)
                add_ratios(rows)
                save(result, args.output)
                print(
                    f"{row['title']}, {mode}: {row['milliseconds_per_sample']:.0f} ms "
                    f"a sample, {row['memory_bytes'] / 1e6:.0f} MB",
                    file=sys.stderr,
                    flush=True,
                )
    text = report(result)
    (args.output / "peers.md").write_text(text)
    plot(rows, args.output / "peers.png")
    print(text)
    if failed:
        print(f"Failed, try again by --resume: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
