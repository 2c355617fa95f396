import pytest

from keras_maelre.datasets import check_image

Image = pytest.importorskip("PIL.Image", reason="needs the extra [image]")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif"])
def test_whole_images_pass_and_broken_ones_do_not(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    Image.effect_noise((64, 64), 50).save(path)
    assert check_image(path) is None and check_image(str(path)) is None
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=f"photo{suffix}.*cannot be read"):
        check_image(path)
    path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=f"photo{suffix}.*not an image file"):
        check_image(path)


def test_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.jpg"):
        check_image(tmp_path / "absent.jpg")
