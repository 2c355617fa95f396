"""Token embeddings from the documents in which tokens occur together."""

import numpy as np

from keras_maelre.checks import check_integer, check_number
from keras_maelre.preprocessing.byte_preprocessor import check_texts
from keras_maelre.preprocessing.encoded_text import EncodedText

# With fewer documents for each dimension a head soon knows them by heart, and the
# encoder behind it learns nothing.
DOCUMENTS_A_DIMENSION = 8
# Documents whose padded ids are held at a time.
AT_A_TIME = 256


def semantic_embeddings(preprocessor, documents, dim=256, stddev=0.05, seed=0):
    """Returns a table of token embeddings by latent semantic analysis.

    Tokens that occur in the same documents get similar embeddings, and frequent ones
    small ones: the mean over a document is close to the first `dim` components of its
    TF-IDF vector. Labels are not needed. It takes seconds, and a classifier of words
    is nothing but a linear model of such means: a good table to start training from.

    Needs `pip install "keras_maelre[sklearn]"`.

    Args:
        preprocessor: A `TextPreprocessor` or `TokenizerPreprocessor`.
        documents: List of strings, or of `bytes` in UTF-8; none empty. Those to train
            on, and more of the same kind if there are, labeled or not.
        dim: Integer, the width of the table. Where there are fewer than eight documents
            for each column, or fewer tokens than columns, those that are left are
            random.
        stddev: Float above 0, the standard deviation of the embeddings of the tokens
            of the documents.
        seed: Integer, of what is random.

    Returns:
        Float32 array of shape `(vocabulary_size, dim)`, for the argument
        `token_embeddings` of `MaelreClassifier.from_preset`.

    Raises:
        ImportError: If scikit-learn is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of range, or a document is bad.

    Example:

    ```python
    from keras_maelre import MaelreClassifier
    from keras_maelre.preprocessing import TextPreprocessor, semantic_embeddings

    documents = ["A cat and a dog.", "A dog and a bone.", "Rain, wind and snow."]
    preprocessor = TextPreprocessor.from_documents(documents, 300, input_shape=(64,))
    table = semantic_embeddings(preprocessor, documents, dim=16)
    classifier = MaelreClassifier.from_preset(
        "tiny_text",
        num_classes=2,
        pooling="blocks",
        preprocessor=preprocessor,
        token_embeddings=table,
        trainable_embeddings=True,
    )
    ```

    Reference:
        Deerwester et al., "Indexing by Latent Semantic Analysis", Journal of the
        American Society for Information Science 41 (1990).
    """
    if not isinstance(preprocessor, EncodedText):
        raise TypeError(
            "Argument `preprocessor` must be a `TextPreprocessor` or a "
            f"`TokenizerPreprocessor`. Received: {type(preprocessor).__name__}"
        )
    documents = check_texts(documents)
    dim = check_integer("dim", dim)
    stddev = check_number("stddev", stddev, above=0.0)
    seed = check_integer("seed", seed, low=0)
    try:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfTransformer
    except ImportError as error:
        raise ImportError(
            'Semantic embeddings need scikit-learn: pip install "keras_maelre[sklearn]"'
        ) from error
    size = preprocessor.vocabulary_size
    counts = _count_tokens(preprocessor, documents, size)
    weighting = TfidfTransformer(sublinear_tf=True)
    weighted = weighting.fit_transform(counts)
    # A matrix has no more components than columns.
    components = max(1, min(dim, len(documents) // DOCUMENTS_A_DIMENSION, size))
    found = TruncatedSVD(components, n_iter=4, random_state=seed).fit(weighted)
    table = found.components_.T * weighting.idf_[:, None]
    frequency = np.asarray(counts.sum(axis=0))[0]
    spread = np.average(np.mean(table**2, axis=1), weights=frequency) ** 0.5
    others = np.random.default_rng(seed).normal(0.0, stddev, (size, dim - components))
    return np.hstack([table * (stddev / spread), others]).astype("float32")


def _count_tokens(preprocessor, documents, size):
    """Counts the tokens of each document; returns a sparse matrix."""
    from scipy import sparse

    parts = []
    for start in range(0, len(documents), AT_A_TIME):
        ids = preprocessor(documents[start : start + AT_A_TIME])
        rows, places = np.nonzero(ids != preprocessor.padding_id)
        ones = np.ones(len(rows))
        shape = len(ids), size
        parts.append(sparse.csr_matrix((ones, (rows, ids[rows, places])), shape))
    return sparse.vstack(parts)
