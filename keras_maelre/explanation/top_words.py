"""The words that speak for a class over a corpus."""

from keras_maelre.checks import check_integer
from keras_maelre.explanation.text_explanation import TextExplanation


def top_words(explanations, n=20):
    """Returns the words that speak most for each class, over a corpus.

    What the largest weights of a linear model on TF-IDF features are to their users.
    Words are compared in lower case. The relevance of a word is the mean over the
    documents of its class of the sum over the document: a word must be both frequent
    and relevant to come first.

    Args:
        explanations: Iterable of explanations of documents by `keras_maelre.explain`.
        n: Integer, words of each class.

    Returns:
        Dictionary from each class that was explained to a list of at most `n` tuples
        `(word, relevance, documents)`, the most relevant first; `documents` is the
        number of documents of the class that hold the word. Words that speak against
        the class are left out.

    Raises:
        TypeError: If an explanation is not one of text.
        ValueError: If there are no explanations, or `n` is not positive.

    Example:

    ```python
    import keras_maelre
    from keras_maelre.preprocessing import BytePreprocessor

    classifier = keras_maelre.MaelreClassifier.from_preset(
        "tiny_bytes", class_names=["ham", "spam"], preprocessor=BytePreprocessor((64,))
    )
    documents = ["Buy this now", "Lunch at noon", "Buy that now"]
    found = keras_maelre.explain(classifier, documents, "spam", method="gradient")
    keras_maelre.explanation.top_words(found, 3)  # {"spam": [("buy", 0.02, 2), ...]}
    ```
    """
    n = check_integer("n", n)
    totals, holding, documents = {}, {}, {}
    for explanation in explanations:
        if not isinstance(explanation, TextExplanation):
            raise TypeError(
                "Argument `explanations` must hold explanations of documents by "
                f"`keras_maelre.explain`. Received: {type(explanation).__name__}"
            )
        target = explanation.target
        documents[target] = documents.get(target, 0) + 1
        total = totals.setdefault(target, {})
        words = [(word.lower(), value) for word, value in explanation.words()]
        for word, value in words:
            total[word] = total.get(word, 0.0) + value
        for word in {word for word, _ in words}:
            count = holding.setdefault(target, {})
            count[word] = count.get(word, 0) + 1
    if not documents:
        raise ValueError(
            "Argument `explanations` must hold at least one explanation. Received: none"
        )
    made = {}
    for target, total in totals.items():
        best = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
        made[target] = [
            (word, value / documents[target], holding[target][word])
            for word, value in best
            if value > 0
        ]
    return made
