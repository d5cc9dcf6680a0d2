from collections.abc import Sequence

import pytest

from detector.config import ConfigError, NoticeSettings
from detector.incident.notice import Facts, Kind
from detector.ports import Contact, Notifier, Refused, Temporary
from detector.response.notices import Notices
from detector.response.template_files import read_templates
from tests.support.response import Failing, Letters, incident


class Directory(Failing):
    def __init__(self, contact: Contact | None) -> None:
        super().__init__()
        self.found = contact

    def contact(self, account: str) -> Contact | None:
        self.act()
        return self.found


class Telephone(Letters):
    def reaches(self, contact: Contact) -> bool:
        return bool(contact.telephone)


ANN = Contact("ann@example.org", "ann@private.example", "Ann", "de-AT", "+15550100")


def notices(contact: Contact | None, channels: Sequence[Notifier]) -> Notices:
    settings = NoticeSettings(sender="abuse@example.org", sender_name="Missbrauch", contact="+43 1 555 0100")
    return Notices(settings, read_templates(settings), Directory(contact), channels)


def send(told: Notices) -> str:
    return told.send(Kind.NOTICE, Facts(incident(), ["change_password"]), "i-1.notify_customer")


def test_the_first_channel_that_reaches_the_customer_tells() -> None:
    telephone, mail = Telephone(), Letters()
    assert send(notices(ANN, [telephone, mail])) == "sent"
    notice, contact, request_id = telephone.sent[0]
    assert (contact, request_id) == (ANN, "i-1.notify_customer")
    assert notice.language == "de"
    assert "Guten Tag Ann," in notice.body
    assert "ersetzt" in notice.body
    assert notice.body.rstrip().endswith("Missbrauch\nFallnummer: i-1")
    assert "+43 1 555 0100" in notice.short
    assert mail.sent == []


def test_a_channel_for_which_too_little_is_known_is_left_out() -> None:
    telephone, mail = Telephone(), Letters()
    send(notices(Contact("ann@example.org", "ann@private.example"), [telephone, mail]))
    assert (len(telephone.sent), len(mail.sent)) == (0, 1)


def test_a_channel_that_refuses_is_followed_by_the_next_one() -> None:
    telephone, mail = Telephone(), Letters()
    telephone.failures = [Refused("no such number")]
    send(notices(ANN, [telephone, mail]))
    assert len(mail.sent) == 1


def test_a_channel_that_asks_to_try_again_is_not_passed_over() -> None:
    telephone, mail = Telephone(), Letters()
    telephone.failures = [Temporary("busy")]
    with pytest.raises(Temporary, match="busy"):
        send(notices(ANN, [telephone, mail]))
    assert mail.sent == []


def test_a_customer_whom_nobody_can_tell_is_refused_with_the_reasons() -> None:
    telephone, mail = Telephone(), Letters()
    telephone.for_ever, mail.for_ever = Refused("no such number"), Refused("no such mailbox")
    with pytest.raises(Refused, match="no such number; no such mailbox"):
        send(notices(ANN, [telephone, mail]))
    with pytest.raises(Refused, match="no channel reaches a customer of whom only telephone is known"):
        send(notices(Contact("ann@example.org", telephone="+15550100"), [Letters()]))


def test_the_hijacked_mailbox_is_never_told() -> None:
    mail, telephone = Letters(), Telephone()
    with pytest.raises(Refused, match="the thief would read the notice"):
        send(notices(Contact("ann@example.org", "Ann+x@Example.org"), [mail]))
    send(notices(Contact("ann@example.org", "Ann+x@Example.org", telephone="+15550100"), [mail, telephone]))
    assert (len(mail.sent), len(telephone.sent)) == (0, 1)


def test_an_unknown_customer_is_refused() -> None:
    with pytest.raises(Refused, match="does not know the account"):
        send(notices(None, [Letters()]))


def test_an_apology_is_another_text() -> None:
    mail = Letters()
    notices(ANN, [mail]).send(Kind.APOLOGY, Facts(incident()), "i-1.apologise")
    assert mail.sent[0][0].kind is Kind.APOLOGY
    assert "Fehlalarm" in mail.sent[0][0].subject


def test_so_many_notices_a_month_are_enough() -> None:
    told = notices(ANN, [Letters()])
    assert told.too_many(2) == ""
    assert told.too_many(3) == "the customer had 3 notices within 30 days, and none of them helped: call instead"


class Broken(Letters):
    def check(self) -> str:
        msg = "no way"
        raise ConfigError(msg)


def test_check_tries_every_channel() -> None:
    assert notices(ANN, [Letters(), Telephone()]).check() == "texts in de, en, es, fr; else in en; Letters; Telephone"
    with pytest.raises(ConfigError) as caught:
        notices(ANN, [Broken(), Letters(), Broken()]).check()
    assert str(caught.value) == "no way\nno way"


def test_a_directory_that_is_not_there_knows_nobody() -> None:
    settings = NoticeSettings(sender="abuse@example.org")
    with pytest.raises(Refused, match="does not know the account"):
        send(Notices(settings, read_templates(settings), None, [Letters()]))
