"""Circular dilated convolutions: every token sees all others, wherever it is."""

import pytest

torch = pytest.importorskip("torch")

from benchmarks.cdil_cnn import CdilCnn  # noqa: E402


@pytest.mark.parametrize(
    ("length", "layers"), [(2, 1), (3, 1), (31, 4), (1024, 9), (4000, 11)]
)
def test_layers_of_the_paper(length, layers):
    assert len(CdilCnn(length, 2).layers) == layers


@pytest.mark.parametrize("length", [3, 31, 63])
def test_a_token_sees_the_whole_circle_and_no_layer_is_one_too_many(length):
    module = CdilCnn(length, 4).double()
    # What ReLU blocks is no dependence; with positive weights it blocks nothing.
    for layer in module.layers:
        layer.conv.parametrizations.weight.original1.data.abs_()
        layer.conv.bias.data.fill_(9.0)
    x = torch.randn(1, length, 4, dtype=torch.float64, requires_grad=True)
    module(x)[0, 0].sum().backward()
    assert (x.grad[0] != 0).any(-1).all()
    module.layers = module.layers[:-1]
    if len(module.layers):
        x.grad = None
        module(x)[0, 0].sum().backward()
        assert (x.grad[0] != 0).any(-1).sum() == length // 2


def test_a_turned_circle_gives_a_turned_answer():
    module = CdilCnn(40, 6).double()
    x = torch.randn(2, 40, 6, dtype=torch.float64)
    expected = module(x).roll(7, dims=1)
    torch.testing.assert_close(module(x.roll(7, dims=1)), expected)


@pytest.mark.parametrize("length", [1, 5, 100])
def test_any_length_up_to_the_longest(length):
    x = torch.randn(2, length, 3)
    outputs = CdilCnn(100, 3)(x)
    assert outputs.shape == x.shape and outputs.isfinite().all()
