"""VGGSound, read from its table and a folder of clips."""

import csv as csv_module
import pathlib

import numpy as np

from keras_maelre.datasets.classification_dataset import (
    ClassificationDataset,
    warn_of_shared_files,
)
from keras_maelre.datasets.sound_files import keep_sound_files

SUFFIXES = (".wav", ".flac", ".ogg")
SPLITS = ("train", "test")


def read_vggsound(csv, clips, missing="raise"):
    """Reads VGGSound: its table, and the clips that were downloaded.

    The table, `vggsound.csv`, is what the authors of the data set distribute. It has
    no header; each row names a YouTube video, the second at which a clip of ten
    seconds starts, the label, and `train` or `test`. The clips must be downloaded by
    the user, as `<video>_<start as six digits>.wav` (or `.flac`, `.ogg`), anywhere in
    one folder. Videos disappear: the paper had 159,223 training and 12,790 test clips.
    Test clips that have the contents of training clips are warned of.

    Needs `pip install "keras_maelre[audio]"`.

    Args:
        csv: Path of the table.
        clips: Path of the folder, which is searched with all its subfolders.
        missing: `"raise"` or `"skip"`: whether missing and damaged clips are an error,
            or are left out and listed in `skipped` of the result.

    Returns:
        A `ClassificationDataset` whose samples are the paths of the clips. Its
        `class_names` are all labels of the table, sorted.

    Raises:
        FileNotFoundError: If the table, the folder or a clip is missing.
        ImportError: If soundfile is not installed.
        ValueError: If a row or a clip is damaged, two files hold the same clip, or no
            clip is left in a split.

    Example:

    ```python
    import numpy as np
    import soundfile

    from keras_maelre.datasets import read_vggsound

    with open("vggsound.csv", "w") as table:
        table.write('--0PQM4-hqg,30,"waterfall, burbling",train\\n')
        table.write("-0jeONf82dE,21,horse neighing,train\\n")
        table.write("-18ZSzRkbWs,2,horse neighing,test\\n")
        table.write("-1DXWBTfSJk,7,horse neighing,test\\n")  # not downloaded
    for clip in ("--0PQM4-hqg_000030", "-0jeONf82dE_000021", "-18ZSzRkbWs_000002"):
        soundfile.write(f"{clip}.wav", np.random.uniform(-0.1, 0.1, 16000), 16000)
    data = read_vggsound("vggsound.csv", ".", missing="skip")
    print(data.describe())
    ```

    Reference:
        Chen, Xie, Vedaldi and Zisserman, "VGGSound: A Large-Scale Audio-Visual
        Dataset", ICASSP 2020; used in arXiv 2507.19409, section 4.3.
    """
    rows = read_rows(csv)
    found = _find_clips(clips)
    names = [f"{video}_{start:06d}" for video, start, _, _ in rows]
    # For a missing clip, a path that it could have had.
    files = [found.get(n, pathlib.Path(clips) / f"{n}{SUFFIXES[0]}") for n in names]
    kept, skipped = keep_sound_files(files, missing, csv)
    class_names = sorted({label for _, _, label, _ in rows})
    number = {label: i for i, label in enumerate(class_names)}
    split = {name: [i for i in kept if rows[i][3] == name] for name in SPLITS}
    for name, indices in split.items():
        if not indices:
            raise ValueError(f"{csv}: no clip of the {name} split is in {clips}")
    data = ClassificationDataset(
        x_train=[str(files[i]) for i in split["train"]],
        y_train=np.array([number[rows[i][2]] for i in split["train"]]),
        x_test=[str(files[i]) for i in split["test"]],
        y_test=np.array([number[rows[i][2]] for i in split["test"]]),
        class_names=class_names,
        name="VGGSound",
        skipped=skipped,
    )
    warn_of_shared_files(data)
    return data


def read_rows(csv):
    """Reads `vggsound.csv`.

    Args:
        csv: Path of the table.

    Returns:
        A list of tuples: video, start in whole seconds, label, and split.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a row is damaged or there is none.
    """
    csv = pathlib.Path(csv)
    if not csv.is_file():
        raise FileNotFoundError(f"There is no table {str(csv)!r}")
    try:
        return _parse_rows(csv)
    except (UnicodeDecodeError, csv_module.Error) as error:
        raise ValueError(f"{csv} is damaged: {error}") from error


def _parse_rows(csv):
    rows = []
    with open(csv, newline="", encoding="utf-8-sig") as file:
        reader = csv_module.reader(file)
        for row in reader:
            if not row:
                continue
            try:
                video, start, label, split = (cell.strip() for cell in row)
                start = int(start)
            except ValueError:
                video = label = split = ""
            if not video or not label or split not in SPLITS:
                raise ValueError(
                    f"{csv}: line {reader.line_num} must hold a video, the second at "
                    "which its clip starts, a label, and 'train' or 'test'. "
                    f"Received: {row}"
                )
            rows.append((video, start, label, split))
    if not rows:
        raise ValueError(f"{csv} is empty.")
    return rows


def _find_clips(folder):
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}")
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in found:
            raise ValueError(
                f"Two files hold the same clip: {found[path.stem]} and {path}"
            )
        found[path.stem] = path
    return found
