"""What a classifier's answers rest on, in units of its inputs."""

from keras_maelre.explanation.explain import METHODS, explain
from keras_maelre.explanation.explanation import Explanation
from keras_maelre.explanation.text_explanation import TextExplanation
from keras_maelre.explanation.top_words import top_words

__all__ = ["METHODS", "Explanation", "TextExplanation", "explain", "top_words"]
