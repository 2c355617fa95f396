"""Finding damaged image files."""

from keras_maelre.preprocessing.image_preprocessor import open_image


def check_image(path):
    """Raises an error if a file does not hold a complete image.

    The whole image is decoded: its header alone would not show that a file is cut off.
    Pass this function as the argument `check` of `read_folder`.

    Needs `pip install "keras_maelre[image]"`.

    Args:
        path: Path of the file.

    Raises:
        ImportError: If Pillow is not installed.
        OSError: If the file cannot be opened.
        ValueError: If it is damaged or is not an image.

    Example:

    ```python
    from PIL import Image

    from keras_maelre.datasets import check_image

    Image.new("RGB", (32, 32)).save("photo.png")
    check_image("photo.png")
    ```
    """
    open_image(path, "a file")
