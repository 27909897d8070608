"""Networks of the real size load and draw, and take little more memory than their weights fill.

``benchmarks/load.py`` measures it, in a process of its own; with ``--slow`` only.
"""

import importlib.util
import tempfile
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "load.py"
BILLIONS = {"sd1": 1.066, "sdxl": 3.469}  # of numbers: U-Net, autoencoder, text encoders


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("load", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("family", BILLIONS)
def test_the_real_structure_draws_within_its_weights_and_a_fifth(benchmark, family):
    with tempfile.TemporaryDirectory() as folder:  # not kept, as pytest's would be: some GB
        file = benchmark.written(family, Path(folder))
        if lack := benchmark.lacking("sfumato", file, "float32"):
            pytest.skip(lack)
        row = benchmark.in_own_process("sfumato", file, "float32", None)
    assert row["held"] == pytest.approx(4e9 * BILLIONS[family] / 2**30, rel=1e-3)
    assert row["drawn"] < benchmark.LIMIT * row["held"]
    assert row["colours"] > 100, "a picture of next to no colours"
