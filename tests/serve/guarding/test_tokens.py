"""Tokens: who may ask when strangers can, and how much."""

import base64
import json
import time

import pytest
from asgi import ask, reached

from sfumato.errors import InputError
from sfumato.serve.guarding.asked import neighbourhood
from sfumato.serve.guarding.attempts import MOST, WINDOW, Attempts
from sfumato.serve.guarding.guard import check_exposed
from sfumato.serve.guarding.hosts import is_loopback
from sfumato.serve.guarding.quotas import Quotas, QuotaSpent
from sfumato.serve.guarding.sessions import LASTING, Sessions, cookie, number_in
from sfumato.serve.guarding.sessions import MOST as MOST_SESSIONS
from sfumato.serve.guarding.tokens import Holder, Tokens, made_token_file, presented, read_tokens

TOKEN = "annas-token-0123456789"  # noqa: S105
ANY = "0.0.0.0"  # noqa: S104


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


def basic(user, password):
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


def who(answer):
    return json.loads(answer.body)["client"]


@pytest.mark.parametrize("listen", [ANY, "::", "192.168.1.5", "example.org", "", "127.0.0.1.evil.example"])
def test_nobody_is_let_in_from_outside_without_tokens(listen, tokens):
    with pytest.raises(InputError, match="--token-file"):
        check_exposed(listen, None)
    check_exposed(listen, tokens)


@pytest.mark.parametrize("listen", ["127.0.0.1", "::1", "[::1]", "localhost", "127.0.0.2", None])
def test_loopback_needs_no_tokens(listen):
    check_exposed(listen, None)
    assert listen is None or is_loopback(listen)


def test_a_guard_of_an_open_server_is_not_made_without_tokens(guarded):
    with pytest.raises(InputError, match="--token-file"):
        guarded(listen=ANY)


def test_a_token_says_who_asks(guarded, tokens):
    app = guarded(token_file=tokens)
    assert who(ask(app, "GET", "/v1/jobs", bearer(TOKEN))) == "anna"
    assert who(ask(app, "GET", "/v1/jobs", bearer("berts-token-0123456789"))) == "bert"
    assert who(ask(app, "GET", "/v1/jobs", basic("anyone", TOKEN))) == "anna"
    assert who(ask(guarded(), "GET", "/v1/jobs", bearer("whatever"))) == "local"


@pytest.mark.parametrize(
    "headers",
    [
        [], bearer("x" * 20), bearer(""), bearer(TOKEN[:-1]), bearer(TOKEN + "x"), basic(TOKEN, ""),
        basic("anna", "anna"),
        [("Authorization", "Basic !!!")], [("Authorization", f"Digest {TOKEN}")], [("Authorization", TOKEN)],
        [("Cookie", "sfumato_session=guess")], [("Cookie", f"token={TOKEN}")], bearer("\xe9" * 20),
        [("X-Api-Key", TOKEN)],
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "target", ["/v1/jobs", "/v1/pictures/1/image", "/metrics", "/openapi.json", "/sdapi/v1/options"]
)
def test_without_a_right_token_nothing_is_answered(guarded, tokens, headers, target):
    assert ask(reached, "GET", target, headers).status == 200
    answer = ask(guarded(token_file=tokens), "GET", target, headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert TOKEN not in answer.body.decode()


def test_a_token_in_the_address_is_none(guarded, tokens):
    assert ask(guarded(token_file=tokens), "GET", f"/v1/jobs?token={TOKEN}").status == 401


def test_the_page_is_there_to_log_in_on(guarded, tokens):
    app = guarded(token_file=tokens)
    for target in ("/", "/page/app.js", "/v1/health", "/v1/ready", "/v1/session"):
        answer = ask(app, "GET", target)
        assert (answer.status, who(answer)) == (200, None)
    assert ask(app, "GET", "/v1/sessions").status == 401
    assert ask(app, "GET", "/v1/health/x").status == 401


def test_an_exposed_server_is_called_by_where_it_was_reached(guarded, tokens):
    app = guarded(listen=ANY, token_file=tokens, hosts=("studio.example.org", "tunnel:9000"))

    def status(host, server=("192.168.1.5", 7860)):
        return ask(app, "GET", "/v1/jobs", bearer(TOKEN), host=host, server=server).status

    assert status("192.168.1.5:7860") == 200
    assert status("[fd00::5]:7860", ("fd00::5", 7860)) == 200
    assert status("192.168.1.6:7860") == 421
    assert status("192.168.1.5:80") == 421
    assert status("0.0.0.0:7860") == 421
    assert status("studio.example.org") == status("studio.example.org:7860") == 200
    assert status("studio.example.org:8080") == 421
    assert status("tunnel:9000") == 200
    assert status("tunnel:7860") == 421
    assert status("evil.example:7860") == 421
    with pytest.raises(InputError, match="--host"):
        guarded(hosts=("a/b",))


# the file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("anna:short", "16 to 512"),
        ("anna", "line 1: is not name:token"),
        ("an na:0123456789abcdef", "is not name"),
        ("../x:0123456789abcdef", "is not name"),
        (":0123456789abcdef", "is not name"),
        ("a:0123456789abcdef:many", "whole numbers"),
        ("a:0123456789abcdef:-1", "whole numbers"),
        ("a:0123456789abcdef:1:2:3", "is not name"),
        ("a:0123456789abcdef\n\nA:fedcba9876543210", "line 3: the name or the token is there twice"),
        ("a:0123456789abcdef\nb:0123456789abcdef", "twice"),
        ("a:0123456789 abcdef", "without blanks"),
        ("# nothing\n", "no token"),
    ],
)
def test_a_file_that_says_it_wrongly_is_refused_and_not_quoted(tmp_path, text, says):
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(InputError, match=says) as told:
        read_tokens(path)
    assert "0123456789" not in str(told.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_tokens(tmp_path / "none")


def test_a_file_gives_names_and_quotas(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("# who\n\n anna : 0123456789abcdef : 60 : 500 # no\n".replace(" # no", ""))
    path.chmod(0o600)
    tokens, notes = read_tokens(path)
    assert tokens.holder("0123456789abcdef") == Holder(name="anna", jobs_per_hour=60, pictures_per_day=500)
    assert notes == ()
    path.write_text("a:0123456789abcdef::5\n")
    assert read_tokens(path)[0].holders == [Holder(name="a", pictures_per_day=5)]


def test_a_file_that_others_read_is_told(tokens):
    tokens.chmod(0o644)
    assert "chmod 600" in read_tokens(tokens)[1][0]


def test_a_new_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "tokens"
    made_token_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [holder.name for holder in read_tokens(path)[0].holders] == ["me"]
    with pytest.raises(InputError, match="cannot be written"):
        made_token_file(path)


def test_tokens_are_kept_as_digests_only(tokens):
    found, _ = read_tokens(tokens)
    assert TOKEN not in repr(vars(found))
    assert TOKEN.encode() not in b"".join(row[0] for row in found._rows)


def test_every_entry_is_compared_whichever_fits(monkeypatch):
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda one, other: compared.append(1) or one == other)
    tokens = Tokens({f"token-{number:020}": Holder(name=f"n{number}") for number in range(5)})
    for token in (f"token-{0:020}", f"token-{4:020}", "wrong"):
        compared.clear()
        tokens.holder(token)
        assert len(compared) == 5


def test_tokens_are_read_from_either_header():
    assert presented("bearer  abc ") == "abc"
    assert presented(basic("user", "a:b")[0][1]) == "a:b"
    assert presented("Basic " + base64.b64encode(b"\xff:x").decode()) is None
    assert presented("") is None


# guessing ------------------------------------------------------------------------------------------


def test_who_guesses_is_slowed_and_then_not_heard(guarded, tokens):
    app = guarded(token_file=tokens)
    app._guard.attempts = Attempts(first=0.01)
    began = time.monotonic()
    statuses = [ask(app, "GET", "/v1/jobs", bearer(f"guess-{number:016}")).status for number in range(MOST)]
    assert statuses == [401] * MOST
    assert time.monotonic() - began > 0.01 * (2**7 - 1)
    answer = ask(app, "GET", "/v1/jobs", bearer(TOKEN))
    assert answer.status == 429
    assert 1 <= int(answer.headers["retry-after"]) <= WINDOW + 1
    assert ask(app, "GET", "/v1/jobs", bearer(TOKEN), address="10.0.0.9").status == 200


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::2", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_a_network_of_ipv6_is_slowed_as_one_address(address, counted):
    assert neighbourhood(address) == counted


def test_who_guesses_from_many_addresses_of_a_network_is_not_heard(guarded, tokens):
    app = guarded(listen="0.0.0.0", token_file=tokens)  # noqa: S104
    guard_of_app = app._guard
    guard_of_app.attempts = Attempts(first=0.0)
    for last in range(MOST):
        assert ask(app, "GET", "/v1/jobs", bearer("x" * 20), address=f"2001:db8::{last + 1}").status == 401
    assert ask(app, "GET", "/v1/jobs", bearer(TOKEN), address="2001:db8::ffff").status == 429
    assert ask(app, "GET", "/v1/jobs", bearer(TOKEN), address="2001:db8:0:1::1").status == 200


def test_guesses_are_forgotten_after_a_while():
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0], first=0.0)

    async def fail():
        for _ in range(MOST):
            await attempts.failed("a")

    import anyio

    anyio.run(fail)
    with pytest.raises(Exception, match="too many wrong tokens"):
        attempts.check("a")
    now[0] = WINDOW + 1
    attempts.check("a")


# sessions ------------------------------------------------------------------------------------------


def test_a_session_ends_in_time_and_when_it_is_told_to():
    now = [0.0]
    sessions = Sessions(clock=lambda: now[0])
    anna = Holder(name="anna")
    first, second = sessions.begin(anna), sessions.begin(anna)
    assert first != second
    assert len(first) > 40
    sessions.end(second)
    assert (sessions.holder(first), sessions.holder(second), sessions.holder("")) == (anna, None, None)
    now[0] = LASTING
    assert sessions.holder(first) is None


def test_who_logs_in_often_ends_only_their_own_sessions():
    sessions = Sessions()
    berts = sessions.begin(Holder(name="bert"))
    numbers = [sessions.begin(Holder(name="anna")) for _ in range(MOST_SESSIONS + 1)]
    assert sessions.holder(numbers[0]) is None
    assert sessions.holder(numbers[1]) is not None
    assert sessions.holder(berts) == Holder(name="bert")


def test_the_cookie_is_for_nobody_else():
    told = cookie("abc", lasting=5, secure=True)
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure", "Max-Age=5"} <= {*told.split("; ")}
    assert "Secure" not in cookie("abc", lasting=5, secure=False)
    assert number_in("a=b; sfumato_session=abc; c=d") == "abc"
    assert number_in("a=b") is None
    assert number_in('"') is None


# quotas --------------------------------------------------------------------------------------------


def test_jobs_of_an_hour_and_pictures_of_a_day_are_counted():
    now = [100_000.0]
    quotas = Quotas([Holder(name="bert", jobs_per_hour=2, pictures_per_day=5)], clock=lambda: now[0])
    quotas.spend("bert", 1)
    now[0] += 60
    quotas.spend("bert", 1)
    with pytest.raises(QuotaSpent, match="2 jobs per hour") as told:
        quotas.spend("bert", 1)
    assert told.value.retry_after == 3540
    now[0] += 3541
    with pytest.raises(QuotaSpent, match="5 pictures per day") as told:
        quotas.spend("bert", 4)
    assert told.value.retry_after == 86_400 - 3601
    with pytest.raises(QuotaSpent, match="more than your quota"):
        quotas.spend("bert", 6)
    quotas.spend("bert", 3)
    assert quotas.spend("anna", 1000) is None


def test_what_was_not_accepted_is_given_back_and_what_was_before_is_remembered():
    now = [100_000.0]
    quotas = Quotas([Holder(name="bert", jobs_per_hour=2)], clock=lambda: now[0])
    quotas.remember("bert", now[0] - 10, 1)
    quotas.remember("nobody", now[0], 1)
    mark = quotas.spend("bert", 1)
    with pytest.raises(QuotaSpent):
        quotas.spend("bert", 1)
    quotas.give_back("bert", mark)
    quotas.spend("bert", 1)
