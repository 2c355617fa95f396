"""One initializer for several kernels."""

import keras


def clone_initializer(initializer):
    """Returns a new initializer of the same configuration.

    An initializer without a seed draws the same values every time it is called.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer  # a function
    return type(initializer).from_config(initializer.get_config())
