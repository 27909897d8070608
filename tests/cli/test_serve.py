"""What ``sfumato serve`` makes of its options before it serves."""

import pytest

from sfumato.cli import serve


@pytest.mark.parametrize(("free", "budget"), [(6 << 30, 3 << 30), (None, serve.FREE_UNKNOWN)])
def test_models_may_take_half_of_what_can_be_had_files_in_the_systems_cache_with_it(
    monkeypatch, free, budget
):
    monkeypatch.setattr("sfumato.engine.free_memory.free_memory", lambda: free)
    assert serve._budget(None) == budget
    assert serve._budget(1.5) == 3 << 29
