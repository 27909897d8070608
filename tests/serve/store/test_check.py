"""What does not agree in a gallery is found, put right when asked, and never destroyed."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from PIL import Image

from sfumato.errors import InputError
from sfumato.painter import Picture
from sfumato.provenance.recipe import Means, Setup, pixel_digest
from sfumato.request import Request
from sfumato.serve.store import Folder, Most, Query, check_gallery, delete_picture, finish_deletions
from sfumato.serve.store.tables import JOBS, PICTURES


class Gallery:
    """A store and its folder, with pictures as a worker leaves them."""

    def __init__(self, store, folder, accept, kept):
        self.store, self.folder, self.accept, self.kept = store, folder, accept, kept

    def written(self, job, index=0, prompt="a red cat"):
        image = Image.new("RGB", (16, 16), (index * 20, len(prompt), 30))
        request = Request(prompt=prompt, seed=7 + index)
        means, setup = (
            Means(weights="world", weights_sha256="0" * 64),
            Setup(fast=False, device="cpu", threads=1),
        )
        picture = Picture(image=image, request=request, notes=(), means=means, setup=setup)
        written = self.folder.write(picture, job=job.id, index=index, created=job.created)
        return self.kept(
            job, prompt, file=written.file, size=written.size, pixels=pixel_digest(image), width=16,
            height=16, request=json.loads(request.to_json()), seed=7 + index,
        )  # fmt: skip

    def drawn(self, count=1, prompt="a red cat"):
        job = self.accept(self.store, prompt)
        self.store.start(job.id)
        pictures = [self.written(job, index, prompt) for index in range(count)]
        assert self.store.finish(job.id, pictures)
        return pictures if count > 1 else pictures[0]

    def path(self, picture):
        return self.folder.path / picture.file

    def told(self):
        return [f"{finding.what}: {finding.told}" for finding in check_gallery(self.store, self.folder)]

    def mend(self):
        """What was done; afterwards nothing may be left."""
        done = [finding.mended for finding in check_gallery(self.store, self.folder, mend=True)]
        assert self.told() == []
        assert None not in done
        return done

    def upload(self, colour="blue", age=0.0):
        image = Image.new("RGB", (4, 4), colour)
        path = self.folder.path / "upload.png"
        image.save(path)
        kept = self.folder.keep_upload(pixel_digest(image), path.read_bytes())
        path.unlink()
        os.utime(kept, (time.time() - age,) * 2)
        return kept


@pytest.fixture
def gallery(store, folder, accept, kept):
    return Gallery(store, folder, accept, kept)


def only(found):
    assert len(found) == 1, found
    return found[0]


def test_a_gallery_as_a_server_leaves_it_is_well(gallery):
    one, two = gallery.drawn(2)
    gallery.folder.thumbnail(one)
    gallery.accept(gallery.store)
    running = gallery.accept(gallery.store)
    gallery.store.start(running.id)
    gallery.written(running)  # a kill came before the row
    gallery.upload()
    delete_picture(gallery.store, gallery.folder, two.id)
    assert gallery.told() == []
    assert gallery.mend() == []


def test_a_row_without_a_file_is_found_and_removed(gallery):
    picture, other = gallery.drawn(2)
    gallery.path(picture).unlink()
    assert "is not there" in only(gallery.told())
    assert only(gallery.mend()) == "the row was removed"
    assert gallery.store.picture(picture.id) is None
    assert gallery.store.picture(other.id) == other


def test_a_file_without_a_row_is_adopted_by_its_receipt(gallery):
    picture = gallery.drawn(prompt="a xylophone")
    with gallery.store.database.writing() as connection:
        connection.execute(PICTURES.delete())
    assert "is in no row" in only(gallery.told())
    assert "adopted" in only(gallery.mend())
    again = gallery.store.by_pixels(picture.pixels)
    assert (again.job, again.file, again.prompt, again.seed) == (picture.job, picture.file, "a xylophone", 7)
    assert gallery.store.job(picture.job).pictures == (again.id,)


def test_a_whole_folder_is_adopted_by_an_empty_database(gallery, opened, tmp_path):
    pictures = gallery.drawn(3)
    (gallery.folder.path / "pictures/2020").mkdir()
    shutil.copy(gallery.path(pictures[0]), gallery.folder.path / "pictures/2020/my cat.png")
    gallery.store = opened(f"sqlite:///{tmp_path}/other.sqlite")
    assert len(gallery.mend()) == 4
    found = gallery.store.jobs(states=["done"])
    assert sorted(len(job.pictures) for job in found) == [1, 3]
    three = max(found, key=lambda job: len(job.pictures))
    assert [gallery.store.picture(each).seed for each in three.pictures] == [7, 8, 9]
    assert not (gallery.folder.path / "pictures/2020/my cat.png").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-60]),
        lambda path: path.write_bytes(b"not a picture"),
        lambda path: path.write_bytes(b""),
        lambda path: Image.new("RGB", (16, 16), "lime").save(path),
    ],
    ids=["truncated", "text", "empty", "other pixels"],
)
def test_a_file_that_is_not_the_picture_of_its_row_is_set_aside_and_not_destroyed(gallery, spoil):
    picture = gallery.drawn()
    spoil(gallery.path(picture))
    content = gallery.path(picture).read_bytes()
    assert picture.id in only(gallery.told())
    assert "lost/" in only(gallery.mend())
    assert gallery.store.picture(picture.id) is None
    assert next(gallery.folder.walk("lost")).read_bytes() == content


def test_a_file_that_was_packed_tighter_stays_and_its_row_is_corrected(gallery):
    picture = gallery.drawn()
    Image.open(gallery.path(picture)).save(gallery.path(picture), compress_level=0)
    assert "bytes" in only(gallery.told())
    assert only(gallery.mend()) == "the row was corrected"
    assert gallery.store.picture(picture.id).size == gallery.path(picture).stat().st_size


def test_a_file_without_a_row_or_a_receipt_is_moved_to_lost(gallery):
    gallery.drawn()
    day = next((gallery.folder.path / "pictures").glob("*/*/*"))
    Image.new("RGB", (4, 4)).save(day / "holiday.png")
    (day / "notes.txt").write_text("mine")
    assert len(gallery.told()) == 2
    gallery.mend()
    assert sorted(path.name for path in gallery.folder.walk("lost")) == ["holiday.png", "notes.txt"]


def test_two_lost_files_of_one_name_are_both_kept(gallery):
    for text in ("one", "two"):
        (gallery.folder.path / "pictures").mkdir(exist_ok=True)
        (gallery.folder.path / "pictures/same.txt").write_text(text)
        gallery.mend()
    assert sorted(path.read_text() for path in gallery.folder.walk("lost")) == ["one", "two"]


def test_what_a_cancelled_job_left_is_not_shown_as_its_picture(gallery):
    job = gallery.accept(gallery.store)
    gallery.written(job)
    gallery.store.cancel(job.id)
    assert "is of a job that is cancelled" in only(gallery.told())
    assert "lost/" in only(gallery.mend())


def test_half_written_files_are_removed(gallery):
    picture = gallery.drawn()
    gallery.path(picture).with_name(f".{gallery.path(picture).name}.123.partial").write_bytes(b"x")
    assert "not written to its end" in only(gallery.told())
    assert only(gallery.mend()) == "removed"


def test_thumbnails_of_nothing_and_damaged_ones_are_removed_and_made_again(gallery):
    picture = gallery.drawn()
    small = gallery.folder.thumbnail(picture)
    gallery.folder.thumbnail_path(picture.id).write_bytes(small[:40])
    orphan = gallery.folder.thumbnail_path("0" * 25)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(small)
    assert len(gallery.told()) == 2
    assert gallery.mend() == ["removed", "removed"]
    assert gallery.folder.thumbnail(picture) == small


def test_uploads_that_nothing_names_are_removed_after_a_day(gallery):
    fresh, used, unused = (
        gallery.upload("red"),
        gallery.upload("lime", age=1e6),
        gallery.upload("blue", age=1e6),
    )
    gallery.store.accept(
        "0" * 25,
        "local",
        {"prompt": "x", "picture": used.stem},
        most=Most(),
    )
    assert unused.name in only(gallery.told())
    gallery.mend()
    assert (fresh.exists(), used.exists(), unused.exists()) == (True, True, False)


def test_an_upload_that_is_not_what_its_name_says_is_set_aside(gallery):
    path = gallery.upload()
    Image.new("RGB", (4, 4), "pink").save(path)
    assert "not the picture of its name" in only(gallery.told())
    assert "lost/" in only(gallery.mend())


@pytest.mark.parametrize(
    ("values", "told", "state"),
    [
        ({"state": "done"}, "never ended", "done"),
        ({"ended": 5.0}, "has ended", "queued"),
        ({"wish": "{"}, "cannot be read", "failed"),
        ({"wish": "{}"}, "nothing is wished", "failed"),
        ({"attempts": -1}, "begun -1 times", "queued"),
    ],
)
def test_jobs_in_impossible_states_are_brought_into_possible_ones(gallery, values, told, state):
    job = gallery.accept(gallery.store)
    with gallery.store.database.writing() as connection:
        connection.execute(JOBS.update().values(**values))
    assert told in only(gallery.told())
    gallery.mend()
    after = gallery.store.job(job.id)
    assert after.state == state
    assert (after.ended is None) == (state == "queued")


def test_pictures_of_a_job_that_did_not_end_end_it(gallery):
    picture = gallery.drawn()
    with gallery.store.database.writing() as connection:
        connection.execute(JOBS.update().values(state="running", ended=None))
    assert "running, and has 1 pictures" in only(gallery.told())
    gallery.mend()
    assert gallery.store.job(picture.job).state == "done"


def test_links_are_not_followed_and_set_aside(gallery, tmp_path):
    picture = gallery.drawn()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.png").write_bytes(gallery.path(picture).read_bytes())
    (gallery.folder.path / "pictures/more").symlink_to(outside)
    gallery.path(picture).with_name("x.png").symlink_to(outside / "private.png")
    assert len(gallery.told()) == 2
    gallery.mend()
    assert (outside / "private.png").is_file()
    assert len(gallery.store.search(Query())) == 1


def test_a_row_that_leads_out_of_the_gallery_is_neither_read_nor_deleted(gallery, tmp_path):
    picture = gallery.drawn()
    (tmp_path / "private.png").write_bytes(gallery.path(picture).read_bytes())
    gallery.path(picture).unlink()
    with gallery.store.database.writing() as connection:
        connection.execute(PICTURES.update().values(file="../private.png"))
    bad = gallery.store.picture(picture.id)
    for touch in (gallery.folder.read, gallery.folder.thumbnail, gallery.folder.remove):
        with pytest.raises(InputError, match="leads out of the gallery"):
            touch(bad)
    assert "outside the gallery" in only(gallery.told())
    gallery.mend()
    assert (tmp_path / "private.png").is_file()


def test_a_damaged_database_is_found(tmp_path, opened, folder, drawn):
    store = opened(folder.database)
    for number in range(50):
        drawn(store, f"number {number} " * 100)
    store.close()
    path = folder.path / "gallery.sqlite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5000] = b"\xff" * 5000
    path.write_bytes(content)
    found = check_gallery(opened(folder.database), folder)
    assert "is damaged" in found[0].told


# deleting and locking -----------------------------------------------------------------------------


def test_deleted_means_gone_from_answers_folder_and_database(gallery, tmp_path):
    picture = gallery.drawn(prompt="a secret xylophone")
    gallery.folder.thumbnail(picture)
    assert delete_picture(gallery.store, gallery.folder, picture.id) == picture
    assert gallery.store.picture(picture.id) is None
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if path.suffix in (".png", ".webp")]
    assert not [path for path in left if b"xylophone" in path.read_bytes()]
    assert delete_picture(gallery.store, gallery.folder, picture.id) is None


@pytest.mark.parametrize("files_gone", [False, True])
def test_a_deletion_that_a_kill_broke_off_is_finished(gallery, files_gone):
    picture = gallery.drawn()
    gallery.store.condemn(picture.id)
    if files_gone:
        gallery.folder.remove(picture)
    assert "broken off" in only(gallery.told())
    assert finish_deletions(gallery.store, gallery.folder) == 1
    assert not gallery.path(picture).exists()
    assert gallery.told() == []


def test_a_gallery_that_is_served_is_checked_but_not_mended(gallery):
    picture = gallery.drawn()
    old = gallery.path(picture).with_name(".x.1.partial")
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    old.with_name(".y.1.partial").write_bytes(b"x")
    command = "import sys; from sfumato.serve.store import Folder; f = Folder(sys.argv[1]); f.lock();"
    command += "print('here', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", command, str(gallery.folder.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout.readline() == "here\n"
        with pytest.raises(InputError, match=rf"in use by another sfumato, process {server.pid}: stop it"):
            check_gallery(gallery.store, gallery.folder, mend=True)
        with pytest.raises(InputError, match=str(server.pid)):
            Folder(gallery.folder.path).lock()
        assert ".x.1.partial" in only(gallery.told())
        server.kill()
        server.wait()
    assert len(gallery.mend()) == 2


def test_a_lock_can_be_taken_again_when_it_was_given_back(folder):
    folder.lock()
    folder.lock()
    with pytest.raises(InputError, match=str(os.getpid())):
        Folder(folder.path).lock()
    folder.unlock()
    Folder(folder.path).lock()


def test_names_of_files_are_made_of_ids_alone(folder):
    for job in ("../x", "", "a" * 25 + "/..", "A" * 25):
        with pytest.raises(ValueError, match="fresh_id"):
            folder.picture_path(job, 0, 0.0)
    with pytest.raises(ValueError, match="hexadecimal"):
        folder.upload_path("../" + "0" * 61)
    assert folder.picture_path("0" * 25, 3, 0.0).relative_to(folder.path).as_posix() == (
        f"pictures/1970/01/01/{'0' * 25}-3.png"
    )


# the verb -----------------------------------------------------------------------------------------


@pytest.fixture
def sfumato(capsys):
    from sfumato.cli.main import main

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return exit_.value.code, said.out + said.err

    return run


def test_the_verb_says_what_is_amiss_by_its_exit_code(sfumato, folder, opened, accept, kept):
    gallery = Gallery(opened(folder.database), folder, accept, kept)
    picture = gallery.drawn()
    assert sfumato("gallery", "check", folder.path) == (0, "all is well: the database and the folder agree\n")
    gallery.path(picture).unlink()
    code, said = sfumato("gallery", "check", folder.path)
    assert (code, "is not there" in said, "--mend" in said) == (1, True, True)
    code, said = sfumato("gallery", "check", folder.path, "--mend")
    assert (code, "1 found, 1 mended" in said) == (0, True)
    assert sfumato("gallery", "check", folder.path)[0] == 0


def test_the_verb_makes_no_gallery_of_what_is_none(sfumato, tmp_path):
    code, said = sfumato("gallery", "check", tmp_path / "none")
    assert (code, "no such folder" in said) == (2, True)
    assert sfumato("gallery", "check", tmp_path)[0] == 0
    assert [*tmp_path.glob("*.sqlite")] == []


def test_the_verb_checks_a_gallery_whose_jobs_are_in_postgresql(
    sfumato, folder, postgres, opened, accept, kept
):
    url = postgres()
    gallery = Gallery(opened(url), folder, accept, kept)
    gallery.drawn()
    assert sfumato("gallery", "check", folder.path, "--database", url)[0] == 0
    assert sfumato("gallery", "check", folder.path)[0] == 1
