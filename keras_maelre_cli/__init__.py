"""The command line of `keras_maelre`.

A package beside it, since importing `keras_maelre` imports Keras, which takes seconds:
what needs no Keras (`--help`, `info`) answers at once, and commands import it when they
run.
"""
