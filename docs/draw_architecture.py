"""Draws the idea of MAELRE, read from a real model: `docs/pictures/architecture_*.svg`.

    python docs/draw_architecture.py

One bar for each block: as long as its tokens are many, as thick as they are wide, in
the color of its attention. Two files, for light and for dark pages.
"""

import pathlib

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from keras_maelre import MaelreClassifier, count_macs
from keras_maelre.models.cost import macs_by_part

PRESET = "base_series"
FOLDER = pathlib.Path(__file__).parent / "pictures"
# Text, faint text, linear attention, dot-product attention: each told from the ground
# and, by its lightness, from the other.
INKS = {
    "light": ("#1b1f24", "#57606a", "#3f6fd1", "#d9822b"),
    "dark": ("#f0f3f6", "#a8b1bb", "#6f9bf0", "#f0a65a"),
}
# Pixels of the picture: half of it is what a phone shows, where 26 become 13.
WIDTH, HEIGHT = 720, 760
LARGE, SMALL, LINE = 26, 24, 32
LONGEST, THICKNESS = 700, 0.13


def blocks_of(classifier):
    """What is drawn: a dictionary for each block."""
    backbone = classifier.backbone
    macs = macs_by_part(classifier)
    return [
        {
            "tokens": backbone.token_grids[i][0],
            "width": backbone.width * 2**i,
            "layers": backbone.depths[i],
            "attention": backbone.attention_plan[i],
            "share": macs[f"block_{i + 1}"] / sum(macs.values()),
        }
        for i in range(4)
    ]


def lines_of(number, block):
    """The words above and below the bar of a block."""
    kind = {"linear": "linear attention", "dot": "dot-product attention"}
    return (
        f"Block {number}: {kind[block['attention']]}",
        f"{block['tokens']:,} tokens of width {block['width']}, "
        f"{block['layers']} layers",
        f"{block['share']:.0%} of the cost",
    )


def draw(blocks, total, scheme, path):
    """Writes the picture of the blocks for light or dark pages."""
    text, faint, linear, dot = INKS[scheme]
    color = {"linear": linear, "dot": dot}
    # One point of the figure is one pixel of the picture.
    figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")

    def write(x, y, words, ink=text, size=SMALL, **kwargs):
        axes.text(x, y, words, color=ink, fontsize=size, va="center", **kwargs)

    y = 20
    steps = f"{blocks[0]['tokens']:,}"
    write(10, y, f"A series of {steps} steps: a token for each", faint)
    for number, block in enumerate(blocks, start=1):
        above, *below = lines_of(number, block)
        if number > 1:
            write(10, y, "↓ four tokens become one, twice as wide", faint)
        y += 46
        write(10, y, above, size=LARGE, weight="bold")
        y += 26
        thickness = block["width"] * THICKNESS
        length = LONGEST * block["tokens"] / blocks[0]["tokens"]
        bar = Rectangle((10, y), length, thickness, lw=0)
        bar.set_color(color[block["attention"]])
        axes.add_patch(bar)
        # Beside a short bar is room for its numbers.
        beside = length < LONGEST / 3
        height = max(thickness, 2 * LINE) if beside else thickness + 2 * LINE
        x = length + 24 if beside else 10
        for i, line in enumerate(below):
            top = height / 2 - LINE if beside else thickness + 4
            write(x, y + top + LINE * (i + 0.5), line, faint)
        y += height + 30
    write(10, y, f"→ class token → classes: {total} multiply-accumulates", faint)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": PRESET}):
        figure.savefig(path, transparent=True, metadata={"Date": None})


def main(folder=FOLDER):
    matplotlib.rcParams["font.family"] = ["DejaVu Sans", "sans-serif"]
    classifier = MaelreClassifier.from_preset(PRESET)
    blocks, total = blocks_of(classifier), f"{count_macs(classifier) / 1e9:.1f} G"
    folder.mkdir(exist_ok=True)
    for scheme in INKS:
        draw(blocks, total, scheme, folder / f"architecture_{scheme}.svg")


if __name__ == "__main__":
    main()
