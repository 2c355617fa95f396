"""Telling damaged image files from whole ones."""

from keras_maelre.preprocessing.image_preprocessor import open_image


def check_image(path):
    """Raises an error if a file does not hold a whole image.

    The image is decoded to its end: reading the header alone would miss files that
    break off. For the argument `check` of `read_folder`.

    Needs `pip install "keras_maelre[image]"`.

    Args:
        path: Path of the file.

    Raises:
        ImportError: If Pillow is not installed.
        OSError: If the file cannot be opened.
        ValueError: If it is damaged, or no image.

    Example:

    ```python
    from PIL import Image

    Image.new("RGB", (32, 32)).save("photo.png")
    check_image("photo.png")
    ```
    """
    open_image(path, "a file")
