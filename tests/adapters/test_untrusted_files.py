"""A malicious file of every ending and loader: nothing of it runs unless its adapter is named.

Each payload makes a file when it runs; controls show that it does where running is allowed.
"""

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from ase.io.formats import ioformats

from physcheck.adapters.loading import find_spec_problem, load_model
from physcheck.errors import ModelError, PhyscheckError, SpecError
from physcheck.run.known_failures import load_known_failures
from physcheck.structures import load_structures

torch = pytest.importorskip("torch")


class Payload:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path):
    """The file that exists once something ran."""
    return tmp_path / "something ran"


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def torch_saved(thing):
    stream = io.BytesIO()
    torch.save(thing, stream)
    return stream.getvalue()


def payloads(mark):
    """Bytes by kind of file: what pickle, torch.save, TorchScript and metatomic write."""
    plain = pickle.dumps(Payload(mark), protocol=2)
    script = {"m/data.pkl": plain, "m/constants.pkl": plain, "m/version": "3\n", "m/data/0": b""}
    return {
        "pickle": plain,
        "torch.save": torch_saved(Payload(mark)),
        "torch.save, old": _old_torch_save(mark),
        "TorchScript": zipped(script),
        "metatomic": zipped({**script, "m/extra/metatomic-version": "1"}),
        "zip of a pickle": zipped({"archive/data.pkl": plain, "archive/version": "3\n"}),
        "yaml": f"!!python/object/apply:os.mknod ['{mark}']\n".encode(),
        "json": f'{{"__reduce__": "os.mknod(\'{mark}\')"}}'.encode(),
        "python": f"open({str(mark)!r}, 'w')\n".encode(),
    }


def _old_torch_save(mark):
    stream = io.BytesIO()
    torch.save(Payload(mark), stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


KINDS = tuple(payloads(Path()))
ENDINGS = (".pt", ".pth", ".model", ".pt2", ".pkl", ".json", ".yaml", ".zip", ".npz", ".ckpt", "")


def test_the_payloads_work(mark, tmp_path):
    for kind in ("pickle", "torch.save"):
        path = tmp_path / "m.pt"
        path.write_bytes(payloads(mark)[kind])
        with pytest.raises((ModelError, SpecError)):
            load_model(f"torch::{path}")
        assert mark.exists()
        mark.unlink()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bare_path_runs_nothing(kind, ending, mark, tmp_path):
    path = tmp_path / f"m{ending}"
    path.write_bytes(payloads(mark)[kind])
    for spec in (str(path), f"{path}:factory", f"{path},dtype=float64"):
        with pytest.raises(PhyscheckError):
            load_model(spec)
        with suppress(SpecError):
            find_spec_problem(spec)
        assert not mark.exists()


@pytest.fixture
def exported(tmp_path):
    """An exported program with a batch of any size."""

    class Spring(torch.nn.Module):
        def forward(self, positions, numbers, cells, pbc):
            return {"forces": -positions * positions.shape[0]}

    arguments = (
        torch.zeros(3, 5, 3), torch.ones(5, dtype=torch.int64), torch.zeros(3, 3, 3),
        torch.zeros(3, dtype=torch.bool),
    )  # fmt: skip
    batch = torch.export.Dim("batch")
    shapes = ({0: batch}, None, {0: batch}, None)
    path = tmp_path / "good.pt2"
    torch.export.save(torch.export.export(Spring(), arguments, dynamic_shapes=shapes), path)
    return path


def changed(path, name, change):
    """A copy of an archive with the members that end in ``name`` changed."""
    copy = path.with_name("evil.pt2")
    found = 0
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if name in member:
                found += 1
                data = change(data)
            new.writestr(member, data)
    assert found
    return copy


def _in_its_inputs(path, mark):
    return changed(path, "sample_inputs", lambda data: torch_saved(Payload(mark)))


def _in_an_expression(path, mark):
    code = f"__import__('os').mknod('{mark}') or ".encode()
    key = b'"expr_str": "'
    return changed(path, "model.json", lambda data: data.replace(key, key + code))


@pytest.mark.parametrize("poisoned", [_in_its_inputs, _in_an_expression])
@pytest.mark.filterwarnings("ignore")
def test_exported_programs_need_consent(poisoned, exported, mark, capfd):
    path = poisoned(exported, mark)
    for call in (load_model, find_spec_problem):
        with pytest.raises(SpecError, match=r"can run any code.*naming the adapter: torch::"):
            call(str(path))
    assert not mark.exists()
    # With consent it runs: the file is as malicious as it should be.
    with suppress(PhyscheckError):
        load_model(f"torch::{path}")
    assert mark.exists()
    assert load_model(f"torch::{exported}").capabilities.adapter == "torch"


READABLE = sorted(name for name, one in ioformats.items() if one.can_read)


@pytest.mark.parametrize("kind", KINDS)
def test_structure_files_run_nothing(kind, mark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Two of ASE's readers never end.
    monkeypatch.setattr("physcheck.files.structure_reading._READ_SECONDS", 0.5)
    data = payloads(mark)[kind]
    endings = {one.extensions[0] for one in ioformats.values() if one.extensions}
    for ending in sorted(endings | {ending.lstrip(".") for ending in ENDINGS if ending}):
        path = tmp_path / f"s.{ending}"
        path.write_bytes(data)
        with pytest.raises(SpecError):
            load_structures(str(path))
        path.unlink()
        assert not mark.exists(), ending
    path = tmp_path / "s.x"
    path.write_bytes(data)
    for name in READABLE:
        with pytest.raises(SpecError):
            load_structures(f"{path}:{name}")
        assert not mark.exists(), name


def _tar(data):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("archive/data.pkl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def _npz(mark):
    stream = io.BytesIO()
    np.savez(stream, positions=np.array([Payload(mark)], dtype=object))
    return stream.getvalue()


def _extxyz(mark):
    code = f"__import__('os').mknod('{mark}')"
    head = f'Properties=species:S:1:pos:R:3 info="{code}" _JSON={{"__reduce__":"{code}"}}'
    return f"1\n{head}\nH 0 0 0\n".encode()


def archived(mark):
    """Bytes by ending: archives and structure files with code in them."""
    plain = pickle.dumps(Payload(mark), protocol=2)
    return {
        ".npz": _npz(mark),
        ".npy": _npz(mark),
        ".pkl.gz": gzip.compress(plain),
        ".tar": _tar(plain),
        ".pth.tar": _tar(plain),
        ".tar.gz": gzip.compress(_tar(plain)),
        ".traj": b"- of Ulm\0ASE-Trajectory" + plain,
        ".db": b"SQLite format 3\0" + plain,
        ".xyz": _extxyz(mark),
        ".extxyz": _extxyz(mark),
        ".yml": f"!!python/object/apply:os.mknod ['{mark}']\n".encode(),
        ".toml": f'x = \'__import__("os").mknod("{mark}")\'\n'.encode(),
        ".h5": b"\x89HDF\r\n\x1a\n" + plain,
        ".joblib": plain,
        ".dill": plain,
    }


@pytest.mark.parametrize("ending", archived(Path()))
def test_archives_and_structure_files_run_nothing(ending, mark, tmp_path):
    path = tmp_path / f"m{ending}"
    path.write_bytes(archived(mark)[ending])
    for spec in (str(path), f"{path}:factory"):
        with pytest.raises(PhyscheckError):
            load_model(spec)
        with suppress(SpecError):
            find_spec_problem(spec)
    # A text with code in its comment is a structure; whatever is read, nothing runs.
    with suppress(SpecError):
        load_structures(str(path))
    assert not mark.exists()


def test_known_failures_run_nothing(mark, tmp_path):
    for data in payloads(mark).values():
        (tmp_path / "known.toml").write_bytes(data)
        with pytest.raises(SpecError):
            load_known_failures(tmp_path / "known.toml", checks=())
    assert not mark.exists()
    assert os.listdir(tmp_path) == ["known.toml"]
