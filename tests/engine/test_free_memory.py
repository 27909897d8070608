"""What is free: of the machine, of groups in groups, of either kind; and nothing where nobody says."""

import pytest

from sfumato.engine.free_memory import free_memory

MEMINFO = "MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  50000 kB\n"


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def group(root, path, names, limit, used, cached):
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(limit)
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{names[2]} {cached}\n")


V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def test_it_is_what_the_kernel_says_is_available(tmp_path):
    write(tmp_path, proc__meminfo=MEMINFO)
    assert free_memory(root=tmp_path) == 50000 * 1024


def test_nobody_is_believed_where_nobody_says(tmp_path):
    assert free_memory(root=tmp_path) is None
    assert free_memory("meta", root=tmp_path) is None


@pytest.mark.parametrize(
    ("kind", "names", "line"),
    [
        ("sys/fs/cgroup", V2, "0::/a/b\n"),
        ("sys/fs/cgroup/memory", V1, "5:cpu,memory:/a/b\n1:name=systemd:/\n"),
    ],
)
def test_the_tightest_group_above_a_process_is_its_limit_and_cached_files_are_free(
    tmp_path, kind, names, line
):
    write(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup=line)
    group(tmp_path, f"{kind}/a/b", names, "40000000\n", 30000000, 5000000)
    assert free_memory(root=tmp_path) == 15000000
    group(tmp_path, f"{kind}/a", names, "9000000\n", 1000000, 0)
    assert free_memory(root=tmp_path) == 8000000
    group(tmp_path, f"{kind}/a", names, "max\n" if names is V2 else f"{2**63 - 4096}\n", 1000000, 0)
    assert free_memory(root=tmp_path) == 15000000


def test_in_a_container_the_limit_lies_at_the_root_of_what_it_sees(tmp_path):
    write(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/../../other\n")
    group(tmp_path, "sys/fs/cgroup", V2, "20000000\n", 19000000, 0)
    assert free_memory(root=tmp_path) == 1000000


def test_more_used_than_allowed_is_nothing_free(tmp_path):
    write(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/\n")
    group(tmp_path, "sys/fs/cgroup", V2, "100\n", 300, 50)
    assert free_memory(root=tmp_path) == 0
