"""Which model does best on real data in the same training?

    KERAS_BACKEND=torch OMP_NUM_THREADS=1 python benchmarks/accuracy.py \
        Worms.npz bonn_eeg.npz --attention linear dot window --epochs 30 --seeds 2
    ... python benchmarks/accuracy.py Worms.npz esc10/index.csv:5 --ablations
    ... python benchmarks/accuracy.py Worms.npz --published all --tools --seconds 600
    ... python benchmarks/accuracy.py listops pathfinder pixels:cifar10_gray.npz

Data as in small_data.py, or tasks of Long Range Arena (arena.py). MAELRE is the preset
`--size` of the modality, with another kind of attention in blocks 1 and 2 (the last
two, of few tokens, keep "dot"; other plans are four names with commas between), another
way of merging, or with `--ablations` what the paper leaves out in turn. `--published`
names models of published.py, which stand in its place: torch alone. `--tools` adds what
one would try first: MiniRocket, words, statistics of mel bands, edges and colors.

`small_data_recipe` trains all models, without its linear probe, which would stand in
for whatever trains worse: the same samples, split, seeds, batches, augmentation, loss,
optimizer and schedule, for the same epochs or the same seconds of the processor.
Validation samples are held out of the training samples and choose the epoch; the tools
choose nothing, and fit all training samples. The test samples are looked at once.

Every row is written to `--output` once it is measured, and is not measured again; the
table and the picture stand beside it, as .md and .png.

A GPU trains what the seconds of a core would: `--measure-prices prices.json` times the
steps of every model on this core, and `--prices prices.json` trains as many of them as
these seconds pay for (step_prices.py).
"""

import argparse
import contextlib
import functools
import pathlib
import time

import keras
import numpy as np
from accuracy_picture import draw
from arena import is_task, load_task
from cpu_budget import cpu_budget
from kept_rows import read_rows, write_rows
from sklearn.metrics import f1_score
from small_data import load, whole_samples
from step_prices import measured_price, priced_budget

from keras_maelre import MaelreClassifier, count_macs
from keras_maelre.estimator import simple_tool
from keras_maelre.estimator.new_classifier import SEMANTIC_DIM
from keras_maelre.estimator.simple_tools import TOOLS
from keras_maelre.training import small_data_recipe

ABLATIONS = {
    "as in the paper": {},
    "all dot": {"attention": "dot"},
    "all linear": {"attention": "linear"},
    "no merging": {"merge": "none"},
    "average merging": {"merge": "average"},
    "linear merging": {"merge": "linear"},
}


KEYS = ("data", "model", "seed", "budget")


def main(arguments=None):
    args = parse(arguments)
    if args.published:
        from published import require

        require(args.published)
    if args.measure_prices:
        return measure_prices(args)
    rows = read_rows(args.output)
    done = {tuple(row[key] for key in KEYS) for row in rows}
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for path in args.data:
            for row, measure in jobs(path, seed, args):
                if tuple(row[key] for key in KEYS) in done:
                    continue
                keras.utils.set_random_seed(seed)
                rows.append(row | measure())
                write_rows(args.output, rows)
                print(rows[-1], flush=True)
    text = table(rows)
    args.output.with_suffix(".md").write_text(text + "\n")
    draw(rows, args.output.with_suffix(".png"))
    print(text)


# === What is measured ===


def jobs(path, seed, args):
    """Yields the beginning of each row, and the function that measures the rest."""
    name, data, recipe, made = read(path, args)
    if args.tools and not is_task(path):
        row = {"data": name, "model": TOOLS[recipe.task], "seed": seed}
        row |= {"budget": None, "kind": "tool"}
        yield row, functools.partial(measure_tool, recipe.task, data, seed)
    prices = read_rows(args.prices) if args.prices else None
    for budget in budgets(args):
        row = {"data": name, "seed": seed, "budget": title(budget)}
        for model, kind, build in made:
            price = None if prices is None else prices[f"{name}: {model}"]
            measure = functools.partial(
                measure_network, recipe, data, budget, seed, price, build
            )
            yield {**row, "model": model, "kind": kind}, measure


def read(path, args):
    """Returns the name of data, the data, their recipe and all models of them."""
    changes = {}
    if is_task(path):
        modality, name, data, preprocessor = load_task(path)
        # What is done to recordings would tear pictures and expressions apart.
        changes = {"augmentation": [], "mixing": []}
    else:
        modality, name, data = load(path)
        preprocessor = whole_samples(modality, data, args.size)
    recipe = small_data_recipe(modality, probe=False, **changes)
    return name, data, recipe, list(models(modality, data, preprocessor, args))


def models(modality, data, preprocessor, args):
    """Yields the name, the kind and the constructor of each model."""
    head = {
        "preprocessor": preprocessor,
        "class_names": data.class_names,
        "multi_label": data.multi_label,
    }
    for name, changes in variants(args).items():
        build = functools.partial(maelre, modality, args.size, head, changes)
        yield name, "MAELRE", build
    for name, shown in published_titles(modality, args).items():
        # Not the name: `"performer"` is a kind of attention, too.
        yield shown, "published", functools.partial(published, name, modality, head)


def variants(args):
    """Names of rows of MAELRE, and what they change in the preset."""
    if args.ablations:
        return ABLATIONS
    made = {}
    for name in args.attention:
        plan = name.split(",")
        plan = (name, name, "dot", "dot") if len(plan) == 1 else tuple(plan)
        made[name] = {"attention": plan}
    return made | {f"{name} merging": {"merge": name} for name in args.merge}


def published_titles(modality, args):
    """The titles of those of `--published` that take the modality, by their names."""
    if not args.published:
        return {}
    from published import PUBLISHED

    return {
        name: PUBLISHED[name].title
        for name in args.published
        if modality in PUBLISHED[name].modalities
    }


def budgets(args):
    """What `Recipe.fit` is told of the length of a training, for each length."""
    if args.epochs:
        return [{"epochs": args.epochs}]
    return [{"epochs": 10**6, "time_limit": seconds} for seconds in args.seconds]


def title(budget):
    if "time_limit" in budget:
        return f"{budget['time_limit']:g} CPU s"
    return f"{budget['epochs']} epochs"


# === Measurements ===


def maelre(modality, size, head, changes):
    """Returns a new classifier, and how its cost is counted."""
    embedding = {}
    if modality == "text":
        embedding = {"embedding_dim": SEMANTIC_DIM}
    classifier = MaelreClassifier.from_preset(
        f"{size}_{modality}", pooling="blocks", **embedding, **head, **changes
    )
    return classifier, count_macs


def published(name, modality, head):
    from published import published_classifier
    from torch_backbone import count_torch_macs

    classes = len(head["class_names"])
    classifier = published_classifier(name, modality, num_classes=classes, **head)
    return classifier, count_torch_macs


def measure_network(recipe, data, budget, seed, price, build):
    """Trains one classifier, and returns what came of it."""
    classifier, count = build()
    clock = contextlib.nullcontext()
    if price:
        clock = priced_budget(**price)
    elif "time_limit" in budget:
        clock = cpu_budget()
    begin, cpu = time.monotonic(), time.process_time()
    with clock:
        history = train(recipe, classifier, data, seed, budget)
    monitored = "val_micro_f1" if data.multi_label else "val_accuracy"
    steps = int(classifier.optimizer.iterations)
    row = {
        "seconds": round(time.monotonic() - begin, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "epochs": len(history.epoch),
        "steps": steps,
        "weights": classifier.count_params(),
        "gmacs": round(count(classifier) / 1e9, 3),
        "backend": keras.backend.backend(),
        "validation": round(float(max(history.history[monitored])), 4),
    }
    if price:
        # What was counted here are the seconds of another machine.
        row |= {"cpu_seconds": round(steps * price["step"], 1), "priced": True}
    decided = classifier.decide(classifier.predict_proba(data.x_test))
    if not data.multi_label:
        decided = np.argmax(decided, axis=1)
    return row | {"test": score(data, decided)}


def train(recipe, classifier, data, seed, budget):
    return recipe.fit(
        classifier,
        data.x_train,
        data.y_train,
        validation_split=0.2,
        groups=data.groups_train,
        seed=seed,
        verbose=0,
        **budget,
    )


def measure_prices(args):
    """Times the steps of every model, and keeps what they cost."""
    prices = dict(read_rows(args.measure_prices))
    for path in args.data:
        name, data, recipe, made = read(path, args)
        for model, _, build in made:
            key = f"{name}: {model}"
            if key in prices:
                continue
            with measured_price() as price:
                train(recipe, build()[0], data, 0, {"epochs": 1, "time_limit": 1e6})
            prices[key] = price
            write_rows(args.measure_prices, prices)
            print(f"{key}: {price}", flush=True)


def measure_tool(modality, data, seed):
    """Fits the simple tool of a modality, and returns what came of it."""
    tool = simple_tool(modality, data.multi_label, seed)
    begin, cpu = time.monotonic(), time.process_time()
    tool.fit(data.x_train, data.y_train)
    row = {
        "seconds": round(time.monotonic() - begin, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    return row | {"test": score(data, tool.predict(data.x_test))}


def score(data, decided):
    """Micro-F1 of multi-label decisions, accuracy of others."""
    if data.multi_label:
        return round(float(f1_score(data.y_test, decided, average="micro")), 4)
    return round(float(np.mean(decided == data.y_test)), 4)


# === The table ===


def table(rows):
    """Mean and standard deviation over seeds, as a Markdown table."""
    columns = dict.fromkeys(
        (row["data"], row["budget"]) for row in rows if row["budget"]
    ) or dict.fromkeys((row["data"], None) for row in rows)
    heads = [", ".join(filter(None, column)) for column in columns]
    lines = ["| model | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    for model in dict.fromkeys(row["model"] for row in rows):
        cells = []
        for name, budget in columns:
            found = [
                row
                for row in rows
                if (row["data"], row["model"]) == (name, model)
                and row["budget"] in (budget, None)
            ]
            cells.append(cell(found) if found else "")
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(rows):
    scores = [spread(rows, key) for key in ("test", "validation")]
    spent = f"{np.mean([row['cpu_seconds'] for row in rows]):.0f} CPU s"
    if "weights" in rows[0]:
        # Of an epoch that takes longer than the budget, only a part is trained.
        count = np.mean([row["steps"] for row in rows])
        millions = rows[0]["weights"] / 1e6
        spent = f"{count:.0f} steps, {spent}, {millions:.2f} M weights"
    return "; ".join([*filter(None, scores), spent])


def spread(rows, key):
    values = [row[key] for row in rows if key in row]
    if not values:
        return None
    if len(values) == 1:
        return f"{key} {values[0]:.3f}"
    return f"{key} {np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--attention", nargs="*", default=["linear", "dot"])
    parser.add_argument("--merge", nargs="+", default=[])
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument(
        "--published",
        nargs="+",
        default=[],
        help="names in published.py, or all; each trains on the sets that it can take",
    )
    parser.add_argument(
        "--tools", action="store_true", help="MiniRocket, words, mel bands, edges"
    )
    parser.add_argument("--size", default="tiny")
    parser.add_argument(
        "--seconds",
        type=float,
        nargs="+",
        default=[600.0],
        help="of the processor, for each training; of several numbers each is one",
    )
    parser.add_argument("--epochs", type=int, help="in place of seconds")
    parser.add_argument("--measure-prices", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--prices", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("accuracy.json")
    )
    args = parser.parse_args(arguments)
    if args.prices and (args.epochs or not args.prices.is_file()):
        parser.error("--prices needs a file of --measure-prices, and --seconds")
    if args.published:
        from published import PUBLISHED

        if args.published == ["all"]:
            args.published = list(PUBLISHED)
        unknown = sorted(set(args.published) - set(PUBLISHED))
        if unknown:
            parser.error(f"--published {unknown[0]}: known are {', '.join(PUBLISHED)}")
    return args


if __name__ == "__main__":
    main()
