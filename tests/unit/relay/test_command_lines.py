import pytest

from detector.config import NextHop
from detector.mail.reply import Reply
from detector.mail.transaction import RecipientStatus
from detector.relay.command_lines import line, say_data, say_mail, status
from detector.relay.dial import connect
from detector.relay.next_hop import Connection, NextHopError
from tests.support.scripted_server import ScriptedServer, Talk


async def connected(server: ScriptedServer) -> Connection:
    return await connect(server.address, "hop.example", NextHop(), None)


def test_a_command_carries_its_argument_word_for_word() -> None:
    assert line("MAIL", "FROM:<\udcfcnal@example.org> SIZE=1") == b"MAIL FROM:<\xfcnal@example.org> SIZE=1"


@pytest.mark.parametrize("offers", [(), (b"XFORWARD ADDR",)])
async def test_what_xforward_told_goes_on_where_it_is_wanted(offers: tuple[bytes, ...]) -> None:
    async def listen(talk: Talk) -> None:
        await talk.welcome(*offers)
        for _ in offers:
            await talk.hear(b"XFORWARD ADDR=IPV6:2001:db8::1")
            await talk.say(b"250 Ok")
        await talk.hear(b"MAIL FROM:<>")
        await talk.say(b"250 2.1.0 Sender")
        await talk.hear_end()

    async with ScriptedServer(listen) as server:
        connection = await connected(server)
        answers = await say_mail(connection, "FROM:<>", [], {"ADDR": "2001:db8::1"})
        assert list(map(str, answers)) == ["250 2.1.0 Sender"]
        connection.close()


async def test_data_is_answered_by_go_on_or_by_no_and_nothing_else() -> None:
    async def listen(talk: Talk) -> None:
        await talk.welcome()
        await talk.hear(b"DATA")
        await talk.say(b"250 Ok")
        await talk.hear_end()

    async with ScriptedServer(listen) as server:
        connection = await connected(server)
        with pytest.raises(NextHopError, match="answers DATA with 250"):
            await say_data(connection)
        assert not connection.usable


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(250, RecipientStatus.ACCEPTED), (450, RecipientStatus.DEFERRED), (550, RecipientStatus.REFUSED)],
)
def test_an_answer_to_rcpt_means_one_of_three(code: int, meaning: RecipientStatus) -> None:
    assert status(Reply(code, ("x",))) is meaning
