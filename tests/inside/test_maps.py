"""The output of each block is what stands there when the model runs."""

import numpy as np
import pytest

from xnp.inside import feature_maps
from xnp.layers import ReLU, Sequential


@pytest.mark.usefixtures("unchanged")
def test_each_map_is_the_output_of_the_layers_up_to_there(model, images):
    maps = feature_maps(model, images)
    parts = model.children
    y = parts["stem"].forward(images)
    np.testing.assert_array_equal(maps["stem"], y)
    y = parts["entry"].forward(y)
    np.testing.assert_array_equal(maps["entry/1"], y)
    y = parts["middle"].forward(y)
    np.testing.assert_array_equal(maps["middle/2"], y)
    y = parts["exit"].forward(y)
    np.testing.assert_array_equal(maps["exit/2"], y)
    np.testing.assert_array_equal(maps["pool"], y.mean(axis=(1, 2)))
    np.testing.assert_array_equal(maps["classifier"], model.forward(images))
    assert list(maps) == ["stem", "entry/1", "middle/1", "middle/2", "exit/1", "exit/2", "pool", "classifier"]


def test_it_runs_as_in_use_and_not_as_in_training(model, images):
    alone = feature_maps(model, images[:1])["exit/2"]
    np.testing.assert_allclose(alone, feature_maps(model, images)["exit/2"][:1], rtol=1e-12)


def test_a_model_that_is_not_built_is_refused():
    with pytest.raises(RuntimeError, match="knows no shapes yet"):
        feature_maps(Sequential(relu=ReLU()), np.zeros((1, 4, 4, 3)))
