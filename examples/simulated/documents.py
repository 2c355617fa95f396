"""Simulated abstracts."""

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.datasets import ClassificationDataset

# Topics and the words that tell them. Those of a topic share a root, as such words do,
# and no other word has it.
TOPICS = {
    "Heart": "cardiac cardiogram cardiology myocardial pericardium tachycardia",
    "Nerves": "neural neuralgia neurology neuron neuropathy neurosis",
    "Liver": "hepatic hepatitis hepatocyte hepatology hepatoma hepatotoxic",
    "Skin": "dermal dermatitis dermatology dermatosis epidermal hypodermic",
    "Bones": "osteoblast osteocyte osteoma osteopathy osteotomy periosteum",
    "Kidneys": "nephritis nephrology nephron nephropathy nephrosis nephrotic",
}
FILLERS = (
    "a after age all also among an and are as at baseline between both by care case "
    "change clinical cohort common compared control data during each effect either "
    "evidence findings first follow for found from further general group had higher "
    "hospital however in increased is less level likely long low mean measured method "
    "more most no not observed of often on one or other outcome patients period "
    "present rate reported result risk sample score second several showed significant "
    "similar study than that the these to trial two under used was were when which "
    "with within year"
).split()
SHORTEST, LONGEST = 600, 1000  # characters
WORDS_PER_SENTENCE = (6, 18)
MENTIONS = (10, 16)  # of a topic that a document has
STRAY_MENTION = 0.25  # probability that one it has not is mentioned once


def simulated_documents(samples=1800, seed=0, test_fraction=0.33):
    """Simulates abstracts that have one to three of six topics each.

    The data are SIMULATED: nobody wrote these texts, and they mean nothing. They are
    for trying a model and its training without data, and say nothing about how well
    the topics of real documents can be told apart.

    A document is 600 to 1,000 characters of filler words in sentences. Each of its
    topics adds ten to sixteen of its own words, spread evenly over the document; any
    other topic may be mentioned once, which does not count. So the labels follow from
    the whole document, not from a part of it.

    Args:
        samples: Integer, training and test documents together.
        seed: Integer; the same seed gives the same documents.
        test_fraction: Float in (0, 1), the fraction that goes to the test split.

    Returns:
        A multi-label `ClassificationDataset` with its `simulated` set.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If a split would be left without documents.

    Example:

    ```python
    from simulated import simulated_documents

    data = simulated_documents(samples=20)
    print(data.describe())
    print(data.x_train[0])
    ```
    """
    samples = check_integer("samples", samples, low=2)
    test_fraction = check_number("test_fraction", test_fraction, above=0, below=1)
    test_samples = round(samples * test_fraction)
    if not 0 < test_samples < samples:
        raise ValueError(
            "`samples` and `test_fraction` must leave at least one training and one "
            f"test document. Received: samples={samples}, "
            f"test_fraction={test_fraction}"
        )
    rng = np.random.default_rng(seed)
    y = np.zeros((samples, len(TOPICS)), "uint8")
    for row in y:
        row[rng.choice(len(TOPICS), size=rng.integers(1, 4), replace=False)] = 1
    documents = [_draw_document(rng, row) for row in y]
    return ClassificationDataset(
        x_train=documents[test_samples:],
        y_train=y[test_samples:],
        x_test=documents[:test_samples],
        y_test=y[:test_samples],
        class_names=tuple(TOPICS),
        name="simulated_documents",
        simulated=True,
    )


def _draw_document(rng, has_topic):
    """Draws a document with the topics where `has_topic` is 1."""
    mentions = []  # of each topic, a list of words
    for topic, present in zip(TOPICS.values(), has_topic, strict=True):
        count = rng.integers(*MENTIONS, endpoint=True) if present else 0
        if not present and rng.random() < STRAY_MENTION:
            count = 1
        mentions.append(rng.choice(topic.split(), size=count).tolist())
    # Full stops and the last filler need some room.
    length = rng.integers(SHORTEST + 20, LONGEST - 50)
    length -= sum(len(word) + 1 for words in mentions for word in words)
    fillers = rng.choice(FILLERS, size=LONGEST // 2).tolist()
    ends = np.cumsum([len(word) + 1 for word in fillers])
    fillers = fillers[: np.searchsorted(ends, length)]
    # Every mention of a topic is in a stretch of its own.
    placed = [
        ((index + rng.random()) / len(words), word)
        for words in mentions
        for index, word in enumerate(words)
    ]
    placed += [(index / len(fillers), word) for index, word in enumerate(fillers)]
    return _punctuated(rng, [word for _, word in sorted(placed)])


def _punctuated(rng, words):
    sentences = []
    while words:
        count = rng.integers(*WORDS_PER_SENTENCE, endpoint=True)
        sentences.append(" ".join(words[:count]).capitalize() + ".")
        words = words[count:]
    return " ".join(sentences)
