"""Trained classifiers as files of other runtimes."""

from keras_maelre.deployment.exporting import ExportResult, export

__all__ = ["ExportResult", "export"]
