"""Pictures are found by words, model, date and mark, page by page; and what is deleted is gone."""

import sqlite3
import time
from dataclasses import replace

import pytest

from sfumato.errors import InputError
from sfumato.serve.store import Query, fresh_id, open_store
from sfumato.serve.store.tables import SCHEMA, VERSION


def found(store, **query):
    return [picture.id for picture in store.search(Query(**query))]


def test_a_picture_comes_back_as_it_was_kept(store, drawn):
    picture = drawn(
        store, "a CAT \U0001f431", negative="dog", seed=2**63 - 1, notes=("a", "b"), favourite=True
    )
    assert store.picture(picture.id) == picture
    assert store.by_pixels(picture.pixels) == picture
    assert store.search(Query()) == [picture]
    assert store.picture(fresh_id()) is None
    assert store.by_pixels("f" * 64) is None


def test_all_words_must_occur_in_any_order_and_case(store, drawn):
    cat = drawn(store, "A Red CAT on a roof")
    dog = drawn(store, "a red dog", negative="cat", request={"prompt": "a red dog", "sentence": "Hündchen"})
    assert found(store, words="ROOF red") == [cat.id]
    assert found(store, words="red cat") == [dog.id, cat.id]
    assert found(store, words="hÜNDCHEN") == [dog.id]
    assert found(store, words="red bird") == []
    assert found(store, words="  ") == [dog.id, cat.id]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Straße", "STRASSE"),
        ("CAFÉ", "cafe\u0301"),
        ("ΟΔΟΣ", "οδος"),
        ("100% wool", "100%"),
        ("snake_case", "e_c"),
        ("back\\slash", "k\\s"),
        ("it's", "it's"),
        ("a/b", "a/b"),
    ],
)
def test_letters_and_signs_are_looked_for_as_they_are(store, drawn, prompt, words):
    picture = drawn(store, prompt)
    drawn(store, "another 100 wool, snakescase, backXslash, nothing of it")
    assert found(store, words=words) == [picture.id]


def test_signs_of_a_pattern_find_only_themselves(store, drawn):
    drawn(store, "a cat")
    for words in ("%", "_", "a%t", "c_t", "\\", "/", "'; DROP TABLE pictures; --", "nul\0"):
        assert found(store, words=words) == [], words


def test_pixels_that_two_clients_drew_are_found_for_each(store, drawn):
    own, other = drawn(store, client="a"), drawn(store, client="b")
    assert own.pixels == other.pixels
    assert store.by_pixels(own.pixels) == other
    assert store.by_pixels(own.pixels, "a") == own
    assert store.by_pixels(own.pixels, "c") is None


def test_model_date_mark_and_client_narrow_the_search(store, drawn):
    old = drawn(store, created=1000.0, model="sdxl", client="a")
    new = drawn(store, created=2000.0, favourite=True, client="b")
    assert found(store, model="sdxl") == [old.id]
    assert found(store, since=1500) == [new.id]
    assert found(store, since=1000, until=2000) == [old.id]
    assert found(store, favourite=True) == [new.id]
    assert found(store, favourite=False) == [old.id]
    assert found(store, client="a") == [old.id]
    assert found(store, client="a", favourite=True) == []
    assert store.models() == {"sdxl": 1, "world": 1}
    assert store.models("b") == {"world": 1}
    assert store.favourite(old.id, True)
    assert found(store, favourite=True) == [new.id, old.id]
    assert not store.favourite(fresh_id(), True)


def test_pages_neither_repeat_nor_skip_while_pictures_come_and_go(store, drawn):
    pictures = [drawn(store).id for _ in range(9)][::-1]
    first = found(store, limit=4)
    drawn(store)
    store.delete(first[-1])
    second = found(store, before=first[-1], limit=4)
    drawn(store)
    assert first + second + found(store, before=second[-1], limit=4) == pictures


# deleted ------------------------------------------------------------------------------------------


def test_a_condemned_picture_is_in_no_answer(store, drawn):
    picture = drawn(store)
    assert store.condemn(picture.id) == picture
    assert store.condemn(picture.id) is None
    assert store.picture(picture.id) is None
    assert store.by_pixels(picture.pixels) is None
    assert store.search(Query()) == []
    assert store.job(picture.job).pictures == ()
    assert store.models() == {}
    assert not store.favourite(picture.id, True)
    assert store.condemned() == [picture]


def test_a_jobs_words_go_with_its_last_picture_and_not_before(store, accept, kept):
    job = accept(store, "a secret", key="k")
    store.start(job.id)
    pictures = [kept(job, "a secret"), kept(job, "a secret")]
    store.finish(job.id, pictures, ["a note of the secret"])
    assert store.delete(pictures[0].id) == pictures[0]
    assert store.job(job.id).wish == job.wish
    assert store.job(job.id).pictures == (pictures[1].id,)
    store.delete(pictures[1].id)
    blank = store.job(job.id)
    assert (blank.wish, blank.notes, blank.key, blank.pictures, blank.state) == ({}, (), None, (), "done")
    assert store.delete(pictures[1].id) is None


def test_deleted_words_are_in_no_file_of_the_database(tmp_path, opened, drawn, accept):
    store = opened(f"sqlite:///{tmp_path}/gallery.sqlite")
    others = [drawn(store, f"plain {number} " * 50) for number in range(20)]
    secret = drawn(store, "xylophone in the SNOW " * 200, negative="zeppelin")
    forgotten = accept(store, "trombone")
    store.cancel(forgotten.id)

    def on_disk(*words):
        files = [path.read_bytes().lower() for path in tmp_path.iterdir()]
        return {word for word in words for content in files if word.encode() in content}

    words = ("xylophone", "zeppelin", "trombone")
    assert on_disk(*words) == {*words}
    store.delete(secret.id)
    assert store.forget(forgotten.id)
    assert on_disk(*words) == set()
    assert on_disk("plain 3") == {"plain 3"}
    assert len(store.search(Query())) == len(others)


# versions -----------------------------------------------------------------------------------------


def test_a_database_of_a_newer_sfumato_is_refused_with_the_way_out(url, opened):
    store = opened(url)
    with store.database.writing() as connection:
        connection.execute(SCHEMA.update().values(version=VERSION + 1))
    store.close()
    with pytest.raises(InputError, match=rf"version {VERSION + 1}.*newer sfumato.*update"):
        open_store(url)


def test_an_older_database_is_brought_up_to_date_in_the_order_of_the_versions(url, opened, monkeypatch):
    opened(url).close()
    ran = []
    monkeypatch.setattr("sfumato.serve.store.tables.VERSION", VERSION + 2)
    steps = {VERSION + 2: lambda c: ran.append("second"), VERSION + 1: lambda c: ran.append("first")}
    monkeypatch.setattr("sfumato.serve.store.tables.MIGRATIONS", steps)
    opened(url).close()
    opened(url).close()
    assert ran == ["first", "second"]


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://x/y", "sqlite:////nowhere/at/all.sqlite", "oracle://x"]
)
def test_what_is_no_database_of_ours_is_refused_with_the_way_out(url):
    with pytest.raises(InputError, match="sqlite:////path"):
        open_store(url)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.sqlite").write_text(
        "this is a letter to my aunt, and it is long enough to be a page" * 100
    )
    with pytest.raises(InputError, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/x.sqlite")


def test_passwords_are_not_told(opened):
    with pytest.raises(InputError) as refused:
        open_store("postgresql://user:secret@127.0.0.1:1/none?connect_timeout=1")
    assert "secret" not in str(refused.value)


def test_commits_of_sqlite_reach_the_disk_before_they_are_told(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path}/gallery.sqlite")
    with store.database.reading() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert values == ["wal", 2, 1, 1]
    assert sqlite3.sqlite_version_info >= (3, 35)


def test_ten_thousand_pictures_are_searched_in_a_moment(tmp_path, opened, accept, kept):
    store = opened(f"sqlite:///{tmp_path}/gallery.sqlite")
    job = accept(store)
    store.start(job.id)
    one = kept(job, "a red cat on a wall with the number 0")
    many = []
    for number in range(10_000):
        name, prompt = fresh_id(), f"a red cat on a wall with the number {number}"
        many.append(replace(one, id=name, file=f"{name}.png", prompt=prompt))
    store.finish(job.id, many)
    began = time.perf_counter()
    assert len(found(store, words="number 9999 cat")) == 1
    assert time.perf_counter() - began < 0.5
